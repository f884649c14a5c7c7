"""Base class of text encoders, reserved ids, and reading of vocabulary files."""

import os
from collections.abc import Iterable

from tensor2keras import files
from tensor2keras.data.text_encoder.subword_vocabulary import RESERVED_TOKENS

NUM_RESERVED_TOKENS = len(RESERVED_TOKENS)


def strip_ids(ids: Iterable[int], ids_to_strip: Iterable[int]) -> list[int]:
    """Returns the ids without those of `ids_to_strip` at their end."""
    ids, ids_to_strip = list(ids), set(ids_to_strip)
    while ids and ids[-1] in ids_to_strip:
        ids.pop()
    return ids


def without_surrogates(text: str) -> str:
    """Returns a text that UTF-8 can hold: halves of surrogate pairs are joined, lone ones become U+FFFD."""
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class TextEncoder:
    """Base class of text encoders; by itself it encodes numbers written in decimal.

    Args:
        num_reserved_ids: ids below this are reserved.
    """

    def __init__(self, num_reserved_ids: int = NUM_RESERVED_TOKENS):
        self._num_reserved_ids = num_reserved_ids

    @property
    def num_reserved_ids(self) -> int:
        """Number of reserved ids, the lowest ones."""
        return self._num_reserved_ids

    @property
    def vocab_size(self) -> int:
        """One more than the highest id."""
        raise NotImplementedError(f"{type(self).__name__} has no bounded vocabulary")

    def encode(self, s: str) -> list[int]:
        """Returns the ids of a text, without EOS."""
        return [int(word) + self._num_reserved_ids for word in s.split()]

    def decode(self, ids: Iterable[int], strip_extraneous: bool = False) -> str:
        """Returns the text of ids; `strip_extraneous` drops reserved ids from the end first."""
        return " ".join(self.decode_list(self._stripped(ids, strip_extraneous)))

    def decode_list(self, ids: Iterable[int]) -> list[str]:
        """Returns the string of each id."""
        return [
            self._reserved_string(i) if 0 <= i < self._num_reserved_ids else str(i - self._num_reserved_ids)
            for i in ids
        ]

    def _stripped(self, ids: Iterable[int], strip_extraneous: bool) -> Iterable[int]:
        return strip_ids(ids, range(self._num_reserved_ids)) if strip_extraneous else ids

    def _reserved_string(self, i: int) -> str:
        return RESERVED_TOKENS[i] if i < NUM_RESERVED_TOKENS else f"<reserved_{i}>"


def read_vocab_lines(filename: str | os.PathLike) -> list[str]:
    """Returns the lines of a vocabulary file, without their line feeds.

    Raises:
        ValueError: the file is empty or not UTF-8; file and line are named.
    """
    lines = list(files.read_lines(filename))
    if not lines:
        raise ValueError(f"{os.fspath(filename)} is empty; a vocabulary has one entry a line")
    return lines
