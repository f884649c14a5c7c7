"""`decode`: encodes texts, decodes them in batches of similar length and returns the outputs as text."""

import reprlib
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from absl import logging

from tensor2keras.decoding.options import BEAM_SIZE, decode_options
from tensor2keras.decoding.search import LENGTH_STEP, infer, input_length, round_up
from tensor2keras.symbols import EOS_ID

BATCHES_WORTH_XLA = 4  # XLA halves the time of a batch and doubles the time of compilation
SHORTEST_WIDTH = 16  # inputs are padded to this times a power of two, so that few shapes are compiled


class Decoded(NamedTuple):
    """The outputs decoded for one text, best first."""

    ids: list[np.ndarray]  # `top_beams` arrays [length], without EOS
    scores: list[float]


def decode(
    model: keras.Model,
    problem: Any,
    texts: Sequence[str] | str,
    decode_length: int = 50,
    beam_size: int | None = None,
    alpha: float | None = None,
    batch_size: int = 32,
    top_beams: int = 1,
    return_scores: bool = False,
    progress: bool | None = None,
    sampling_method: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    jit_compile: bool | None = None,
) -> Any:
    """Translates, summarises, classifies or continues texts.

    Texts are decoded longest first, so that a batch has texts of similar length; the results are in the order of
    `texts`. The output of an empty text is empty (a language model continues it).

    Args:
        model: a trained model.
        problem: the Problem it was trained on, for its encoders.
        texts: texts, or one text.
        decode_length: maximum number of tokens beyond the length of the input.
        beam_size: width of the beam search, 4 by default; 1 decodes greedily or samples.
        alpha: strength of beam search's length penalty; 0.6 by default.
        batch_size: texts decoded at a time.
        top_beams: number of outputs per text.
        return_scores: whether each output is returned with its score.
        progress: whether to show a progress bar on stderr; by default if stderr is a terminal.
        sampling_method, temperature, top_k, top_p: as for `infer`; any of them samples instead of searching.
        seed: for sampling; every batch samples differently. None samples differently each time.
        jit_compile: whether TensorFlow compiles with XLA; by default if there are `BATCHES_WORTH_XLA` batches or more.

    Returns:
        A list with one output per text (for a single text, just that output). An output is a text (for classes, the
        label's name); with `return_scores` a pair (text, score); with `top_beams` above 1 a list of these.

    Example:
        >>> tensor2keras.decode(model, problem, ["A dog runs."], beam_size=4, alpha=0.6)
        ['Ein Hund rennt.']
        >>> tensor2keras.decode(model, problem, ["A dog runs."], temperature=0.8, top_k=10)
        ['Ein Hund läuft.']

    Raises:
        ValueError: options as for `infer`; a `batch_size` below 1, a `decode_length` below 0; what is not a text.
    """
    _check_texts(texts)
    sampling = {"sampling_method": sampling_method, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    options = decode_options(BEAM_SIZE, beam_size=beam_size, top_beams=top_beams, alpha=alpha, **sampling)
    encoders = problem.get_feature_encoders()
    single = isinstance(texts, str)
    decoded = decode_ids(
        model,
        encode(encoders, [texts] if single else texts, hparams=getattr(model, "hparams", None)),
        "inputs" if "inputs" in encoders else "targets",
        decode_length=decode_length,
        beam_size=options.beam_size,
        alpha=alpha,
        batch_size=batch_size,
        top_beams=top_beams,
        progress=progress,
        seed=seed,
        jit_compile=jit_compile,
        **sampling,
    )
    outputs = [output(encoders["targets"], result, top_beams, return_scores) for result in decoded]
    return outputs[0] if single else outputs


def _check_texts(texts: Any) -> None:
    """Raises ValueError unless these are texts, or one text."""
    if isinstance(texts, Mapping) or not isinstance(texts, Iterable):
        raise ValueError(f"texts={texts!r}: decode takes a list of texts; model.infer decodes arrays of ids")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"texts[{number}] is {reprlib.repr(text)}: decode takes texts; model.infer decodes arrays of ids"
            )


def encode(
    encoders: dict[str, Any], texts: Sequence[str], max_input_size: int = -1, hparams: Any = None
) -> list[Any | None]:
    """Returns the ids of each text: inputs end in EOS, a language model's prompts do not. None for an empty input.

    For problems on images or audio a text is the path of a file, and its pixels or frames are returned unchanged.

    Args:
        encoders: text encoders by feature name.
        texts: the texts; whitespace at both ends is stripped, except from prompts.
        max_input_size: longer inputs are cut to this many tokens, EOS included; -1 for no limit.
        hparams: the model's; they define the audio features.
    """
    if "inputs" not in encoders:
        return [encoders["targets"].encode(text) for text in texts]
    if hasattr(encoders["inputs"], "prepare"):
        return [encoders["inputs"].prepare(text, hparams) if text else None for text in map(str.strip, texts)]
    limit = max_input_size - 1 if max_input_size > 0 else None
    encoded = [encoders["inputs"].encode(text) if text else None for text in map(str.strip, texts)]
    if any(np.ndim(ids) > 1 for ids in encoded if ids is not None):
        return encoded
    cut = sum(ids is not None and limit is not None and len(ids) > limit for ids in encoded)
    if cut:
        logging.warning("%d of %d inputs were cut at max_input_size=%d tokens.", cut, len(texts), max_input_size)
    return [None if ids is None else [*ids[:limit], EOS_ID] for ids in encoded]


def decode_ids(
    model: keras.Model,
    sequences: Sequence[Sequence[int] | None],
    feature: str = "inputs",
    decode_length: int = 50,
    batch_size: int = 32,
    progress: bool | None = None,
    seed: int | None = None,
    jit_compile: bool | None = None,
    **options: Any,
) -> list[Decoded | None]:
    """Decodes id sequences of any lengths, in batches, longest first.

    Args:
        model: a trained model.
        sequences: ids, images of one size [height, width, channels] or audio; None is skipped.
        feature: the feature to pass them as: "inputs", or a language model's "targets".
        decode_length: maximum number of tokens beyond the length of the longest sequence of a batch.
        batch_size: sequences decoded at a time.
        progress: as in `decode`.
        seed: for sampling; every batch samples differently.
        jit_compile: whether TensorFlow compiles with XLA; by default if there are `BATCHES_WORTH_XLA` batches or more.
        **options: further arguments of `infer`.

    Returns:
        One `Decoded` per sequence, in the order of `sequences`; None for None.

    Raises:
        ValueError: a `batch_size` below 1, a `decode_length` below 0.
    """
    for name, value, lowest in (("batch_size", batch_size, 1), ("decode_length", decode_length, 0)):
        if value < lowest:
            raise ValueError(f"{name}={value} must be at least {lowest}")
    results: list[Decoded | None] = [None] * len(sequences)
    total = sum(sequence is not None for sequence in sequences)
    if jit_compile is None:
        are_images = any(np.ndim(sequence) > 1 for sequence in sequences[:1])  # XLA's convolutions are slow on CPUs
        jit_compile = total > (BATCHES_WORTH_XLA - 1) * batch_size and not are_images
    with _Progress(total, progress) as shown:
        for number, rows in enumerate(batches(sequences, batch_size)):
            longest = max(len(sequences[row]) for row in rows)
            chosen = [sequences[row] for row in rows]
            is_image = np.ndim(chosen[0]) > 1 and not has_audio_inputs(getattr(model, "hparams", None))
            width = None if is_image else width_for(longest)
            ids = pad(chosen, _height(len(rows), batch_size, total), width)
            padded = input_length(model, ids)
            found = infer(
                model,
                {feature: ids},
                decode_length=decode_length - (padded - input_length(model, ids[:, :longest])),
                max_length=round_up(padded + decode_length, LENGTH_STEP),
                seed=None if seed is None else seed + number,
                jit_compile=jit_compile,
                **options,
            )
            outputs, scores = (keras.ops.convert_to_numpy(found[name]) for name in ("outputs", "scores"))
            for place, row in enumerate(rows):
                results[row] = _decoded(outputs[place], scores[place])
            shown.add(len(rows))
    return results


def until_eos(ids: np.ndarray) -> np.ndarray:
    """Returns `ids` [length] up to the first EOS (exclusive), without padding at the end."""
    ends = np.flatnonzero(ids == EOS_ID)
    if len(ends):
        return ids[: ends[0]]
    return np.trim_zeros(ids, "b")


def output(encoder: Any, decoded: Decoded | None, top_beams: int = 1, with_scores: bool = False) -> Any:
    """Returns the text of one `Decoded`, or text and score, or a list of them, as `decode` does."""
    texts = [""] * top_beams if decoded is None else [to_text(encoder, ids) for ids in decoded.ids]
    scores = [0.0] * top_beams if decoded is None else decoded.scores
    outputs = list(zip(texts, scores, strict=True)) if with_scores else texts
    return outputs if top_beams > 1 else outputs[0]


def to_text(encoder: Any, ids: np.ndarray) -> str:
    """Returns ids [length] as text, a class label (a scalar) as its name, real values as numbers."""
    if ids.dtype.kind == "f":
        return " ".join(f"{value:g}" for value in ids.reshape(-1))
    return encoder.decode(ids.tolist())


def _decoded(outputs: np.ndarray, scores: np.ndarray) -> Decoded:
    """Returns one row of `infer`'s results: outputs [beams, length], [length] or a class []; scores [beams] or []."""
    beams = outputs if np.ndim(scores) else outputs[None]
    is_text = beams.dtype.kind == "i" and beams.ndim == 2
    return Decoded([until_eos(ids) if is_text else ids for ids in beams], np.atleast_1d(scores).tolist())


def batches(sequences: Sequence[Sequence[int] | None], batch_size: int) -> Iterator[list[int]]:
    """Yields the indices of the sequences that are not None, longest first, `batch_size` at a time."""
    order = sorted((i for i, ids in enumerate(sequences) if ids is not None), key=lambda i: -len(sequences[i]))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def _height(rows: int, batch_size: int, total: int) -> int:
    """Returns the rows to pad a batch to: `batch_size`, or a power of two if there are fewer texts in all."""
    return batch_size if total > batch_size else min(batch_size, 1 << (rows - 1).bit_length())


def width_for(longest: int) -> int:
    """Returns the width to pad a batch to: `SHORTEST_WIDTH` times a power of two."""
    width = SHORTEST_WIDTH
    while width < longest:
        width *= 2
    return width


def has_audio_inputs(hparams: Any) -> bool:
    """Returns whether the inputs of a model with these hyperparameters are audio."""
    problem = (hparams or {}).get("problem") or {}
    return ((problem.get("features") or {}).get("inputs") or {}).get("modality") == "speech_recognition"


def pad(sequences: Sequence[Any], height: int, width: int | None) -> np.ndarray:
    """Returns sequences padded with 0 to one array [height, width, ...], ids as int32.

    Additional rows repeat the last sequence, which needs no additional decoding steps. Without a width (images) the
    sequences are stacked unpadded.
    """
    if width is None:
        return np.stack([sequences[min(row, len(sequences) - 1)] for row in range(height)])
    first = np.asarray(sequences[0])
    filled = np.zeros((height, width, *first.shape[1:]), np.float32 if first.dtype.kind == "f" else np.int32)
    for row in range(height):
        sequence = sequences[min(row, len(sequences) - 1)]
        filled[row, : len(sequence)] = sequence
    return filled


class _Progress:
    """Shows `123/1000 sentences, 45.6 a second` on stderr, in place on a terminal; a context manager."""

    def __init__(self, total: int, shown: bool | None):
        self.total, self.done = total, 0
        self.shown = total > 0 and (sys.stderr.isatty() if shown is None else shown)

    def __enter__(self) -> "_Progress":
        self.start = time.perf_counter()
        return self

    def add(self, count: int) -> None:
        self.done += count
        if not self.shown:
            return
        rate = self.done / (time.perf_counter() - self.start)
        filled = 30 * self.done // self.total
        bar = "=" * filled + "." * (30 - filled)
        start, end = ("\r", "") if sys.stderr.isatty() else ("", "\n")
        text = f"{start}[{bar}] {self.done}/{self.total} sentences, {rate:.1f} a second"
        print(text, end=end, file=sys.stderr, flush=True)

    def __exit__(self, *_: Any) -> None:
        if self.shown and sys.stderr.isatty():
            print(file=sys.stderr)
