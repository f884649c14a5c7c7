"""Language models by whole words: Penn Treebank and WikiText-103 (T2T's `ptb.py` and `wikitext103.py`).

`tmp_dir` holds `simple-examples.tgz` (Mikolov's, with `ptb.train.txt`) or `wikitext-103-v1.zip` (Merity et al. 2016,
https://arxiv.org/abs/1609.07843), or their folders. The vocabulary holds the training words, the most frequent
first; words outside it, for example in a prompt, become `<unk>`, which both data sets have.
"""

import os
from collections.abc import Iterator
from typing import Any

from tensor2keras import registry
from tensor2keras.data import sources, text_encoder
from tensor2keras.data.archives import Archive
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import Text2SelfProblem, VocabType
from tensor2keras.hparams import HParams

UNKNOWN = "<unk>"
PTB = Archive("simple-examples.tgz", "http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz")
WIKITEXT = Archive("wikitext-103-v1.zip", "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-103-v1.zip")
WIKITEXT_RAW = Archive(
    "wikitext-103-raw-v1.zip", "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-103-raw-v1.zip"
)


class WordLanguageModel(Text2SelfProblem):
    """Language model on the lines of one file for each split, with the training file's words as vocabulary."""

    archive: Archive
    file_names: dict[str, str]  # by split
    is_generate_per_split = True
    vocab_type = VocabType.TOKEN
    oov_token = UNKNOWN
    max_words: int | None = None  # size of the vocabulary; None: all words

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        return [{"split": split, "shards": 10 if split == "train" else 1} for split in self.file_names]

    def lines(self, tmp_dir: str, split: str) -> Iterator[str]:
        """Yields the lines of a split that are not empty, words separated by single blanks."""
        (path,) = self.archive.files(tmp_dir, [self.file_names[split]])
        for line in sources.read_lines(path):
            if line:
                yield " ".join(line.split())

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for line in self.lines(tmp_dir, dataset_split):
            yield {"targets": line}

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        path = os.path.join(data_dir, self.vocab_filename)
        if self.vocab_type == VocabType.TOKEN and not os.path.exists(path):
            lines = self.lines(tmp_dir, DatasetSplit.TRAIN)
            words = text_encoder.words_by_frequency(lines)[: self.max_words]
            words += [] if UNKNOWN in words else [UNKNOWN]
            text_encoder.TokenTextEncoder(None, vocab_list=words).store_to_file(path)
        super().prepare_to_generate(data_dir, tmp_dir)


@registry.register_problem
class LanguagemodelPtb10k(WordLanguageModel):
    """Language model: Penn Treebank, 10,000 words.

    Ids 0 and 1 are padding and the end of a line. T2T's vocabulary file gives them to the two most frequent words,
    which then count as padding and as an end; a `vocab.lmptb.10000` written by T2T is used unchanged.
    """

    archive = PTB
    file_names = {  # noqa: RUF012
        DatasetSplit.TRAIN: "simple-examples/data/ptb.train.txt",
        DatasetSplit.EVAL: "simple-examples/data/ptb.valid.txt",
    }
    vocab_filename = "vocab.lmptb.10000"
    max_words = 10_000


@registry.register_problem
class LanguagemodelPtbCharacters(LanguagemodelPtb10k):
    """Language model: Penn Treebank by characters, as its files have them: separated by blanks, with _ for a blank."""

    file_names = {  # noqa: RUF012
        DatasetSplit.TRAIN: "simple-examples/data/ptb.char.train.txt",
        DatasetSplit.EVAL: "simple-examples/data/ptb.char.valid.txt",
    }
    vocab_type = VocabType.CHARACTER

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for line in self.lines(tmp_dir, dataset_split):
            yield {"targets": f"{line} <EOS>"}  # as T2T's text ends


def _wikitext_files(folder: str, ending: str) -> dict[str, str]:
    parts = {DatasetSplit.TRAIN: "train", DatasetSplit.EVAL: "valid", DatasetSplit.TEST: "test"}
    return {split: f"{folder}/wiki.{part}.{ending}" for split, part in parts.items()}


variant = registry.problem_variants_of(__name__)
# fmt: off
LanguagemodelWikitext103 = variant(
    "LanguagemodelWikitext103", WordLanguageModel, "Language model: WikiText-103, 267,735 words.",
    archive=WIKITEXT, file_names=_wikitext_files("wikitext-103", "tokens"),
)
LanguagemodelWikitext103Characters = variant(
    "LanguagemodelWikitext103Characters", LanguagemodelWikitext103,
    "Language model: WikiText-103 untokenized, bytes.", vocab_type=VocabType.CHARACTER,
    archive=WIKITEXT_RAW, file_names=_wikitext_files("wikitext-103-raw", "raw"),
)
# fmt: on


@registry.register_problem
class LanguagemodelWikitext103L4k(LanguagemodelWikitext103):
    """Language model: WikiText-103 in pieces of up to 4,096 words, 267,735 words."""

    sequence_length = 4096

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        words: list[str] = []
        for line in self.lines(tmp_dir, dataset_split):
            more = line.split()
            if words and len(words) + len(more) >= self.sequence_length:
                yield {"targets": " ".join(words)}
                words = []
            words += more
        if words:
            yield {"targets": " ".join(words)}

    def max_length(self, model_hparams: HParams) -> int:
        return model_hparams.get("split_to_length") or self.sequence_length


# fmt: off
LanguagemodelWikitext103L16k = variant(
    "LanguagemodelWikitext103L16k", LanguagemodelWikitext103L4k,
    "Language model: WikiText-103 in pieces of up to 16,384 words, 267,735 words.", sequence_length=16384,
)
# fmt: on
