"""The Evolved Transformer's layers (So et al. 2019, https://arxiv.org/abs/1901.11117, figure 3).

The stacks are those of `layers/transformer.py`, with layers found by architecture search: gated linear units, branches
of separable convolutions and, in the decoder, two attentions side by side. Their `feed_forward` argument is an
`EvolvedOptions`.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.convolution import LeftSeparableConv1D, conv_step
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, LayerOptions, Options
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.layers.transformer import (
    NO_CONTEXT,
    AttentionSublayer,
    Context,
    Sublayer,
    TransformerDecoder,
    TransformerEncoder,
    memory_shape,
)
from tensor2keras.types import Cache, Shape, Tensor

MAX_DOUBLED_HEADS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvolvedOptions(Options):
    """Arguments of the gated linear units, convolutions and dense layers.

    Args:
        hidden_size: width in and out.
        dropout: rate after wide layers and branches.
        kernel_initializer: of all kernels.
    """

    hidden_size: int
    dropout: float = 0.0
    kernel_initializer: Any = "glorot_uniform"


class GatedLinearUnitSublayer(Sublayer):
    """A projection times a sigmoid gate."""

    def __init__(
        self, sizes: EvolvedOptions, residual: ResidualOptions, name: str = "gated_linear_unit", **kwargs: Any
    ):
        super().__init__(residual, name=name, **kwargs)
        options = {"kernel_initializer": unseeded(sizes.kernel_initializer), "dtype": self.dtype_policy}
        self.values = keras.layers.Dense(sizes.hidden_size, name="dense", **options)
        self.gates = keras.layers.Dense(sizes.hidden_size, activation="sigmoid", name="dense_1", **options)

    def build(self, x_shape: Shape) -> None:
        self.values.build(x_shape)
        self.gates.build(x_shape)
        super().build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        y = self.preprocess(x, training=training)
        return self.postprocess(self.values(y) * self.gates(y), x, training=training)


class DenseLayers(Sublayer):
    """Two dense layers, four times as wide in between; with `norm_between` the wide state is preprocessed too."""

    def __init__(
        self,
        sizes: EvolvedOptions,
        residual: ResidualOptions,
        activation: str,
        norm_between: bool = False,
        **kwargs: Any,
    ):
        super().__init__(residual, name="dense_layers", **kwargs)
        options = {"kernel_initializer": unseeded(sizes.kernel_initializer), "dtype": self.dtype_policy}
        self.widen = keras.layers.Dense(4 * sizes.hidden_size, activation=activation, name="dense", **options)
        self.narrow = keras.layers.Dense(sizes.hidden_size, name="dense_1", **options)
        self.drop = keras.layers.Dropout(sizes.dropout, dtype=self.dtype_policy)
        self.between = None
        if norm_between:
            self.between = residual.before(name="layer_prepostprocess_1", dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.widen.build(x_shape)
        wide = (*x_shape[:-1], self.widen.units)
        if self.between is not None:
            self.between.build(wide)
        self.narrow.build(wide)
        super().build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        y = self.drop(self.widen(self.preprocess(x, training=training)), training=training)
        y = y if self.between is None else self.between(y, training=training)
        return self.postprocess(self.narrow(y), x, training=training)


class ConvBranches(Sublayer):
    """Two branches whose sum is the input of a separable convolution; subclasses make the three layers.

    The right branch has `hidden_size` / 2 channels, which are added to the first channels of the left.
    """

    def __init__(self, sizes: EvolvedOptions, residual: ResidualOptions, **kwargs: Any):
        super().__init__(residual, name="conv_branches", **kwargs)
        kernels = unseeded(sizes.kernel_initializer)
        separable = {"depthwise_initializer": kernels, "pointwise_initializer": kernels, "dtype": self.dtype_policy}
        dense = {"kernel_initializer": kernels, "dtype": self.dtype_policy}
        self.left, self.right, self.last = self.make_convolutions(sizes.hidden_size, dense, separable)
        self.drop = keras.layers.Dropout(sizes.dropout, dtype=self.dtype_policy)
        self.between = residual.before(name="layer_prepostprocess_1", dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.left.build(x_shape)
        self.right.build(x_shape)
        wide = (*x_shape[:-1], self.wide)
        self.between.build(wide)
        self.last.build(wide)
        super().build(x_shape)

    def _sum(self, left: Tensor, right: Tensor, training: bool = False) -> Tensor:
        """Returns the normalized sum of the two branches after dropout."""
        left, right = self.drop(left, training=training), self.drop(right, training=training)
        missing = left.shape[-1] - right.shape[-1]
        return self.between(left + ops.pad(right, ((0, 0), (0, 0), (0, missing))), training=training)

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        mask = 1.0 if nonpadding is None else ops.cast(nonpadding, x.dtype)[:, :, None]
        y = self.preprocess(x, training=training) * mask
        y = self.last(self._sum(self.left(y), self.right(y), training) * mask)
        y = ops.pad(y, ((0, 0), (0, 0), (0, x.shape[-1] - y.shape[-1])))
        return self.postprocess(y, x, training=training)


class EncoderConvBranches(ConvBranches):
    """A wide projection beside a convolution of width 3, then one of width 9 to half the channels."""

    def make_convolutions(self, hidden_size: int, dense: dict[str, Any], separable: dict[str, Any]) -> tuple:
        self.wide = 4 * hidden_size
        half = hidden_size // 2
        conv = {"padding": "same", "activation": "relu", "name": "standard_conv_3x1"}
        return (
            keras.layers.Dense(self.wide, activation="relu", name="dense", **dense),
            keras.layers.Conv1D(half, 3, **conv, **dense),
            keras.layers.SeparableConv1D(half, 9, padding="same", name="separable_conv_9x1", **separable),
        )


class DecoderConvBranches(ConvBranches):
    """Causal separable convolutions of widths 11 and 7, then one of width 7; the cache holds the inputs they cover."""

    def make_convolutions(self, hidden_size: int, dense: dict[str, Any], separable: dict[str, Any]) -> tuple:
        self.wide, self.hidden_size = 2 * hidden_size, hidden_size
        return (
            LeftSeparableConv1D(self.wide, 11, activation="relu", name="separable_conv11x1", **separable),
            LeftSeparableConv1D(hidden_size // 2, 7, name="separable_conv_7x1_1", **separable),
            LeftSeparableConv1D(hidden_size, 7, name="separable_conv_7x1_2", **separable),
        )

    def init_cache(self, batch_size: Tensor | int) -> Cache:
        sizes = {"first": (self.left.margin, self.hidden_size), "second": (self.last.margin, self.wide)}
        return {name: ops.zeros((batch_size, *size), self.compute_dtype) for name, size in sizes.items()}

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns the output at the position of x [batch, 1, hidden], and the new cache."""
        first = ops.concatenate([cache["first"], self.preprocess(x)], axis=1)
        right = first[:, self.left.margin - self.right.margin :]
        y = self._sum(conv_step(self.left, first), conv_step(self.right, right))
        second = ops.concatenate([cache["second"], y], axis=1)
        y = self.postprocess(conv_step(self.last, second), x)
        return y, {"first": first[:, 1:], "second": second[:, 1:]}


class EvolvedEncoderLayer(Layer):
    """A gated linear unit, branches of convolutions, self-attention (if any) and dense layers.

    Arguments as in `TransformerLayer`; `memory_attention` must be None. `zero_padding` has no effect: the branches mask
    padding in any case.
    """

    def __init__(
        self,
        attention: LayerOptions | None,
        feed_forward: EvolvedOptions,
        residual: ResidualOptions,
        memory_attention: None = None,
        zero_padding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if memory_attention is not None:
            raise ValueError("the encoder's layers attend to no memory: memory_attention must be None")
        shared = {"residual": residual, "dtype": self.dtype_policy}
        self.gated_linear_unit = GatedLinearUnitSublayer(feed_forward, **shared)
        self.conv_branches = EncoderConvBranches(feed_forward, **shared)
        self.self_attention = None
        if attention is not None:
            self.self_attention = AttentionSublayer(attention, name="self_attention", **shared)
        self.dense_layers = DenseLayers(feed_forward, activation="relu", **shared)

    def build(self, x_shape: Shape, context_shape: Any = None) -> None:
        for part in (self.gated_linear_unit, self.conv_branches, self.self_attention, self.dense_layers):
            if part is not None:
                part.build(x_shape)

    def call(self, x: Tensor, context: Context = NO_CONTEXT, training: bool = False) -> Tensor:
        x = self.gated_linear_unit(x, training=training)
        x = self.conv_branches(x, context.nonpadding, training=training)
        if self.self_attention is not None:
            x = self.self_attention(x, bias=context.bias, training=training)
        return self.dense_layers(x, training=training)


class EvolvedDecoderLayer(Layer):
    """Self-attention of twice the heads beside attention to the encoder, branches of convolutions, self-attention,
    attention to the encoder, and dense layers.

    Arguments as in `TransformerLayer`; `zero_padding` has no effect, as in `EvolvedEncoderLayer`.
    """

    def __init__(
        self,
        attention: LayerOptions,
        feed_forward: EvolvedOptions,
        residual: ResidualOptions,
        memory_attention: LayerOptions | None = None,
        zero_padding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        shared = {"residual": residual, "dtype": self.dtype_policy}
        heads = attention.num_heads
        doubled = dataclasses.replace(attention, num_heads=max(min(2 * heads, MAX_DOUBLED_HEADS), heads))
        self.doubled_attention = AttentionSublayer(doubled, name="16_head_self_attention", **shared)
        self.first_attend_to_encoder = self.second_attend_to_encoder = None
        if memory_attention is not None:
            self.first_attend_to_encoder = memory_attention.make(dtype=self.dtype_policy)
            name = "second_attend_to_encoder"
            self.second_attend_to_encoder = AttentionSublayer(memory_attention, name=name, **shared)
        self.drop = keras.layers.Dropout(feed_forward.dropout, dtype=self.dtype_policy)
        self.conv_branches = DecoderConvBranches(feed_forward, **shared)
        self.self_attention = AttentionSublayer(attention, name="self_attention", **shared)
        self.dense_layers = DenseLayers(feed_forward, activation="swish", norm_between=True, **shared)

    def build(self, x_shape: Shape, context_shape: Any = None) -> None:
        self.doubled_attention.build(x_shape)
        if self.first_attend_to_encoder is not None:
            shape = memory_shape(x_shape, context_shape)
            with keras.name_scope("first_attend_to_encoder"):
                self.first_attend_to_encoder.build(x_shape, shape)
            self.second_attend_to_encoder.build(x_shape, shape)
        for part in (self.conv_branches, self.self_attention, self.dense_layers):
            part.build(x_shape)

    def call(self, x: Tensor, context: Context = NO_CONTEXT, training: bool = False) -> Tensor:
        memory, bias, memory_bias, nonpadding = context
        if self.first_attend_to_encoder is None:
            x = self.doubled_attention(x, bias=bias, training=training)
        else:
            y = self.doubled_attention.preprocess(x, training=training)
            left = self.doubled_attention.attention(y, None, bias, training=training)
            right = self.first_attend_to_encoder(y, memory, memory_bias, training=training)
            x = x + self.drop(left, training=training) + self.drop(right, training=training)
        x = self.conv_branches(x, nonpadding, training=training)
        x = self.self_attention(x, bias=bias, training=training)
        if self.second_attend_to_encoder is not None:
            x = self.second_attend_to_encoder(x, memory, memory_bias, training=training)
        return self.dense_layers(x, training=training)

    def init_cache(self, batch_size: Tensor, max_length: int, memory: Tensor | None = None) -> Cache:
        cache = {
            "doubled": self.doubled_attention.attention.init_cache(batch_size, max_length),
            "conv_branches": self.conv_branches.init_cache(batch_size),
            "self": self.self_attention.attention.init_cache(batch_size, max_length),
        }
        if self.first_attend_to_encoder is not None:
            attentions = {"first": self.first_attend_to_encoder, "second": self.second_attend_to_encoder.attention}
            cache["encoder"] = {name: attention.memory_cache(memory) for name, attention in attentions.items()}
        return cache

    def step(
        self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None, memory_bias: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        cache = dict(cache)
        if self.first_attend_to_encoder is None:
            x, cache["doubled"] = self.doubled_attention.step(x, position, cache["doubled"], bias)
        else:
            y = self.doubled_attention.preprocess(x)
            left, cache["doubled"] = self.doubled_attention.attention.step(y, position, cache["doubled"], bias)
            first = cache["encoder"]["first"]
            x = x + left + self.first_attend_to_encoder.attend_to_projected(y, **first, bias=memory_bias)
        x, cache["conv_branches"] = self.conv_branches.step(x, cache["conv_branches"])
        x, cache["self"] = self.self_attention.step(x, position, cache["self"], bias)
        if self.second_attend_to_encoder is not None:
            second = cache["encoder"]["second"]
            x = self.second_attend_to_encoder.step_to_memory(x, **second, bias=memory_bias)
        return self.dense_layers(x), cache


class EvolvedTransformerEncoder(TransformerEncoder):
    """`TransformerEncoder` of `EvolvedEncoderLayer`s."""

    layer_class = EvolvedEncoderLayer


class EvolvedTransformerDecoder(TransformerDecoder):
    """`TransformerDecoder` of `EvolvedDecoderLayer`s; `step` takes one position at a time.

    Args:
        trainable_layers: number of layers at the top that are trained; None for all. With 0 the final norm is not
            trained either.
    """

    layer_class = EvolvedDecoderLayer

    def __init__(self, *, trainable_layers: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if trainable_layers is not None:
            for layer in self.layers[: len(self.layers) - trainable_layers]:
                layer.trainable = False
            self.final.trainable = trainable_layers > 0

    def cache_length(self, cache: Cache) -> int:
        return cache[self.layers[0].name]["self"]["k"].shape[2]
