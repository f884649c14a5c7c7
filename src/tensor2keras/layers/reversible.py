"""Reversible blocks: inputs are recomputed from outputs, so no activations are stored."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.layer import Layer


@keras.saving.register_keras_serializable("tensor2keras.layers")
class ReversibleBlock(Layer):
    """y1 = x1 + f(x2), y2 = x2 + g(y1), for each pair of layers in turn (Gomez et al. 2017, equation 6).

    Args:
        pairs: the layers f and g, each from one tensor to one of the same shape; they take `training`.
        scopes: the scopes of each pair's variables.

    Call arguments:
        x1, x2: tensors of one shape.
        training: passed to the layers. In training, gradients come by way of `backend.reversible_chain`.

    Reference:
        T2T `contrib.layers().rev_block`.
    """

    def __init__(
        self, pairs: Sequence[tuple[keras.layers.Layer, keras.layers.Layer]], name: str = "revblock", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.functions = [layer for pair in pairs for layer in pair]

    def build(self, x_shape: tuple) -> None:
        for i, layer in enumerate(self.functions):
            with keras.name_scope(f"revlayer_{i // 2}"), keras.name_scope("fg"[i % 2]):
                layer.build(x_shape)
        self.built = True

    def call(self, x1: Any, x2: Any, training: bool = False) -> tuple[Any, Any]:
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


def _pure(layer: keras.layers.Layer, variables: list[Any]) -> backend.Function:
    """function(x, values of the variables) -> the layer's output and the new values of those that do not train."""
    moving = [variable for variable in variables if not variable.trainable]

    def function(x: Any, values: Sequence[Any]) -> tuple[Any, list[Any]]:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
            y = layer(x, training=True)
        return y, [scope.get_current_value(variable) for variable in moving]

    return function
