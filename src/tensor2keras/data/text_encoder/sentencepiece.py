"""Text encoder on a model of the sentencepiece library."""

import functools
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from absl import logging

from tensor2keras import files
from tensor2keras.data.text_encoder.base import NUM_RESERVED_TOKENS, TextEncoder, without_surrogates
from tensor2keras.data.text_encoder.subword_vocabulary import EOS, PAD, RESERVED_TOKENS
from tensor2keras.symbols import EOS_ID, PAD_ID


class SentencePieceEncoder(TextEncoder):
    """A model of the sentencepiece library (unigram or BPE) with padding at id 0 and EOS at id 1.

    `build_from_generator` trains without normalization and with bytes for unknown characters, so that decoding restores
    any text exactly (but for U+2581, the library's mark for a blank).

    Args:
        filename: a model file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not a model, or its ids 0 and 1 are not padding and EOS.
    """

    def __init__(self, filename: str | os.PathLike | None = None):
        super().__init__()
        self.filename = filename
        self._processor = None
        if filename is not None:
            self._load(files.read_bytes(filename), os.fspath(filename))

    @classmethod
    def build_from_generator(
        cls,
        generator: Iterable[str],
        target_size: int,
        model_type: str = "unigram",
        reserved_tokens: Sequence[str] | None = None,
        byte_fallback: bool = True,
    ) -> "SentencePieceEncoder":
        """Trains a model on texts.

        Args:
            generator: yields texts.
            target_size: size of the vocabulary; a small corpus can give fewer pieces.
            model_type: "unigram" or "bpe".
            reserved_tokens: take the first ids; they begin with `RESERVED_TOKENS`, which is also the default.
            byte_fallback: whether 256 ids are bytes, for characters that the corpus does not have.

        Raises:
            ValueError: a size below that of reserved tokens, bytes and characters together, or no text.
        """
        import sentencepiece

        if model_type not in ("unigram", "bpe"):
            raise ValueError(f"model_type={model_type!r}; allowed: unigram, bpe")
        additional = list(reserved_tokens or RESERVED_TOKENS)[NUM_RESERVED_TOKENS:]
        if list(reserved_tokens or RESERVED_TOKENS)[:NUM_RESERVED_TOKENS] != RESERVED_TOKENS:
            raise ValueError(f"reserved_tokens={list(reserved_tokens)} must begin with {RESERVED_TOKENS}")
        model, failures = io.BytesIO(), []

        def sentences() -> Iterator[str]:
            try:
                yield from map(without_surrogates, generator)
            except BaseException as error:  # the library would turn it into a RuntimeError
                failures.append(error)
                raise

        train = functools.partial(
            sentencepiece.SentencePieceTrainer.train,
            sentence_iterator=sentences(),
            model_writer=model,
            model_type=model_type,
            vocab_size=target_size,
            hard_vocab_limit=False,
            byte_fallback=byte_fallback,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            character_coverage=1.0,
            pad_id=PAD_ID,
            pad_piece=PAD,
            eos_id=EOS_ID,
            eos_piece=EOS,
            unk_id=NUM_RESERVED_TOKENS + len(additional),
            bos_id=-1,
            user_defined_symbols=additional,
            minloglevel=2,
        )
        try:
            train()
        except (RuntimeError, ValueError) as error:
            if failures:
                raise failures[0] from None
            least = NUM_RESERVED_TOKENS + len(additional) + 1 + 256 * byte_fallback
            raise ValueError(_reason(str(error), target_size, least)) from None
        encoder = cls()
        encoder._load(model.getvalue(), "the model just trained")
        if encoder.vocab_size < target_size:
            logging.warning(
                "The text gives a SentencePiece vocabulary of %d, not of %d", encoder.vocab_size, target_size
            )
        return encoder

    @property
    def vocab_size(self) -> int:
        return self._processor.vocab_size()

    def encode(self, s: str) -> list[int]:
        return self._processor.encode(without_surrogates(s))

    def decode(self, ids: Iterable[int], strip_extraneous: bool = False) -> str:
        """Returns the text of ids; those outside the vocabulary are left out."""
        return self._processor.decode([i for i in map(int, self._stripped(ids, strip_extraneous)) if self._is_id(i)])

    def decode_list(self, ids: Iterable[int]) -> list[str]:
        """Returns the piece of each id; "" for an id outside the vocabulary."""
        return [self._processor.id_to_piece(i) if self._is_id(i) else "" for i in map(int, ids)]

    def _is_id(self, i: int) -> bool:
        return 0 <= i < self.vocab_size

    def store_to_file(self, filename: str | os.PathLike) -> None:
        """Writes the model atomically."""
        files.write_bytes(filename, self._model)

    def _load(self, model: bytes, source: str) -> None:
        import sentencepiece

        self._model = model
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise ValueError(f"{source} is not a sentencepiece model: {error}") from None
        if (self._processor.pad_id(), self._processor.eos_id()) != (PAD_ID, EOS_ID):
            raise ValueError(
                f"{source} has padding at id {self._processor.pad_id()} and EOS at {self._processor.eos_id()}; "
                f"train it with pad_id={PAD_ID}, eos_id={EOS_ID}"
            )

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_processor": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._load(self._model, "the pickled model")


def _reason(message: str, target_size: int, least: int) -> str:
    """Returns, in one line, why the library could not train a model."""
    if "sentences_.empty()" in message:
        return "there is no text to train a SentencePiece model on (lines of more than 4,192 bytes are left out)"
    needed = re.search(r"smaller than required_chars\. \d+ vs (\d+)", message)
    if needed or target_size < least:
        least = int(needed[1]) if needed else least
        return (
            f"a SentencePiece vocabulary of {target_size} is too small: reserved tokens, bytes and the text's "
            f"characters take {least}; choose a larger approx_vocab_size"
        )
    return f"a SentencePiece vocabulary of {target_size} cannot be trained: {' '.join(message.split())}"
