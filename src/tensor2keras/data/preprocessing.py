"""Truncation of sequences and prepending of inputs to targets, for one example or a window of examples."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

LIMITS = {"inputs": "max_input_seq_length", "targets": "max_target_seq_length"}  # feature -> hyperparameter

Features = dict[str, tf.Tensor | tf.RaggedTensor]  # by name: of an example, a window of examples or a batch
Window = Features  # tensors over the same examples, sequences ragged


def truncate(features: Window, hparams: Mapping[str, Any]) -> Window:
    """Cuts ragged `inputs` at `max_input_seq_length` and ragged `targets` at `max_target_seq_length`; 0 is no limit."""
    features = dict(features)
    for name, hparam in LIMITS.items():
        limit = hparams.get(hparam, 0)
        if limit and isinstance(features.get(name), tf.RaggedTensor):
            features[name] = features[name][:, :limit]
    return features


def prepend_inputs(features: Window, hparams: Mapping[str, Any]) -> Window:
    """Puts the truncated inputs and a 0 before the targets, unless `prepend_mode` is "none"."""
    if not _prepends(hparams):
        return dict(features)
    inputs = truncate({"inputs": features["inputs"]}, hparams)["inputs"]
    separators = tf.zeros([inputs.nrows(), 1], inputs.dtype)
    return {**features, "inputs": inputs, "targets": tf.concat([inputs, separators, features["targets"]], axis=1)}


def preprocess_example_common(example: Features, mode: str, hparams: Mapping[str, Any]) -> Features:
    """Prepends inputs as `prepend_mode` says and truncates one example (T2T's `preprocess_example_common`).

    Args:
        example: one example's features, ids `[length]`.
        mode: the split.
        hparams: the model's hyperparameters; absent ones count as unset.

    Returns:
        The example with `inputs` and `targets` changed, other features as they are.
    """
    del mode
    if not _prepends(hparams) and not any(hparams.get(hparam, 0) for hparam in LIMITS.values()):
        return dict(example)
    window = {name: tf.RaggedTensor.from_tensor(example[name][None]) for name in LIMITS if _is_sequence(example, name)}
    window = truncate(prepend_inputs(window, hparams), hparams)
    return {**example, **{name: x[0] for name, x in window.items()}}


def _prepends(hparams: Mapping[str, Any]) -> bool:
    return hparams.get("prepend_mode", "none") != "none"


def _is_sequence(example: Features, name: str) -> bool:
    return name in example and example[name].shape.rank != 0
