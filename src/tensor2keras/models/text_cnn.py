"""TextCNN: max-pooled convolutions of several widths (Kim 2014, https://arxiv.org/abs/1408.5882)."""

from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import pooling
from tensor2keras.layers.convolution import longest
from tensor2keras.models import t2t_model
from tensor2keras.models.common_hparams import basic_params1, noam_training
from tensor2keras.types import Features, Shape, Tensor


class MaxPooledConvolution(keras.layers.Layer):
    """The largest relu response of each filter over all windows of `width` positions.

    Args:
        filters: channels out.
        width: positions in a window; a shorter text is padded with zeros.

    Call arguments:
        x: [batch, length, hidden].
        padding: 1.0 at padding, [batch, length], or None; a window with padding counts only if it is the first.

    Returns:
        [batch, filters].
    """

    def __init__(self, filters: int, width: int, **kwargs: Any):
        super().__init__(name=f"conv-maxpool-{width}", **kwargs)
        self.filters = filters
        self.width = width

    def build(self, x_shape: Shape) -> None:
        self.kernel = self.add_weight(
            name="W",
            shape=(self.width, x_shape[-1], 1, self.filters),
            initializer=keras.initializers.TruncatedNormal(stddev=0.1),
        )
        self.bias = self.add_weight(name="b", shape=(self.filters,), initializer=keras.initializers.Constant(0.1))

    def call(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        x = ops.pad(x, ((0, 0), (0, longest(self.width - ops.shape(x)[1], 0)), (0, 0)))
        kernel = ops.convert_to_tensor(self.kernel)[:, :, 0]
        y = ops.relu(ops.conv(x, kernel, padding="valid") + self.bias)  # [batch, windows, filters]
        if padding is not None:
            last = ops.maximum(pooling.lengths(padding) - self.width, 0)  # [batch]: the last window of the text
            counts = ops.arange(ops.shape(y)[1], dtype="int32")[None, :] <= last[:, None]
            y = y * ops.cast(counts, y.dtype)[:, :, None]
        return ops.max(y, axis=1)


@registry.register_model("text_cnn")
class TextCNN(t2t_model.T2TModel):
    """Classifies texts by max-pooled convolutions over windows of `filter_sizes` positions.

    Call arguments:
        features: "inputs" [batch, length] ids; "targets" [batch], read by the loss only.
        training: whether dropout applies.

    Returns:
        Logits [batch, classes].
    """

    t2t_body = "parallel_0_4/text_cnn/text_cnn/body"

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", "symbol")
        self.require_modality("targets", "class_label")
        self.convolutions = [
            MaxPooledConvolution(hparams.num_filters, width, dtype=self.dtype_policy) for width in hparams.filter_sizes
        ]
        self.dropout = keras.layers.Dropout(hparams.output_dropout, dtype=self.dtype_policy)

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self._body_size = hparams.num_filters * len(hparams.filter_sizes)

    def build_body(self) -> None:
        for convolution in self.convolutions:
            convolution.build((None, None, self.hidden_size))

    def body(self, features: Features, training: bool = False) -> Tensor:
        padding = self.inputs_padding(features)
        pooled = [convolution(features["inputs"], padding) for convolution in self.convolutions]
        return self.dropout(ops.concatenate(pooled, axis=-1), training=training)[:, None]


# fmt: off
@registry.register_hparams
def text_cnn_base() -> HParams:
    """128 filters of each width from 2 to 5."""
    return noam_training(basic_params1()).override(
        num_hidden_layers=6,
        learning_rate_warmup_steps=4000,
        batch_size=4096, max_length=256,
        shared_embedding_and_softmax_weights=True, symbol_modality_num_shards=16,
    ).extend(
        filter_sizes=[2, 3, 4, 5], num_filters=128, output_dropout=0.4,
    )
# fmt: on
