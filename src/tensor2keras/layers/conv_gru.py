"""Gated recurrent units whose products are convolutions (Kaiser and Sutskever 2016, https://arxiv.org/abs/1511.08228)."""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.convolution import Size, conv
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Shape, Tensor


class ConvGRU(Layer):
    """One step of a gated recurrent unit whose products are convolutions (Kaiser and Sutskever 2016, equation 2).

    Args:
        filters: channels in and out.
        kernel_size: a number (1-D) or a pair (2-D).
        padding: "LEFT" or "SAME".
        dilation_rate: of the convolutions.
        kernel_initializer: of the kernels.

    Reference:
        T2T `conv_gru`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Size,
        padding: str = "SAME",
        dilation_rate: Size = 1,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "conv_gru",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.kernel_initializer = unseeded(kernel_initializer)
        shared = {"padding": padding, "dilation_rate": dilation_rate, "dtype": self.dtype_policy}
        shared["kernel_initializer"] = self.kernel_initializer
        self.reset = conv(filters, kernel_size, name="reset", bias_initializer="ones", **shared)
        self.gate = conv(filters, kernel_size, name="gate", bias_initializer="ones", **shared)
        self.candidate = conv(filters, kernel_size, name="candidate", **shared)

    def build(self, x_shape: Shape) -> None:
        for convolution in (self.reset, self.gate, self.candidate):
            convolution.build(x_shape)

    def compute_output_shape(self, x_shape: Shape) -> Shape:
        return self.candidate.compute_output_shape(x_shape)

    def call(self, x: Tensor) -> Tensor:
        reset, gate = saturating_sigmoid(self.reset(x)), saturating_sigmoid(self.gate(x))
        return gate * x + (1 - gate) * ops.tanh(self.candidate(reset * x))


class DiagonalConvGRU(Layer):
    """`ConvGRU` with hard sigmoids, whose saturation is penalized, and a shift of two thirds of the channels (Freivalds
    and Liepins 2017, https://arxiv.org/abs/1702.08727).

    T2T shifts along the width of images; a sequence is one column wide, so these channels become zero.

    Args:
        filters: channels in and out.
        kernel_size: width of the convolutions.
        kernel_initializer: of the kernels.

    Call arguments:
        x: [batch, length, channels].
        dropped: dropout mask of the candidate, or None.

    Returns:
        The new state, shaped as x, and the mean cost of both gates' saturation, a scalar.

    Reference:
        T2T `diagonal_conv_gru`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "diagonal_conv_gru",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.filters = filters
        self.kernel_initializer = unseeded(kernel_initializer)
        shared = {"padding": "SAME", "kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}

        def gate(name: str, bias: float) -> keras.layers.Layer:
            start = keras.initializers.Constant(bias)
            return conv(filters, kernel_size, name=name, bias_initializer=start, **shared)

        self.reset, self.gate, self.candidate = gate("reset", 0.5), gate("gate", 0.7), gate("candidate", 0.0)

    def build(self, x_shape: Shape) -> None:
        for convolution in (self.reset, self.gate, self.candidate):
            convolution.build(x_shape)

    def call(self, x: Tensor, dropped: Tensor | None = None) -> tuple[Tensor, Tensor]:
        reset, reset_cost = hard_sigmoid(self.reset(x))
        gate, gate_cost = hard_sigmoid(self.gate(x))
        candidate = ops.tanh(self.candidate(reset * x))
        candidate = candidate if dropped is None else candidate * dropped
        unshifted = ops.arange(self.filters) < self.filters - 2 * (self.filters // 3)
        return gate * x * ops.cast(unshifted, x.dtype) + (1 - gate) * candidate, 0.5 * (reset_cost + gate_cost)


def hard_sigmoid(x: Tensor, saturation_limit: float = 0.9) -> tuple[Tensor, Tensor]:
    """Returns clip(x / 2 + 1 / 2, 0, 1), and the mean of relu(|x| - saturation_limit)."""
    cost = ops.mean(ops.relu(ops.abs(x) - saturation_limit))
    return ops.clip(0.5 * x + 0.5, 0.0, 1.0), cost


def saturating_sigmoid(x: Tensor) -> Tensor:
    """Returns a sigmoid that reaches 0 and 1: clip(1.2 sigmoid(x) - 0.1, 0, 1)."""
    return ops.clip(1.2 * ops.sigmoid(x) - 0.1, 0.0, 1.0)
