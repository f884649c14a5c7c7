"""Residual networks: He et al. 2015, https://arxiv.org/abs/1512.03385, and 2016, https://arxiv.org/abs/1603.05027.

T2T's `resnet.py`, which numbers its layers consecutively. Bottleneck blocks normalize after each convolution, residual
blocks before. `use_nchw`, T2T's choice of memory layout, has no effect: Keras chooses one.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.fixed_padding import TARGETS, FixedPaddingConv2D, TargetedConv2D
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.normalization import BatchNorm
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.image_classifier import ImageClassifier
from tensor2keras.types import Features, Shape, Tensor

MOMENTUM = 0.9
EPSILON = 1e-5


def kernels() -> keras.initializers.Initializer:
    """Returns the initializer of all convolutions."""
    return unseeded(keras.initializers.VarianceScaling(1.0, "fan_in", "truncated_normal"))


class LayerMaker:
    """Makes layers with TensorFlow 1's names: `conv2d`, `conv2d_1`, ..., in order of creation.

    Args:
        dtype: the layers' dtype policy.
        target: "weight" or "unit" for targeted dropout of these; "" for plain convolutions.
        targeting_rate, keep_prob: of targeted dropout.
    """

    def __init__(
        self, dtype: Any, target: str = "", targeting_rate: float | None = None, keep_prob: float | None = None
    ):
        self.dtype = dtype
        self.targeted = {"target": target, "targeting_rate": targeting_rate, "keep_prob": keep_prob} if target else None
        self.made: dict[str, int] = {}

    def name(self, kind: str) -> str:
        """Returns the next name of this kind."""
        number = self.made.get(kind, 0)
        self.made[kind] = number + 1
        return f"{kind}_{number}" if number else kind

    def conv(self, filters: int, kernel_size: int, stride: int = 1, plain: bool = False) -> FixedPaddingConv2D:
        """Returns a convolution, without targeted dropout if `plain`."""
        shared = {"kernel_initializer": kernels(), "dtype": self.dtype}
        if plain or not self.targeted:
            return FixedPaddingConv2D(filters, kernel_size, stride, name=self.name("conv2d"), **shared)
        return TargetedConv2D(filters, kernel_size, stride, name=self.name("td_conv"), **self.targeted, **shared)

    def norm(self, zero_scale: bool = False) -> BatchNorm:
        """Returns a batch norm."""
        name = self.name("batch_normalization")
        return BatchNorm(MOMENTUM, EPSILON, zero_scale, name=name, dtype=self.dtype)


class _Block(keras.layers.Layer):
    """Base of both blocks, with a projection where the shape changes; layers are made in T2T's order.

    The layer is named "body" like the scope around it, so that its variables are directly in that scope, as in T2T.
    """

    def __init__(self, maker: LayerMaker, filters: int):
        super().__init__(name="body", dtype=maker.dtype)
        self.filters = filters  # output channels
        self.projection = self.projection_norm = None

    def make_projection(self, maker: LayerMaker, stride: int) -> None:
        """Makes the 1x1 convolution and norm of the shortcut."""
        self.projection, self.projection_norm = maker.conv(self.filters, 1, stride), maker.norm()

    def path(self, x: Tensor, training: bool) -> Tensor:
        """Returns the shortcut."""
        if self.projection is None:
            return x
        return self.projection_norm(self.projection(x, training=training), training=training)


class ResidualBlock(_Block):
    """norm, relu, 3x3 convolution, norm, relu, 3x3 convolution; T2T `residual_block`."""

    def __init__(self, maker: LayerMaker, filters: int, stride: int, projects: bool, last: bool, ratio: int):
        super().__init__(maker, filters)
        self.norm1 = maker.norm()
        if projects:
            self.make_projection(maker, stride)
        self.conv1 = maker.conv(filters, 3, stride)
        self.norm2 = maker.norm()
        self.conv2 = maker.conv(filters, 3)

    def build(self, x_shape: Shape) -> None:
        shape = (*x_shape[:-1], self.conv1.filters)
        self.norm1.build(x_shape)
        if self.projection is not None:
            self.projection.build(x_shape)
            self.projection_norm.build(shape)
        self.conv1.build(x_shape)
        self.norm2.build(shape)
        self.conv2.build(shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        y = ops.relu(self.norm1(x, training=training))
        path = x if self.projection is None else self.path(y, training)
        y = ops.relu(self.norm2(self.conv1(y, training=training), training=training))
        return self.conv2(y, training=training) + path


class BottleneckBlock(_Block):
    """1x1, 3x3 and 1x1 convolution, each normed; relu after the first two and after the sum; T2T `bottleneck_block`."""

    def __init__(self, maker: LayerMaker, filters: int, stride: int, projects: bool, last: bool, ratio: int):
        super().__init__(maker, ratio * filters)
        if projects:
            self.make_projection(maker, stride)
        self.conv1, self.norm1 = maker.conv(filters, 1), maker.norm()
        self.conv2, self.norm2 = maker.conv(filters, 3, stride), maker.norm()
        self.conv3, self.norm3 = maker.conv(self.filters, 1), maker.norm(zero_scale=last)

    def build(self, x_shape: Shape) -> None:
        pairs = [(self.conv1, self.norm1), (self.conv2, self.norm2), (self.conv3, self.norm3)]
        if self.projection is not None:
            self.projection.build(x_shape)
            self.projection_norm.build((*x_shape[:-1], self.projection.filters))
        for conv, norm in pairs:
            conv.build(x_shape)
            x_shape = (*x_shape[:-1], conv.filters)
            norm.build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        y = ops.relu(self.norm1(self.conv1(x, training=training), training=training))
        y = ops.relu(self.norm2(self.conv2(y, training=training), training=training))
        y = self.norm3(self.conv3(y, training=training), training=training)
        return ops.relu(y + self.path(x, training))


BLOCKS = {"residual": ResidualBlock, "bottleneck": BottleneckBlock}


@registry.register_model
class Resnet(ImageClassifier):
    """A convolution and four stages of blocks (three with `is_cifar`), each half the size of the one before."""

    allowed: ClassVar[Allowed] = {"block_fn": BLOCKS, "use_td": (*TARGETS, False, None)}

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        maker = LayerMaker(self.dtype_policy, hparams.use_td or "", hparams.targeting_rate, hparams.keep_prob)
        self.first_conv = maker.conv(hparams.filter_sizes[0], 7, 1 if hparams.is_cifar else 2, plain=True)
        self.first_norm = maker.norm()
        self.blocks = list(self._make_blocks(maker, 3 if hparams.is_cifar else 4))
        self.logits = None
        if hparams.is_cifar and self.problem is not None:  # T2T has no projection of the modality here
            self.modalities.pop("targets")
            self.target_top = None
            self.logits = keras.layers.Dense(
                self.vocab_size("targets"),
                kernel_initializer=self.kernel_initializer,
                name="logits",
                dtype=self.dtype_policy,
            )

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.is_cifar = hparams.is_cifar
        stages = 3 if self.is_cifar else 4
        for setting, fewest in (("layer_sizes", stages), ("filter_sizes", stages + 1), ("bottleneck_ratios", stages)):
            if len(hparams[setting]) < fewest:
                raise ValueError(f"{setting}={list(hparams[setting])} must have at least {fewest} numbers")
        ratio = hparams.bottleneck_ratios[stages - 1] if hparams.block_fn == "bottleneck" else 1
        self._body_size = hparams.filter_sizes[stages] * ratio

    def _make_blocks(self, maker: LayerMaker, stages: int) -> Iterator[_Block]:
        hparams = self.hparams
        sizes = (hparams.filter_sizes[1:], hparams.layer_sizes, hparams.bottleneck_ratios)
        for stage, (filters, count, ratio) in enumerate(zip(*(size[:stages] for size in sizes), strict=True)):
            for i in range(count):
                stride = 2 if stage and not i else 1
                last = i > 0 and i + 1 == count
                yield BLOCKS[hparams.block_fn](maker, filters, stride, projects=not i, last=last, ratio=ratio)

    def build_layers(self, shape: Shape) -> None:
        self.first_conv.build(shape)
        shape = (*shape[:-1], self.first_conv.filters)
        self.first_norm.build(shape)
        for block in self.blocks:
            block.build(shape)
            shape = (*shape[:-1], block.filters)
        if self.logits is not None:
            self.logits.build((None, self.body_size))

    def body(self, features: Features, training: bool = False) -> Tensor:
        x = ops.relu(self.first_norm(self.first_conv(self.images(features), training=training), training=training))
        if not self.is_cifar:
            x = ops.max_pool(x, 3, strides=2, padding="same")
        for block in self.blocks:
            x = block(x, training=training)
        return x

    def top(self, body_output: Tensor, features: Features) -> Tensor:
        if self.logits is None:
            return super().top(body_output, features)
        return self.mask_rounding(self.logits(ops.mean(body_output, axis=(1, 2))))
