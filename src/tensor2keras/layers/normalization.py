"""Norms by T2T's names."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tensor2keras")
class LayerNorm(keras.layers.Layer):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the last axis (Ba et al. 2016), in float32.

    Reference:
        T2T `layer_norm`.
    """

    def __init__(self, epsilon: float = 1e-6, name: str = "layer_norm", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple) -> None:
        self.scale = self.add_weight(name="layer_norm_scale", shape=(input_shape[-1],), initializer="ones")
        self.bias = self.add_weight(name="layer_norm_bias", shape=(input_shape[-1],), initializer="zeros")
        self.built = True

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        centered = wide - ops.mean(wide, axis=-1, keepdims=True)
        normed = centered * ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(normed, x.dtype) * ops.cast(self.scale, x.dtype) + ops.cast(self.bias, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tensor2keras")
class GroupNorm(keras.layers.Layer):
    """Normalizes groups of channels over positions, [batch, ..., channels] (Wu and He 2018). T2T `group_norm`."""

    def __init__(self, groups: int = 8, epsilon: float = 1e-5, name: str = "group_norm", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.groups = groups
        self.epsilon = epsilon

    def build(self, input_shape: tuple) -> None:
        if input_shape[-1] % self.groups:
            raise ValueError(f"{input_shape[-1]} channels cannot be divided into groups={self.groups}")
        self.scale = self.add_weight(name="group_norm_scale", shape=(input_shape[-1],), initializer="ones")
        self.bias = self.add_weight(name="group_norm_bias", shape=(input_shape[-1],), initializer="zeros")
        self.built = True

    def call(self, x: Any) -> Any:
        shape = ops.shape(x)
        grouped = ops.reshape(ops.cast(x, "float32"), (shape[0], -1, self.groups, x.shape[-1] // self.groups))
        mean, variance = ops.moments(grouped, axes=[1, 3], keepdims=True)
        normed = ops.reshape((grouped - mean) * ops.rsqrt(variance + self.epsilon), shape)
        return ops.cast(normed, x.dtype) * ops.cast(self.scale, x.dtype) + ops.cast(self.bias, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tensor2keras")
class L2Norm(keras.layers.Layer):
    """Centres the channels and divides by their length, with scale and bias. T2T `l2_norm`."""

    def __init__(self, epsilon: float = 1e-6, name: str = "l2_norm", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple) -> None:
        self.scale = self.add_weight(name="l2_norm_scale", shape=(input_shape[-1],), initializer="ones")
        self.bias = self.add_weight(name="l2_norm_bias", shape=(input_shape[-1],), initializer="zeros")
        self.built = True

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        centered = wide - ops.mean(wide, axis=-1, keepdims=True)
        normed = centered * ops.rsqrt(ops.sum(ops.square(centered), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(normed, x.dtype) * ops.cast(self.scale, x.dtype) + ops.cast(self.bias, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tensor2keras")
class NoamNorm(keras.layers.Layer):
    """Scales vectors to length sqrt(channels); no variables. T2T `noam_norm`."""

    def __init__(self, epsilon: float = 1e-6, name: str = "noam_norm", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.epsilon = epsilon
        self.built = True

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        squared_length = ops.maximum(ops.sum(ops.square(wide), axis=-1, keepdims=True), self.epsilon)
        return ops.cast(wide * ops.rsqrt(squared_length) * x.shape[-1] ** 0.5, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


NORMS = {
    "layer": lambda epsilon, **kwargs: LayerNorm(epsilon, **kwargs),
    "group": lambda epsilon, **kwargs: GroupNorm(epsilon=epsilon, **kwargs),
    "batch": lambda epsilon, **kwargs: keras.layers.BatchNormalization(
        epsilon=epsilon, name="batch_normalization", **kwargs
    ),
    "l2": lambda epsilon, **kwargs: L2Norm(epsilon, **kwargs),
    "noam": lambda epsilon, **kwargs: NoamNorm(epsilon, **kwargs),
    "none": lambda epsilon, **kwargs: keras.layers.Identity(**kwargs),
}


def get_norm(norm_type: str, epsilon: float = 1e-6, **kwargs: Any) -> keras.layers.Layer:
    """The norm of `hparams.norm_type`; ValueError with the known names for another."""
    if norm_type not in NORMS:
        raise ValueError(f"unknown norm_type {norm_type!r}; known: {', '.join(NORMS)}")
    return NORMS[norm_type](epsilon, **kwargs)
