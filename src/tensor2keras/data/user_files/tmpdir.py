"""Text problems on the user's own files in `tmp_dir`, with no code.

One sample a line, UTF-8, plain or `.gz` (SPLIT is train, then eval, dev, val or validation, then test):

    text2text_tmpdir    inputs.SPLIT.txt and targets.SPLIT.txt, or SPLIT.tsv, or SPLIT.jsonl (keys inputs, targets)
    text2self_tmpdir    targets.SPLIT.txt, or SPLIT.txt, or SPLIT.jsonl (key targets)
    text2class_tmpdir   inputs.SPLIT.txt and labels.SPLIT.txt, or SPLIT.tsv, or SPLIT.jsonl (keys inputs, label)

A .tsv file may have a header, such as `text<TAB>label`, and may also be a .csv file with commas and quotes.
`text2self_tmpdir_characters` reads the same text files as one text, line breaks included.

Samples with an empty side are left out. Without a validation file, every 20th training sample is held out for it.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tensor2keras import files, registry
from tensor2keras.data import sources, text_encoder
from tensor2keras.data.rows import TEXT_TO_CLASS, TEXT_TO_SELF, TEXT_TO_TEXT, FileSource, find_split_files
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import OVERLAP, Text2SelfProblem, Text2TextProblem, VocabType
from tensor2keras.data.user_files.base import ChosenVocabSizeProblem, UserClassProblem, UserDataProblem
from tensor2keras.hparams import HParams


class TmpdirProblem(ChosenVocabSizeProblem, UserDataProblem):
    """Base class of the problems that read `tmp_dir` by the file names given in this module's docstring."""

    columns = TEXT_TO_TEXT

    def source(self) -> FileSource:
        return FileSource(find_split_files(self.tmp_dir, self.columns), self.columns)


@registry.register_problem
class Text2textTmpdir(TmpdirProblem, Text2TextProblem):
    """Your own text to text, from inputs.train.txt and targets.train.txt in tmp_dir."""


@registry.register_problem
class Text2textTmpdirTokens(Text2textTmpdir):
    """Your own text to text by whole words: as text2text_tmpdir, and vocab.txt in tmp_dir with one word a line."""

    vocab_type = VocabType.TOKEN
    oov_token = "<UNK>"

    def source_files(self) -> list[str]:
        return [*super().source_files(), *filter(None, [sources.find_file(self.tmp_dir, "vocab.txt")])]

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        path = os.path.join(data_dir, self.vocab_filename)
        if not os.path.exists(path):
            words = sources.read_lines(sources.require_file(tmp_dir, "vocab.txt"))
            encoder = text_encoder.TokenTextEncoder(None, vocab_list=[self.oov_token, *filter(None, words)])
            encoder.store_to_file(path)
        super().prepare_to_generate(data_dir, tmp_dir)


@registry.register_problem
class Text2selfTmpdir(TmpdirProblem, Text2SelfProblem):
    """Your own text for a language model, from targets.train.txt (or train.txt) in tmp_dir."""

    columns = TEXT_TO_SELF


@registry.register_problem
class Text2selfTmpdirCharacters(Text2selfTmpdir):
    """Your own text for a language model by bytes, line breaks included, from train.txt in tmp_dir: pieces of 512.

    Training pieces overlap: each begins a quarter of its length after the last, so that each byte occurs at four
    positions. Without a validation file the last tenth of the text is held out. Pieces have no end of sequence.
    """

    sequence_length = 512
    held_out = "the last tenth of the training text"
    vocab_type = VocabType.CHARACTER

    def max_length(self, model_hparams: HParams) -> int:
        return model_hparams.get("split_to_length") or self.sequence_length

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        first_id = text_encoder.NUM_RESERVED_TOKENS
        for piece in self.pieces(dataset_split):
            yield {"targets": np.frombuffer(piece, np.uint8).astype(np.int64) + first_id}

    def pieces(self, split: str) -> Iterator[bytes]:
        """Yields the text of a split in pieces; the last one may be shorter.

        Raises:
            ValueError: a .jsonl file, or a `.gz` file that is cut off.
        """
        groups = self.source().groups
        has_file = split in groups
        step = self.sequence_length // OVERLAP if split == DatasetSplit.TRAIN else self.sequence_length
        for (path,) in groups[split if has_file else DatasetSplit.TRAIN]:
            if path.removesuffix(".gz").endswith(".jsonl"):
                raise ValueError(f"{path}: {self.name} reads plain text; put train.txt into {self.tmp_dir}")
            with files.open_bytes(path) as file:
                size = file.seek(0, os.SEEK_END)
                middle = size if DatasetSplit.EVAL in groups else size - size // 10
                begin, end = (0, size) if split == DatasetSplit.TEST else (0, middle) if has_file else (middle, size)
                file.seek(begin)
                piece = new = file.read(min(self.sequence_length, end - begin))
                while new:
                    yield piece
                    new = file.read(min(step, end - file.tell()))
                    piece = piece[step:] + new


@registry.register_problem
class Text2classTmpdir(TmpdirProblem, UserClassProblem):
    """Your own text and its classes, from inputs.train.txt and labels.train.txt in tmp_dir."""

    columns = TEXT_TO_CLASS
