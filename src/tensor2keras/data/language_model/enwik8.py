"""Language models on the bytes of enwik8 (T2T's `enwik8.py`): the first 100 million bytes of a Wikipedia dump.

`tmp_dir` holds `enwik8` or `enwik8.zip`. The last 5 % of the bytes are the test split, the 5 % before them the
validation split. Training pieces overlap: each begins a quarter of its length after the last.
"""

import mmap
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import logging

from tensor2keras import registry
from tensor2keras.data import text_encoder
from tensor2keras.data.archives import Archive
from tensor2keras.data.space_id import TaskID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.data.text_problem import OVERLAP, Text2SelfProblem, VocabType
from tensor2keras.hparams import HParams

ARCHIVE = Archive("enwik8.zip", "http://mattmahoney.net/dc/enwik8.zip")
SIZE = 100_000_000
HELD_OUT = 20  # one part in 20 for each of validation and test


class UnshiftedByteEncoder(text_encoder.ByteTextEncoder):
    """Encoder of bytes as themselves, as in T2T's shorter pieces of enwik8; the vocabulary's size stays 258."""

    def encode(self, s: str) -> list[int]:
        return [id - self.num_reserved_ids for id in super().encode(s)]

    def decode_list(self, ids: Any) -> list[bytes]:
        return [bytes([min(int(i), 255)]) for i in ids]


@registry.register_problem("enwik8_l65k")
class Enwik8L65k(Text2SelfProblem):
    """Language model: enwik8 in pieces of 65,536 bytes.

    The text is split by bytes, in which published figures are measured; T2T split it by characters and then left out
    pieces of more than 65,536 bytes.
    """

    is_generate_per_split = True
    vocab_type = VocabType.CHARACTER
    sequence_length = 65536
    first_id = 2  # of byte 0
    train_shards, test_shards = 16, 1
    task_id = TaskID.EN_CHR

    def max_length(self, model_hparams: HParams) -> int:
        return model_hparams.get("split_to_length") or self.sequence_length

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        for piece in self.pieces(tmp_dir, dataset_split):
            yield {"targets": np.frombuffer(piece, np.uint8).astype(np.int64) + self.first_id}

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for piece in self.pieces(tmp_dir, dataset_split):
            yield {"targets": piece.decode("utf-8", "replace")}

    def pieces(self, tmp_dir: str, split: str) -> Iterator[bytes]:
        """Yields the pieces of a split; the file is memory-mapped."""
        (path,) = ARCHIVE.files(tmp_dir, ["enwik8"])
        size = os.path.getsize(path)
        if size < HELD_OUT:
            raise ValueError(f"{path} has {size} bytes; enwik8 has {SIZE:,}")
        if size != SIZE:
            logging.warning("%s has %d bytes, enwik8 has %d: results are not comparable.", path, size, SIZE)
        held_out = size // HELD_OUT
        begin, end = {
            DatasetSplit.TRAIN: (0, size - 2 * held_out),
            DatasetSplit.EVAL: (size - 2 * held_out, size - held_out),
            DatasetSplit.TEST: (size - held_out, size),
        }[split]
        step = self.sequence_length // OVERLAP if split == DatasetSplit.TRAIN else self.sequence_length
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for start in range(begin, end, step):
                yield content[start : min(start + self.sequence_length, end)]


@registry.register_problem("enwik8_l2k")
class Enwik8L2k(Enwik8L65k):
    """Language model: enwik8 in pieces of 2,048 bytes; an id is the byte itself."""

    sequence_length = 2048
    first_id = 0

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        return {"targets": UnshiftedByteEncoder()}


def _pieces(suffix: str, length: int) -> type[Enwik8L2k]:
    doc = f"Language model: enwik8 in pieces of {length:,} bytes; an id is the byte itself."
    return registry.problem_variants_of(__name__)(f"Enwik8L{suffix}", Enwik8L2k, doc, sequence_length=length)


Enwik8L32k = _pieces("32k", 32768)
Enwik8L16k = _pieces("16k", 16384)
Enwik8L8k = _pieces("8k", 8192)
Enwik8L4k = _pieces("4k", 4096)
Enwik8L1k = _pieces("1k", 1024)
Enwik8L512 = _pieces("512", 512)
