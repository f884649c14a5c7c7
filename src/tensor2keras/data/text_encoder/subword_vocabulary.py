"""Construction of a subword vocabulary from token counts: T2T's `SubwordTextEncoder.build_*`, on arrays.

T2T's algorithm, for a minimum count m: split every token greedily with the current vocabulary (single characters at
first); count every string that starts where a piece starts; from the longest string to the shortest, accept those still
counted m times and subtract an accepted string's count from each of its prefixes. The accepted strings are the next
vocabulary; there are four rounds. A binary search over m finds the size asked for.

The result equals T2T's to the byte, but is computed faster. In the first round a piece starts at every character, so a
string's count there is the highest it ever gets: the strings that reach m form a trie that is built once, level by
level, with one array operation for each. All rounds, and all searches with a higher m, then use the same arrays, and
strings are built only when the search has ended.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

PAD, EOS = "<pad>", "<EOS>"
RESERVED_TOKENS = [PAD, EOS]

ESCAPE_CHARS = frozenset("\\_u;0123456789")


def alphabet_of(strings: Iterable[str]) -> set[str]:
    """Returns the characters that a vocabulary must contain: those of `strings` and those of escapes.

    A newline is always written as an escape, since vocabulary files have one entry a line.
    """
    return set().union(ESCAPE_CHARS, *strings) - {"\n"}


def escape(token: str, alphabet: set[str]) -> str:
    r"""Writes a token with the alphabet's characters alone and ends it with `_`, which occurs nowhere else in it.

    `\` becomes `\\`, `_` becomes `\u` and a character outside the alphabet `\CODE;`.
    """
    token = token.replace("\\", "\\\\").replace("_", "\\u")
    if not alphabet.issuperset(token):
        token = "".join(char if char in alphabet else f"\\{ord(char)};" for char in token)
    return token + "_"


def build_to_target_size(
    target_size: int,
    token_counts: Mapping[str, int],
    min_count: int,
    max_count: int,
    *,
    reserved_tokens: Sequence[str] = RESERVED_TOKENS,
    max_subtoken_length: int | None = None,
    num_iterations: int = 4,
) -> list[str]:
    """Returns the vocabulary closest to `target_size` among those of T2T's binary search over the minimum count.

    Args:
        target_size: number of subtokens wanted; the search stops within 1 % of it.
        token_counts: how often each token occurs.
        min_count: lowest minimum count to try.
        max_count: highest minimum count to try.
        reserved_tokens: take the first ids; they begin with `RESERVED_TOKENS`.
        max_subtoken_length: T2T's limit: subtokens are shorter than this. Bounds time and memory for long tokens.
        num_iterations: rounds of refinement.

    Raises:
        ValueError: a size below 1, `min_count` above `max_count`, or reserved tokens that do not begin with
            `RESERVED_TOKENS`.
    """
    if target_size < 1:
        raise ValueError(f"target_size={target_size} must be at least 1")
    if min_count > max_count:
        raise ValueError(f"min_count={min_count} must not be above max_count={max_count}")
    corpus = _Corpus(token_counts, reserved_tokens, max_subtoken_length)
    best, best_distance = None, float("inf")
    while True:
        tried = int(min_count + max_count) // 2
        selection = corpus.select(tried, num_iterations)
        distance = abs(selection.size - target_size)
        if distance < best_distance:
            best, best_distance = selection, distance
        if distance * 100 < target_size or min_count >= max_count or tried < 2:
            return corpus.strings(best)
        if selection.size > target_size:
            min_count = tried + 1
        else:
            max_count = tried - 1


def build_from_token_counts(
    token_counts: Mapping[str, int],
    min_count: int,
    *,
    reserved_tokens: Sequence[str] = RESERVED_TOKENS,
    max_subtoken_length: int | None = None,
    num_iterations: int = 4,
) -> list[str]:
    """Returns the vocabulary of the subtokens that occur at least `min_count` times; see `build_to_target_size`."""
    corpus = _Corpus(token_counts, reserved_tokens, max_subtoken_length)
    return corpus.strings(corpus.select(min_count, num_iterations))


@dataclasses.dataclass(frozen=True)
class _Trie:
    """The strings that occur at least `min_count` times in a text, and all single characters.

    Nodes are numbered by length, then alphabetically. An occurrence is a place in the text where a node's string
    begins; occurrences are sorted by length.
    """

    min_count: int
    level_starts: np.ndarray  # [levels + 1]: nodes level_starts[n - 1] to level_starts[n] have n characters
    parent: np.ndarray  # [nodes]: the string without its last character
    place: np.ndarray  # [nodes]: one place where it occurs
    length: np.ndarray  # [nodes]
    occurrence_node: np.ndarray  # [occurrences]
    occurrence_place: np.ndarray  # [occurrences]


@dataclasses.dataclass(frozen=True)
class _Selection:
    """A vocabulary: the accepted nodes and the remaining count of every node."""

    trie: _Trie
    accepted: np.ndarray  # [nodes] bool, longer than one character
    counts: np.ndarray  # [nodes]
    size: int


class _Corpus:
    """The distinct tokens, escaped and concatenated to a text; `place` is an index into that text."""

    def __init__(
        self, token_counts: Mapping[str, int], reserved_tokens: Sequence[str], max_subtoken_length: int | None
    ):
        if list(reserved_tokens[: len(RESERVED_TOKENS)]) != RESERVED_TOKENS[: len(reserved_tokens)]:
            raise ValueError(f"reserved_tokens={list(reserved_tokens)} must begin with {RESERVED_TOKENS}")
        if not token_counts:
            raise ValueError("a vocabulary cannot be built from a corpus without tokens")
        self.alphabet = alphabet_of([*token_counts, *reserved_tokens])
        self.reserved = [escape(token, self.alphabet) for token in reserved_tokens]
        escaped = [escape(token, self.alphabet) for token in token_counts]
        lengths = np.fromiter(map(len, escaped), np.int64, len(escaped))
        self.text = "".join(escaped)
        # Reserved tokens are subtokens too; an escaped one ends with `_`, so it matches at the end of a token only.
        self.reserved_matches = [
            (
                np.array([match.start() for match in re.finditer(f"(?={re.escape(token)})", self.text)], np.int64),
                len(token),
            )
            for token in self.reserved
        ]
        codes = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)
        self.chars, self.codes = np.unique(codes, return_inverse=True)
        self.token_ends = np.cumsum(lengths)
        self.token_starts = self.token_ends - lengths
        self.end_of_token = np.repeat(self.token_ends, lengths)  # [places]
        self.weights = np.repeat(np.fromiter(token_counts.values(), np.int64, len(escaped)), lengths)  # [places]
        self.max_length = max(max_subtoken_length - 1, 1) if max_subtoken_length else None
        self.trie: _Trie | None = None

    def select(self, min_count: int, num_iterations: int) -> _Selection:
        """Returns the vocabulary after `num_iterations` rounds."""
        min_count = max(min_count, 1)
        if self.trie is None or self.trie.min_count > min_count:
            self.trie = self._build_trie(min_count)
        trie = self.trie
        accepted, counts = np.zeros(len(trie.parent), bool), np.zeros(len(trie.parent), np.int64)
        for iteration in range(num_iterations):
            pieces = self._piece_starts(trie, accepted, with_reserved=iteration > 0)
            accepted, counts = self._accept(trie, pieces, min_count)
        size = len(self.reserved) + len(self.alphabet) + int(accepted.sum())
        return _Selection(trie, accepted, counts, size)

    def strings(self, selection: _Selection) -> list[str]:
        """Returns the vocabulary, the most frequent first, after the reserved tokens."""
        trie = selection.trie
        counts = dict.fromkeys(self.alphabet, 0)
        for node in np.flatnonzero(selection.accepted | (trie.length == 1)).tolist():
            place = trie.place[node]
            counts[self.text[place : place + trie.length[node]]] = int(selection.counts[node])
        ranked = sorted(((count, string) for string, count in counts.items()), reverse=True)
        return self.reserved + [string for _, string in ranked]

    def _build_trie(self, min_count: int) -> _Trie:
        places, parents = np.arange(len(self.codes)), np.zeros(len(self.codes), np.int64)
        level_starts, levels = [0], []
        length = 0
        while len(places) and (self.max_length is None or length < self.max_length):
            # A node is a parent and a character. Places whose string is too rare are dropped.
            keys = parents * len(self.chars) + self.codes[places + length]
            keys, first, nodes = np.unique(keys, return_index=True, return_inverse=True)
            if length > 0:
                frequent = np.bincount(nodes, weights=self.weights[places]) >= min_count
                renumbered = np.cumsum(frequent) - 1
                keys, first, kept = keys[frequent], first[frequent], frequent[nodes]
                first = places[first]
                places, nodes = places[kept], renumbered[nodes[kept]]
            else:
                first = places[first]
            levels.append((keys // len(self.chars), first, nodes + level_starts[-1], places))
            level_starts.append(level_starts[-1] + len(keys))
            length += 1
            continues = places + length < self.end_of_token[places]
            places, parents = places[continues], levels[-1][2][continues]
        parent, place, occurrence_node, occurrence_place = (
            np.concatenate(column) for column in zip(*levels, strict=True)
        )
        return _Trie(
            min_count=min_count,
            level_starts=np.array(level_starts),
            parent=parent,
            place=place,
            length=np.repeat(np.arange(1, length + 1), np.diff(level_starts)),
            occurrence_node=occurrence_node,
            occurrence_place=occurrence_place,
        )

    def _piece_starts(self, trie: _Trie, accepted: np.ndarray, with_reserved: bool) -> np.ndarray:
        """Returns bool [places]: where a piece starts when every token is split greedily, longest subtoken first."""
        longest = np.ones(len(self.codes), np.int64)
        matches = accepted[trie.occurrence_node]
        # Occurrences are sorted by length, so the longest is assigned last.
        longest[trie.occurrence_place[matches]] = trie.length[trie.occurrence_node[matches]]
        if with_reserved:
            for places, length in self.reserved_matches:
                longest[places] = np.maximum(longest[places], length)
        starts = np.zeros(len(self.codes), bool)
        places, ends = self.token_starts, self.token_ends
        while len(places):
            starts[places] = True
            places = places + longest[places]
            inside = places < ends
            places, ends = places[inside], ends[inside]
        return starts

    def _accept(self, trie: _Trie, pieces: np.ndarray, min_count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns which strings are counted `min_count` times once longer ones are subtracted, and the counts."""
        weights = np.where(pieces, self.weights, 0)[trie.occurrence_place]
        counts = np.bincount(trie.occurrence_node, weights, minlength=len(trie.parent)).astype(np.int64)
        accepted = np.zeros(len(trie.parent), bool)
        taken = np.zeros(len(trie.parent), np.int64)  # by accepted strings that the node is a prefix of
        for level in range(len(trie.level_starts) - 2, 0, -1):
            nodes = slice(trie.level_starts[level], trie.level_starts[level + 1])
            counts[nodes] -= taken[nodes]
            accepted[nodes] = counts[nodes] >= min_count
            np.add.at(taken, trie.parent[nodes], taken[nodes] + np.where(accepted[nodes], counts[nodes], 0))
        counts[: trie.level_starts[1]] -= taken[: trie.level_starts[1]]
        return accepted, counts
