"""The Transformer's position-wise networks, and the arguments of each by T2T's name (`FEED_FORWARD`).

All take x [batch, length, hidden] and nonpadding [batch, length] (1.0 at real positions, or None; Keras's mask of x
stands for it), and return x's shape. In decoding, `init_cache` returns what `step` needs of earlier positions: nothing,
except for convolutions.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.convolution import ConvHiddenReluOptions
from tensor2keras.layers.dropout import broadcast_dropout
from tensor2keras.layers.experts import CapacityExpertsOptions, NoisyTopKExpertsOptions, PositionWise
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, LayerOptions, check_heads, options_of
from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.types import Cache, Shape, Tensor


class DenseReluDense(PositionWise):
    """relu(x W1 + b1) W2 + b2 (Vaswani et al. 2017, equation 2). T2T `dense_relu_dense`.

    Args:
        hidden_size: width in and out.
        filter_size: width between.
        dropout: rate between.
        dropout_broadcast_dims: axes of [batch, length, filter] that share one dropout mask.
        kernel_initializer: of both kernels.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        dropout: float = 0.0,
        dropout_broadcast_dims: Sequence[int] = (),
        kernel_initializer: Any = "glorot_uniform",
        name: str = "dense_relu_dense",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.filter_size = filter_size
        self.kernel_initializer = unseeded(kernel_initializer)
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.conv1 = keras.layers.Dense(filter_size, activation="relu", name="conv1", **shared)
        self.conv2 = keras.layers.Dense(hidden_size, name="conv2", **shared)
        self.drop = broadcast_dropout(dropout, 3, dropout_broadcast_dims, dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.conv1.build(x_shape)
        self.conv2.build((*x_shape[:-1], self.filter_size))

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        return self.conv2(self.drop(self.conv1(x), training=training))


class MemoryEfficientFeedForward(PositionWise):
    """relu(norm(x) W1) W2, which includes a layer norm and has no biases. T2T `conv_hidden_relu_memory_efficient`.

    T2T recomputes it in the backward pass, in four parts of the batch; here it is computed once, with equal results.

    Args:
        hidden_size: width in and out.
        filter_size: width between.
        kernel_initializer: of both kernels.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "ffn2",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.hidden_size = hidden_size
        self.filter_size = filter_size
        self.kernel_initializer = unseeded(kernel_initializer)
        self.norm = LayerNorm(name=name, dtype=self.dtype_policy)  # the same name: T2T opens no scope for it

    def build(self, x_shape: Shape) -> None:
        initializer = self.kernel_initializer
        self.f1 = self.add_weight(name="f1", shape=(1, x_shape[-1], self.filter_size), initializer=initializer)
        self.f2 = self.add_weight(name="f2", shape=(1, self.filter_size, self.hidden_size), initializer=initializer)
        self.norm.build(x_shape)

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        return ops.matmul(ops.relu(ops.matmul(self.norm(x), self.f1[0])), self.f2[0])


class ConvReluConv(Layer):
    """A convolution over positions, a relu and a second convolution, by default of width 1.

    A convolution is a sum of `kernel_size` projections (taps) of shifted inputs divided by sqrt(kernel_size). With
    "LEFT" padding the first tap reads the position itself, as the last does, and not the farthest one, as in T2T.

    Args:
        hidden_size: width in and out.
        filter_size: width between.
        kernel_size: width of the first convolution, in positions.
        second_kernel_size: width of the second; decoding by steps needs 1.
        padding: "LEFT" (causal) or "SAME".
        dropout: rate after the relu.
        kernel_initializer: of the kernels.

    Reference:
        T2T `conv_relu_conv`, `tpu_conv1d`.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        kernel_size: int = 3,
        second_kernel_size: int = 1,
        padding: str = "LEFT",
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "conv_relu_conv",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        for size in (kernel_size, second_kernel_size):
            if padding not in ("LEFT", "SAME") or (padding == "SAME" and size % 2 == 0):
                raise ValueError(f"padding={padding!r} with kernel_size={size}: known are LEFT, SAME with odd sizes")
        self.hidden_size = hidden_size
        self.filter_size = filter_size
        self.kernel_size = kernel_size
        self.second_kernel_size = second_kernel_size
        self.padding = padding
        self.kernel_initializer = unseeded(kernel_initializer)
        self.taps1 = self._taps("conv1", filter_size, kernel_size)
        self.taps2 = self._taps("conv2", hidden_size, second_kernel_size)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def _taps(self, name: str, width: int, kernel_size: int) -> list[keras.layers.Dense]:
        names = [name] if kernel_size == 1 else [f"{name}_{i}" for i in range(kernel_size)]
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        return [keras.layers.Dense(width, use_bias=tap == names[0], name=tap, **shared) for tap in names]

    def build(self, x_shape: Shape) -> None:
        for tap in self.taps1:
            tap.build(x_shape)
        for tap in self.taps2:
            tap.build((*x_shape[:-1], self.filter_size))

    def call(
        self, x: Tensor, nonpadding: Tensor | None = None, mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        nonpadding = mask if nonpadding is None else nonpadding
        hidden = self._convolve(self.taps1, self._padded(x, nonpadding, self.kernel_size), ops.shape(x)[1])
        hidden = self.drop(ops.relu(hidden), training=training)
        return self._convolve(self.taps2, self._padded(hidden, nonpadding, self.second_kernel_size), ops.shape(x)[1])

    def _padded(self, x: Tensor, nonpadding: Tensor | None, kernel_size: int) -> Tensor:
        if kernel_size == 1:
            return x
        if nonpadding is not None:
            x = x * ops.cast(nonpadding, x.dtype)[:, :, None]
        before = self._before(kernel_size)
        return ops.pad(x, ((0, 0), (before, kernel_size - 1 - before), (0, 0)))

    def _before(self, kernel_size: int) -> int:
        return kernel_size - 1 if self.padding == "LEFT" else kernel_size // 2

    def _convolve(self, taps: list[keras.layers.Dense], padded: Tensor, length: Tensor | int) -> Tensor:
        if len(taps) == 1:
            return taps[0](padded)
        offsets = [self._before(len(taps)), *range(1, len(taps))]  # from the first position under the kernel
        windows = [padded[:, offset : offset + length] for offset in offsets]
        return sum(tap(window) for tap, window in zip(taps, windows, strict=True)) * len(taps) ** -0.5

    def init_cache(self, batch_size: Tensor | int) -> Cache:
        """Returns the inputs just before the next position: {"f": [batch, kernel_size - 1, hidden]}."""
        if self.second_kernel_size > 1:
            raise ValueError(f"decoding by steps needs second_kernel_size=1, not {self.second_kernel_size}")
        return {"f": ops.zeros((batch_size, self.kernel_size - 1, self.hidden_size), self.compute_dtype)}

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        window = ops.concatenate([cache["f"], x], axis=1)
        (projection,) = self.taps2
        y = projection(ops.relu(self._convolve(self.taps1, window, x.shape[1])))
        return y, {"f": window[:, x.shape[1] :]}


class ParameterAttention(PositionWise):
    """Attention to `filter_size` learned keys and values per head. T2T `parameter_attention`.

    Args:
        hidden_size: width in and out.
        filter_size: number of keys.
        num_heads: must divide key_size and value_size.
        key_size, value_size: total widths; hidden_size by default.
        dropout: rate at which whole values are dropped.
        kernel_initializer: of the projections.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        num_heads: int,
        key_size: int = 0,
        value_size: int = 0,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "parameter_attention",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.hidden_size = hidden_size
        self.filter_size = filter_size
        self.num_heads = num_heads
        self.key_size = key_size or hidden_size
        self.value_size = value_size or hidden_size
        check_heads(num_heads, hidden_size, key_size=self.key_size, value_size=self.value_size)
        self.kernel_initializer = unseeded(kernel_initializer)
        shared = {"use_bias": False, "kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.query_projection = keras.layers.Dense(self.key_size, name="q_transform", **shared)
        self.output_projection = keras.layers.Dense(hidden_size, name="output_transform", **shared)
        self.drop = keras.layers.Dropout(dropout, noise_shape=(num_heads, filter_size, 1), dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.query_projection.build(x_shape)
        self.output_projection.build((*x_shape[:-1], self.value_size))
        normal = keras.initializers.RandomNormal
        shape = (self.num_heads, self.filter_size)
        key_deviation = (self.num_heads / self.hidden_size) ** 0.5
        self.k = self.add_weight(
            name="k", shape=(*shape, self.key_size // self.num_heads), initializer=normal(stddev=key_deviation)
        )
        self.v = self.add_weight(
            name="v", shape=(*shape, self.value_size // self.num_heads), initializer=normal(stddev=1.0)
        )

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        length = ops.shape(x)[1]
        q = ops.reshape(self.query_projection(x), (-1, length, self.num_heads, self.key_size // self.num_heads))
        weights = ops.softmax(ops.einsum("blhd,hkd->bhlk", q, self.k), axis=-1)
        values = self.drop(ops.convert_to_tensor(self.v), training=training)
        y = ops.einsum("bhlk,hkd->blhd", weights, values)
        return self.output_projection(ops.reshape(y, (-1, length, self.value_size)))


class NoFeedForward(PositionWise):
    """Returns its input."""

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        return x


DenseReluDenseOptions = options_of(DenseReluDense, "DenseReluDenseOptions")
MemoryEfficientFeedForwardOptions = options_of(MemoryEfficientFeedForward, "MemoryEfficientFeedForwardOptions")
ConvReluConvOptions = options_of(ConvReluConv, "ConvReluConvOptions")
ParameterAttentionOptions = options_of(ParameterAttention, "ParameterAttentionOptions")
NoFeedForwardOptions = options_of(NoFeedForward, "NoFeedForwardOptions")
SepconvReluSepconvOptions = functools.partial(ConvHiddenReluOptions, separable=True, name="sepconv_relu_sepconv")

# T2T's names of the networks -> their arguments
FEED_FORWARD: dict[str, Callable[..., LayerOptions]] = {
    "conv_hidden_relu": ConvHiddenReluOptions,
    "conv_hidden_relu_memory_efficient": MemoryEfficientFeedForwardOptions,
    "conv_relu_conv": ConvReluConvOptions,
    "dense_relu_dense": DenseReluDenseOptions,
    "local_moe": NoisyTopKExpertsOptions,
    "local_moe_tpu": CapacityExpertsOptions,
    "none": NoFeedForwardOptions,
    "parameter_attention": ParameterAttentionOptions,
    "sepconv_relu_sepconv": SepconvReluSepconvOptions,
}
