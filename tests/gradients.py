"""Gradients on any backend."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


def gradients(function: Callable[[], Any], variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """The gradients of the scalar `function()` by the variables."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = function()
        found = tape.gradient(value, [variable.value for variable in variables])
    elif backend == "jax":
        import jax

        def stateless(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function()

        found = jax.grad(stateless)([variable.value for variable in variables])
    else:
        for variable in variables:
            variable.value.grad = None
        function().backward()
        found = [variable.value.grad for variable in variables]
    return [ops.convert_to_numpy(gradient) for gradient in found]
