"""Modalities of real values [batch, ..., channels], of which there are `vocab_size` channels."""

from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.layers.modality import losses
from tensor2keras.layers.modality.base import Modality
from tensor2keras.types import Shape, Tensor


@registry.register_modality("real")
class Real(Modality):
    """Real values, projected to the model's width and back, under a squared loss."""

    scope = "real_modality"
    has_symbols = False
    loss = staticmethod(losses.squared_error)

    def __init__(self, vocab_size: int, hidden_size: int, **kwargs: Any):
        super().__init__(vocab_size, hidden_size, **kwargs)

        def dense(size: int, name: str) -> keras.layers.Dense:
            return keras.layers.Dense(
                size, kernel_initializer=self.kernel_initializer, name=name, dtype=self.dtype_policy
            )

        self.input_projection = dense(self.hidden_size, "bottom") if "inputs" in self.roles else None
        self.target_projection = dense(self.hidden_size, "bottom") if "targets" in self.roles else None
        self.output_projection = dense(self.vocab_size, "top") if "top" in self.roles else None

    def build(self, input_shape: Shape | None = None) -> None:
        with keras.name_scope("real"):
            if self.input_projection is not None:
                self.input_projection.build((None, self.vocab_size))
            if self.output_projection is not None:
                self.output_projection.build((None, self.hidden_size))
        if self.target_projection is not None:
            with keras.name_scope("targets_bottom"), keras.name_scope("real"):
                self.target_projection.build((None, self.vocab_size))

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.input_projection(ops.cast(x, self.compute_dtype))

    def targets_bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.target_projection(ops.cast(x, self.compute_dtype))

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        return keras.InputSpec("float32", (None, *(shape or (self.vocab_size,))))

    def padding(self, raw: Tensor, embedded: Tensor) -> Tensor:
        """Returns zeros: 0 is a value like any other."""
        return ops.zeros(ops.shape(embedded)[:2], "float32")

    def top(self, body_output: Tensor) -> Tensor:
        return self.output_projection(body_output)


@registry.register_modality("real_l2")
class RealL2Loss(Real):
    """`Real` in another scope."""

    scope = "real_l2_loss_modality"


@registry.register_modality("real_log_poisson")
class RealLogPoissonLoss(Real):
    """`Real` whose output is the log of a Poisson rate."""

    scope = "real_log_poisson_loss_modality"
    loss = staticmethod(losses.log_poisson)
