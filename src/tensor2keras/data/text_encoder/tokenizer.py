"""T2T's invertible tokenizer: text is split wherever letters or digits meet anything else.

A single space between two alphanumeric tokens is left out, because two adjacent alphanumeric tokens imply it:

    >>> encode("Dude - that's so cool.")
    ['Dude', ' - ', 'that', "'", 's', 'so', 'cool', '.']
    >>> decode(encode("Dude - that's so cool."))
    "Dude - that's so cool."
"""

import collections
import re
from collections.abc import Iterable, Sequence

# Runs of one class. `\w` without the underscore is str.isalnum(), which is true of the Unicode categories L* and N*.
_RUNS = re.compile(r"[^\W_]+|[\W_]+")


def encode(text: str) -> list[str]:
    """Splits text into tokens, each all alphanumeric or all not; `decode` is the inverse."""
    tokens = _RUNS.findall(text)
    return tokens[:1] + [token for token in tokens[1:-1] if token != " "] + tokens[1:][-1:]


def decode(tokens: Sequence[str]) -> str:
    """Returns the text whose tokens these are: a space goes between two alphanumeric neighbours."""
    pieces = []
    after_word = False
    for token in tokens:
        is_word = token[0].isalnum()
        if is_word and after_word:
            pieces.append(" ")
        pieces.append(token)
        after_word = is_word
    return "".join(pieces)


def token_counts(texts: Iterable[str]) -> collections.Counter[str]:
    """Returns how often each token occurs in the texts (T2T's `corpus_token_counts`)."""
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        counts.update(encode(text))
    return counts
