"""ByteNet (Kalchbrenner et al. 2016, https://arxiv.org/abs/1610.10099): translation by dilated convolutions.

The decoder is stacked on the encoder position by position: inputs are lengthened by half, and inputs and targets padded
to one length. With `mask_padding` convolutions read zeros beyond each text's own length and a half. The decoding cache
of a convolution holds the inputs that its kernel still covers.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import pooling
from tensor2keras.layers.conv_block import ConvBlock
from tensor2keras.layers.convolution import longest
from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.layers.position import shift_right
from tensor2keras.models import t2t_model
from tensor2keras.models.common_hparams import basic_params1, exp_training
from tensor2keras.types import Cache, Features, Shape, Tensor

LENGTH_MULTIPLE = 50


class ResidualDilatedConv(keras.layers.Layer):
    """x + dropout(convolutions of dilation 1, 2, 4, ... on the normalized x), repeated.

    Args:
        hidden_size: channels.
        repeat: number of repetitions, each with its own variables.
        num_layers: convolutions per repetition.
        kernel_size: of each convolution.
        padding: "SAME" or "LEFT".
        dropout: rate.
        kernel_initializer: of the kernels.

    Call arguments:
        x: [batch, length, hidden].
        nonpadding: [batch, length, 1], 0.0 where convolutions read zeros, or None.
        training: whether dropout applies.

    Reference:
        T2T `residual_dilated_conv`.
    """

    def __init__(
        self,
        hidden_size: int,
        repeat: int,
        num_layers: int,
        kernel_size: int,
        padding: str,
        dropout: float,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        dilations_and_kernels = [(2**i, kernel_size) for i in range(num_layers)]
        self.norms = [LayerNorm(name="lnorm", dtype=self.dtype_policy) for _ in range(repeat)]
        self.blocks = [
            ConvBlock(
                hidden_size,
                dilations_and_kernels,
                padding=padding,
                kernel_initializer=kernel_initializer,
                name="residual_conv",
                dtype=self.dtype_policy,
            )
            for _ in range(repeat)
        ]
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        for i, (norm, block) in enumerate(zip(self.norms, self.blocks, strict=True)):
            with keras.name_scope(f"repeat_{i}"):
                norm.build(x_shape)
                block.build(x_shape)

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        for norm, block in zip(self.norms, self.blocks, strict=True):
            x = x + self.drop(block(norm(x), nonpadding), training=training)
        return x

    def init_cache(self, batch_size: Tensor) -> Cache:
        return {f"repeat_{i}": block.init_cache(batch_size) for i, block in enumerate(self.blocks)}

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns the output at the position of x [batch, 1, hidden] and the new cache."""
        cache = dict(cache)
        for i, (norm, block) in enumerate(zip(self.norms, self.blocks, strict=True)):
            y, cache[f"repeat_{i}"] = block.step(norm(x), cache[f"repeat_{i}"])
            x = x + y
        return x, cache


@registry.register_model
class ByteNet(t2t_model.T2TModel):
    """Encoder and decoder of dilated convolutions.

    Call arguments:
        features: "inputs" [batch, length] and "targets" [batch, length] ids; targets are shifted right inside.
        training: whether dropout applies.

    Returns:
        Logits [batch, length, vocab_size], whose length is a multiple of 50; those past the targets are meaningless.
    """

    cache_grows = False  # the encoder's output depends on the maximum decoding length

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", "symbol")
        self.require_modality("targets", "symbol")
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        stack = {
            "hidden_size": hparams.hidden_size,
            "repeat": hparams.num_block_repeat,
            "num_layers": hparams.num_hidden_layers,
            "kernel_size": hparams.kernel_height,
            "dropout": hparams.dropout,
            **shared,
        }
        self.encoder = ResidualDilatedConv(padding="SAME", name="encoder", **stack)
        self.decoder_start = ConvBlock(
            hparams.hidden_size, [(1, hparams.kernel_height)], padding="LEFT", name="conv_block", **shared
        )
        self.decoder = ResidualDilatedConv(padding="LEFT", name="decoder", **stack)

    def build_body(self) -> None:
        hidden_size = self.hidden_size
        with keras.name_scope("bytenet"):
            self.encoder.build((None, None, hidden_size))
            self.decoder_start.build((None, None, 2 * hidden_size))
            self.decoder.build((None, None, hidden_size))

    def encode(self, features: Features, target_length: Tensor, training: bool = False) -> Tensor:
        """Encodes embedded inputs: [batch, padded length, hidden], whose length is a multiple of 50."""
        inputs, padding = features["inputs"], self.inputs_padding(features)
        length = ops.shape(inputs)[1]
        padded = -(-longest(length + length // 2, target_length) // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
        nonpadding = None
        if padding is not None:
            own = pooling.lengths(padding)
            nonpadding = ops.arange(padded, dtype="int32")[None, :] < (own + own // 2)[:, None]
            nonpadding = ops.cast(nonpadding, inputs.dtype)[:, :, None]
        x = ops.pad(inputs, ((0, 0), (0, padded - length), (0, 0)))
        return self.encoder(x, nonpadding, training=training)

    def body(self, features: Features, training: bool = False) -> Tensor:
        targets = features["targets"]
        memory = self.encode(features, ops.shape(targets)[1], training=training)
        padding = ops.shape(memory)[1] - ops.shape(targets)[1]
        x = shift_right(ops.pad(targets, ((0, 0), (0, padding), (0, 0))))
        return self.decoder(self.decoder_start(ops.concatenate([memory, x], axis=-1)), training=training)

    def init_cache(self, features: Features, max_length: int) -> Cache:
        batch_size = ops.shape(features["inputs"])[0]
        return {
            "encoder": self.encode(self.bottom({"inputs": features["inputs"]}), max_length),
            "start": self.decoder_start.init_cache(batch_size),
            "decoder": self.decoder.init_cache(batch_size),
        }

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        x = self.modalities["targets"].targets_bottom(ids[:, None])
        memory = ops.take(cache["encoder"], position, axis=1)  # [batch, hidden]
        memory = ops.repeat(memory, ops.shape(x)[0] // ops.shape(memory)[0], axis=0)  # of each beam
        x, start = self.decoder_start.step(ops.concatenate([memory[:, None], x], axis=-1), cache["start"])
        x, decoder = self.decoder.step(x, cache["decoder"])
        return self.top(x, {})[:, 0], {**cache, "start": start, "decoder": decoder}


# fmt: off
@registry.register_hparams
def bytenet_base() -> HParams:
    """Width 768, four repetitions of four convolutions."""
    return exp_training(basic_params1()).override(
        hidden_size=768, num_hidden_layers=4, kernel_height=3, kernel_width=1,
        batch_size=2048,
    ).extend(
        num_block_repeat=4,
    )
# fmt: on
