"""What Keras has no backend-independent call for; each function says what it does where the backend has no such thing.

Nothing here is imported before it is needed, so that one backend is enough.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops


def batch_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Normalizes each channel of [..., channels] over all else; also its mean and its (biased) variance, float32.

    On TensorFlow one fused operation, which takes a third of the time of `ops.moments` and what follows.
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
    """`keras.ops.scan` for sequences whose length is not known when TensorFlow makes the graph, where that one fails.

    Args:
        f: takes the state and one element of `xs`; returns the next state and a value of the state's structure.
        init: the first state.
        xs: tensors [length, ...].

    Returns:
        The last state, and the values, each [length, ...].
    """
    if keras.backend.backend() != "tensorflow" or keras.tree.flatten(xs)[0].shape[0] is not None:
        return ops.scan(f, init, xs)
    import tensorflow as tf

    values = tf.nest.map_structure(tf.zeros_like, init)
    states, values = tf.scan(lambda before, x: f(before[0], x), xs, (init, values))
    return tf.nest.map_structure(lambda state: state[-1], states), values


def look_up(table: Any, ids: Any, axis: int = 0) -> Any:
    """Rows of a variable by their ids; the gradient is dense.

    TensorFlow's gradient of a look-up in a variable is an `IndexedSlices`. Added to the gradient of a softmax that
    shares the table, it would have rows + ids rows; the reshape makes it a tensor.

    Args:
        table: a variable, [rows, width] for axis 0.
        ids: integers [...].
        axis: the table's axis of rows.

    Returns:
        [..., width] for axis 0; what `ops.take` returns for another.
    """
    rows = ops.reshape(ops.convert_to_tensor(table), tuple(table.shape))
    return ops.take(rows, ops.cast(ids, "int32"), axis=axis)


# (x, weights) -> y and further values, which have no gradient
Function = Callable[[Any, Sequence[Any]], tuple[Any, list[Any]]]


def reversible(
    x1: Any, x2: Any, functions: Sequence[Function], weights: Sequence[Sequence[Any]]
) -> tuple[Any, Any, list[list[Any]]]:
    """y1 = x1 + f(x2), y2 = x2 + g(y1), again and again; only the last two are kept for the gradient.

    The gradient computes the input of each function anew from its output, so that memory does not grow with their
    number.

    Args:
        x1, x2: tensors of one shape.
        functions: f and g of the first pair, f and g of the second, ...: pure functions.
        weights: the tensors that each function takes besides.

    Returns:
        The last y1 and y2, and the further values of each function.

    Reference:
        Gomez et al. 2017, https://arxiv.org/abs/1707.04585, algorithm 1.
    """
    implementation = {"tensorflow": _reversible_tensorflow, "jax": _reversible_jax, "torch": _reversible_torch}
    return implementation[keras.backend.backend()](x1, x2, list(functions), [list(group) for group in weights])


def _run(x1: Any, x2: Any, functions: list[Function], weights: list[list[Any]]) -> tuple[Any, Any, list[list[Any]]]:
    further = []
    for function, group in zip(functions, weights, strict=True):
        y, values = function(x2, group)
        x1, x2 = x2, x1 + y
        further.append(values)
    return x1, x2, further


def _run_back(
    y1: Any, y2: Any, dy1: Any, dy2: Any, functions: list[Function], weights: list[list[Any]], vjp: Callable
) -> tuple[Any, Any, list[list[Any]]]:
    """Gradients by the inputs and by all weights.

    Args:
        vjp: `vjp(function, x, weights, dy)` -> y and the gradients by x and by the weights.
    """
    gradients = []
    for function, group in zip(reversed(functions), reversed(weights), strict=True):
        value, dx, dgroup = vjp(function, y1, group, dy2)  # (y1, y2) is (x2, x1 + function(x2))
        y1, y2 = y2 - value, y1
        dy1, dy2 = dy2, dy1 + dx
        gradients.append(dgroup)
    return dy1, dy2, gradients[::-1]


def _reversible_tensorflow(x1: Any, x2: Any, functions: list[Function], weights: list[list[Any]]) -> Any:
    import tensorflow as tf

    def vjp(function: Function, x: Any, group: list[Any], dy: Any) -> tuple[Any, Any, list[Any]]:
        with tf.control_dependencies([dy]):  # one function after the other, and none before the gradient gets here
            x = tf.identity(x)
        with tf.GradientTape() as tape:
            tape.watch([x, *group])
            y, _ = function(x, group)
        dx, *dgroup = tape.gradient(y, [x, *group], dy, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return y, dx, dgroup

    counts: list[int] = []

    @tf.custom_gradient
    def call(x1: Any, x2: Any, *flat: Any) -> Any:
        groups = _grouped(flat, weights)
        y1, y2, further = _run(x1, x2, functions, groups)
        counts.extend(map(len, further))

        def gradient(dy1: Any, dy2: Any, *_: Any) -> Any:
            dx1, dx2, dgroups = _run_back(y1, y2, dy1, dy2, functions, groups, vjp)
            return dx1, dx2, *_flat(dgroups)

        return (y1, y2, *_flat(further)), gradient

    y1, y2, *further = call(*map(tf.convert_to_tensor, (x1, x2, *_flat(weights))))
    return y1, y2, _grouped(further, [range(count) for count in counts])


def _reversible_jax(x1: Any, x2: Any, functions: list[Function], weights: list[list[Any]]) -> Any:
    import jax

    def vjp(function: Function, x: Any, group: list[Any], dy: Any) -> tuple[Any, Any, list[Any]]:
        y, back, _ = jax.vjp(function, x, group, has_aux=True)
        return y, *back(dy)

    @jax.custom_vjp
    def call(x1: Any, x2: Any, weights: list[list[Any]]) -> Any:
        return _run(x1, x2, functions, weights)

    def forward(x1: Any, x2: Any, weights: list[list[Any]]) -> Any:
        y1, y2, further = _run(x1, x2, functions, weights)
        return (y1, y2, further), (y1, y2, weights)

    def backward(saved: Any, upstream: Any) -> Any:
        y1, y2, weights = saved
        dy1, dy2, _ = upstream
        return _run_back(y1, y2, dy1, dy2, functions, weights, vjp)

    call.defvjp(forward, backward)
    return call(x1, x2, weights)


def _reversible_torch(x1: Any, x2: Any, functions: list[Function], weights: list[list[Any]]) -> Any:
    import torch

    further: list[list[Any]] = []

    def vjp(function: Function, x: Any, group: list[Any], dy: Any) -> tuple[Any, Any, list[Any]]:
        tensors = [value.detach().requires_grad_() for value in (x, *group)]
        with torch.enable_grad():
            y, _ = function(tensors[0], tensors[1:])
        found = torch.autograd.grad(y, tensors, dy, allow_unused=True)
        dx, *dgroup = (torch.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=True))
        return y.detach(), dx, dgroup

    class Reversible(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x1: Any, x2: Any, *flat: Any) -> tuple[Any, Any]:
            y1, y2, values = _run(x1, x2, functions, _grouped(flat, weights))
            further.extend(values)
            ctx.save_for_backward(y1, y2, *flat)
            return y1, y2

        @staticmethod
        def backward(ctx: Any, dy1: Any, dy2: Any) -> tuple[Any, ...]:
            y1, y2, *flat = ctx.saved_tensors
            dx1, dx2, dgroups = _run_back(y1, y2, dy1, dy2, functions, _grouped(flat, weights), vjp)
            return dx1, dx2, *_flat(dgroups)

    return *Reversible.apply(x1, x2, *_flat(weights)), further


def _flat(groups: Sequence[Sequence[Any]]) -> list[Any]:
    return [value for group in groups for value in group]


def _grouped(flat: Sequence[Any], like: Sequence[Sequence[Any]]) -> list[list[Any]]:
    values = iter(flat)
    return [[next(values) for _ in group] for group in like]


def compiled(model: keras.Model, function: Callable[..., Any], jit_compile: bool = True) -> Callable[..., Any]:
    """Returns `function(*tensors)`, which calls `model`, as one function compiled by the backend.

    The model's variables are read at every call, so later training takes effect. Arguments of a new shape are compiled
    anew.

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
