"""Stacked convolutions, each with a relu and a norm (T2T `conv_block`, also separable and sub-separable)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.convolution import Size, SubseparableConv, conv, conv_step, margin
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.layers.normalization import LayerNorm, get_norm
from tensor2keras.types import Cache, Shape, Tensor


class ConvBlock(Layer):
    """Convolutions one after the other: relu, zeros at padding, convolution without bias, layer norm.

    Args:
        filters: output channels of each convolution.
        dilation_rates_and_kernel_sizes: for each convolution a pair of numbers (1-D) or of pairs (2-D).
        padding: "LEFT", "SAME" or "VALID".
        separable: separable convolutions.
        separabilities: the `separability` of each convolution, which is then a `SubseparableConv`.
        first_relu: whether a relu is applied to the input.
        use_elu: elu instead of relu.
        normalize: layer norms; without them the convolutions have biases.
        norm_type: a key of `normalization.NORMS`; None: layer norms without a scope around each.
        norm_epsilon: of these norms.
        strides: of all convolutions.
        kernel_initializer: of all kernels.

    Call arguments:
        x: [batch, length, channels] or [batch, height, width, channels].
        nonpadding: multiplies each convolution's input, 0.0 at padding, broadcasts to x; or None.
        mask: Keras's mask of x, [batch, length], which stands for nonpadding if that is None.

    Returns:
        x's shape, with `filters` channels and, for other paddings than SAME and LEFT, fewer positions.

    Reference:
        T2T `conv_block`, `conv1d_block`, `separable_conv_block`, `subseparable_conv_block`.
    """

    def __init__(
        self,
        filters: int,
        dilation_rates_and_kernel_sizes: Sequence[tuple[Size, Size]],
        padding: str = "VALID",
        separable: bool = False,
        separabilities: Sequence[int] | None = None,
        first_relu: bool = True,
        use_elu: bool = False,
        normalize: bool = True,
        norm_type: str | None = None,
        norm_epsilon: float = 1e-6,
        strides: Size = 1,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "conv_block",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.filters = filters
        self.dilation_rates_and_kernel_sizes = [tuple(pair) for pair in dilation_rates_and_kernel_sizes]
        self.padding = padding
        self.separable = separable
        self.separabilities = separabilities
        self.first_relu = first_relu
        self.use_elu = use_elu
        self.normalize = normalize
        self.norm_type = norm_type
        self.norm_epsilon = norm_epsilon
        self.strides = strides
        self.kernel_initializer = unseeded(kernel_initializer)
        self.convolutions = [
            self._convolution(i, rate, size) for i, (rate, size) in enumerate(self.dilation_rates_and_kernel_sizes)
        ]
        self.norms = [self._norm(i) if normalize else None for i in range(len(self.convolutions))]

    def _norm(self, i: int) -> keras.layers.Layer:
        if self.norm_type is None:
            return LayerNorm(name=f"conv_block_norm_{i}", dtype=self.dtype_policy)
        return get_norm(self.norm_type, self.norm_epsilon, dtype=self.dtype_policy)

    def _convolution(self, i: int, dilation_rate: Size, kernel_size: Size) -> keras.layers.Layer:
        shared = {
            "padding": self.padding,
            "name": f"conv_block_{i}",
            "dilation_rate": dilation_rate,
            "use_bias": not self.normalize,
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
        }
        if self.separabilities:
            mixed = sum(separability > 1 for separability in self.separabilities[:i])
            shared |= {"name": self.name, "conv_name": shared["name"], "separability": self.separabilities[i]}
            return SubseparableConv(
                self.filters, kernel_size, mix_name=f"conv2d_{mixed}" if mixed else "conv2d", **shared
            )
        return conv(self.filters, kernel_size, separable=self.separable, strides=self.strides, **shared)

    def build(self, x_shape: Shape) -> None:
        self.input_size = x_shape[-1]
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            convolution.build(x_shape)
            x_shape = (*x_shape[:-1], self.filters)
            if self.norm_type is not None and self.normalize:
                with keras.name_scope(f"conv_block_norm_{i}"):
                    norm.build(x_shape)
            elif norm is not None:
                norm.build(x_shape)

    def compute_output_shape(self, x_shape: Shape) -> Shape:
        for convolution in self.convolutions:
            x_shape = convolution.compute_output_shape(x_shape)
        return x_shape

    def init_cache(self, batch_size: Tensor | int) -> Cache:
        """Returns the cache of `step`: the last inputs of each convolution, at first zeros."""
        sizes = [self.input_size, *[self.filters] * (len(self.convolutions) - 1)]
        return {
            f"conv_{i}": ops.zeros((batch_size, margin(convolution), size), self.compute_dtype)
            for i, (convolution, size) in enumerate(zip(self.convolutions, sizes, strict=True))
            if margin(convolution)
        }

    def step(self, x: Tensor, cache: Cache, nonpadding: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Returns the output [batch, 1, filters] at the position of x [batch, 1, channels] (padding "LEFT")."""
        cache = dict(cache)
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = self._activated(x, i, nonpadding)
            if margin(convolution):
                x = ops.concatenate([cache[f"conv_{i}"], x], axis=1)
                cache[f"conv_{i}"] = x[:, 1:]
            x = conv_step(convolution, x)
            x = x if norm is None else norm(x)
        return x, cache

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> Tensor | None:
        return previous_mask if self.padding in ("SAME", "LEFT") and self.strides in (1, (1, 1)) else None

    def call(self, x: Tensor, nonpadding: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        if nonpadding is None and mask is not None:
            nonpadding = mask[..., None]
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = convolution(self._activated(x, i, nonpadding))
            x = x if norm is None else norm(x)
        return x

    def _activated(self, x: Tensor, i: int, nonpadding: Tensor | None) -> Tensor:
        """Returns the input of convolution i."""
        if self.first_relu or i > 0:
            x = ops.elu(x) if self.use_elu else ops.relu(x)
        return x if nonpadding is None else x * ops.cast(nonpadding, x.dtype)
