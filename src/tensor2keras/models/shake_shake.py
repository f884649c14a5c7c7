"""Shake-Shake: Gastaldi 2017, https://arxiv.org/abs/1705.07485, table 1, "Shake-Shake-Image".

A residual network whose blocks have two branches (figure 1). In training they are summed with random weights for each
image, and with other random weights in the backward pass; otherwise they are averaged. T2T's `shake_shake.py`.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.normalization import BatchNorm
from tensor2keras.models.common_hparams import basic_params1
from tensor2keras.models.image_classifier import ImageClassifier
from tensor2keras.types import Features, Shape, Tensor

FIRST_FILTERS = 16


def shake(x: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
    """Returns forward * x with the gradient of backward * x."""
    return backward * x + ops.stop_gradient((forward - backward) * x)


class ShakeBranch(keras.layers.Layer):
    """One branch: relu, convolution, norm, relu, convolution, norm."""

    def __init__(self, filters: int, stride: int, kernel_initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        shared = {"padding": "same", "kernel_initializer": kernel_initializer, "dtype": self.dtype_policy}
        self.filters = filters
        self.conv1 = keras.layers.Conv2D(filters, 3, strides=stride, name="conv1", **shared)
        self.bn1 = BatchNorm(name="bn1", dtype=self.dtype_policy)
        self.conv2 = keras.layers.Conv2D(filters, 3, name="conv2", **shared)
        self.bn2 = BatchNorm(name="bn2", dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.conv1.build(x_shape)
        shape = (*x_shape[:-1], self.filters)
        for layer in (self.bn1, self.conv2, self.bn2):
            layer.build(shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        x = self.bn1(self.conv1(ops.relu(x)), training=training)
        return self.bn2(self.conv2(ops.relu(x)), training=training)


class ShakeBlock(keras.layers.Layer):
    """Branches and a shortcut, summed or mixed.

    Args:
        filters: channels out; if the input has another number, the shortcut consists of two 1x1 convolutions.
        stride: of the branches and of the shortcut.
        num_branches: number of branches that are mixed.
        concat: whether shortcut and branches are concatenated and mixed by a 1x1 convolution instead of added.
        dropout: rate on each branch.
        kernel_initializer: of all kernels.

    Call arguments:
        x: [batch, height, width, channels].
        training: whether branches are mixed at random and batch statistics apply.
    """

    def __init__(
        self,
        filters: int,
        stride: int = 1,
        num_branches: int = 2,
        concat: bool = False,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.stride = stride
        self.num_branches = num_branches
        self.concat = concat
        kernel_initializer = unseeded(kernel_initializer)
        policy = {"dtype": self.dtype_policy}
        self.branches = [
            ShakeBranch(filters, stride, kernel_initializer, name=f"branch_{i}", **policy) for i in range(num_branches)
        ]
        self.drop = keras.layers.Dropout(dropout, **policy)
        self.noise = keras.random.SeedGenerator()
        self.path1 = keras.layers.Conv2D(
            filters // 2, 1, kernel_initializer=kernel_initializer, name="path1_conv", **policy
        )
        self.path2 = keras.layers.Conv2D(
            filters // 2, 1, kernel_initializer=kernel_initializer, name="path2_conv", **policy
        )
        self.path_norm = BatchNorm(name="final_path_bn", **policy)
        self.mix = keras.layers.Conv2D(filters, 1, kernel_initializer=kernel_initializer, name="concat_1x1", **policy)
        self.mix_norm = BatchNorm(name="concat_bn", **policy)

    def build(self, x_shape: Shape) -> None:
        for branch in self.branches:
            branch.build(x_shape)
        shape = (*x_shape[:-1], self.filters)
        self.has_own_path = x_shape[-1] != self.filters
        if self.has_own_path:
            self.path1.build(x_shape)
            self.path2.build(x_shape)
            self.path_norm.build(shape)
        if self.concat:
            self.mix.build((*x_shape[:-1], (1 + self.num_branches) * self.filters))
            self.mix_norm.build(shape)

    def path(self, x: Tensor, training: bool) -> Tensor:
        """Returns x or, with another number of channels, half of them from x and half from x shifted by a pixel."""
        if not self.has_own_path:
            return x
        stride = self.stride
        shifted = ops.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))[:, 1::stride, 1::stride]
        halves = self.path1(x[:, ::stride, ::stride]), self.path2(shifted)
        return self.path_norm(ops.concatenate(halves, axis=-1), training=training)

    def mixing_weights(self, batch_size: Tensor) -> tuple[Tensor, Tensor]:
        """Returns forward and backward weights [branches, batch, 1, 1, 1], which sum to 1 over an image's branches."""
        shape = (2, self.num_branches, batch_size, 1, 1, 1)
        weights = keras.random.uniform(shape, seed=self.noise, dtype="float32")
        weights = ops.cast(weights / ops.sum(weights, axis=1, keepdims=True), self.compute_dtype)
        return weights[0], weights[1]

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        outputs = [branch(x, training=training) for branch in self.branches]
        if training:
            forward, backward = self.mixing_weights(ops.shape(x)[0])
            outputs = [shake(y, forward[i], backward[i]) for i, y in enumerate(outputs)]
        else:
            outputs = [y / self.num_branches for y in outputs]
        outputs = [self.path(x, training), *(self.drop(y, training=training) for y in outputs)]
        if not self.concat:
            return sum(outputs[1:], start=outputs[0])
        mixed = self.mix(ops.relu(ops.concatenate(outputs, axis=-1)))
        return self.mix_norm(mixed, training=training)


@registry.register_model
class ShakeShake(ImageClassifier):
    """Three stages of `ShakeBlock`s, each with half the size and twice the channels of the one before."""

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        if (hparams.num_hidden_layers - 2) % 6 or hparams.num_hidden_layers < 8:
            raise ValueError(f"num_hidden_layers={hparams.num_hidden_layers} must be 6 * blocks a stage + 2")
        if hparams.hidden_size % FIRST_FILTERS:
            raise ValueError(f"hidden_size={hparams.hidden_size} must be a multiple of {FIRST_FILTERS}")
        policy = {"dtype": self.dtype_policy}
        self.init_conv = keras.layers.Conv2D(
            FIRST_FILTERS, 3, padding="same", kernel_initializer=self.kernel_initializer, name="init_conv", **policy
        )
        self.init_bn = BatchNorm(name="init_bn", **policy)
        blocks = (hparams.num_hidden_layers - 2) // 6
        self.stages = [
            [
                ShakeBlock(
                    hparams.hidden_size * 2**stage,
                    stride=2 if stage and not i else 1,
                    num_branches=hparams.shake_shake_num_branches,
                    concat=bool(hparams.shake_shake_concat),
                    dropout=hparams.layer_prepostprocess_dropout,
                    kernel_initializer=self.kernel_initializer,
                    name=f"layer_{i}",
                    **policy,
                )
                for i in range(blocks)
            ]
            for stage in range(3)
        ]

    @property
    def body_size(self) -> int:
        return 4 * self.hidden_size

    def build_layers(self, shape: Shape) -> None:
        self.init_conv.build(shape)
        shape = (*shape[:-1], FIRST_FILTERS)
        self.init_bn.build(shape)
        for number, blocks in enumerate(self.stages, start=1):
            with keras.name_scope(f"L{number}"):
                for block in blocks:
                    block.build(shape)
                    shape = (*shape[:-1], block.filters)

    def body(self, features: Features, training: bool = False) -> Tensor:
        x = self.init_bn(self.init_conv(self.images(features)), training=training)
        for blocks in self.stages:
            for block in blocks:
                x = block(x, training=training)
        return ops.relu(x)


# fmt: off
@registry.register_hparams
def shakeshake_small() -> HParams:
    """For CIFAR-10: 2 x 32d in the paper's notation, 26 layers."""
    return basic_params1().override(
        hidden_size=32, num_hidden_layers=26,
        layer_prepostprocess_dropout=0.0, dropout=0, label_smoothing=0.0,
        clip_grad_norm=0.0, learning_rate=0.2, learning_rate_decay_scheme="cosine",
        learning_rate_cosine_cycle_steps=700000, learning_rate_warmup_steps=100, initializer="uniform_unit_scaling",
        initializer_gain=1.0, weight_decay=1e-4, optimizer="Momentum", optimizer_momentum_momentum=0.9,
        batch_size=128,
    ).extend(
        shake_shake_num_branches=2, shake_shake_concat=0,
    )


variant = registry.variants_of(__name__)

shake_shake_quick = variant(
    "shake_shake_quick", shakeshake_small, "For quick experiments: a thousand steps of Adam.",
    optimizer="adam", learning_rate_cosine_cycle_steps=1000, learning_rate=0.5, batch_size=100,
)
shakeshake_big = variant("shakeshake_big", shakeshake_small, "2 x 96d.", hidden_size=96)
shake_shake_big = variant("shake_shake_big", shakeshake_big, "shakeshake_big under the name of the model.")
shakeshake_tpu = variant(
    "shakeshake_tpu", shakeshake_big, "2 x 96d in 180,000 steps at a higher learning rate.",
    learning_rate_cosine_cycle_steps=180000, learning_rate=0.6,
)
# fmt: on
