"""The steps before and after a sublayer, written as a string (T2T `layer_prepostprocess`)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tensor2keras.layers.dropout import broadcast_dropout
from tensor2keras.layers.layer import Layer, Options
from tensor2keras.layers.normalization import get_norm
from tensor2keras.types import Shape, Tensor

STEPS = "andz"


class _ZeroAdd(Layer):
    """residual + gamma * x, with a learned scalar gamma that starts at 0."""

    def build(self, x_shape: Shape) -> None:
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")

    def call(self, x: Tensor, residual: Tensor) -> Tensor:
        return residual + self.gamma * x


class LayerPrepostprocess(Layer):
    """Applies a sequence of steps to a sublayer's input or output.

    Args:
        sequence: "none", or letters in order: "a" adds the residual, "n" normalizes, "d" applies dropout, "z" scales by
            a learned gamma, which starts at 0, and adds the residual.
        dropout: rate of "d".
        broadcast_dims: axes of [batch, length, hidden] that share one dropout mask.
        norm_type: a key of `normalization.NORMS`.
        norm_epsilon: of the norm.

    Call arguments:
        x: the sublayer's input or output, [batch, length, hidden].
        residual: added by "a" and "z", [batch, length, hidden]; needed if the sequence has one of them.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].

    Raises:
        ValueError: an unknown letter; no residual where the sequence needs one.
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

    def build(self, x_shape: Shape) -> None:
        if self.norm is not None and not self.norm.built:
            self.norm.build(x_shape)
        if "z" in self.steps:
            self.zero_add.build(x_shape)

    def call(self, x: Tensor, residual: Tensor | None = None, training: bool = False) -> Tensor:
        if residual is None and set(self.steps) & {"a", "z"}:
            raise ValueError(f"sequence={self.sequence!r} adds to a residual: call the layer with (x, residual)")
        for step in self.steps:
            if step == "a":
                x = x + residual
            elif step == "z":
                x = self.zero_add(x, residual)
            elif step == "n":
                x = self.norm(x)
            else:
                x = self.drop(x, training=training)
        return x


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResidualOptions(Options):
    """The steps around every sublayer f of a stack: postprocess(f(preprocess(x)), x).

    Args:
        preprocess, postprocess: the `sequence` of the two `LayerPrepostprocess`.
        dropout, broadcast_dims, norm_type, norm_epsilon: their other arguments.
    """

    preprocess: str = "n"
    postprocess: str = "da"
    dropout: float = 0.0
    broadcast_dims: Sequence[int] = ()
    norm_type: str = "layer"
    norm_epsilon: float = 1e-6

    def before(self, name: str = "layer_prepostprocess", **kwargs: Any) -> LayerPrepostprocess:
        """Returns the steps before a sublayer; also those after a whole stack, whose output is not normalized yet."""
        return self._make(self.preprocess, name=name, **kwargs)

    def after(self, name: str = "layer_postprocess", **kwargs: Any) -> LayerPrepostprocess:
        """Returns the steps after a sublayer."""
        return self._make(self.postprocess, name=name, **kwargs)

    def _make(self, sequence: str, **kwargs: Any) -> LayerPrepostprocess:
        return LayerPrepostprocess(
            sequence, self.dropout, self.broadcast_dims, self.norm_type, self.norm_epsilon, **kwargs
        )
