"""One function of the model, compiled by the backend that Keras runs on."""

from collections.abc import Callable
from typing import Any

import keras


def compiled(model: keras.Model, function: Callable[..., Any], jit_compile: bool = True) -> Callable[..., Any]:
    """`function(*tensors)`, which calls `model`, as one compiled function.

    The model's variables are read at every call, so that later training is seen; new shapes of the arguments compile
    anew.

    Args:
        model: the built model whose variables `function` reads.
        function: takes and returns nested structures of tensors.
        jit_compile: compile with XLA on TensorFlow; without it the function is a plain graph there. JAX always
            compiles, PyTorch runs the function as it stands.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=jit_compile)
    if backend == "jax":
        return _jax_compiled(model, function)
    if backend == "torch":
        import torch

        return torch.no_grad()(function)
    return function


def _jax_compiled(model: keras.Model, function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    variables = [*model.trainable_variables, *model.non_trainable_variables]

    @jax.jit
    def stateless(values: list[Any], *tensors: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*tensors)

    return lambda *tensors: stateless([variable.value for variable in variables], *tensors)
