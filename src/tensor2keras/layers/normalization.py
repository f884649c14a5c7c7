"""Normalization layers, and a table of them by T2T's names."""

from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Shape, Tensor


class _Norm(Layer):
    """Base of norms with an epsilon, called `default_name` unless they are given a name."""

    default_name: str

    def __init__(self, epsilon: float = 1e-6, name: str | None = None, **kwargs: Any):
        super().__init__(name=name or self.default_name, **kwargs)
        self.epsilon = epsilon


class _ScaleAndBias(_Norm):
    """Base of norms with a learned scale and bias for each channel, computed in float32."""

    def build(self, input_shape: Shape) -> None:
        shape, prefix = (input_shape[-1],), self.default_name
        self.scale = self.add_weight(name=f"{prefix}_scale", shape=shape, initializer="ones")
        self.bias = self.add_weight(name=f"{prefix}_bias", shape=shape, initializer="zeros")

    def call(self, x: Tensor) -> Tensor:
        normed = ops.cast(self.normalize(ops.cast(x, "float32")), x.dtype)
        return normed * ops.cast(self.scale, x.dtype) + ops.cast(self.bias, x.dtype)


class LayerNorm(_ScaleAndBias):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the last axis (Ba et al. 2016), in float32.

    Reference:
        T2T `layer_norm`.
    """

    default_name = "layer_norm"

    def normalize(self, x: Tensor) -> Tensor:
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        return centered * ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + self.epsilon)


class GroupNorm(_ScaleAndBias):
    """Normalizes groups of channels over positions, [batch, ..., channels] (Wu and He 2018). T2T `group_norm`."""

    default_name = "group_norm"

    def __init__(self, groups: int = 8, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(epsilon, **kwargs)
        self.groups = groups

    def build(self, input_shape: Shape) -> None:
        if input_shape[-1] % self.groups:
            raise ValueError(f"{input_shape[-1]} channels cannot be divided into groups={self.groups}")
        super().build(input_shape)

    def normalize(self, x: Tensor) -> Tensor:
        shape = ops.shape(x)
        grouped = ops.reshape(x, (shape[0], -1, self.groups, x.shape[-1] // self.groups))
        mean, variance = ops.moments(grouped, axes=[1, 3], keepdims=True)
        return ops.reshape((grouped - mean) * ops.rsqrt(variance + self.epsilon), shape)


class L2Norm(_ScaleAndBias):
    """Centres the channels and divides by their length, with scale and bias. T2T `l2_norm`."""

    default_name = "l2_norm"

    def normalize(self, x: Tensor) -> Tensor:
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        return centered * ops.rsqrt(ops.sum(ops.square(centered), axis=-1, keepdims=True) + self.epsilon)


class NoamNorm(_Norm):
    """Scales vectors to length sqrt(channels); no variables. T2T `noam_norm`."""

    default_name = "noam_norm"

    def call(self, x: Tensor) -> Tensor:
        wide = ops.cast(x, "float32")
        squared_length = ops.maximum(ops.sum(ops.square(wide), axis=-1, keepdims=True), self.epsilon)
        return ops.cast(wide * ops.rsqrt(squared_length) * x.shape[-1] ** 0.5, x.dtype)


class BatchNorm(_Norm):
    """Normalizes each channel of [batch, ..., channels] over the batch; outside training by moving averages.

    The moving variance is computed as in TensorFlow 1, with division by one less than the number of values.

    Args:
        momentum: share of the old moving average at an update.
        epsilon: added to the variance.
        zero_scale: the scale begins at 0 instead of 1.

    Reference:
        Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167; `tf.layers.batch_normalization` of TensorFlow 1.
    """

    default_name = "batch_normalization"

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        zero_scale: bool = False,
        **kwargs: Any,
    ):
        super().__init__(epsilon, **kwargs)
        self.momentum = momentum
        self.zero_scale = zero_scale

    def build(self, input_shape: Shape) -> None:
        shape = (input_shape[-1],)
        scale = "zeros" if self.zero_scale else "ones"
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=scale, autocast=False)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros", autocast=False)
        moving = {"shape": shape, "trainable": False, "autocast": False, "aggregation": "mean"}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **moving)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **moving)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        if not training:
            scale = ops.rsqrt(self.moving_variance + self.epsilon) * self.gamma
            shift = self.beta - self.moving_mean * scale
            return x * ops.cast(scale, x.dtype) + ops.cast(shift, x.dtype)
        y, mean, variance = backend.batch_norm(x, self.gamma.value, self.beta.value, self.epsilon)
        count = ops.cast(ops.prod(ops.shape(x)[:-1]), "float32")
        variance = variance * (count / ops.maximum(count - 1.0, 1.0))
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.stop_gradient(value) * (1.0 - self.momentum))
        return y


NORMS = {  # norm_type -> function of (epsilon, **kwargs) that returns the layer
    "layer": LayerNorm,
    "group": lambda epsilon, **kwargs: GroupNorm(epsilon=epsilon, **kwargs),
    "batch": lambda epsilon, **kwargs: keras.layers.BatchNormalization(
        epsilon=epsilon, name="batch_normalization", **kwargs
    ),
    "l2": L2Norm,
    "noam": NoamNorm,
    "none": lambda epsilon, **kwargs: keras.layers.Identity(**kwargs),
}


def get_norm(norm_type: str, epsilon: float = 1e-6, **kwargs: Any) -> keras.layers.Layer:
    """Returns the norm of `hparams.norm_type`; raises ValueError for an unknown one."""
    if norm_type not in NORMS:
        raise ValueError(f"unknown norm_type {norm_type!r}; known: {', '.join(NORMS)}")
    return NORMS[norm_type](epsilon, **kwargs)
