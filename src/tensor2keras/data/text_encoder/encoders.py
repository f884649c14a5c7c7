"""T2T's text encoders, which map text to ids and back and read its vocabulary files.

Ids below `num_reserved_ids` are reserved: 0 is padding, 1 the end of a sequence. `encode` adds no EOS.

    SubwordTextEncoder   pieces of words from a vocabulary file; decoding restores any text exactly
    ByteTextEncoder      UTF-8 bytes
    TokenTextEncoder     words between blanks, from a vocabulary file or list
    ClassLabelEncoder    one label, one id
    RealEncoder          numbers
"""

import collections
import os
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tensor2keras import files
from tensor2keras.data.text_encoder import subword_vocabulary, tokenizer
from tensor2keras.data.text_encoder.base import (
    NUM_RESERVED_TOKENS,
    TextEncoder,
    read_vocab_lines,
    without_surrogates,
)
from tensor2keras.data.text_encoder.subword_vocabulary import RESERVED_TOKENS


class ByteTextEncoder(TextEncoder):
    """Encoder with one id for each byte of UTF-8."""

    @property
    def vocab_size(self) -> int:
        return 256 + self._num_reserved_ids

    def encode(self, s: str) -> list[int]:
        return [byte + self._num_reserved_ids for byte in without_surrogates(s).encode("utf-8")]

    def decode(self, ids: Iterable[int], strip_extraneous: bool = False) -> str:
        """Returns the text of ids; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(self.decode_list(self._stripped(ids, strip_extraneous))).decode("utf-8", "replace")

    def decode_list(self, ids: Iterable[int]) -> list[bytes]:
        """Returns the byte of each id, or the name of a reserved id; b"" for an id outside the vocabulary."""
        reserved = self._num_reserved_ids
        return [self._reserved_string(i).encode() if i < reserved else _byte(i - reserved) for i in map(int, ids)]


def _byte(value: int) -> bytes:
    return bytes([value]) if value < 256 else b""


class TokenTextEncoder(TextEncoder):
    """Encoder of words separated by blanks, each with its own id.

    Reserved tokens are put before the tokens of a list; a file has one token a line, reserved tokens included.

    Args:
        vocab_filename: file to read, or None for `vocab_list`.
        reverse: whether encoding and decoding reverse the order.
        vocab_list: the tokens, when there is no file.
        replace_oov: token used for unknown words; None refuses them.
        num_reserved_ids: ids below this are reserved.

    Raises:
        ValueError: a bad file, or `replace_oov` is not in the vocabulary.
    """

    def __init__(
        self,
        vocab_filename: str | os.PathLike | None = None,
        reverse: bool = False,
        vocab_list: Iterable[str] | None = None,
        replace_oov: str | None = None,
        num_reserved_ids: int = NUM_RESERVED_TOKENS,
    ):
        super().__init__(num_reserved_ids)
        if (vocab_filename is None) == (vocab_list is None):
            raise ValueError("give either vocab_filename or vocab_list")
        if vocab_filename is not None:
            self._tokens = [line.strip() for line in read_vocab_lines(vocab_filename)]
        else:
            self._tokens = RESERVED_TOKENS + [token for token in vocab_list if token not in RESERVED_TOKENS]
        self._token_to_id = {token: i for i, token in enumerate(self._tokens)}
        self._reverse = reverse
        self._replace_oov = replace_oov
        if replace_oov is not None and replace_oov not in self._token_to_id:
            raise ValueError(f"replace_oov={replace_oov!r} is not one of the vocabulary's {len(self._tokens)} tokens")

    @property
    def vocab_size(self) -> int:
        return len(self._tokens)

    def encode(self, s: str) -> list[int]:
        """Returns the ids of the words of a text; ValueError for an unknown word when there is no `replace_oov`."""
        if self._replace_oov is None:
            try:
                ids = [self._token_to_id[token] for token in s.split()]
            except KeyError as error:
                raise ValueError(
                    f"{error.args[0]!r} is none of the vocabulary's {len(self._tokens)} tokens; replace_oov allows it"
                ) from None
        else:
            oov = self._token_to_id[self._replace_oov]
            ids = [self._token_to_id.get(token, oov) for token in s.split()]
        return ids[::-1] if self._reverse else ids

    def decode_list(self, ids: Iterable[int]) -> list[str]:
        ids = list(ids)
        return [
            self._tokens[i] if 0 <= i < len(self._tokens) else f"ID_{i}" for i in (ids[::-1] if self._reverse else ids)
        ]

    def store_to_file(self, filename: str | os.PathLike) -> None:
        """Writes one token a line, reserved tokens included."""
        files.write_text(filename, "".join(token + "\n" for token in self._tokens))


def words_by_frequency(texts: Iterable[str]) -> list[str]:
    """Returns the words of all texts, separated by blanks: the most frequent first, equally frequent ones sorted."""
    counts = collections.Counter(word for text in texts for word in text.split())
    return sorted(counts, key=lambda word: (-counts[word], word))


class ClassLabelEncoder(TextEncoder):
    """Encoder of class labels as their numbers; no ids are reserved.

    Args:
        class_labels: the labels in the order of their ids.
        class_labels_fname: a file with one label a line, instead.

    Raises:
        ValueError: no labels, or a bad file.
    """

    def __init__(self, class_labels: Sequence[str] | None = None, class_labels_fname: str | os.PathLike | None = None):
        super().__init__(num_reserved_ids=0)
        if class_labels_fname is not None:
            class_labels = [line.strip() for line in read_vocab_lines(class_labels_fname)]
        if not class_labels:
            raise ValueError("ClassLabelEncoder needs at least one label")
        self._class_labels = list(class_labels)
        self._ids = {label: i for i, label in enumerate(self._class_labels)}

    @property
    def vocab_size(self) -> int:
        return len(self._class_labels)

    def encode(self, s: str) -> int:
        """Returns the label's id, an int; ValueError for an unknown label."""
        if s not in self._ids:
            raise ValueError(f"unknown label {s!r}; known: {', '.join(map(str, self._class_labels))}")
        return self._ids[s]

    def decode(self, ids: int | Sequence[int] | np.ndarray, strip_extraneous: bool = False) -> str:
        """Returns the label of an id, which may be a list or array of one element; `ID_n` for an unknown id n."""
        return self.decode_list([int(np.reshape(ids, ()))])[0]

    def decode_list(self, ids: Iterable[int]) -> list[str]:
        labels = self._class_labels
        return [labels[i] if 0 <= i < len(labels) else f"ID_{i}" for i in ids]


class RealEncoder(TextEncoder):
    """Encoder of numbers separated by blanks."""

    def __init__(self):
        super().__init__(num_reserved_ids=0)

    def encode(self, s: str) -> list[float]:
        return [float(word) for word in s.split()]

    def decode(self, ids: Iterable[float], strip_extraneous: bool = False) -> str:
        return " ".join(self.decode_list(ids))

    def decode_list(self, ids: Iterable[float]) -> list[str]:
        return [str(value) for value in ids]


class SubwordTextEncoder(TextEncoder):
    """Encoder of subwords from a T2T vocabulary file; decoding restores the text exactly.

    A token of `tokenizer.encode` is escaped so that it consists of the alphabet's characters and ends with its only
    `_`, then split greedily into the longest strings of the vocabulary.

    Args:
        filename: a vocabulary file: one subtoken a line, in quotes or not; its id is the line's number, from 0.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is empty, cut off or not UTF-8; file and line are named.

    Example:
        >>> encoder = SubwordTextEncoder.build_from_generator(["a dog runs", "dogs run"], target_size=50)
        >>> encoder.decode(encoder.encode("A dog?"))
        'A dog?'
    """

    _CACHE_SIZE = 2**20  # tokens whose ids are cached
    _ESCAPES = re.compile(r"\\u|\\\\|\\([0-9]+);")

    def __init__(self, filename: str | os.PathLike | None = None):
        super().__init__()
        self.filename = filename
        self._set_subtokens([] if filename is None else _read_subtokens(filename))

    @classmethod
    def from_subtokens(cls, subtokens: Sequence[str]) -> "SubwordTextEncoder":
        """Returns the encoder of subtokens in the order of their ids, reserved ones (escaped: `<pad>_`) first."""
        encoder = cls()
        encoder._set_subtokens(list(subtokens))
        return encoder

    @classmethod
    def build_from_generator(
        cls,
        generator: Iterable[str],
        target_size: int,
        max_subtoken_length: int | None = None,
        reserved_tokens: Sequence[str] | None = None,
    ) -> "SubwordTextEncoder":
        """Builds a vocabulary from texts.

        Args:
            generator: yields texts.
            target_size: approximate size of the vocabulary.
            max_subtoken_length: subtokens are shorter than this; set it when tokens can be very long.
            reserved_tokens: take the first ids; they begin with `RESERVED_TOKENS`, which is also the default.
        """
        counts = tokenizer.token_counts(map(without_surrogates, generator))
        return cls.build_to_target_size(target_size, counts, 1, 1000, max_subtoken_length, reserved_tokens)

    @classmethod
    def build_to_target_size(
        cls,
        target_size: int,
        token_counts: Mapping[str, int],
        min_val: int,
        max_val: int,
        max_subtoken_length: int | None = None,
        reserved_tokens: Sequence[str] | None = None,
        num_iterations: int = 4,
    ) -> "SubwordTextEncoder":
        """Builds the vocabulary closest to `target_size` by a binary search over the lowest count a subtoken may have.

        See `subword_vocabulary.build_to_target_size`.
        """
        return cls.from_subtokens(
            subword_vocabulary.build_to_target_size(
                target_size,
                token_counts,
                min_val,
                max_val,
                reserved_tokens=RESERVED_TOKENS if reserved_tokens is None else reserved_tokens,
                max_subtoken_length=max_subtoken_length,
                num_iterations=num_iterations,
            )
        )

    def build_from_token_counts(
        self,
        token_counts: Mapping[str, int],
        min_count: int,
        num_iterations: int = 4,
        reserved_tokens: Sequence[str] | None = None,
        max_subtoken_length: int | None = None,
    ) -> None:
        """Replaces the vocabulary by that of the subtokens which occur at least `min_count` times."""
        self._set_subtokens(
            subword_vocabulary.build_from_token_counts(
                token_counts,
                min_count,
                reserved_tokens=RESERVED_TOKENS if reserved_tokens is None else reserved_tokens,
                max_subtoken_length=max_subtoken_length,
                num_iterations=num_iterations,
            )
        )

    @property
    def vocab_size(self) -> int:
        return len(self._subtokens)

    @property
    def all_subtoken_strings(self) -> tuple[str, ...]:
        """The vocabulary in the order of the ids."""
        return tuple(self._subtokens)

    def encode(self, s: str) -> list[int]:
        ids = []
        known = self._cache.get
        for token in tokenizer.encode(s):
            ids += known(token) or self._token_to_ids(token)
        return ids

    def encode_without_tokenizing(self, token_text: str) -> list[int]:
        """Returns the ids of a text that is one token, for example a reserved one (`<SEP>`)."""
        return self._cut(subword_vocabulary.escape(token_text, self._alphabet))

    def decode(self, ids: Iterable[int], strip_extraneous: bool = False) -> str:
        joined = "".join(self.decode_list(self._stripped(ids, strip_extraneous)))
        return tokenizer.decode([self._unescape(token) for token in joined.split("_") if token])

    def decode_list(self, ids: Iterable[int]) -> list[str]:
        """Returns the subtoken of each id; "" for an id outside the vocabulary."""
        subtokens = self._subtokens
        return [subtokens[i] if 0 <= i < len(subtokens) else "" for i in map(int, ids)]

    def store_to_file(self, filename: str | os.PathLike, add_single_quotes: bool = True) -> None:
        """Writes the vocabulary in T2T's format, atomically."""
        quote = "'" if add_single_quotes else ""
        lines = (f"{quote}{subtoken}{quote}\n" for subtoken in self._subtokens)
        files.write_text(filename, "".join(lines))

    def _set_subtokens(self, subtokens: list[str]) -> None:
        self._subtokens = subtokens
        self._alphabet = subword_vocabulary.alphabet_of(subtokens)
        self._subtoken_to_id = {subtoken: i for i, subtoken in enumerate(subtokens) if subtoken}
        self._single = {subtoken for subtoken in subtokens if len(subtoken) == 1}
        self._longest: dict[str, int] = {}  # first character -> length of the longest subtoken it begins
        for subtoken in self._subtoken_to_id:
            self._longest[subtoken[0]] = max(len(subtoken), self._longest.get(subtoken[0], 0))
        self._cache: dict[str, tuple[int, ...]] = {}

    def _token_to_ids(self, token: str) -> tuple[int, ...]:
        ids = tuple(self._cut(subword_vocabulary.escape(without_surrogates(token), self._alphabet)))
        if len(self._cache) >= self._CACHE_SIZE:
            self._cache.clear()
        self._cache[token] = ids
        return ids

    def _cut(self, escaped: str) -> list[int]:
        ids, start = [], 0
        while start < len(escaped):
            for end in range(min(start + self._longest.get(escaped[start], 0), len(escaped)), start, -1):
                subtoken_id = self._subtoken_to_id.get(escaped[start:end])
                if subtoken_id is not None:
                    ids.append(subtoken_id)
                    start = end
                    break
            else:  # the character occurs in longer subtokens only, as `<` may in the reserved `<pad>_`
                unknown = escaped[start]
                if unknown in subword_vocabulary.ESCAPE_CHARS or not self._single.issuperset(
                    subword_vocabulary.ESCAPE_CHARS
                ):
                    raise ValueError(f"the vocabulary has no subtoken for {unknown!r} in {escaped!r}")
                ids += self._cut(f"\\{ord(unknown)};")
                start += 1
        return ids

    def _unescape(self, escaped: str) -> str:
        return self._ESCAPES.sub(_escaped_char, escaped) if "\\" in escaped else escaped

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_cache": {}}


def _escaped_char(match: re.Match) -> str:
    if match.group(1) is None:
        return "_" if match.group(0) == "\\u" else "\\"
    try:
        char = chr(int(match.group(1)))
    except (ValueError, OverflowError):
        char = "\ud800"
    return "\u3013" if "\ud800" <= char <= "\udfff" else char  # a code of no character, which a model generated


def _read_subtokens(filename: str | os.PathLike) -> list[str]:
    subtokens = []
    quote = None
    for number, line in enumerate(read_vocab_lines(filename), start=1):
        line = line.rstrip()
        if number == 1 and line[:1] in ("'", '"') and line.endswith(line[0]):
            quote = line[0]
        quoted = line[:1] in ("'", '"') and line.endswith(line[0])
        if quote and not quoted:
            raise ValueError(
                f"{os.fspath(filename)}, line {number}: {line!r} is not in quotes as line 1 is; is the file cut off?"
            )
        subtokens.append(line[1:-1] if quoted else line)
    return subtokens
