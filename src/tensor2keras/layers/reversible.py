"""Reversible blocks: inputs are recomputed from outputs, so no activations are stored (Gomez et al. 2017)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Shape, Tensor


class ReversibleBlock(Layer):
    """y1 = x1 + f(x2), y2 = x2 + g(y1), for each pair of layers in turn.

    In training, inputs are recomputed from outputs (`backend.reversible_chain`), so no activations are stored.

    Args:
        pairs: layers f and g, whose output has the shape of their input; they take `training`. Their variables are
            in the scopes `revlayer_i/f` and `revlayer_i/g`.

    Call arguments:
        x1, x2: tensors of one shape.
        training: passed to the layers.

    Returns:
        y1 and y2 of the last pair.

    Reference:
        Gomez et al. 2017, https://arxiv.org/abs/1707.04585, equation 6; T2T `contrib.layers().rev_block`.
    """

    def __init__(
        self, pairs: Sequence[tuple[keras.layers.Layer, keras.layers.Layer]], name: str = "revblock", **kwargs: Any
    ):
        super().__init__(name=name, **kwargs)
        self.functions = [layer for pair in pairs for layer in pair]

    def build(self, x1_shape: Shape, x2_shape: Shape | None = None) -> None:
        for i, layer in enumerate(self.functions):
            with keras.name_scope(f"revlayer_{i // 2}"), keras.name_scope("fg"[i % 2]):
                layer.build(x1_shape)

    def call(self, x1: Tensor, x2: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        if not training:
            for f, g in zip(self.functions[::2], self.functions[1::2], strict=True):
                x1 = x1 + f(x2)
                x2 = x2 + g(x1)
            return x1, x2
        variables = [layer.weights for layer in self.functions]
        y1, y2, updates = backend.reversible_chain(
            x1,
            x2,
            [_pure(*pair) for pair in zip(self.functions, variables, strict=True)],
            # copies of what is assigned below, before the gradient is computed
            [[v.value if v.trainable else ops.copy(v.value) for v in group] for group in variables],
        )
        for group, values in zip(variables, updates, strict=True):
            for variable, value in zip([v for v in group if not v.trainable], values, strict=True):
                variable.assign(value)
        return y1, y2


def _pure(layer: keras.layers.Layer, variables: list[keras.Variable]) -> backend.Function:
    """Returns a function of x and the variables' values that returns the layer's output and the new values of the
    non-trainable variables."""
    moving = [variable for variable in variables if not variable.trainable]

    def function(x: Tensor, values: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
            y = layer(x, training=True)
        return y, [scope.get_current_value(variable) for variable in moving]

    return function
