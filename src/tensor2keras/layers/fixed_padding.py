"""Convolutions of residual networks: padding that depends on the kernel alone, and targeted dropout."""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.convolution import Size
from tensor2keras.layers.initializer import unseeded
from tensor2keras.types import Shape, Tensor


@keras.saving.register_keras_serializable("tensor2keras.layers")
class FixedPaddingConv2D(keras.layers.Conv2D):
    """A convolution without bias; with strides, its padding does not depend on the image's size.

    Reference:
        T2T `conv2d_fixed_padding`.
    """

    def __init__(self, filters: int, kernel_size: int, strides: Size = 1, **kwargs: Any):
        padding = "same" if strides in (1, (1, 1), [1, 1]) else "valid"
        super().__init__(filters, kernel_size, **{**kwargs, "strides": strides, "padding": padding, "use_bias": False})

    def padded(self, x: Tensor) -> Tensor:
        """Pads x [batch, height, width, channels] with zeros on all sides."""
        margin = self.kernel_size[0] - 1
        if self.padding == "same" or not margin:
            return x
        sides = (margin // 2, margin - margin // 2)
        return ops.pad(x, ((0, 0), sides, sides, (0, 0)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        margin = 0 if self.padding == "same" else self.kernel_size[0] - 1
        batch, height, width, channels = input_shape
        return super().compute_output_shape((batch, height and height + margin, width and width + margin, channels))

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        return super().call(self.padded(x))


def smallest_weights(kernel: Tensor, count: int) -> Tensor:
    """Returns 1.0 at the `count` + 1 smallest weights of each output channel, else 0.0; [..., channels]."""
    sizes = ops.reshape(ops.abs(kernel), (-1, kernel.shape[-1]))
    threshold = ops.sort(sizes, axis=0)[count]
    return ops.reshape(ops.cast(threshold >= sizes, kernel.dtype), kernel.shape)


def smallest_units(kernel: Tensor, count: int) -> Tensor:
    """Returns 1.0 at all weights of the `count` + 1 output channels of smallest norm, else 0.0; [..., channels]."""
    norm = ops.sqrt(ops.sum(ops.square(kernel), axis=tuple(range(len(kernel.shape) - 1))))
    return ops.broadcast_to(ops.cast(ops.sort(norm)[count] >= norm, kernel.dtype), kernel.shape)


TARGETS = {"weight": smallest_weights, "unit": smallest_units}


@keras.saving.register_keras_serializable("tensor2keras.layers")
class TargetedConv2D(FixedPaddingConv2D):
    """`FixedPaddingConv2D` whose smallest weights are dropped in training and 0 otherwise, so that they can be pruned.

    Args:
        filters, kernel_size, strides: of the convolution.
        target: a key of `TARGETS`.
        targeting_rate: share of the weights of an output channel, or of the channels, that is targeted.
        keep_prob: probability that a targeted weight is kept.

    Reference:
        Gomez et al. 2019, https://arxiv.org/abs/1905.13678; T2T `td_conv`, `targeted_dropout`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        target: str = "weight",
        targeting_rate: float = 0.5,
        keep_prob: float = 0.5,
        **kwargs: Any,
    ):
        super().__init__(filters, kernel_size, strides, **kwargs)
        self.target = target
        self.targeting_rate = targeting_rate
        self.keep_prob = keep_prob
        self.noise = keras.random.SeedGenerator()

    def build(self, x_shape: Shape) -> None:
        shape = (*self.kernel_size, x_shape[-1], self.filters)
        initializer = unseeded(self.kernel_initializer)
        # in full precision, so that rounding does not decide which weights are the smallest
        self._kernel = self.add_weight(name="DW", shape=shape, initializer=initializer, autocast=False)
        size = self.filters if self.target == "unit" else shape[0] * shape[1] * shape[2]
        self.targeted = self.targeting_rate * size
        self.bias = None

    def weights_now(self, training: bool) -> Tensor:
        """Returns the kernel after targeted dropout."""
        kernel = ops.convert_to_tensor(self._kernel)
        if self.keep_prob >= 1:
            return kernel
        if not training:
            return kernel * (1 - TARGETS[self.target](kernel, round(self.targeted * (1 - self.keep_prob))))
        mask = TARGETS[self.target](kernel, int(self.targeted))
        dropped = keras.random.dropout(kernel, 1 - self.keep_prob, seed=self.noise)
        return kernel * (1 - mask) + dropped * mask

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        return self.convolution_op(self.padded(x), ops.cast(self.weights_now(training), x.dtype))

    def get_config(self) -> dict[str, Any]:
        names = ("target", "targeting_rate", "keep_prob")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
