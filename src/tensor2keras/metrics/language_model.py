"""Scores of language models that do not depend on the vocabulary: perplexity per word, bits per character.

The log-probability of a text, divided by its words or characters rather than its tokens, can be compared between
vocabularies. The end of a sequence counts as one more word and one more character, as in T2T.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensor2keras.symbols import EOS_ID


class Units(NamedTuple):
    """Numbers of units in texts, ends of sequences included."""

    tokens: int
    words: int
    characters: int
    bytes: int


def count_units(encoder: Any, rows: Iterable[Sequence[int]]) -> Units:
    """Counts the units of sequences of ids.

    Args:
        encoder: a text encoder, whose `decode` returns the text of ids.
        rows: ids; each EOS ends a text, and zeros at the end are padding.
    """
    tokens = words = characters = size = 0
    for row in rows:
        ids = np.trim_zeros(np.asarray(row), "b")
        ends = np.flatnonzero(ids == EOS_ID)
        tokens += len(ids)
        for piece in np.split(ids, ends):
            text = encoder.decode([int(i) for i in piece if i != EOS_ID]) if len(piece) else ""
            words += len(text.split())
            characters += len(text)
            size += len(text.encode("utf-8"))
        words, characters, size = words + len(ends), characters + len(ends), size + len(ends)
    return Units(tokens, words, characters, size)


def figures(neg_log_perplexity: float, units: Units) -> dict[str, float]:
    """Returns perplexity per token and per word, and bits per character and per byte.

    Args:
        neg_log_perplexity: mean log-probability of a token, in nats.
        units: of the scored texts.
    """
    total = -neg_log_perplexity * units.tokens  # nats of the whole text
    bits = total / math.log(2)
    return {
        "perplexity": _exp(-neg_log_perplexity),
        "word_perplexity": _exp(total / max(units.words, 1)),
        "bits_per_char": bits / max(units.characters, 1),
        "bits_per_byte": bits / max(units.bytes, 1),
    }


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
