"""Truncation of sequences and prepending of inputs to targets, for one example or a window of examples."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

LIMITS = {"inputs": "max_input_seq_length", "targets": "max_target_seq_length"}  # feature -> hyperparameter

Features = dict[str, tf.Tensor | tf.RaggedTensor]  # by name: of an example, a window of examples or a batch
Window = Features  # tensors over the same examples, sequences ragged


def truncate(features: Features, hparams: Mapping[str, Any], axis: int = 1) -> Features:
    """Cuts `inputs` at `max_input_seq_length` and `targets` at `max_target_seq_length`, if they are sequences.

    Args:
        features: a window, whose ragged features are sequences, or one example.
        hparams: the model's hyperparameters; a limit that is 0 or absent is none.
        axis: 1 for a window, 0 for one example.
    """
    features = dict(features)
    for name, hparam in LIMITS.items():
        limit = hparams.get(hparam, 0)
        if limit and name in features and _is_sequence(features[name], axis):
            features[name] = features[name][:limit] if axis == 0 else features[name][:, :limit]
    return features


def prepend_inputs(features: Features, hparams: Mapping[str, Any], axis: int = 1) -> Features:
    """Puts the truncated inputs and a 0 before the targets, unless `prepend_mode` is "none"; see `truncate`."""
    if hparams.get("prepend_mode", "none") == "none":
        return dict(features)
    inputs = truncate({"inputs": features["inputs"]}, hparams, axis)["inputs"]
    separator = tf.zeros([1] if axis == 0 else [inputs.nrows(), 1], inputs.dtype)
    return {**features, "inputs": inputs, "targets": tf.concat([inputs, separator, features["targets"]], axis)}


def preprocess_example_common(example: Features, mode: str, hparams: Mapping[str, Any]) -> Features:
    """Prepends inputs according to `prepend_mode` and truncates one example (T2T's `preprocess_example_common`).

    Args:
        example: one example's features, ids `[length]`.
        mode: the split.
        hparams: the model's hyperparameters; absent ones count as unset.

    Returns:
        The example with `inputs` and `targets` changed, other features as they are.
    """
    del mode
    return truncate(prepend_inputs(example, hparams, axis=0), hparams, axis=0)


def _is_sequence(feature: tf.Tensor | tf.RaggedTensor, axis: int) -> bool:
    return isinstance(feature, tf.RaggedTensor) if axis else feature.shape.rank != 0
