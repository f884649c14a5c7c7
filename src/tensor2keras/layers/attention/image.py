"""The Image Transformer's layers (Parmar et al. 2018, https://arxiv.org/abs/1802.05751, section 3).

A layer is self-attention, attention to an encoded image (if there is one) and a feed-forward network, each as
`postprocess(x, f(preprocess(x)))`. The kinds of self-attention are in `SELF_ATTENTION`, under T2T's names
(`common_image_attention.AttentionType`).

Shapes: an image is read row by row, [batch, length, hidden] with length = rows * columns; where rows matter, `columns`
is given. A column is one channel of one pixel, or a whole pixel.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention import local_2d
from tensor2keras.layers.attention.bias import causal_bias, causal_bias_of
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.layers.residual import ResidualOptions

Options = dict[str, Any]
Cache = dict[str, Any]


class SelfAttention(keras.layers.Layer):
    """Self-attention along the sequence of all columns, row by row.

    Args:
        attention: options of `MultiHeadAttention`.
        inner_name: of the attention's scope within this layer's.
        causal: hides later positions; local attention does so by itself.
    """

    def __init__(
        self, attention: AttentionOptions, inner_name: str = "self_attention", causal: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.attention = attention.make(name=inner_name, dtype=self.dtype_policy)
        self.causal = causal

    def build(self, x_shape: tuple) -> None:
        self.attention.build(x_shape)
        self.built = True

    def call(self, x: Any, columns: int | None = None, training: bool = False) -> Any:
        bias = causal_bias(ops.shape(x)[1]) if self.causal else None
        return self.attention(x, bias=bias, training=training)

    def init_cache(self, batch_size: Any, order: local_2d.BlockOrder) -> Cache:
        return self.attention.init_cache(batch_size, len(order.order))

    def step(self, x: Any, step: Any, cache: Cache, order: local_2d.BlockOrder) -> tuple[Any, Cache]:
        """The output [batch, 1, hidden] at what is decoded at `step`, and the new cache."""
        bias = causal_bias_of(step, len(order.order)) if self.causal else None
        return self.attention.step(x, step, cache, bias)


class SelfAttention2D(keras.layers.Layer):
    """Self-attention within blocks of rows and columns, and to what lies around them.

    Args:
        attention: arguments of `MultiHeadAttention`.
        query_shape: rows and columns of a block.
        memory_flange: rows above (and below), columns beside.
        masked: hides what is decoded later, block by block; else all around is seen.

    Reference:
        T2T `multihead_attention_2d`.
    """

    def __init__(
        self,
        attention: AttentionOptions,
        query_shape: tuple[int, int],
        memory_flange: tuple[int, int],
        masked: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.attention = attention.make(name="self_attention", dtype=self.dtype_policy)
        self.query_shape = tuple(query_shape)
        self.memory_flange = tuple(memory_flange)
        self.masked = masked

    def build(self, x_shape: tuple) -> None:
        self.attention.build(x_shape)
        self.built = True

    def call(self, x: Any, columns: int | None = None, training: bool = False) -> Any:
        if not isinstance(columns, int) or x.shape[1] is None:
            raise ValueError("attention in two dimensions needs images of a size known when the model is traced")

        def rows_and_columns(x: Any) -> Any:
            return ops.reshape(x, (-1, x.shape[1], x.shape[2] // columns, columns, x.shape[3]))

        k, v = self.attention.project_memory(x)
        q = self.attention.project_query(x)
        attend = local_2d.masked_local_attention_2d if self.masked else local_2d.local_attention_2d
        y = attend(*map(rows_and_columns, (q, k, v)), self.query_shape, self.memory_flange)
        return self.attention.project_output(ops.reshape(y, ops.shape(v)))

    def init_cache(self, batch_size: Any, order: local_2d.BlockOrder) -> Cache:
        slots = local_2d.masked_local_2d_cache_length(order, self.query_shape, self.memory_flange)
        return self.attention.init_cache(batch_size, slots)

    def step(self, x: Any, step: Any, cache: Cache, order: local_2d.BlockOrder) -> tuple[Any, Cache]:
        """As `SelfAttention.step`."""
        k, v = self.attention.project_memory(x)
        slot = step % cache["k"].shape[2]
        cache = {
            "k": ops.slice_update(cache["k"], (0, 0, slot, 0), k),
            "v": ops.slice_update(cache["v"], (0, 0, slot, 0), v),
        }
        q = self.attention.project_query(x)
        y = local_2d.masked_local_attention_2d_step(
            q, cache["k"], cache["v"], step, order, self.query_shape, self.memory_flange
        )
        return self.attention.project_output(y), cache


class LocalGlobalAttention(keras.layers.Layer):
    """Half the channels attend to everything before, the other half to their block and the one before.

    Args:
        attention: arguments of `MultiHeadAttention` for the whole width; each half has half the width and heads.
        block_length: of the local half.
    """

    def __init__(self, attention: AttentionOptions, block_length: int, **kwargs: Any):
        super().__init__(**kwargs)
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
        self.global_part = SelfAttention(halves, "global_self_att", causal=True, name="global_self_att")
        self.local_part = SelfAttention(local, "local_self_att", name="local_self_att")

    def build(self, x_shape: tuple) -> None:
        shape = (*x_shape[:-1], x_shape[-1] // 2)
        self.global_part.build(shape)
        self.local_part.build(shape)
        self.built = True

    def call(self, x: Any, columns: int | None = None, training: bool = False) -> Any:
        first, second = ops.split(x, 2, axis=-1)
        y = self.global_part(first, training=training), self.local_part(second, training=training)
        return ops.concatenate(y, axis=-1)

    def init_cache(self, batch_size: Any, order: local_2d.BlockOrder) -> Cache:
        parts = {"global": self.global_part, "local": self.local_part}
        return {name: part.init_cache(batch_size, order) for name, part in parts.items()}

    def step(self, x: Any, step: Any, cache: Cache, order: local_2d.BlockOrder) -> tuple[Any, Cache]:
        """As `SelfAttention.step`."""
        first, second = ops.split(x, 2, axis=-1)
        first, seen = self.global_part.step(first, step, cache["global"], order)
        second, near = self.local_part.step(second, step, cache["local"], order)
        return ops.concatenate([first, second], axis=-1), {"global": seen, "local": near}


def _along(scope: str, kind: str, *settings: str, inner_name: str = "self_attention") -> Callable[..., SelfAttention]:
    """`SelfAttention` of one of `attention.ATTENTION_TYPES`, which takes these settings as its own arguments."""
    ours = {"block_width": {"local_unmasked": "filter_width"}.get(kind, "memory_block_size")}

    def make(attention: AttentionOptions, options: Options, **kwargs: Any) -> SelfAttention:
        own = {ours.get(name, name): options[name] for name in settings}
        options = dataclasses.replace(attention, attention_type=kind, attention_options=own)
        return SelfAttention(options, inner_name, causal=kind == "dot_product", name=scope, **kwargs)

    return make


def _two_dimensional(attention: AttentionOptions, options: Options, **kwargs: Any) -> SelfAttention2D:
    shapes = {name: options[name] for name in ("query_shape", "memory_flange")}
    return SelfAttention2D(attention, **shapes, name="local_2d_self_att", **kwargs)


def _local_and_global(attention: AttentionOptions, options: Options, **kwargs: Any) -> LocalGlobalAttention:
    return LocalGlobalAttention(attention, options["block_length"], name="self_local_global_att", **kwargs)


_DILATED = ("block_length", "block_width", "gap_size", "num_memory_blocks")
# hparams.dec_attention_type -> make(arguments of MultiHeadAttention, settings of the kind).
SELF_ATTENTION: dict[str, Callable[..., keras.layers.Layer]] = {
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


def self_attention(kind: str, attention: AttentionOptions, options: Options, **kwargs: Any) -> keras.layers.Layer:
    """The self-attention `kind` of a decoder; ValueError with the known kinds for an unknown one."""
    if kind not in SELF_ATTENTION:
        raise ValueError(f"unknown dec_attention_type {kind!r}; known: {', '.join(sorted(SELF_ATTENTION))}")
    return SELF_ATTENTION[kind](attention, options, **kwargs)


class ImageTransformerLayer(keras.layers.Layer):
    """One layer of an encoder or a decoder of images.

    Args:
        self_attention: a layer as `self_attention` makes it.
        feed_forward: options of the network.
        residual: the steps around each sublayer.
        memory_attention: options of `MultiHeadAttention` to an encoded image, or None.

    Call arguments:
        x: [batch, length, hidden].
        columns: of the image.
        memory: the encoded image [batch, memory length, hidden], or None.
        training: whether dropout applies.
    """

    def __init__(
        self,
        self_attention: keras.layers.Layer,
        feed_forward: LayerOptions,
        residual: ResidualOptions,
        memory_attention: AttentionOptions | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.self_attention = self_attention
        self.memory_attention = memory_attention and memory_attention.make(
            name="encdec_attention", dtype=self.dtype_policy
        )
        self.ffn = feed_forward.make(dtype=self.dtype_policy)
        suffixes = ["", "_1", "_2"] if memory_attention else ["", "_1"]  # of each sublayer in turn
        self.before = [residual.before(f"layer_prepostprocess{i}", dtype=self.dtype_policy) for i in suffixes]
        self.after = [residual.after(f"layer_postprocess{i}", dtype=self.dtype_policy) for i in suffixes]

    def build(self, x_shape: tuple) -> None:
        self.self_attention.build(x_shape)
        if self.memory_attention:
            with keras.name_scope("encdec_attention"):
                self.memory_attention.build(x_shape, x_shape)
        with keras.name_scope("ffn"):
            self.ffn.build(x_shape)
        for step in (*self.before, *self.after):
            step.build(x_shape)
        self.built = True

    def call(self, x: Any, columns: int | None = None, memory: Any = None, training: bool = False) -> Any:
        def sublayer(i: int, x: Any, f: Callable[[Any], Any]) -> Any:
            return self.after[i](f(self.before[i](x, training=training)), x, training=training)

        x = sublayer(0, x, lambda x: self.self_attention(x, columns=columns, training=training))
        if self.memory_attention:
            x = sublayer(1, x, lambda x: self.memory_attention(x, memory, training=training))
        return sublayer(-1, x, lambda x: self.ffn(x, training=training))

    def init_cache(self, batch_size: Any, order: local_2d.BlockOrder, memory: Any = None) -> Cache:
        """What decoding keeps: the keys and values that self-attention still sees, and the encoded image's."""
        cache = {"self": self.self_attention.init_cache(batch_size, order)}
        if self.memory_attention:
            k, v = self.memory_attention.project_memory(memory)
            cache["encoder"] = {"k": k, "v": v}  # under "encoder": the same for all beams of an input
        return cache

    def step(self, x: Any, step: Any, cache: Cache, order: local_2d.BlockOrder) -> tuple[Any, Cache]:
        """The output [batch, 1, hidden] at what is decoded at `step`, and the new cache."""
        y, seen = self.self_attention.step(self.before[0](x), step, cache["self"], order)
        x = self.after[0](y, x)
        if self.memory_attention:
            y = self.memory_attention.attend_to_projected(self.before[1](x), **cache["encoder"])
            x = self.after[1](y, x)
        return self.after[-1](self.ffn(self.before[-1](x)), x), {**cache, "self": seen}
