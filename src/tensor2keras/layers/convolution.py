"""Convolutions with T2T's padding and names, two of them as a feed-forward network, and pooling.

`conv` makes the layer T2T calls `conv`, `conv1d` or `separable_conv`: over [batch, length, channels] where
`kernel_size` is a number, over [batch, height, width, channels] where it is a pair. Padding "LEFT" comes before the
first row (and column) only, so that an output depends on its own position and those before it.
"""

import functools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, options_of
from tensor2keras.types import Cache, Shape, Tensor

Size = int | Sequence[int]
PADDINGS = ("LEFT", "SAME", "VALID")
_ONE_DIMENSION = {"LEFT": "causal", "SAME": "same", "VALID": "valid"}


def conv(
    filters: int,
    kernel_size: Size,
    padding: str = "VALID",
    separable: bool = False,
    name: str = "conv",
    kernel_initializer: Any = "glorot_uniform",
    **options: Any,
) -> keras.layers.Layer:
    """Returns a convolution named `NAME_single`, as in T2T. T2T `conv`, `conv1d`, `separable_conv`.

    Args:
        filters: channels out.
        kernel_size: a number (1-D) or a pair (2-D).
        padding: "LEFT", "SAME" or "VALID".
        separable: depthwise first, then 1x1.
        name: without the suffix.
        kernel_initializer: of all kernels.
        **options: `dilation_rate`, `strides`, `activation`, `use_bias`, ... of the Keras layer.

    Raises:
        ValueError: unknown padding; "LEFT" with an even kernel.
    """
    _check_padding(padding, kernel_size)
    kernels = ("depthwise_initializer", "pointwise_initializer") if separable else ("kernel_initializer",)
    options |= dict.fromkeys(kernels, unseeded(kernel_initializer))
    options = {"filters": filters, "kernel_size": kernel_size, "name": f"{name}_single", **options}
    if isinstance(kernel_size, int):
        if separable:
            return (
                LeftSeparableConv1D(**options)
                if padding == "LEFT"
                else keras.layers.SeparableConv1D(padding=padding.lower(), **options)
            )
        return keras.layers.Conv1D(padding=_ONE_DIMENSION[padding], **options)
    if padding == "LEFT":
        return (LeftSeparableConv2D if separable else LeftConv2D)(**options)
    return (keras.layers.SeparableConv2D if separable else keras.layers.Conv2D)(padding=padding.lower(), **options)


def conv_step(layer: keras.layers.Layer, window: Tensor) -> Tensor:
    """Returns the output of a causal convolution at the last position of its window.

    Args:
        layer: made by `conv`, 1-D, padding "LEFT"; or a `SubseparableConv` of such.
        window: [batch, margin + 1, channels], the last position and those before it (zeros before the first).

    Returns:
        [batch, 1, filters].
    """
    if isinstance(layer, SubseparableConv):
        groups = ops.split(window, len(layer.parts), axis=-1)
        parts = [conv_step(part, group) for part, group in zip(layer.parts, groups, strict=True)]
        y = ops.concatenate(parts, axis=-1)
        return y if layer.mix is None else layer.mix(y)
    taps = window[:, :: layer.dilation_rate[0]]
    if isinstance(layer, keras.layers.SeparableConv1D):
        y = ops.einsum("bkc,kcm->bcm", taps, ops.cast(layer.depthwise_kernel, taps.dtype))
        y = ops.reshape(y, (-1, taps.shape[2] * y.shape[2]))
        y = ops.matmul(y, ops.cast(layer.pointwise_kernel, taps.dtype)[0])
    else:
        kernel = ops.cast(layer.kernel, taps.dtype)
        y = ops.matmul(
            ops.reshape(taps, (-1, taps.shape[1] * taps.shape[2])), ops.reshape(kernel, (-1, kernel.shape[-1]))
        )
    if layer.use_bias:
        y = y + ops.cast(layer.bias, y.dtype)
    return layer.activation(y)[:, None]


def margin(layer: keras.layers.Layer) -> int:
    """Returns how many positions before its own an output of a causal 1-D convolution depends on."""
    if isinstance(layer, SubseparableConv):
        return margin(layer.parts[0])
    return (layer.kernel_size[0] - 1) * layer.dilation_rate[0]


def longest(*lengths: Tensor) -> Tensor:
    """Returns the largest length: an integer if all are (JAX needs integers in shapes), else a scalar tensor."""
    if all(isinstance(length, int) for length in lengths):
        return max(lengths)
    return functools.reduce(ops.maximum, lengths)


def _check_padding(padding: str, kernel_size: Size) -> None:
    if padding not in PADDINGS:
        raise ValueError(f"unknown padding {padding!r}; known: {', '.join(PADDINGS)}")
    sizes = [kernel_size] if isinstance(kernel_size, int) else kernel_size
    if padding == "LEFT" and any(size % 2 == 0 for size in sizes):
        raise ValueError(f"padding='LEFT' needs odd sizes, not kernel_size={kernel_size}")


def _pad_left(
    x: Tensor, kernel_size: Sequence[int], dilation_rate: Sequence[int] = (1, 1), value: float = 0.0
) -> Tensor:
    """Pads [batch, height, width, channels] above and to the left; a single column only above."""
    above, left = ((size - 1) * rate for size, rate in zip(kernel_size, dilation_rate, strict=True))
    return ops.pad(x, ((0, 0), (above, 0), (0 if x.shape[2] == 1 else left, 0), (0, 0)), constant_values=value)


class _LeftPadding:
    """Mixin of 2-D convolutions: all padding is above and to the left."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{**kwargs, "padding": "valid"})

    def call(self, x: Tensor) -> Tensor:
        return super().call(_pad_left(x, self.kernel_size, self.dilation_rate))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        above, left = ((size - 1) * rate for size, rate in zip(self.kernel_size, self.dilation_rate, strict=True))
        padded = (batch, height and height + above, width and (width if width == 1 else width + left), channels)
        return super().compute_output_shape(padded)


@keras.saving.register_keras_serializable("tensor2keras.layers")
class LeftSeparableConv1D(keras.layers.SeparableConv1D):
    """`keras.layers.SeparableConv1D` with causal padding, which Keras's layer does not have."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{**kwargs, "padding": "valid"})

    @property
    def margin(self) -> int:
        return (self.kernel_size[0] - 1) * self.dilation_rate[0]

    def call(self, x: Tensor) -> Tensor:
        return super().call(ops.pad(x, ((0, 0), (self.margin, 0), (0, 0))))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, length, channels = input_shape
        return super().compute_output_shape((batch, length and length + self.margin, channels))


@keras.saving.register_keras_serializable("tensor2keras.layers")
class LeftConv2D(_LeftPadding, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with all padding above and to the left. T2T `conv` with padding "LEFT"."""


@keras.saving.register_keras_serializable("tensor2keras.layers")
class LeftSeparableConv2D(_LeftPadding, keras.layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D` with all padding above and to the left. T2T `separable_conv`, padding "LEFT"."""


class SubseparableConv(Layer):
    """A convolution for each group of channels and a 1x1 convolution over all channels (Kaiser et al. 2017,
    https://arxiv.org/abs/1706.03059).

    Args:
        filters: channels out.
        kernel_size, padding, use_bias, dilation_rate: of the convolutions.
        separability: number of groups; negative: groups of separable convolutions, not mixed; 0: one separable
            convolution.
        kernel_initializer: of all kernels.
        conv_name: of the convolutions, without the suffix; by default the layer's name.
        mix_name: of the 1x1 convolution.

    Reference:
        T2T `subseparable_conv`. Its variables are directly in the caller's scope (`part_0/NAME_single/kernel`,
        `conv2d/kernel`), for which the caller gives the layer its own name.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Size,
        padding: str = "SAME",
        separability: int = 0,
        dilation_rate: Size = 1,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        conv_name: str | None = None,
        mix_name: str = "conv2d",
        name: str = "conv",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        groups = abs(separability)
        if groups and filters % groups:
            raise ValueError(f"filters={filters} cannot be divided into separability={separability} groups")
        self.filters = filters
        self.separability = separability
        self.kernel_initializer = unseeded(kernel_initializer)
        kernels = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        shared = {"dilation_rate": dilation_rate, "use_bias": use_bias, **kernels}
        self.parts = [
            conv(filters // max(groups, 1), kernel_size, padding, separability <= 0, conv_name or name, **shared)
            for _ in range(max(groups, 1))
        ]
        self.mix = None
        if separability > 1:
            ones = 1 if isinstance(kernel_size, int) else (1, 1)
            kind = keras.layers.Conv1D if isinstance(kernel_size, int) else keras.layers.Conv2D
            self.mix = kind(filters, ones, name=mix_name, **kernels)

    def build(self, x_shape: Shape) -> None:
        if x_shape[-1] % len(self.parts):
            raise ValueError(f"{x_shape[-1]} channels cannot be divided into {len(self.parts)} groups")
        part_shape = (*x_shape[:-1], x_shape[-1] // len(self.parts))
        for i, part in enumerate(self.parts):
            if self.separability:
                with keras.name_scope(f"part_{i}"):
                    part.build(part_shape)
            else:
                part.build(part_shape)
        if self.mix is not None:
            self.mix.build((*x_shape[:-1], self.filters))

    def compute_output_shape(self, x_shape: Shape) -> Shape:
        part_shape = (*x_shape[:-1], x_shape[-1] // len(self.parts))
        return (*self.parts[0].compute_output_shape(part_shape)[:-1], self.filters)

    def call(self, x: Tensor) -> Tensor:
        groups = ops.split(x, len(self.parts), axis=-1)
        y = ops.concatenate([part(group) for part, group in zip(self.parts, groups, strict=True)], axis=-1)
        return y if self.mix is None else self.mix(y)


class ConvHiddenRelu(Layer):
    """Two convolutions over positions with a relu between; wider than 1 they are separable.

    Args:
        hidden_size: channels out.
        filter_size: channels between.
        kernel_size, second_kernel_size: widths of the two.
        padding: "LEFT", "SAME" or "VALID".
        dropout: rate after the relu.
        separable: whether convolutions of width 1 are separable too.
        kernel_initializer: of all kernels.

    Call arguments:
        x: [batch, length, channels].
        nonpadding: [batch, length], 1.0 at real positions, or None; convolutions wider than 1 read zeros at padding.
        mask: Keras's mask of x, which stands for nonpadding if that is None.
        training: whether dropout applies.

    Reference:
        T2T `conv_hidden_relu`, and with `separable` and a name `sepconv_relu_sepconv`.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        kernel_size: int = 1,
        second_kernel_size: int = 1,
        padding: str = "VALID",
        dropout: float = 0.0,
        separable: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "conv_hidden_relu",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.filter_size = filter_size
        self.kernel_size = kernel_size
        self.second_kernel_size = second_kernel_size
        self.padding = padding
        self.separable = separable
        self.kernel_initializer = unseeded(kernel_initializer)
        self.conv1 = self._conv("conv1", filter_size, kernel_size, activation="relu")
        self.conv2 = self._conv("conv2", hidden_size, second_kernel_size)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def _conv(self, name: str, filters: int, kernel_size: int, **options: Any) -> keras.layers.Layer:
        separable = self.separable or kernel_size > 1
        options["kernel_initializer"] = self.kernel_initializer
        if kernel_size == 1 and not separable:  # faster than a convolution
            return keras.layers.Dense(filters, name=f"{name}_single", dtype=self.dtype_policy, **options)
        return conv(filters, kernel_size, self.padding, separable, name, dtype=self.dtype_policy, **options)

    def build(self, x_shape: Shape) -> None:
        self.input_size = x_shape[-1]
        self.conv1.build(x_shape)
        self.conv2.build((*x_shape[:-1], self.filter_size))

    def compute_output_shape(self, x_shape: Shape) -> Shape:
        return self.conv2.compute_output_shape(self.conv1.compute_output_shape(x_shape))

    def init_cache(self, batch_size: Tensor | int) -> Cache:
        """Returns the cache of `step`: the last inputs of each convolution wider than 1, at first zeros."""
        if self.padding != "LEFT" and max(self.kernel_size, self.second_kernel_size) > 1:
            raise ValueError(f"decoding by steps needs padding='LEFT', not {self.padding!r}")
        sizes = {"conv1": (self.kernel_size, self.input_size), "conv2": (self.second_kernel_size, self.filter_size)}
        return {
            name: ops.zeros((batch_size, kernel_size - 1, size), self.compute_dtype)
            for name, (kernel_size, size) in sizes.items()
            if kernel_size > 1
        }

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns the output [batch, 1, hidden_size] at the position of x [batch, 1, channels], and the new cache."""
        cache = dict(cache)
        for name, convolution in (("conv1", self.conv1), ("conv2", self.conv2)):
            if name in cache:
                x = ops.concatenate([cache[name], x], axis=1)
                cache[name] = x[:, 1:]
                x = conv_step(convolution, x)
            else:
                x = convolution(x)
        return x, cache

    def call(
        self, x: Tensor, nonpadding: Tensor | None = None, mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        nonpadding = mask if nonpadding is None else nonpadding
        hidden = self.drop(self.conv1(_without_padding(x, nonpadding, self.kernel_size)), training=training)
        return self.conv2(_without_padding(hidden, nonpadding, self.second_kernel_size))


ConvHiddenReluOptions = options_of(ConvHiddenRelu, "ConvHiddenReluOptions")


def _without_padding(x: Tensor, nonpadding: Tensor | None, kernel_size: int) -> Tensor:
    """Returns x with zeros at padding, unless the kernel has width 1 (T2T `maybe_zero_out_padding`)."""
    if nonpadding is None or kernel_size == 1:
        return x
    return x * ops.cast(nonpadding, x.dtype)[:, :, None]


def pool(
    x: Tensor, window_size: Sequence[int], pooling_type: str, padding: str, strides: Sequence[int] = (1, 1)
) -> Tensor:
    """Returns the maximum or average over windows of an image. T2T `pool`.

    Args:
        x: [batch, height, width, channels].
        window_size, strides: rows and columns.
        pooling_type: "MAX" or "AVG".
        padding: "LEFT" (zeros above and to the left count), "SAME" or "VALID".
    """
    functions = {"MAX": ops.max_pool, "AVG": ops.average_pool}
    if pooling_type not in functions:
        raise ValueError(f"unknown pooling_type {pooling_type!r}; known: {', '.join(functions)}")
    _check_padding(padding, window_size)
    if padding == "LEFT":
        x, padding = _pad_left(x, window_size), "VALID"
    return functions[pooling_type](x, tuple(window_size), strides=tuple(strides), padding=padding.lower())
