"""The Transformer's encoder and decoder stacks (Vaswani et al. 2017, figure 1).

A layer is self-attention, attention to the encoder's output (in a decoder) and a feed-forward network, each wrapped as
postprocess(f(preprocess(x)), x) (`residual`). Stacks take the arguments of these parts as frozen dataclasses
(`AttentionOptions`, one of `feed_forward.FEED_FORWARD`, `ResidualOptions`) and, in a call, what their layers share as a
`Context`.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from tensor2keras.layers.attention.bias import with_mask
from tensor2keras.layers.layer import Layer, LayerOptions
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.types import Cache, Shape, Tensor


class Context(NamedTuple):
    """The call arguments that all layers of a stack share, in addition to their input."""

    memory: Tensor | None = None  # [batch, inputs, hidden]: the encoder's output
    bias: Tensor | None = None  # of self-attention, broadcasts to [batch, heads, length, length]
    memory_bias: Tensor | None = None  # of attention to `memory`, broadcasts to [batch, heads, length, inputs]
    nonpadding: Tensor | None = None  # [batch, length]: 1.0 at real positions, 0.0 at padding


NO_CONTEXT = Context()


def with_masks(context: Context, x_mask: Tensor | None, context_mask: Context | None) -> Context:
    """Returns a context in which padding is masked, too.

    Args:
        context: the call argument; a list of its fields in a functional model that was loaded.
        x_mask: true at the real positions of x, [batch, length], or None.
        context_mask: that of `memory` in its place, as Keras gives it.
    """
    context = Context(*context)
    if x_mask is not None:
        real = ops.cast(x_mask, "float32") if context.nonpadding is None else context.nonpadding
        context = context._replace(bias=with_mask(context.bias, x_mask), nonpadding=real)
    memory_mask = context_mask and Context(*context_mask).memory
    return context if memory_mask is None else context._replace(memory_bias=with_mask(context.memory_bias, memory_mask))


def memory_shape(x_shape: Shape, context_shape: Any) -> Shape:
    """Returns the shape of `Context.memory` from the shapes of the call arguments; that of x where it is unknown."""
    return (context_shape and Context(*context_shape).memory) or x_shape


def of_layer(options: Any, i: int) -> Any:
    """Returns the options of layer i from options for all layers or a list with those of each."""
    return options[i] if isinstance(options, list) else options


class Sublayer(Layer):
    """Base of sublayers postprocess(f(preprocess(x)), x); subclasses have the layers of f."""

    def __init__(self, residual: ResidualOptions, **kwargs: Any):
        super().__init__(**kwargs)
        self.preprocess = residual.before(dtype=self.dtype_policy)
        self.postprocess = residual.after(dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.preprocess.build(x_shape)
        self.postprocess.build(x_shape)


class AttentionSublayer(Sublayer):
    """Attention with its residual steps."""

    def __init__(self, attention: LayerOptions, residual: ResidualOptions, **kwargs: Any):
        super().__init__(residual, **kwargs)
        self.attention = attention.make(dtype=self.dtype_policy)

    def build(self, x_shape: Shape, memory_shape: Shape | None = None) -> None:
        self.attention.build(x_shape, memory_shape)
        super().build(x_shape)

    def call(
        self, x: Tensor, memory: Tensor | None = None, bias: Tensor | None = None, training: bool = False
    ) -> Tensor:
        y = self.attention(self.preprocess(x, training=training), memory, bias, training=training)
        return self.postprocess(y, x, training=training)

    def step(self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None) -> tuple[Tensor, Cache]:
        y, cache = self.attention.step(self.preprocess(x), position, cache, bias)
        return self.postprocess(y, x), cache

    def step_to_memory(self, x: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        return self.postprocess(self.attention.attend_to_projected(self.preprocess(x), k, v, bias), x)


class FeedForwardSublayer(Sublayer):
    """A feed-forward network with its residual steps; with `zero_padding` the network's output at padding is 0."""

    def __init__(
        self, feed_forward: LayerOptions, residual: ResidualOptions, zero_padding: bool = False, **kwargs: Any
    ):
        super().__init__(residual, **kwargs)
        self.zero_padding = zero_padding
        self.feed_forward = feed_forward.make(dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.feed_forward.build(x_shape)
        super().build(x_shape)

    def call(self, x: Tensor, nonpadding: Tensor | None = None, training: bool = False) -> Tensor:
        y = self.feed_forward(self.preprocess(x, training=training), nonpadding, training=training)
        if self.zero_padding and nonpadding is not None:
            y = y * ops.cast(nonpadding, y.dtype)[:, :, None]
        return self.postprocess(y, x, training=training)

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        y, cache = self.feed_forward.step(self.preprocess(x), cache)
        return self.postprocess(y, x), cache


class TransformerLayer(Layer):
    """Self-attention, attention to the encoder's output (if any) and a feed-forward network (if any).

    Args:
        attention: options of the self-attention.
        feed_forward: options of the network, or None.
        residual: the steps around each of them.
        memory_attention: options of the attention to the encoder's output, or None.
        zero_padding: as of `TransformerStack`.

    Call arguments:
        x: [batch, length, hidden].
        context: a `Context`.
        x_mask: true at real positions of x, [batch, length]: the others are masked. Keras fills it in, and
        context_mask: a `Context` with that of its memory.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].
    """

    def __init__(
        self,
        attention: LayerOptions,
        feed_forward: LayerOptions | None,
        residual: ResidualOptions,
        memory_attention: LayerOptions | None = None,
        zero_padding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        shared = {"residual": residual, "dtype": self.dtype_policy}
        self.self_attention = self.make_self_attention(attention, **shared)
        self.encdec_attention = self.ffn = None
        if memory_attention is not None:
            self.encdec_attention = AttentionSublayer(memory_attention, name="encdec_attention", **shared)
        if feed_forward is not None:
            self.ffn = FeedForwardSublayer(feed_forward, zero_padding=zero_padding, name="ffn", **shared)

    def make_self_attention(self, attention: LayerOptions, **kwargs: Any) -> Sublayer:
        """Returns the sublayer of self-attention."""
        return AttentionSublayer(attention, name="self_attention", **kwargs)

    def build(self, x_shape: Shape, context_shape: Any = None) -> None:
        self.self_attention.build(x_shape)
        if self.encdec_attention is not None:
            self.encdec_attention.build(x_shape, memory_shape(x_shape, context_shape))
        if self.ffn is not None:
            self.ffn.build(x_shape)

    def call(
        self,
        x: Tensor,
        context: Context = NO_CONTEXT,
        x_mask: Tensor | None = None,
        context_mask: Context | None = None,
        training: bool = False,
    ) -> Tensor:
        context = with_masks(context, x_mask, context_mask)
        x = self.self_attention(x, bias=context.bias, training=training)
        return self._after_self_attention(x, context, training)

    def _after_self_attention(self, x: Tensor, context: Context, training: bool) -> Tensor:
        if self.encdec_attention is not None:
            x = self.encdec_attention(x, context.memory, context.memory_bias, training=training)
        return x if self.ffn is None else self.ffn(x, context.nonpadding, training=training)

    def init_cache(self, batch_size: Tensor, max_length: int, memory: Tensor | None = None) -> Cache:
        cache = self.self_attention.attention.init_cache(batch_size, max_length)
        if self.encdec_attention is not None:
            cache["encoder"] = self.encdec_attention.attention.memory_cache(memory)
        return cache if self.ffn is None else {**cache, "ffn": self.ffn.feed_forward.init_cache(batch_size)}

    def step(
        self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None, memory_bias: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        x, new = self.self_attention.step(x, position, cache, bias)
        if self.encdec_attention is not None:
            x = self.encdec_attention.step_to_memory(x, **cache["encoder"], bias=memory_bias)
        if self.ffn is not None:
            x, new["ffn"] = self.ffn.step(x, cache["ffn"])
        return x, new


# The names of these two classes are part of the paths in Keras's weights files.


class EncoderLayer(TransformerLayer):
    """A `TransformerLayer` of an encoder."""


class DecoderLayer(TransformerLayer):
    """A `TransformerLayer` of a decoder."""


class LayerStack(Layer):
    """Base of stacks, called as `TransformerLayer` is: `layers` and the steps `final`; subclasses make both."""

    layers: list[keras.layers.Layer]
    final: keras.layers.Layer

    def build(self, x_shape: Shape, context_shape: Any = None) -> None:
        for layer in self.layers:
            layer.build(x_shape, context_shape)
        self.final.build(x_shape)

    def call(
        self,
        x: Tensor,
        context: Context = NO_CONTEXT,
        x_mask: Tensor | None = None,
        context_mask: Context | None = None,
        training: bool = False,
    ) -> Tensor:
        context = with_masks(context, x_mask, context_mask)
        for layer in self.layers:
            x = layer(x, context, training=training)
        return self.final(x, training=training)

    def init_cache(self, batch_size: Tensor, max_length: int, memory: Tensor | None = None) -> Cache:
        """Returns a decoder's empty cache for `max_length` positions, with the encoder's keys and values.

        Args:
            batch_size: an integer, or a scalar tensor.
            max_length: of the targets.
            memory: the encoder's output [batch, inputs, hidden], or None.
        """
        return {layer.name: layer.init_cache(batch_size, max_length, memory) for layer in self.layers}

    def step(
        self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None, memory_bias: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        """Computes the output at one position or at several consecutive ones.

        Args:
            x: the input there, [batch, 1 or more, hidden].
            position: the index of the first, scalar int32.
            cache: from `init_cache` or the step before.
            bias: of self-attention to the whole cache, broadcast to [batch, heads, 1 or more, max_length]; it must mask
                the positions not yet reached.
            memory_bias: as in `Context`.

        Returns:
            The output, shaped as x, and the new cache.
        """
        cache = dict(cache)
        for layer in self.layers:
            x, cache[layer.name] = layer.step(x, position, cache[layer.name], bias, memory_bias)
        return self.final(x), cache


class TransformerStack(LayerStack):
    """A stack of layers of one class and the final preprocessing: a norm, where sublayers begin with one.

    It is called as `TransformerLayer` is.

    Args:
        num_layers: number of layers.
        attention: options of the self-attention; a list has those of each layer.
        feed_forward: options of the feed-forward networks.
        residual: the steps around each sublayer.
        memory_attention: options of the attention to the encoder's output, or a list with those of each layer; None in
            an encoder and in a decoder without one.
        zero_padding: whether the feed-forward networks' output at padding is 0, as with T2T's `use_pad_remover`, which
            takes padding out of the batch before them.

    Example:
        ```python
        encoder = TransformerEncoder(
            num_layers=6,
            attention=AttentionOptions(hidden_size=512, num_heads=8),
            feed_forward=DenseReluDenseOptions(hidden_size=512, filter_size=2048),
            residual=ResidualOptions(dropout=0.1),
        )
        y = encoder(x, Context(bias=ignore_padding_bias(padding)))
        ```
    """

    layer_class: type[keras.layers.Layer] = TransformerLayer
    default_name: str | None = None

    def __init__(
        self,
        num_layers: int,
        attention: LayerOptions | list[LayerOptions],
        feed_forward: LayerOptions | None,
        residual: ResidualOptions,
        memory_attention: LayerOptions | list[LayerOptions] | None = None,
        zero_padding: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name or self.default_name, **kwargs)
        self.layers = [
            self.layer_class(
                of_layer(attention, i),
                feed_forward,
                residual,
                memory_attention=of_layer(memory_attention, i),
                zero_padding=zero_padding,
                name=f"layer_{i}",
                dtype=self.dtype_policy,
            )
            for i in range(num_layers)
        ]
        self.final = residual.before(dtype=self.dtype_policy)

    def cache_length(self, cache: Cache) -> int:
        """Returns the `max_length` of a cache."""
        return cache[self.layers[0].name]["k"].shape[2]


class TransformerEncoder(TransformerStack):
    """A `TransformerStack` called "encoder"."""

    layer_class = EncoderLayer
    default_name = "encoder"


class TransformerDecoder(TransformerStack):
    """A `TransformerStack` called "decoder"; `init_cache` and `step` decode position by position."""

    layer_class = DecoderLayer
    default_name = "decoder"


def keep_rows(keep: Tensor, old: Cache, new: Cache) -> Cache:
    """Returns a cache with the rows of `old` where `keep` [batch] is true and those of `new` elsewhere."""

    def choose(before: Tensor, after: Tensor) -> Tensor:
        return ops.where(ops.reshape(keep, (-1,) + (1,) * (len(before.shape) - 1)), before, after)

    return keras.tree.map_structure(choose, old, new)
