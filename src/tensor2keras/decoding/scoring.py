"""Log-probabilities of given targets (T2T's `t2t-decoder --score_file`)."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tensor2keras.backend import compiled
from tensor2keras.decoding.text import batches, pad, width_for
from tensor2keras.symbols import EOS_ID
from tensor2keras.types import Features, Tensor


def score_texts(
    model: keras.Model, encoders: Mapping[str, Any], lines: Sequence[tuple[str | None, str]], batch_size: int = 32
) -> list[float]:
    """Returns each target's loss: its negative log-probability, EOS included, divided by its number of tokens.

    Args:
        model: a trained model.
        encoders: text encoders by feature name.
        lines: (input, target) texts; the input is None for a language model.
        batch_size: lines scored at a time.
    """
    targets = [[*encoders["targets"].encode(target), EOS_ID] for _, target in lines]
    inputs = [[*encoders["inputs"].encode(source), EOS_ID] for source, _ in lines] if "inputs" in encoders else None
    run = compiled(model, lambda features: target_losses(model, features), jit_compile=False)
    losses = np.zeros(len(lines))
    for rows in batches(targets, batch_size):
        features = {"targets": _matrix(targets, rows, batch_size)}
        if inputs is not None:
            features["inputs"] = _matrix(inputs, rows, batch_size)
        losses[rows] = ops.convert_to_numpy(run(features))[: len(rows)]
    return losses.tolist()


def target_losses(model: keras.Model, features: Features) -> Tensor:
    """Returns the mean negative log-probability [batch] of the tokens of "targets" [batch, length], without padding."""
    targets = ops.cast(features["targets"], "int32")
    logits = ops.cast(model(features, training=False), "float32")[:, : targets.shape[1]]  # [batch, length, vocab]
    chosen = ops.take_along_axis(logits, targets[:, :, None], axis=-1)[:, :, 0]
    losses = ops.logsumexp(logits, axis=-1) - chosen
    weights = ops.cast(targets != 0, "float32")
    return ops.sum(losses * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


def _matrix(sequences: Sequence[Sequence[int]], rows: Sequence[int], batch_size: int) -> Tensor:
    longest = max(len(sequences[row]) for row in rows)
    return ops.convert_to_tensor(pad([sequences[row] for row in rows], batch_size, width_for(longest)))
