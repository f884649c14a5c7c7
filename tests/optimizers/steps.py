"""Optimizers from hparams, and how much one step of theirs changes variables."""

import keras
import numpy as np

from tensor2keras.hparams import HParams
from tensor2keras.models.common_hparams import basic_params1


def hparams_with(**overrides) -> HParams:
    """basic_1 with nothing that changes gradients, at a constant learning rate of 0.01."""
    hparams = basic_params1()
    quiet = {"clip_grad_norm": 0.0, "weight_decay": 0.0, "learning_rate_schedule": "constant"}
    return hparams.override({**quiet, "learning_rate_constant": 0.01, **overrides})


def variables_of(*values) -> list[keras.Variable]:
    return [keras.Variable(np.asarray(value, "float32"), name=f"variable_{i}") for i, value in enumerate(values)]


def updates(optimizer, variables, gradients) -> list[np.ndarray]:
    """How much one step changes each variable."""
    before = [np.array(variable.numpy()) for variable in variables]
    if not optimizer.built:
        optimizer.build(variables)
    optimizer.apply([keras.ops.convert_to_tensor(np.asarray(gradient, "float32")) for gradient in gradients])
    return [np.array(variable.numpy()) - value for variable, value in zip(variables, before, strict=True)]
