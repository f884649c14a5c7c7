"""Xception: Chollet 2016, https://arxiv.org/abs/1610.02357, figure 5; T2T's `xception.py`.

Depthwise separable convolutions with layer norms in place of batch norms. Images of up to 200 pixels enter by one
convolution, larger ones by the paper's entry flow.
"""

import math
from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.conv_block import ConvBlock
from tensor2keras.layers.convolution import pool
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.models.common_hparams import basic_params1, exp_training
from tensor2keras.models.image_classifier import ImageClassifier
from tensor2keras.types import Features, Shape, Tensor

LARGE = 200  # pixels
THREE = ((1, 1), (3, 3))  # dilation rates and kernel size of a convolution
ONE = ((1, 1), (1, 1))


class _Blocks(keras.layers.Layer):
    """Base of layers of convolution blocks with one initializer and SAME padding."""

    def __init__(self, kernel_initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_initializer = unseeded(kernel_initializer)

    def block(self, name: str, filters: int, *convolutions: Any, **options: Any) -> ConvBlock:
        """Returns a block of convolutions, each preceded by a relu and followed by a layer norm."""
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        return ConvBlock(filters, convolutions, padding="SAME", name=name, **shared, **options)


class EntryBlock(_Blocks):
    """Two separable convolutions and 3x3 max pooling, plus a 1x1 convolution; halves height and width."""

    def __init__(self, filters: int, residual_relu: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters
        self.convolutions = self.block("sep_conv_block", filters, THREE, THREE, separable=True)
        self.residual = self.block("res_conv0", filters, ONE, strides=(2, 2), first_relu=residual_relu)

    def build(self, x_shape: Shape) -> None:
        self.convolutions.build(x_shape)
        self.residual.build(x_shape)

    def call(self, x: Tensor) -> Tensor:
        return pool(self.convolutions(x), (3, 3), "MAX", "SAME", strides=(2, 2)) + self.residual(x)


class EntryFlow(_Blocks):
    """The entry of large images: reduces height and width to a sixteenth, with `hidden_size` channels."""

    def __init__(self, hidden_size: int, **kwargs: Any):
        super().__init__(name="xception_entry", **kwargs)
        self.conv0 = self.block("conv0", 32, THREE, first_relu=False, strides=(2, 2))
        self.conv1 = self.block("conv1", 64, THREE)
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.blocks = [
            EntryBlock(filters, residual_relu=not i, name=f"block{i}", **shared)
            for i, filters in enumerate((min(128, hidden_size), min(256, hidden_size), hidden_size))
        ]

    def build(self, x_shape: Shape) -> None:
        for layer in (self.conv0, self.conv1, *self.blocks):
            layer.build(x_shape)
            x_shape = (None, None, None, layer.filters)

    def call(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(x))
        for block in self.blocks:
            x = block(x)
        return x


class ResidualBlock(_Blocks):
    """Three separable convolutions, whose sum with their input is normalized."""

    def __init__(self, filters: int, kernel_size: tuple[int, int], dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        convolution = ((1, 1), kernel_size)
        self.convolutions = self.block("residual_block", filters, *[convolution] * 3, separable=True)
        self.norm = LayerNorm(name="lnorm", dtype=self.dtype_policy)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.convolutions.build(x_shape)
        self.norm.build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        return self.drop(self.norm(x + self.convolutions(x)), training=training)


class ExitFlow(_Blocks):
    """The exit: halves height and width, with two and a half times as many channels (T2T `conv_block_downsample`)."""

    def __init__(self, hidden_size: int, **kwargs: Any):
        super().__init__(name="conv_block_downsample", **kwargs)
        wider = int(1.25 * hidden_size)
        self.filters = int(2.5 * hidden_size)
        self.residual = self.block("res_conv", wider, THREE, strides=(2, 2))
        self.conv0 = self.block("conv0", hidden_size, THREE, separable=True)
        self.conv1 = self.block("conv1", wider, THREE, separable=True)
        self.conv2 = self.block("conv2", 2 * hidden_size, THREE, separable=True, first_relu=False)
        self.conv3 = self.block("conv3", self.filters, THREE, separable=True)

    def build(self, x_shape: Shape) -> None:
        self.residual.build(x_shape)
        for layer in (self.conv0, self.conv1, self.conv2, self.conv3):
            layer.build(x_shape)
            x_shape = (*x_shape[:-1], layer.filters)

    def call(self, x: Tensor) -> Tensor:
        y = pool(self.conv1(self.conv0(x)), (3, 3), "MAX", "SAME", strides=(2, 2))
        return ops.relu(self.conv3(self.conv2(y + self.residual(x))))


@registry.register_model
class Xception(ImageClassifier):
    """An entry, residual blocks and the exit."""

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.is_large = (self.image_size[0] or 0) > LARGE
        if self.is_large:
            self.entry = EntryFlow(hparams.hidden_size, **shared)
        else:
            convolution = {"padding": "SAME", "first_relu": False, "name": "small_image_conv"}
            self.entry = ConvBlock(hparams.hidden_size, [THREE], **convolution, **shared)
        kernel_size = (hparams.kernel_height, hparams.kernel_width)
        self.blocks = [
            ResidualBlock(hparams.hidden_size, kernel_size, hparams.dropout, name=f"layer_{i}", **shared)
            for i in range(hparams.num_hidden_layers)
        ]
        self.exit = ExitFlow(hparams.hidden_size, **shared)

    @property
    def body_size(self) -> int:
        return int(2.5 * self.hidden_size)

    def build_layers(self, shape: Shape) -> None:
        with keras.name_scope("xception"):
            self.entry.build(shape)
            hidden = (None, None, None, self.hidden_size)
            for block in self.blocks:
                block.build(hidden)
            with keras.name_scope("xception_exit"):
                self.exit.build(hidden)

    def body(self, features: Features, training: bool = False) -> Tensor:
        x = self.entry(self.images(features))
        for block in self.blocks:
            x = block(x, training=training)
        return self.exit(squared(x))


def squared(x: Tensor) -> Tensor:
    """Reshapes x [batch, height, width, channels] to equal height and width.

    Raises:
        ValueError: height * width is not a square number.
    """
    _, height, width, channels = x.shape
    if height == width:
        return x
    side = math.isqrt(height * width)
    if side * side != height * width:
        raise ValueError(f"{height} x {width} positions make no square")
    return ops.reshape(x, (-1, side, side, channels))


variant = registry.variants_of(__name__)

# fmt: off
xception_base = variant(
    "xception_base", lambda: exp_training(basic_params1()), "Eight blocks of 768 channels.",
    num_hidden_layers=8, hidden_size=768, kernel_height=3, kernel_width=3, batch_size=128,
)
xception_tiny = variant(
    "xception_tiny", xception_base, "Two blocks of 64 channels.",
    num_hidden_layers=2, hidden_size=64, learning_rate_decay_scheme="none", batch_size=2,
)
xception_tiny_tpu = variant(
    "xception_tiny_tpu", xception_base, "Two blocks of 128 channels, dense Adam.",
    num_hidden_layers=2, hidden_size=128, optimizer="true_adam", batch_size=2,
)
# fmt: on
