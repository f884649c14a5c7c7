"""Translation problems on the corpora of WMT and IWSLT (T2T's `translate_en??.py`).

See `TranslateProblem` for where the corpora are looked for.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from tensor2keras import registry
from tensor2keras.data import text_encoder
from tensor2keras.data.corpora import Corpus, is_present
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.data.text_problem import VocabType, text_variants_of
from tensor2keras.data.translate_problem import TranslateProblem
from tensor2keras.symbols import EOS_ID

variant = text_variants_of(__name__)

WMT13 = "http://www.statmt.org/wmt13/"
WMT17 = "http://data.statmt.org/wmt17/translation-task/"
WMT18 = "http://data.statmt.org/wmt18/translation-task/"
OPENNMT = "https://s3.amazonaws.com/opennmt-trainingdata/baseline-1M-enfr.tgz"
IWSLT_VI = "https://github.com/stefan-it/nmt-en-vi/raw/master/data/"
MANUAL_ZH = "https://s3-us-west-2.amazonaws.com/twairball.wmt17.zh-en/"


def _news_commentary13(pair: str, language: str) -> Corpus:
    stem = f"training-parallel-nc-v13/news-commentary-v13.{pair}."
    return WMT18 + "training-parallel-nc-v13.tgz", (stem + "en", stem + language)


def _wmt13(archive: str, stem: str, language: str) -> Corpus:
    return f"{WMT13}training-parallel-{archive}.tgz", (f"{stem}.{language}-en.en", f"{stem}.{language}-en.{language}")


def _newstest2013(language: str) -> Corpus:
    return WMT17 + "dev.tgz", ("dev/newstest2013.en", f"dev/newstest2013.{language}")


def _chinese(archive: str, *stems: tuple[str, str, str]) -> list[Corpus]:
    return [(MANUAL_ZH + archive, (stem + english, stem + chinese)) for stem, english, chinese in stems]


ENDE = {
    DatasetSplit.TRAIN: [
        _news_commentary13("de-en", "de"),
        _wmt13("commoncrawl", "commoncrawl", "de"),
        _wmt13("europarl-v7", "training/europarl-v7", "de"),
    ],
    DatasetSplit.EVAL: [_newstest2013("de")],
}
ENFR_SMALL = {
    split: [(OPENNMT, (f"baseline-1M-enfr/baseline-1M_{part}.en", f"baseline-1M-enfr/baseline-1M_{part}.fr"))]
    for split, part in ((DatasetSplit.TRAIN, "train"), (DatasetSplit.EVAL, "valid"))
}
# fmt: off
ENFR = {
    DatasetSplit.TRAIN: [
        _wmt13("commoncrawl", "commoncrawl", "fr"),
        _wmt13("europarl-v7", "training/europarl-v7", "fr"),
        ("http://www.statmt.org/wmt14/training-parallel-nc-v9.tgz",
         ("training/news-commentary-v9.fr-en.en", "training/news-commentary-v9.fr-en.fr")),
        ("http://www.statmt.org/wmt10/training-giga-fren.tar",
         ("giga-fren.release2.fixed.en.gz", "giga-fren.release2.fixed.fr.gz")),
        _wmt13("un", "un/undoc.2000", "fr"),
    ],
    DatasetSplit.EVAL: [_newstest2013("fr")],
}
ENCS = {
    DatasetSplit.TRAIN: [
        ("https://lindat.mff.cuni.cz/repository/xmlui/bitstream/handle/11234/1-1458/data-plaintext-format.tar",
         ("tsv", 3, 2, "data.plaintext-format/*train.gz")),
        _news_commentary13("cs-en", "cs"),
        _wmt13("commoncrawl", "commoncrawl", "cs"),
        _wmt13("europarl-v7", "training/europarl-v7", "cs"),
    ],
    DatasetSplit.EVAL: [_newstest2013("cs")],
}
ENRO = {
    DatasetSplit.TRAIN: [
        ("http://www.statmt.org/europarl/v7/ro-en.tgz", ("europarl-v7.ro-en.en", "europarl-v7.ro-en.ro")),
        ("http://opus.nlpl.eu/download.php?f=SETIMES/v2/moses/en-ro.txt.zip", ("SETIMES.en-ro.en", "SETIMES.en-ro.ro")),
    ],
    DatasetSplit.EVAL: [
        ("http://data.statmt.org/wmt16/translation-task/dev-romanian-updated.tgz",
         ("dev/newsdev2016-roen-ref.en.sgm", "dev/newsdev2016-roen-src.ro.sgm")),
    ],
}
# fmt: on
ENVI = {
    DatasetSplit.TRAIN: [(IWSLT_VI + "train-en-vi.tgz", ("train.en", "train.vi"))],
    DatasetSplit.EVAL: [(IWSLT_VI + "dev-2012-en-vi.tgz", ("tst2012.en", "tst2012.vi"))],
}
ENZH = {
    DatasetSplit.TRAIN: [_news_commentary13("zh-en", "zh")],
    DatasetSplit.EVAL: [(WMT18 + "dev.tgz", ("dev/newsdev2017-enzh-src.en.sgm", "dev/newsdev2017-enzh-ref.zh.sgm"))],
}
# Corpora that require registration; they are used if their archive is in tmp_dir.
ENZH_CWMT = _chinese(
    "cwmt.tgz",
    ("cwmt/casia2015/casia2015_", "en.txt", "ch.txt"),
    ("cwmt/casict2015/casict2015_", "en.txt", "ch.txt"),
    ("cwmt/neu2017/NEU_", "en.txt", "cn.txt"),
    ("cwmt/datum2015/datum_", "en.txt", "ch.txt"),
    *((f"cwmt/datum2017/Book{number}_", "en.txt", "cn.txt") for number in range(1, 21)),
)
ENZH_UN = _chinese("UNv1.0.en-zh.tar.gz", ("en-zh/UNv1.0.en-zh.", "en", "zh"))


# fmt: off
# English-German
TranslateEndeWmt32k = variant(
    "TranslateEndeWmt32k", TranslateProblem, "English-German, WMT, 32k subwords.",
    corpora=ENDE, tfds_name="wmt_t2t_translate/de-en",
)
TranslateEndeWmt32kPacked = variant(
    "TranslateEndeWmt32kPacked", TranslateEndeWmt32k, packed_length=256, vocab_problem=TranslateEndeWmt32k
)
TranslateEndeWmt8k = variant("TranslateEndeWmt8k", TranslateEndeWmt32k, approx_vocab_size=2**13)
TranslateEndeWmt8kPacked = variant(
    "TranslateEndeWmt8kPacked", TranslateEndeWmt8k, packed_length=256, vocab_problem=TranslateEndeWmt8k
)
TranslateEndeWmtCharacters = variant(
    "TranslateEndeWmtCharacters", TranslateEndeWmt8k, vocab_type=VocabType.CHARACTER
)

# English-French
TranslateEnfrWmtSmall8k = variant(
    "TranslateEnfrWmtSmall8k", TranslateProblem, "English-French, one million pairs, 8k subwords.",
    corpora=ENFR_SMALL, languages=("en", "fr"), approx_vocab_size=2**13,
)
TranslateEnfrWmtSmall32k = variant("TranslateEnfrWmtSmall32k", TranslateEnfrWmtSmall8k, approx_vocab_size=2**15)
TranslateEnfrWmtSmallCharacters = variant(
    "TranslateEnfrWmtSmallCharacters", TranslateEnfrWmtSmall8k, vocab_type=VocabType.CHARACTER
)
TranslateEnfrWmt8k = variant(
    "TranslateEnfrWmt8k", TranslateEnfrWmtSmall8k, "English-French, WMT, 8k subwords.",
    corpora=ENFR, tfds_name="wmt14_translate/fr-en",
)
TranslateEnfrWmt32k = variant("TranslateEnfrWmt32k", TranslateEnfrWmt8k, approx_vocab_size=2**15)
TranslateEnfrWmt32kPacked = variant(
    "TranslateEnfrWmt32kPacked", TranslateEnfrWmt32k, packed_length=256, vocab_problem=TranslateEnfrWmt32k
)
TranslateEnfrWmtCharacters = variant(
    "TranslateEnfrWmtCharacters", TranslateEnfrWmt8k, vocab_type=VocabType.CHARACTER
)

# English-Czech, -Romanian and -Vietnamese
TranslateEncsWmt32k = variant(
    "TranslateEncsWmt32k", TranslateProblem, "English-Czech, WMT and CzEng, 32k subwords.",
    corpora=ENCS, languages=("en", "cs"), tfds_name="wmt14_translate/cs-en",
)
TranslateEncsWmtCharacters = variant(
    "TranslateEncsWmtCharacters", TranslateEncsWmt32k, vocab_type=VocabType.CHARACTER
)
TranslateEnroWmt8k = variant(
    "TranslateEnroWmt8k", TranslateProblem, "English-Romanian, WMT, 8k subwords.",
    corpora=ENRO, languages=("en", "ro"), tfds_name="wmt16_translate/ro-en", approx_vocab_size=2**13,
)
TranslateEnroWmt32k = variant("TranslateEnroWmt32k", TranslateEnroWmt8k, approx_vocab_size=2**15)
TranslateEnroWmtCharacters = variant(
    "TranslateEnroWmtCharacters", TranslateEnroWmt8k, vocab_type=VocabType.CHARACTER
)
TranslateEnviIwslt32k = variant(
    "TranslateEnviIwslt32k", TranslateProblem, "English-Vietnamese, IWSLT 2015, 32k subwords.",
    corpora=ENVI, languages=("en", "vi"),
)
# fmt: on


@registry.register_problem
class TranslateEnzhWmt32k(TranslateProblem):
    """English-Chinese, WMT, a vocabulary of 32k subwords for each language.

    News Commentary, and the CWMT and UN corpora if `cwmt.tgz` and `UNv1.0.en-zh.tar.gz` are in `tmp_dir`: their owners
    require registration (http://nlp.nju.edu.cn/cwmt-wmt/, https://conferences.unite.un.org/UNCorpus).
    """

    corpora = ENZH
    languages = ("en", "zh")
    tfds_name = "wmt17_translate/zh-en"
    VOCAB_BYTES = 10**8

    @property
    def source_vocab_name(self) -> str:
        """File name of the English vocabulary."""
        return f"{self.vocab_filename}.en"

    @property
    def target_vocab_name(self) -> str:
        """File name of the Chinese vocabulary."""
        return f"{self.vocab_filename}.zh"

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        additional = self.get_training_dataset(self.tmp_dir) if dataset_split == DatasetSplit.TRAIN else []
        return [*super().source_data_files(dataset_split), *additional]

    def get_training_dataset(self, tmp_dir: str) -> list[Corpus]:
        """Returns the additional training corpora that are present."""
        return [corpus for corpus in (*ENZH_CWMT, *ENZH_UN) if is_present(tmp_dir, corpus)]

    def vocabulary_files(self) -> list[str]:
        return [self.source_vocab_name, self.target_vocab_name]

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        for side, name in enumerate(self.vocabulary_files()):
            path = os.path.join(data_dir, name)
            if not os.path.exists(path):
                text = self.vocab_text(data_dir, tmp_dir, (side,), self.VOCAB_BYTES)
                os.makedirs(data_dir, exist_ok=True)
                text_encoder.SubwordTextEncoder.build_from_generator(
                    text, self.approx_vocab_size, max_subtoken_length=self.max_subtoken_length
                ).store_to_file(path)

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        encoders = self.feature_encoders(data_dir)
        for sample in self.generate_samples(data_dir, tmp_dir, dataset_split):
            yield {name: [*encoders[name].encode(text), EOS_ID] for name, text in sample.items()}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        names = {"inputs": self.source_vocab_name, "targets": self.target_vocab_name}
        return {side: text_encoder.SubwordTextEncoder(os.path.join(data_dir, name)) for side, name in names.items()}


@registry.register_problem
class TranslateEnzhWmt8k(TranslateEnzhWmt32k):
    """English-Chinese, News Commentary only, a vocabulary of 8k subwords for each language."""

    approx_vocab_size = 2**13
    tfds_name = None
    train_shards = 10

    def get_training_dataset(self, tmp_dir: str) -> list[Corpus]:
        return []
