"""Named translation problems: WMT and IWSLT corpora (T2T's `translate.py` and `translate_en??.py`).

A problem's text is looked for in three places:

1. `tmp_dir`, under the names that T2T uses: the text files themselves (plain or `.gz`) or the archives they come in;
2. the tfds data set that carries the same corpora, prepared in `data_dir` or fetched over the network;
3. for problems without such a data set, the archives' addresses.

Without network, what is missing where is said within seconds.
"""

import glob
import gzip
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tensor2keras import registry
from tensor2keras.data import archives, sources
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder import encoders as text_encoder
from tensor2keras.data.text_problem import Text2TextProblem, VocabType
from tensor2keras.symbols import EOS_ID

# As T2T writes them: (address of the archive, (file of the first language, file of the second)), or for tables
# (address, ("tsv", column of the first language, column of the second, pattern of the files)).
Corpus = tuple[str, Sequence[Any]]
Pair = tuple[str, str]

VOCAB_BYTES_A_FILE = 10**6
VOCAB_TFDS_SAMPLES = 25_000

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
ENFR = {
    DatasetSplit.TRAIN: [
        _wmt13("commoncrawl", "commoncrawl", "fr"),
        _wmt13("europarl-v7", "training/europarl-v7", "fr"),
        (
            "http://www.statmt.org/wmt14/training-parallel-nc-v9.tgz",
            ("training/news-commentary-v9.fr-en.en", "training/news-commentary-v9.fr-en.fr"),
        ),
        (
            "http://www.statmt.org/wmt10/training-giga-fren.tar",
            ("giga-fren.release2.fixed.en.gz", "giga-fren.release2.fixed.fr.gz"),
        ),
        _wmt13("un", "un/undoc.2000", "fr"),
    ],
    DatasetSplit.EVAL: [_newstest2013("fr")],
}
ENCS = {
    DatasetSplit.TRAIN: [
        (
            "https://lindat.mff.cuni.cz/repository/xmlui/bitstream/handle/11234/1-1458/data-plaintext-format.tar",
            ("tsv", 3, 2, "data.plaintext-format/*train.gz"),
        ),
        _news_commentary13("cs-en", "cs"),
        _wmt13("commoncrawl", "commoncrawl", "cs"),
        _wmt13("europarl-v7", "training/europarl-v7", "cs"),
    ],
    DatasetSplit.EVAL: [_newstest2013("cs")],
}
ENRO = {
    DatasetSplit.TRAIN: [
        ("http://www.statmt.org/europarl/v7/ro-en.tgz", ("europarl-v7.ro-en.en", "europarl-v7.ro-en.ro")),
        (
            "http://opus.nlpl.eu/download.php?f=SETIMES/v2/moses/en-ro.txt.zip",
            ("SETIMES.en-ro.en", "SETIMES.en-ro.ro"),
        ),
    ],
    DatasetSplit.EVAL: [
        (
            "http://data.statmt.org/wmt16/translation-task/dev-romanian-updated.tgz",
            ("dev/newsdev2016-roen-ref.en.sgm", "dev/newsdev2016-roen-src.ro.sgm"),
        )
    ],
}
ENVI = {
    DatasetSplit.TRAIN: [(IWSLT_VI + "train-en-vi.tgz", ("train.en", "train.vi"))],
    DatasetSplit.EVAL: [(IWSLT_VI + "dev-2012-en-vi.tgz", ("tst2012.en", "tst2012.vi"))],
}
ENZH = {
    DatasetSplit.TRAIN: [_news_commentary13("zh-en", "zh")],
    DatasetSplit.EVAL: [
        (WMT18 + "dev.tgz", ("dev/newsdev2017-enzh-src.en.sgm", "dev/newsdev2017-enzh-ref.zh.sgm")),
    ],
}
# Their owners ask for registration; they are used if their archive lies in tmp_dir.
ENZH_CWMT = _chinese(
    "cwmt.tgz",
    ("cwmt/casia2015/casia2015_", "en.txt", "ch.txt"),
    ("cwmt/casict2015/casict2015_", "en.txt", "ch.txt"),
    ("cwmt/neu2017/NEU_", "en.txt", "cn.txt"),
    ("cwmt/datum2015/datum_", "en.txt", "ch.txt"),
    *((f"cwmt/datum2017/Book{number}_", "en.txt", "cn.txt") for number in range(1, 21)),
)
ENZH_UN = _chinese("UNv1.0.en-zh.tar.gz", ("en-zh/UNv1.0.en-zh.", "en", "zh"))


class TranslateProblem(Text2TextProblem):
    """Base class: a subclass gives `source_data_files`, and `tfds_name` if a tfds data set has the same corpora.

    Example:
        @registry.register_problem
        class TranslateEndeNews(TranslateProblem):
            def source_data_files(self, dataset_split):
                name = "train" if dataset_split == DatasetSplit.TRAIN else "dev"
                return [("https://example.org/news.tgz", (f"news/{name}.en", f"news/{name}.de"))]
    """

    @property
    def is_generate_per_split(self) -> bool:
        return True

    @property
    def languages(self) -> tuple[str, str]:
        """The two languages: names of the tfds data set's features."""
        return "en", "de"

    @property
    def tfds_name(self) -> str | None:
        """The tfds data set ("builder/config") with the same corpora, or None."""
        return None

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        """The corpora of a split."""
        raise NotImplementedError(f"{type(self).__name__} does not define source_data_files")

    def vocab_data_files(self) -> Sequence[Corpus]:
        """The corpora from which the vocabulary is learnt: the training corpora."""
        return self.source_data_files(DatasetSplit.TRAIN)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        corpora = self.source_data_files(dataset_split)
        if self._reads_tfds(tmp_dir, corpora):
            instead = sources.put_files(tmp_dir, missing(tmp_dir, corpora))
            return sources.tfds_samples(self.tfds_name, dataset_split, *self.languages, data_dir, instead=instead)
        fetch_missing(tmp_dir, corpora)
        pairs = itertools.chain.from_iterable(corpus_pairs(tmp_dir, corpus) for corpus in corpora)
        return ({"inputs": inputs, "targets": targets} for inputs, targets in pairs)

    def generate_text_for_vocab(self, data_dir: str, tmp_dir: str) -> Iterator[str]:
        return self.vocab_text(data_dir, tmp_dir, sides=(0, 1))

    def vocab_text(
        self, data_dir: str, tmp_dir: str, sides: Sequence[int], budget: int = VOCAB_BYTES_A_FILE
    ) -> Iterator[str]:
        """Text of the given sides (0: inputs, 1: targets): about `budget` characters spread over each file, as in T2T.

        From a tfds data set, which is shuffled, it is the first 25,000 samples.
        """
        corpora = self.vocab_data_files()
        if self._reads_tfds(tmp_dir, corpora):
            samples = self.generate_samples(data_dir, tmp_dir, DatasetSplit.TRAIN)
            for sample in itertools.islice(samples, VOCAB_TFDS_SAMPLES):
                yield from ((sample["inputs"], sample["targets"])[side] for side in sides)
            return
        fetch_missing(tmp_dir, corpora)
        for corpus in corpora:
            for side in sides:
                yield from spread_lines(*_side(tmp_dir, corpus, side), budget)

    def _reads_tfds(self, tmp_dir: str, corpora: Sequence[Corpus]) -> bool:
        return self.tfds_name is not None and not any(is_present(tmp_dir, corpus) for corpus in corpora)


# ---- corpora in tmp_dir ----


def is_present(tmp_dir: str, corpus: Corpus) -> bool:
    """Whether a corpus's files or its archive lie in `tmp_dir`."""
    return bool(_files(tmp_dir, corpus)) or os.path.isfile(_archive(tmp_dir, corpus))


def missing(tmp_dir: str, corpora: Iterable[Corpus]) -> list[str]:
    """Names of the archives of the corpora that are not present."""
    archives = (os.path.basename(corpus[0]) for corpus in corpora if not is_present(tmp_dir, corpus))
    return list(dict.fromkeys(archives))


def fetch_missing(tmp_dir: str, corpora: Sequence[Corpus]) -> None:
    """Downloads the archives that are not in `tmp_dir`.

    Raises:
        MissingDataError: there is no network, or an address no longer answers; names what to put where.
    """
    absent = missing(tmp_dir, corpora)
    urls = {os.path.basename(url): url for url, _ in corpora}
    for archive in absent:
        instead = f"{sources.put_files(tmp_dir, absent)}; they come from {', '.join(urls[name] for name in absent)}"
        archives.download(urls[archive], os.path.join(tmp_dir, archive), instead)


def corpus_pairs(tmp_dir: str, corpus: Corpus) -> Iterator[Pair]:
    """The sentence pairs of a corpus, without those that have an empty side; extracts its archive first if need be.

    Raises:
        ValueError: files that are not aligned or not UTF-8, an archive without the files.
    """
    files = _files(tmp_dir, corpus) or _extract(tmp_dir, corpus)
    _, kind = corpus
    if kind[0] == "tsv":
        pairs = itertools.chain.from_iterable(_table_pairs(path, *kind[1:3]) for path in files)
    else:
        pairs = sources.aligned_lines(*files)
        if all(name.endswith("sgm") for name in kind):
            pairs = ((_segment(first), _segment(second)) for first, second in pairs)
    return ((first, second) for first, second in pairs if first and second)


def spread_lines(lines: Iterable[str], size: int, budget: int) -> Iterator[str]:
    """About `budget` characters of whole lines, evenly spread over a text of `size` bytes (T2T's choice of lines)."""
    stride = size // budget // 2 + 1
    for line in itertools.islice(lines, stride - 1, None, stride):
        if budget <= 0:
            return
        budget -= len(line)
        yield line


def _side(tmp_dir: str, corpus: Corpus, side: int) -> tuple[Iterator[str], int]:
    """The lines of one language of a corpus, and their size in bytes."""
    files = _files(tmp_dir, corpus) or _extract(tmp_dir, corpus)
    if corpus[1][0] == "tsv":
        return (pair[side] for pair in corpus_pairs(tmp_dir, corpus)), sum(map(_size, files)) // 2
    return sources.read_lines(files[side]), _size(files[side])


def _size(path: str) -> int:
    """Bytes of a file, uncompressed."""
    if not path.endswith(".gz"):
        return os.path.getsize(path)
    with gzip.open(path) as file:
        return file.seek(0, os.SEEK_END)


def _archive(tmp_dir: str, corpus: Corpus) -> str:
    return os.path.join(tmp_dir, os.path.basename(corpus[0]))


def _files(tmp_dir: str, corpus: Corpus) -> list[str]:
    """Paths of a corpus's text files, or [] unless all are there."""
    _, names = corpus
    if names[0] == "tsv":
        return sorted(glob.glob(os.path.join(glob.escape(tmp_dir), names[3])))
    paths = [sources.find_file(tmp_dir, name) for name in names]
    return [] if None in paths else paths


def _extract(tmp_dir: str, corpus: Corpus) -> list[str]:
    """Takes a corpus's files, and only these, out of its archive."""
    archive = _archive(tmp_dir, corpus)
    _, names = corpus
    patterns = [names[3]] if names[0] == "tsv" else [glob.escape(name) for name in names]
    archives.extract(archive, tmp_dir, patterns)
    files = _files(tmp_dir, corpus)
    if not files:
        raise ValueError(f"{archive} does not hold {' and '.join(patterns)}; is it complete?")
    return files


def _table_pairs(path: str, first: int, second: int) -> Iterator[Pair]:
    for line in sources.read_lines(path):
        cells = line.split("\t")
        if len(cells) > max(first, second):
            yield cells[first].strip(), cells[second].strip()


def _segment(line: str) -> str:
    """The text of an SGM file's `<seg>` line, "" for every other line."""
    if not (line.startswith("<seg") and line.endswith("</seg>")):
        return ""
    return line.partition(">")[2].removesuffix("</seg>")


# ---- English-German ----


@registry.register_problem
class TranslateEndeWmt32k(TranslateProblem):
    """English-German, WMT, 32k subwords."""

    tfds_name = "wmt_t2t_translate/de-en"

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        return ENDE[dataset_split]


@registry.register_problem
class TranslateEndeWmt32kPacked(TranslateEndeWmt32k):
    """English-German, WMT, 32k subwords, packed into rows of 256."""

    packed_length = 256

    @property
    def use_vocab_from_other_problem(self) -> Text2TextProblem:
        return TranslateEndeWmt32k(self.data_dir_root, self.tmp_dir)


@registry.register_problem
class TranslateEndeWmt8k(TranslateEndeWmt32k):
    """English-German, WMT, 8k subwords."""

    approx_vocab_size = 2**13


@registry.register_problem
class TranslateEndeWmt8kPacked(TranslateEndeWmt8k):
    """English-German, WMT, 8k subwords, packed into rows of 256."""

    packed_length = 256

    @property
    def use_vocab_from_other_problem(self) -> Text2TextProblem:
        return TranslateEndeWmt8k(self.data_dir_root, self.tmp_dir)


@registry.register_problem
class TranslateEndeWmtCharacters(TranslateEndeWmt8k):
    """English-German, WMT, bytes."""

    vocab_type = VocabType.CHARACTER


# ---- English-French ----


@registry.register_problem
class TranslateEnfrWmtSmall8k(TranslateProblem):
    """English-French, one million pairs, 8k subwords."""

    approx_vocab_size = 2**13
    languages = ("en", "fr")

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        return ENFR_SMALL[dataset_split]


@registry.register_problem
class TranslateEnfrWmtSmall32k(TranslateEnfrWmtSmall8k):
    """English-French, one million pairs, 32k subwords."""

    approx_vocab_size = 2**15


@registry.register_problem
class TranslateEnfrWmtSmallCharacters(TranslateEnfrWmtSmall8k):
    """English-French, one million pairs, bytes."""

    vocab_type = VocabType.CHARACTER


@registry.register_problem
class TranslateEnfrWmt8k(TranslateEnfrWmtSmall8k):
    """English-French, WMT, 8k subwords."""

    tfds_name = "wmt14_translate/fr-en"

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        return ENFR[dataset_split]


@registry.register_problem
class TranslateEnfrWmt32k(TranslateEnfrWmt8k):
    """English-French, WMT, 32k subwords."""

    approx_vocab_size = 2**15


@registry.register_problem
class TranslateEnfrWmt32kPacked(TranslateEnfrWmt32k):
    """English-French, WMT, 32k subwords, packed into rows of 256."""

    packed_length = 256

    @property
    def use_vocab_from_other_problem(self) -> Text2TextProblem:
        return TranslateEnfrWmt32k(self.data_dir_root, self.tmp_dir)


@registry.register_problem
class TranslateEnfrWmtCharacters(TranslateEnfrWmt8k):
    """English-French, WMT, bytes."""

    vocab_type = VocabType.CHARACTER


# ---- English-Czech ----


@registry.register_problem
class TranslateEncsWmt32k(TranslateProblem):
    """English-Czech, WMT and CzEng, 32k subwords."""

    languages = ("en", "cs")
    tfds_name = "wmt14_translate/cs-en"

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        return ENCS[dataset_split]


@registry.register_problem
class TranslateEncsWmtCharacters(TranslateEncsWmt32k):
    """English-Czech, WMT and CzEng, bytes."""

    vocab_type = VocabType.CHARACTER


# ---- English-Romanian ----


@registry.register_problem
class TranslateEnroWmt8k(TranslateProblem):
    """English-Romanian, WMT, 8k subwords."""

    approx_vocab_size = 2**13
    languages = ("en", "ro")
    tfds_name = "wmt16_translate/ro-en"

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        return ENRO[dataset_split]


@registry.register_problem
class TranslateEnroWmt32k(TranslateEnroWmt8k):
    """English-Romanian, WMT, 32k subwords."""

    approx_vocab_size = 2**15


@registry.register_problem
class TranslateEnroWmtCharacters(TranslateEnroWmt8k):
    """English-Romanian, WMT, bytes."""

    vocab_type = VocabType.CHARACTER


# ---- English-Vietnamese ----


@registry.register_problem
class TranslateEnviIwslt32k(TranslateProblem):
    """English-Vietnamese, IWSLT 2015, 32k subwords."""

    languages = ("en", "vi")

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        return ENVI[dataset_split]


# ---- English-Chinese ----


@registry.register_problem
class TranslateEnzhWmt32k(TranslateProblem):
    """English-Chinese, WMT, a vocabulary of 32k subwords for each language.

    News Commentary, and the CWMT and UN corpora if `cwmt.tgz` and `UNv1.0.en-zh.tar.gz` lie in `tmp_dir`: their owners
    ask for registration (http://nlp.nju.edu.cn/cwmt-wmt/, https://conferences.unite.un.org/UNCorpus).
    """

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
        if dataset_split != DatasetSplit.TRAIN:
            return ENZH[dataset_split]
        return [*ENZH[DatasetSplit.TRAIN], *self.get_training_dataset(self.tmp_dir)]

    def get_training_dataset(self, tmp_dir: str) -> list[Corpus]:
        """Further training corpora, as far as they are there."""
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

    def feature_encoders(self, data_dir: str) -> dict[str, Any]:
        names = {"inputs": self.source_vocab_name, "targets": self.target_vocab_name}
        return {side: text_encoder.SubwordTextEncoder(os.path.join(data_dir, name)) for side, name in names.items()}


@registry.register_problem
class TranslateEnzhWmt8k(TranslateEnzhWmt32k):
    """English-Chinese, News Commentary only, a vocabulary of 8k subwords for each language."""

    approx_vocab_size = 2**13
    tfds_name = None

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        return [{"split": DatasetSplit.TRAIN, "shards": 10}, {"split": DatasetSplit.EVAL, "shards": 1}]

    def get_training_dataset(self, tmp_dir: str) -> list[Corpus]:
        return []
