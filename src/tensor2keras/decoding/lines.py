"""Output lines in the format of `t2t-decoder`, for texts and for a split of a problem's data."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tensor2keras.decoding import text
from tensor2keras.decoding.decode_hparams import sampling_options
from tensor2keras.decoding.scoring import score_texts
from tensor2keras.hparams import HParams
from tensor2keras.types import Features

DEFAULT_BATCH_SIZE = 32


class DecodedSplit(NamedTuple):
    """The outputs for a split and its features as text, with one line per example."""

    outputs: list[str]
    features: dict[str, list[str]]  # "targets", and "inputs" unless the problem is a language model


def decode_lines(
    model: keras.Model, problem: Any, texts: Sequence[str], hp: HParams, seed: int | None = None
) -> list[str]:
    """Decodes texts and returns `hp.num_decodes` output lines per text.

    A line is the best output; with `hp.return_beams` all beams separated by tabs, each followed by its score with
    `hp.write_beam_scores`; with `hp.identity_output` ids instead of text.

    Args:
        model: a trained model.
        problem: the Problem it was trained on, for its encoders.
        texts: the inputs, or a language model's prompts.
        hp: T2T's decoding hyperparameters (`decode_hparams`).
        seed: for sampling; None samples differently each time.
    """
    encoders = problem.get_feature_encoders()
    repeated = [line for line in texts for _ in range(hp.num_decodes)]
    ids = text.encode(encoders, repeated, hp.max_input_size, model.hparams)
    return _decode(model, encoders, ids, hp, seed)


def decode_split(model: keras.Model, problem: Any, split: str, hp: HParams, seed: int | None = None) -> DecodedSplit:
    """Decodes the first `hp.num_samples` examples of a split (-1: all).

    Args:
        model: a trained model.
        problem: the Problem, with generated data.
        split: "train", "validation" or "test".
        hp, seed: as for `decode_lines`.
    """
    encoders = problem.get_feature_encoders()
    examples = dataset_examples(problem, split, model.hparams, hp.num_samples)
    source = "inputs" if "inputs" in encoders else "targets"
    outputs = _decode(model, encoders, [example[source] for example in examples], hp, seed)
    features = {
        name: [_one_line(_feature_text(encoders[name], example[name])) for example in examples]
        for name in ("inputs", "targets")
        if name in encoders
    }
    return DecodedSplit(outputs, features)


def score_lines(model: keras.Model, problem: Any, pairs: Sequence[tuple[str, str]], hp: HParams) -> list[str]:
    """Returns each target's negative log-probability per token, with six decimals.

    Args:
        model: a trained model.
        problem: the Problem it was trained on, for its encoders.
        pairs: (input, target) texts, as `text_files.read_pairs` returns them.
        hp: T2T's decoding hyperparameters, of which only `batch_size` is used.
    """
    encoders = problem.get_feature_encoders()
    return [f"{loss:.6f}" for loss in score_texts(model, encoders, pairs, hp.batch_size or DEFAULT_BATCH_SIZE)]


def dataset_examples(problem: Any, split: str, hparams: HParams, limit: int = -1) -> list[Features]:
    """Returns the first `limit` examples (-1: all) of a split, each a dict of unpadded features.

    With `hparams.prepend_mode` the inputs are removed from the targets. Frames of silence at the end of audio count as
    padding.
    """
    is_prepended = hparams.get("prepend_mode", "none") != "none"
    examples: list[Features] = []
    for features, _, _ in problem.dataset(split, hparams).as_numpy_iterator():
        for row in range(len(features["targets"])):
            example = {name: values[row] for name, values in features.items()}
            example = {name: np.trim_zeros(v, "b") if v.ndim == 1 else v for name, v in example.items()}
            if text.has_audio_inputs(hparams) and example["inputs"].ndim > 1:
                sounds = np.flatnonzero(example["inputs"].any(axis=(1, 2)))
                example["inputs"] = example["inputs"][: sounds[-1] + 1 if len(sounds) else 0]
            if not all(value.size for value in example.values()):  # a row that only fills the batch
                continue
            if is_prepended:
                ends = np.flatnonzero(example["targets"] == 0)
                example["targets"] = example["targets"][ends[0] + 1 if len(ends) else 0 :]
            examples.append(example)
        if 0 <= limit <= len(examples):
            break
    return examples[:limit] if limit >= 0 else examples


def _decode(
    model: keras.Model, encoders: dict[str, Any], sequences: Sequence[Any], hp: HParams, seed: int | None
) -> list[str]:
    decoded = text.decode_ids(
        model,
        sequences,
        "inputs" if "inputs" in encoders else "targets",
        decode_length=hp.extra_length,
        batch_size=hp.batch_size or DEFAULT_BATCH_SIZE,
        progress=True,
        seed=seed,
        beam_size=hp.beam_size,
        alpha=hp.alpha if hp.beam_size > 1 else None,
        top_beams=hp.beam_size if hp.return_beams else 1,
        **sampling_options(hp),
    )
    return [_output_line(encoders["targets"], result, hp) for result in decoded]


def _output_line(encoder: Any, decoded: text.Decoded | None, hp: HParams) -> str:
    if decoded is None:
        return ""
    columns = []
    for ids, score in zip(decoded.ids, decoded.scores, strict=True):
        columns.append(
            " ".join(map(str, ids.reshape(-1))) if hp.identity_output else _one_line(text.to_text(encoder, ids))
        )
        if hp.return_beams and hp.write_beam_scores:
            columns.append(f"{score:.2f}")
    return "\t".join(columns)


def _feature_text(encoder: Any, value: np.ndarray) -> str:
    """Returns an example's ids up to EOS as text; other features as their encoder describes them."""
    if value.ndim == 1 and value.dtype.kind == "i":
        return text.to_text(encoder, text.until_eos(value))
    return encoder.decode(value)


def _one_line(content: str) -> str:
    return " ".join(content.split("\n"))
