"""A fully connected network, for simple tasks and tests."""

import math
from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.models import t2t_model
from tensor2keras.models.common_hparams import basic_params1
from tensor2keras.types import Features, Tensor


@registry.register_model
class BasicFcRelu(t2t_model.T2TModel):
    """Dense layers with relu over all input values at once.

    All inputs must have one shape. `features["inputs"]["shape"]` of the problem gives it, so that `build` can make the
    variables; otherwise the first batch does.

    Call arguments:
        features: "inputs" [batch, height, width, channels]; "targets" [batch] labels, read by the loss only.
        training: whether dropout applies.

    Returns:
        Logits [batch, classes].
    """

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "class_label")
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.dense = [
            keras.layers.Dense(hparams.hidden_size, name=f"layer_{i}", **shared)
            for i in range(hparams.num_hidden_layers)
        ]
        self.dropout = keras.layers.Dropout(hparams.dropout, dtype=self.dtype_policy)
        shape = self.problem["features"]["inputs"].get("shape") if self.problem is not None else None
        self._size = None if shape is None else math.prod(shape)

    def build_body(self) -> None:
        size = self._size
        if size is None:
            return
        for dense in self.dense:
            dense.build((None, size))
            size = self.hidden_size

    def get_build_config(self) -> dict[str, Any]:
        """Returns the number of input values, for `.keras` files of models that were built by a batch."""
        return {"size": self.dense[0].kernel.shape[0]}

    def build_from_config(self, config: dict[str, Any]) -> None:
        self._size = config["size"]
        self.build()

    def body(self, features: Features, training: bool = False) -> Tensor:
        x = features["inputs"]
        x = ops.reshape(x, (-1, math.prod(x.shape[1:])))
        for dense in self.dense:
            x = ops.relu(self.dropout(dense(x), training=training))
        return x[:, None]


variant = registry.variants_of(__name__)

# fmt: off
basic_fc_small = variant(
    "basic_fc_small", basic_params1, "Two layers of hidden size 256.",
    num_hidden_layers=2, hidden_size=256, dropout=0.0, initializer="uniform_unit_scaling", initializer_gain=1.0,
    learning_rate=0.1, weight_decay=0.0, batch_size=128,
)
# fmt: on
