"""Layers of the Image Transformer (Parmar et al. 2018, https://arxiv.org/abs/1802.05751, section 3).

A layer is self-attention, attention to an encoded image (if there is one) and a feed-forward network, each as
`postprocess(f(preprocess(x)), x)`. `SELF_ATTENTION` has the kinds of self-attention under T2T's names
(`common_image_attention.AttentionType`). All are called as `(x, columns=None, training=False)`.

Shapes: an image is a sequence of its rows, [batch, length, hidden] with length = rows * columns; `columns` says where
rows end. A column is one channel of one pixel, or a whole pixel.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention import local_2d
from tensor2keras.layers.attention.bias import causal_bias, causal_bias_of
from tensor2keras.layers.attention.core import write_to_cache
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.layer import Layer, LayerOptions, options_of
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.types import Cache, Shape, Tensor

Settings = dict[str, Any]  # of a kind of self-attention, by T2T's names


class SelfAttention(Layer):
    """Self-attention along the sequence of all columns, row by row.

    Args:
        attention: arguments of `MultiHeadAttention`.
        inner_name: name of the attention, a scope within this layer's.
        causal: masks later positions; masked kinds of local attention do so by themselves.

    Call arguments:
        x: [batch, length, hidden].
        columns: not used.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].
    """

    def __init__(
        self,
        attention: AttentionOptions,
        inner_name: str = "self_attention",
        causal: bool = False,
        name: str = "self_att",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.attention = attention.make(name=inner_name, dtype=self.dtype_policy)
        self.causal = causal

    def build(self, x_shape: Shape) -> None:
        self.attention.build(x_shape)

    def call(self, x: Tensor, columns: int | None = None, training: bool = False) -> Tensor:
        bias = causal_bias(ops.shape(x)[1]) if self.causal else None
        return self.attention(x, bias=bias, training=training)

    def init_cache(self, batch_size: Tensor | int, order: local_2d.BlockOrder) -> Cache:
        return self.attention.init_cache(batch_size, len(order.order))

    def step(self, x: Tensor, step: Tensor | int, cache: Cache, order: local_2d.BlockOrder) -> tuple[Tensor, Cache]:
        """Returns the output [batch, 1, hidden] at the place decoded at `step`, and the new cache."""
        bias = causal_bias_of(step, len(order.order)) if self.causal else None
        return self.attention.step(x, step, cache, bias)


class SelfAttention2D(Layer):
    """Self-attention within blocks of rows and columns, and to rows and columns around them.

    Args:
        attention: arguments of `MultiHeadAttention`; there is no dropout on the attention weights, as in T2T.
        query_shape: rows and columns of a block.
        memory_flange: numbers of rows above (unmasked: and below) and of columns beside a block.
        masked: masks positions that are decoded later, block by block.

    Call arguments:
        x: [batch, length, hidden]; the length must be static.
        columns: of the image.
        training: not used.

    Returns:
        [batch, length, hidden].

    Raises:
        ValueError: the size of the image is unknown.

    Reference:
        T2T `multihead_attention_2d`.
    """

    def __init__(
        self,
        attention: AttentionOptions,
        query_shape: tuple[int, int],
        memory_flange: tuple[int, int],
        masked: bool = True,
        name: str = "local_2d_self_att",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.attention = attention.make(name="self_attention", dtype=self.dtype_policy)
        self.query_shape = tuple(query_shape)
        self.memory_flange = tuple(memory_flange)
        self.masked = masked

    def build(self, x_shape: Shape) -> None:
        self.attention.build(x_shape)

    def call(self, x: Tensor, columns: int | None = None, training: bool = False) -> Tensor:
        if not isinstance(columns, int) or x.shape[1] is None:
            raise ValueError("attention in two dimensions needs images of a size known when the model is traced")

        def rows_and_columns(x: Tensor) -> Tensor:
            return ops.reshape(x, (-1, x.shape[1], x.shape[2] // columns, columns, x.shape[3]))

        k, v = self.attention.project_memory(x)
        q = self.attention.project_query(x)
        attend = local_2d.masked_local_attention_2d if self.masked else local_2d.local_attention_2d
        y = attend(*map(rows_and_columns, (q, k, v)), self.query_shape, self.memory_flange)
        return self.attention.project_output(ops.reshape(y, ops.shape(v)))

    def init_cache(self, batch_size: Tensor | int, order: local_2d.BlockOrder) -> Cache:
        slots = local_2d.masked_local_2d_cache_length(order, self.query_shape, self.memory_flange)
        return self.attention.init_cache(batch_size, slots)

    def step(self, x: Tensor, step: Tensor | int, cache: Cache, order: local_2d.BlockOrder) -> tuple[Tensor, Cache]:
        """Returns the output and the new cache, as `SelfAttention.step`."""
        cache = write_to_cache(cache, step % cache["k"].shape[2], *self.attention.project_memory(x))
        q = self.attention.project_query(x)
        y = local_2d.masked_local_attention_2d_step(
            q, cache["k"], cache["v"], step, order, self.query_shape, self.memory_flange
        )
        return self.attention.project_output(y), cache


class LocalGlobalAttention(Layer):
    """Causal self-attention, global for the first half of the channels and local for the second.

    Local attention is to the query's block and the block before.

    Args:
        attention: arguments of `MultiHeadAttention` for the whole width; each half has half the width and heads.
        block_length: of the local half.

    Call arguments and result are those of `SelfAttention`.

    Raises:
        ValueError: an odd hidden_size or num_heads.
    """

    def __init__(
        self, attention: AttentionOptions, block_length: int, name: str = "self_local_global_att", **kwargs: Any
    ):
        super().__init__(name=name, **kwargs)
        hidden_size, num_heads = attention.hidden_size, attention.num_heads
        if hidden_size % 2 or num_heads % 2:
            raise ValueError(f"hidden_size={hidden_size} and num_heads={num_heads} must be even to be halved")

        def half(size: int) -> int:
            return hidden_size // 2 if size == hidden_size else size

        halves = dataclasses.replace(
            attention,
            hidden_size=hidden_size // 2,
            num_heads=num_heads // 2,
            key_size=half(attention.key_size),
            value_size=half(attention.value_size),
        )
        block = {"block_length": block_length}
        local = dataclasses.replace(halves, attention_type="local_mask_right", attention_options=block)
        dtype = self.dtype_policy
        self.global_part = SelfAttention(halves, "global_self_att", causal=True, name="global_self_att", dtype=dtype)
        self.local_part = SelfAttention(local, "local_self_att", name="local_self_att", dtype=dtype)

    def build(self, x_shape: Shape) -> None:
        shape = (*x_shape[:-1], x_shape[-1] // 2)
        self.global_part.build(shape)
        self.local_part.build(shape)

    def call(self, x: Tensor, columns: int | None = None, training: bool = False) -> Tensor:
        first, second = ops.split(x, 2, axis=-1)
        y = self.global_part(first, training=training), self.local_part(second, training=training)
        return ops.concatenate(y, axis=-1)

    def init_cache(self, batch_size: Tensor | int, order: local_2d.BlockOrder) -> Cache:
        parts = {"global": self.global_part, "local": self.local_part}
        return {name: part.init_cache(batch_size, order) for name, part in parts.items()}

    def step(self, x: Tensor, step: Tensor | int, cache: Cache, order: local_2d.BlockOrder) -> tuple[Tensor, Cache]:
        """Returns the output and the new cache, as `SelfAttention.step`."""
        first, second = ops.split(x, 2, axis=-1)
        first, global_cache = self.global_part.step(first, step, cache["global"], order)
        second, local_cache = self.local_part.step(second, step, cache["local"], order)
        return ops.concatenate([first, second], axis=-1), {"global": global_cache, "local": local_cache}


SelfAttentionOptions = options_of(SelfAttention, "SelfAttentionOptions")
SelfAttention2DOptions = options_of(SelfAttention2D, "SelfAttention2DOptions")
LocalGlobalAttentionOptions = options_of(LocalGlobalAttention, "LocalGlobalAttentionOptions")

MakeOptions = Callable[[AttentionOptions, Settings], LayerOptions]


def _along(scope: str, kind: str, *names: str, inner_name: str = "self_attention") -> MakeOptions:
    """Returns a function that makes `SelfAttentionOptions` of a kind of `ATTENTION_TYPES` from the settings `names`."""
    arguments = {"block_width": {"local_unmasked": "filter_width"}.get(kind, "memory_block_size")}

    def make(attention: AttentionOptions, settings: Settings) -> SelfAttentionOptions:
        own = {arguments.get(name, name): settings[name] for name in names}
        attention = dataclasses.replace(attention, attention_type=kind, attention_options=own)
        causal = kind == "dot_product"
        return SelfAttentionOptions(attention=attention, inner_name=inner_name, causal=causal, name=scope)

    return make


def _two_dimensional(attention: AttentionOptions, settings: Settings) -> SelfAttention2DOptions:
    shapes = {name: settings[name] for name in ("query_shape", "memory_flange")}
    return SelfAttention2DOptions(attention=attention, **shapes)


def _local_and_global(attention: AttentionOptions, settings: Settings) -> LocalGlobalAttentionOptions:
    return LocalGlobalAttentionOptions(attention=attention, block_length=settings["block_length"])


_DILATED = ("block_length", "block_width", "gap_size", "num_memory_blocks")
# hparams.dec_attention_type -> make(arguments of MultiHeadAttention, settings of the kind).
SELF_ATTENTION: dict[str, MakeOptions] = {
    "dilated": _along("masked_dilated_1d", "masked_dilated_1d", *_DILATED),
    "global": _along("self_att", "dot_product", inner_name="self_att"),
    "global_local": _local_and_global,
    "local_1d": _along("local_1d_self_att", "local_mask_right", "block_length"),
    "local_1d_noncausal": _along("local_1d_self_att", "local_unmasked", "block_length", "block_width"),
    "local_2d": _two_dimensional,
    "local_block": _along(
        "local_within_block", "local_within_block_mask_right", "block_length", inner_name="local_within_block"
    ),
    "rel_local_1d": _along("local_1d_self_att", "local_relative_mask_right", "block_length"),
}
NOT_CAUSAL = ("local_1d_noncausal",)


def self_attention(kind: str, attention: AttentionOptions, settings: Settings) -> LayerOptions:
    """Returns the arguments of a decoder's self-attention.

    Args:
        kind: a key of `SELF_ATTENTION`.
        attention: arguments of `MultiHeadAttention`.
        settings: those of the kind, by T2T's names: block_length, block_width, gap_size, num_memory_blocks,
            query_shape, memory_flange.

    Raises:
        ValueError: an unknown kind; the message lists the known ones.
    """
    if kind not in SELF_ATTENTION:
        raise ValueError(f"unknown dec_attention_type {kind!r}; known: {', '.join(sorted(SELF_ATTENTION))}")
    return SELF_ATTENTION[kind](attention, settings)


class ImageTransformerLayer(Layer):
    """A layer of the encoder or the decoder of an Image Transformer.

    Args:
        self_attention: arguments of one of the self-attention layers of this file (see `self_attention`).
        feed_forward: arguments of the feed-forward network.
        residual: the steps around each sublayer.
        memory_attention: arguments of the `MultiHeadAttention` to an encoded image, or None.

    Call arguments:
        x: [batch, length, hidden].
        columns: of the image.
        memory: the encoded image [batch, memory length, hidden], or None.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].
    """

    def __init__(
        self,
        self_attention: LayerOptions,
        feed_forward: LayerOptions,
        residual: ResidualOptions,
        memory_attention: AttentionOptions | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.self_attention = self_attention.make(dtype=self.dtype_policy)
        self.memory_attention = memory_attention and memory_attention.make(
            name="encdec_attention", dtype=self.dtype_policy
        )
        self.ffn = feed_forward.make(dtype=self.dtype_policy)
        suffixes = ["", "_1", "_2"] if memory_attention else ["", "_1"]  # of each sublayer in turn
        self.before = [residual.before(f"layer_prepostprocess{i}", dtype=self.dtype_policy) for i in suffixes]
        self.after = [residual.after(f"layer_postprocess{i}", dtype=self.dtype_policy) for i in suffixes]

    def build(self, x_shape: Shape) -> None:
        self.self_attention.build(x_shape)
        if self.memory_attention:
            with keras.name_scope("encdec_attention"):
                self.memory_attention.build(x_shape, x_shape)
        with keras.name_scope("ffn"):
            self.ffn.build(x_shape)
        for step in (*self.before, *self.after):
            step.build(x_shape)

    def call(
        self, x: Tensor, columns: int | None = None, memory: Tensor | None = None, training: bool = False
    ) -> Tensor:
        def sublayer(i: int, x: Tensor, f: Callable[[Tensor], Tensor]) -> Tensor:
            return self.after[i](f(self.before[i](x, training=training)), x, training=training)

        x = sublayer(0, x, lambda x: self.self_attention(x, columns=columns, training=training))
        if self.memory_attention:
            x = sublayer(1, x, lambda x: self.memory_attention(x, memory, training=training))
        return sublayer(-1, x, lambda x: self.ffn(x, training=training))

    def init_cache(self, batch_size: Tensor | int, order: local_2d.BlockOrder, memory: Tensor | None = None) -> Cache:
        """Returns the cache of self-attention, "self", and the keys and values of the encoded image, "encoder"."""
        cache = {"self": self.self_attention.init_cache(batch_size, order)}
        if self.memory_attention:
            cache["encoder"] = self.memory_attention.memory_cache(memory)
        return cache

    def step(self, x: Tensor, step: Tensor | int, cache: Cache, order: local_2d.BlockOrder) -> tuple[Tensor, Cache]:
        """Returns the output [batch, 1, hidden] at the place decoded at `step`, and the new cache."""
        y, self_cache = self.self_attention.step(self.before[0](x), step, cache["self"], order)
        x = self.after[0](y, x)
        if self.memory_attention:
            y = self.memory_attention.attend_to_projected(self.before[1](x), **cache["encoder"])
            x = self.after[1](y, x)
        return self.after[-1](self.ffn(self.before[-1](x)), x), {**cache, "self": self_cache}
