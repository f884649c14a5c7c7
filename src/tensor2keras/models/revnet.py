"""RevNet: Gomez et al. 2017, The Reversible Residual Network, https://arxiv.org/abs/1707.04585; T2T's `revnet.py`.

Channels are split into two halves: y1 = x1 + f(x2), y2 = x2 + g(y1). The inputs of a block are recomputed from its
outputs, so no activations of the blocks are stored: see `layers.reversible`.

T2T's blocks without a bottleneck have a norm and a convolution whose output is not used. Their variables exist here
too, untrained, because they are in T2T's checkpoints.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.normalization import BatchNorm
from tensor2keras.layers.reversible import ReversibleBlock
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.common_hparams import basic_params1, momentum_training
from tensor2keras.models.image_classifier import ImageClassifier
from tensor2keras.types import Features, Shape, Tensor


def kernels() -> keras.initializers.Initializer:
    """Returns the initializer of all convolutions."""
    return unseeded(keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal"))


def _numbered(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _conv(filters: int, kernel_size: int, stride: int = 1, number: int = 0, **kwargs: Any) -> keras.layers.Conv2D:
    name = _numbered("conv2d", number)
    kwargs = {"padding": "same", "kernel_initializer": kernels(), "name": name, **kwargs}
    return keras.layers.Conv2D(filters, kernel_size, strides=stride, **kwargs)


class ResidualFunction(keras.layers.Layer):
    """Norms, relus and convolutions (T2T `f`).

    Args:
        depth: channels; with a bottleneck, of its convolutions but the last, which has four times as many.
        stride: of the first convolution.
        first_batch_norm: whether a norm and a relu come first.
        bottleneck: 1x1, 3x3 and 1x1 convolutions; else one of 3x3.
    """

    def __init__(
        self, depth: int, stride: int = 1, first_batch_norm: bool = True, bottleneck: bool = True, **kwargs: Any
    ):
        super().__init__(name="f", **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.bottleneck = bottleneck
        self.first_batch_norm = first_batch_norm
        sizes = ((depth, 1), (depth, 3), (4 * depth, 1)) if bottleneck else ((depth, 3), (depth, 3))
        strides = (stride, 1, 1) if bottleneck else (stride, stride)
        self.convs = [_conv(filters, size, strides[i], number=i, **policy) for i, (filters, size) in enumerate(sizes)]
        norms = len(sizes) - (not first_batch_norm)
        self.norms = [BatchNorm(name=_numbered("batch_normalization", i), **policy) for i in range(norms)]
        if not bottleneck:
            for unused in (self.convs[0], *self.norms[:-1]):
                unused.trainable = False

    def build(self, x_shape: Shape) -> None:
        if self.bottleneck:
            norms = iter(self.norms)
            for i, conv in enumerate(self.convs):
                if i or self.first_batch_norm:
                    next(norms).build(x_shape)
                conv.build(x_shape)
                x_shape = (*x_shape[:-1], conv.filters)
        else:
            for layer in (*self.norms, *self.convs):
                layer.build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        if not self.bottleneck:
            return self.convs[-1](ops.relu(self.norms[-1](x, training=training)))
        norms = iter(self.norms)
        for i, conv in enumerate(self.convs):
            if i or self.first_batch_norm:
                x = ops.relu(next(norms)(x, training=training))
            x = conv(x)
        return x


class Downsampling(keras.layers.Layer):
    """One half of a stage's first block: h(x) + f(other), where h is the shortcut.

    Args:
        depth: channels out.
        stride: of the shortcut.
        function: f.
        bottleneck: whether the shortcut is a 1x1 convolution; else it is average pooling with channels of zeros added.
    """

    def __init__(self, depth: int, stride: int, function: ResidualFunction, bottleneck: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.depth = depth
        self.stride = stride
        self.function = function
        self.projection = _conv(depth, 1, stride, dtype=self.dtype_policy) if bottleneck else None

    def build(self, x_shape: Shape, other_shape: Shape) -> None:
        if self.projection is not None:
            with keras.name_scope("h"):
                self.projection.build(x_shape)
        self.function.build(other_shape)

    def shortcut(self, x: Tensor) -> Tensor:
        """Returns h(x)."""
        if self.projection is not None:
            return self.projection(x)
        if self.stride > 1:
            x = ops.average_pool(x, self.stride, strides=self.stride, padding="valid")
        more = (self.depth - x.shape[-1]) // 2
        return ops.pad(x, ((0, 0), (0, 0), (0, 0), (more, more)))

    def call(self, x: Tensor, other: Tensor, training: bool = False) -> Tensor:
        return self.shortcut(x) + self.function(other, training=training)


class Stage(keras.layers.Layer):
    """A block that changes the size, followed by reversible blocks (T2T `unit`)."""

    def __init__(
        self, depth: int, num_layers: int, stride: int, first_batch_norm: bool, bottleneck: bool, **kwargs: Any
    ):
        super().__init__(**kwargs)
        policy = {"dtype": self.dtype_policy}
        self.filters = 4 * depth if bottleneck else depth

        def function(**options: Any) -> ResidualFunction:
            return ResidualFunction(depth, bottleneck=bottleneck, **options, **policy)

        first = function(stride=stride, first_batch_norm=first_batch_norm)
        self.down1 = Downsampling(self.filters, stride, first, bottleneck, name="x1", **policy)
        self.down2 = Downsampling(self.filters, stride, function(), bottleneck, name="x2", **policy)
        self.blocks = ReversibleBlock([(function(), function()) for _ in range(num_layers)], **policy)

    def build(self, x_shape: Shape) -> None:
        shape = (None, None, None, self.filters)
        with keras.name_scope("downsampling"):
            self.down1.build(x_shape, x_shape)
            self.down2.build(x_shape, shape)
        with keras.name_scope("full_block"):
            self.blocks.build(shape)

    def call(self, x1: Tensor, x2: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        x1 = self.down1(x1, x2, training=training)
        x2 = self.down2(x2, x1, training=training)
        return self.blocks(x1, x2, training=training)


@registry.register_model
class Revnet(ImageClassifier):
    """A convolution whose channels are split into halves, stages of reversible blocks, and a norm over both halves."""

    allowed: ClassVar[Allowed] = {"dim": ("2d",)}

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.init_conv = _conv(hparams.num_channels_init_block, hparams.init_kernel_size, hparams.init_stride, **policy)
        self.init_norm = BatchNorm(**policy)
        self.stages = [
            Stage(
                hparams.num_channels[i],
                hparams.num_layers_per_block[i],
                hparams.strides[i],
                hparams.first_batch_norm[i],
                hparams.bottleneck,
                name=f"unit_{i}",
                **policy,
            )
            for i in range(len(hparams.num_layers_per_block))
        ]
        self.final_norm = BatchNorm(**policy)
        self._check_shortcuts()

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        stages = len(hparams.num_layers_per_block)
        for setting in ("num_channels", "strides", "first_batch_norm"):
            if len(hparams[setting]) < stages:
                raise ValueError(f"{setting}={list(hparams[setting])} must have {stages} values, one a stage")
        self._body_size = 2 * hparams.num_channels[stages - 1] * (4 if hparams.bottleneck else 1)
        self.init_maxpool = hparams.init_maxpool

    def _check_shortcuts(self) -> None:
        before = self.init_conv.filters // 2
        for stage in self.stages:
            if not self.hparams.bottleneck and ((stage.filters - before) % 2 or stage.filters < before):
                raise ValueError(f"{stage.name}: {stage.filters} channels must be {before} and an even number more")
            before = stage.filters

    def build_layers(self, shape: Shape) -> None:
        with keras.name_scope("RevNet"):
            with keras.name_scope("init"):
                self.init_conv.build(shape)
                self.init_norm.build((None, None, None, self.init_conv.filters))
            half = (None, None, None, self.init_conv.filters // 2)
            for stage in self.stages:
                stage.build(half)
                half = (None, None, None, stage.filters)
            with keras.name_scope("final_block"):
                self.final_norm.build((None, None, None, self.body_size))

    def body(self, features: Features, training: bool = False) -> Tensor:
        x = ops.relu(self.init_norm(self.init_conv(self.images(features)), training=training))
        if self.init_maxpool:
            x = ops.max_pool(x, 3, strides=self.init_conv.strides, padding="valid")
        x1, x2 = ops.split(x, 2, axis=-1)
        for stage in self.stages:
            x1, x2 = stage(x1, x2, training=training)
        x = ops.relu(self.final_norm(ops.concatenate([x1, x2], axis=-1), training=training))
        return ops.mean(x, axis=(1, 2), keepdims=True)


# fmt: off
def revnet_base() -> HParams:
    """For ImageNet."""
    return momentum_training(basic_params1()).extend(
        num_channels=[64, 128, 256, 416], num_layers_per_block=[1, 1, 10, 1], bottleneck=True,
        first_batch_norm=[False, True, True, True], init_stride=2, init_kernel_size=7, init_maxpool=True,
        strides=[1, 2, 2, 2], num_channels_init_block=64, dim="2d",
    )


def revnet_cifar_base() -> HParams:
    """For CIFAR."""
    return revnet_base().override(
        num_channels_init_block=32, first_batch_norm=[False, True, True], init_stride=1, init_kernel_size=3,
        init_maxpool=False, strides=[1, 2, 2], learning_rate=0.1, learning_rate_cosine_cycle_steps=5000,
    )


variant = registry.variants_of(__name__)

revnet_104 = variant("revnet_104", revnet_base, "104 layers, for ImageNet at 224 x 224.")
revnet_38_cifar = variant(
    "revnet_38_cifar", revnet_cifar_base, "38 layers, for CIFAR.",
    num_channels=[16, 32, 56], bottleneck=False, num_layers_per_block=[2, 2, 2], initializer_gain=1.5,
)
revnet_110_cifar = variant(
    "revnet_110_cifar", revnet_cifar_base, "110 layers, for CIFAR.",
    num_channels=[16, 32, 64], bottleneck=False, num_layers_per_block=[8, 8, 8],
)
revnet_164_cifar = variant(
    "revnet_164_cifar", revnet_cifar_base, "164 layers with bottlenecks, for CIFAR.",
    num_channels=[16, 32, 64], bottleneck=True, num_layers_per_block=[8, 8, 8],
)
# fmt: on


@registry.register_ranged_hparams
def revnet_range(rhp: RangedHParams) -> None:
    """Search space."""
    rhp.set_float("learning_rate", 0.05, 0.2, scale=rhp.LOG_SCALE)
    rhp.set_float("weight_decay", 1e-5, 1e-3, scale=rhp.LOG_SCALE)
    rhp.set_discrete("num_channels_init_block", [64, 128])
