"""Chains of reversible functions: inputs are recomputed from outputs, so no activations are stored."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from tensor2keras.types import Tensor

# (x, weights) -> y and auxiliary values, which have no gradient
Function = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, list[Tensor]]]
Groups = list[list[Tensor]]  # a list for each function


def reversible_chain(
    x1: Tensor, x2: Tensor, functions: Sequence[Function], weights: Sequence[Sequence[Tensor]]
) -> tuple[Tensor, Tensor, Groups]:
    """Computes y1 = x1 + f(x2), y2 = x2 + g(y1) for each pair of functions; only the last outputs are stored.

    The gradient recomputes the input of each function from its output, so that memory does not grow with the number of
    functions.

    Args:
        x1, x2: tensors of one shape.
        functions: f and g of the first pair, f and g of the second, ...: pure functions.
        weights: for each function the tensors it takes in addition to its input.

    Returns:
        The last y1 and y2, and the auxiliary values of each function.

    Reference:
        Gomez et al. 2017, https://arxiv.org/abs/1707.04585, algorithm 1.
    """
    implementation = {"tensorflow": _reversible_tensorflow, "jax": _reversible_jax, "torch": _reversible_torch}
    return implementation[keras.backend.backend()](x1, x2, list(functions), [list(group) for group in weights])


def _run(x1: Tensor, x2: Tensor, functions: list[Function], weights: Groups) -> tuple[Tensor, Tensor, Groups]:
    aux = []
    for function, group in zip(functions, weights, strict=True):
        y, values = function(x2, group)
        x1, x2 = x2, x1 + y
        aux.append(values)
    return x1, x2, aux


def _run_back(
    y1: Tensor, y2: Tensor, dy1: Tensor, dy2: Tensor, functions: list[Function], weights: Groups, vjp: Callable
) -> tuple[Tensor, Tensor, Groups]:
    """Returns the gradients with respect to the inputs and to all weights.

    `vjp(function, x, weights, dy)` returns y and the gradients with respect to x and to the weights.
    """
    gradients = []
    for function, group in zip(reversed(functions), reversed(weights), strict=True):
        value, dx, dgroup = vjp(function, y1, group, dy2)  # (y1, y2) is (x2, x1 + function(x2))
        y1, y2 = y2 - value, y1
        dy1, dy2 = dy2, dy1 + dx
        gradients.append(dgroup)
    return dy1, dy2, gradients[::-1]


def _reversible_tensorflow(
    x1: Tensor, x2: Tensor, functions: list[Function], weights: Groups
) -> tuple[Tensor, Tensor, Groups]:
    import tensorflow as tf

    def vjp(function: Function, x: Tensor, group: list[Tensor], dy: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        with tf.control_dependencies([dy]):  # one function at a time, none before its gradient is known
            x = tf.identity(x)
        with tf.GradientTape() as tape:
            tape.watch([x, *group])
            y, _ = function(x, group)
        dx, *dgroup = tape.gradient(y, [x, *group], dy, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return y, dx, dgroup

    counts: list[int] = []

    @tf.custom_gradient
    def call(x1: Tensor, x2: Tensor, *flat: Tensor) -> tuple[Tensor, ...]:
        groups = _grouped(flat, weights)
        y1, y2, aux = _run(x1, x2, functions, groups)
        counts.extend(map(len, aux))

        def gradient(dy1: Tensor, dy2: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
            dx1, dx2, dgroups = _run_back(y1, y2, dy1, dy2, functions, groups, vjp)
            return dx1, dx2, *_flat(dgroups)

        return (y1, y2, *_flat(aux)), gradient

    y1, y2, *aux = call(*map(tf.convert_to_tensor, (x1, x2, *_flat(weights))))
    return y1, y2, _grouped(aux, [range(count) for count in counts])


def _reversible_jax(
    x1: Tensor, x2: Tensor, functions: list[Function], weights: Groups
) -> tuple[Tensor, Tensor, Groups]:
    import jax

    def vjp(function: Function, x: Tensor, group: list[Tensor], dy: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        y, back, _ = jax.vjp(function, x, group, has_aux=True)
        return y, *back(dy)

    @jax.custom_vjp
    def call(x1: Tensor, x2: Tensor, weights: Groups) -> tuple[Tensor, Tensor, Groups]:
        return _run(x1, x2, functions, weights)

    def forward(x1: Tensor, x2: Tensor, weights: Groups) -> tuple[Tensor, Tensor, Groups]:
        y1, y2, aux = _run(x1, x2, functions, weights)
        return (y1, y2, aux), (y1, y2, weights)

    def backward(saved: Any, upstream: Any) -> Any:
        y1, y2, weights = saved
        dy1, dy2, _ = upstream
        return _run_back(y1, y2, dy1, dy2, functions, weights, vjp)

    call.defvjp(forward, backward)
    return call(x1, x2, weights)


def _reversible_torch(
    x1: Tensor, x2: Tensor, functions: list[Function], weights: Groups
) -> tuple[Tensor, Tensor, Groups]:
    import torch

    aux: Groups = []

    def vjp(function: Function, x: Tensor, group: list[Tensor], dy: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        tensors = [value.detach().requires_grad_() for value in (x, *group)]
        with torch.enable_grad():
            y, _ = function(tensors[0], tensors[1:])
        found = torch.autograd.grad(y, tensors, dy, allow_unused=True)
        dx, *dgroup = (torch.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=True))
        return y.detach(), dx, dgroup

    class Reversible(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x1: Tensor, x2: Tensor, *flat: Tensor) -> tuple[Tensor, Tensor]:
            y1, y2, values = _run(x1, x2, functions, _grouped(flat, weights))
            aux.extend(values)
            ctx.save_for_backward(y1, y2, *flat)
            return y1, y2

        @staticmethod
        def backward(ctx: Any, dy1: Tensor, dy2: Tensor) -> tuple[Tensor, ...]:
            y1, y2, *flat = ctx.saved_tensors
            dx1, dx2, dgroups = _run_back(y1, y2, dy1, dy2, functions, _grouped(flat, weights), vjp)
            return dx1, dx2, *_flat(dgroups)

    return *Reversible.apply(x1, x2, *_flat(weights)), aux


def _flat(groups: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [value for group in groups for value in group]


def _grouped(flat: Sequence[Tensor], like: Sequence[Sequence[Any]]) -> Groups:
    values = iter(flat)
    return [[next(values) for _ in group] for group in like]
