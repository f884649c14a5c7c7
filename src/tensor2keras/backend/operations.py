"""Tensor operations and the backend's compiler."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tensor2keras.types import Tensor


def on_accelerator() -> bool:
    """Returns whether the backend computes on a GPU or TPU."""
    if keras.backend.backend() == "torch":  # for which Keras lists no devices
        return ops.zeros(()).device.type != "cpu"
    return any(not device.lower().startswith("cpu") for device in keras.distribution.list_devices())


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normalizes each channel over all other axes.

    TensorFlow does it in one fused operation, in a third of the time that `ops.moments` and the arithmetic take.

    Args:
        x: [..., channels].
        gamma, beta: scale and offset [channels].
        epsilon: added to the variance.

    Returns:
        The normalized tensor in the dtype of `x`, and the mean and the biased variance of each channel, float32.
    """
    if keras.backend.backend() == "tensorflow" and len(x.shape) == 4:
        import tensorflow as tf

        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=epsilon, is_training=True)
        count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), variance.dtype)
        return y, mean, variance * (count - 1) / count
    wide = ops.cast(x, "float32")
    mean, variance = ops.moments(wide, axes=list(range(len(x.shape) - 1)))
    y = ops.batch_normalization(wide, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=epsilon)
    return ops.cast(y, x.dtype), mean, variance


def scan(f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any) -> tuple[Any, Any]:
    """Calls `f` on one element of a sequence after the other, carrying a state; the length may be unknown.

    `keras.ops.scan` fails on TensorFlow where the length is not known when the graph is built.

    Args:
        f: takes the state and one element of `xs`; returns the next state and a value of the state's structure.
        init: the first state.
        xs: nested structure of tensors [length, ...].

    Returns:
        The last state, and the values, each [length, ...].
    """
    if keras.backend.backend() != "tensorflow" or keras.tree.flatten(xs)[0].shape[0] is not None:
        return ops.scan(f, init, xs)
    import tensorflow as tf

    values = tf.nest.map_structure(tf.zeros_like, init)
    states, values = tf.scan(lambda before, x: f(before[0], x), xs, (init, values))
    return tf.nest.map_structure(lambda state: state[-1], states), values


def look_up(table: Tensor, ids: Tensor, axis: int = 0) -> Tensor:
    """Returns rows of a variable by their ids; the gradient is dense.

    TensorFlow's gradient of a look-up in a variable is an `IndexedSlices`. Added to the gradient of a softmax that
    shares the table, it would have as many rows as the table and the ids together; the reshape makes it a tensor.

    Args:
        table: a variable, [rows, width] for axis 0.
        ids: integers [...].
        axis: the table's axis of rows.

    Returns:
        [..., width] for axis 0; what `ops.take` returns for another.
    """
    rows = ops.reshape(ops.convert_to_tensor(table), tuple(table.shape))
    return ops.take(rows, ops.cast(ids, "int32"), axis=axis)


def compiled(model: keras.Model, function: Callable[..., Any], jit_compile: bool = True) -> Callable[..., Any]:
    """Returns `function(*tensors)`, which calls `model`, as one function compiled by the backend.

    The model's variables are read at every call, so later training takes effect. Each new shape of the
    arguments is compiled once.

    Args:
        model: the built model whose variables `function` reads.
        function: takes and returns nested structures of tensors.
        jit_compile: whether TensorFlow compiles with XLA; otherwise the function runs as a plain graph there. JAX
            always compiles, PyTorch runs the function eagerly.
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
