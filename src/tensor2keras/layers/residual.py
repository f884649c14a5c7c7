"""The steps before and after a sublayer, as a string (T2T `layer_prepostprocess`).

"a" is the residual, "n" a norm, "d" dropout, "z" a residual that begins at zero.
"""

from collections.abc import Sequence
from typing import Any

import keras

from tensor2keras.layers.attention.multi_head import broadcast_dropout
from tensor2keras.layers.normalization import get_norm

STEPS = "andz"


class _ZeroAdd(keras.layers.Layer):
    """previous value + gamma * x, with gamma 0 at first."""

    def build(self, x_shape: tuple) -> None:
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")
        self.built = True

    def call(self, previous_value: Any, x: Any) -> Any:
        return previous_value + self.gamma * x


@keras.saving.register_keras_serializable("tensor2keras")
class LayerPrepostprocess(keras.layers.Layer):
    """Applies a sequence of steps to a sublayer's input or output.

    Args:
        sequence: "none" or letters in order: "a" adds the previous value, "n" normalizes, "d" drops out, "z" adds gamma
            * x to the previous value with gamma starting at 0.
        dropout: rate of "d".
        broadcast_dims: axes of [batch, length, hidden] that share one dropout mask.
        norm_type: a key of `normalization.NORMS`.
        norm_epsilon: of the norm.

    Call arguments:
        previous_value: the sublayer's input, or None where the sequence has no "a" or "z".
        x: [batch, length, hidden].
        training: whether dropout applies.
    """

    def __init__(
        self,
        sequence: str,
        dropout: float = 0.0,
        broadcast_dims: Sequence[int] = (),
        norm_type: str = "layer",
        norm_epsilon: float = 1e-6,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        steps = "" if sequence in (None, "none") else sequence
        if unknown := set(steps) - set(STEPS):
            raise ValueError(f"unknown step {sorted(unknown)[0]!r} in {sequence!r}; known: {', '.join(STEPS)}")
        self.sequence = sequence
        self.steps = steps
        self.dropout = dropout
        self.broadcast_dims = tuple(broadcast_dims)
        self.norm_type = norm_type
        self.norm_epsilon = norm_epsilon
        self.norm = get_norm(norm_type, norm_epsilon, dtype=self.dtype_policy) if "n" in steps else None
        self.zero_add = _ZeroAdd(name="zero_add", dtype=self.dtype_policy) if "z" in steps else None
        self.drop = broadcast_dropout(dropout, 3, self.broadcast_dims, dtype=self.dtype_policy)

    def build(self, x_shape: tuple) -> None:
        if self.norm is not None and not self.norm.built:
            self.norm.build(x_shape)
        if "z" in self.steps:
            self.zero_add.build(x_shape)
        self.built = True

    def call(self, previous_value: Any, x: Any, training: bool = False) -> Any:
        for step in self.steps:
            if step == "a":
                x = x + previous_value
            elif step == "z":
                x = self.zero_add(previous_value, x)
            elif step == "n":
                x = self.norm(x)
            else:
                x = self.drop(x, training=training)
        return x

    def get_config(self) -> dict[str, Any]:
        names = ("sequence", "dropout", "broadcast_dims", "norm_type", "norm_epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
