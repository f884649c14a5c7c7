"""The Transformer's encoder and decoder stacks (Vaswani et al. 2017, figure 1).

A layer is self-attention, attention to the encoder (decoder only) and a feed-forward network; each is wrapped as
`postprocess(x, f(preprocess(x)))`, where the two are strings of steps such as "n" and "da" (see `residual`).

The stacks take the arguments of their parts as plain dicts: `attention` of `MultiHeadAttention` (a list has one dict a
layer), `feed_forward` of `feed_forward.get`, `preprocess` and `postprocess` of `LayerPrepostprocess`.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers import feed_forward as feed_forwards
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.layer import Layer
from tensor2keras.layers.residual import LayerPrepostprocess

Options = dict[str, Any]


def of_layer(options: Any, i: int) -> Any:
    """The i-th layer's, of arguments for all layers or a list of one a layer."""
    return options[i] if isinstance(options, list) else options


@keras.saving.register_keras_serializable("tensor2keras")
class Sublayer(Layer):
    """postprocess(x, f(preprocess(x))); subclasses say what f is."""

    def __init__(self, preprocess: Options, postprocess: Options, **kwargs: Any):
        super().__init__(**kwargs)
        self.preprocess = LayerPrepostprocess(name="layer_prepostprocess", dtype=self.dtype_policy, **preprocess)
        self.postprocess = LayerPrepostprocess(name="layer_postprocess", dtype=self.dtype_policy, **postprocess)

    def build(self, x_shape: tuple) -> None:
        self.preprocess.build(x_shape)
        self.postprocess.build(x_shape)
        self.built = True


@keras.saving.register_keras_serializable("tensor2keras")
class AttentionSublayer(Sublayer):
    """Multi-head attention with its residual steps."""

    attention_class = MultiHeadAttention

    def __init__(self, attention: Options, preprocess: Options, postprocess: Options, **kwargs: Any):
        super().__init__(preprocess, postprocess, **kwargs)
        self.attention = self.attention_class(dtype=self.dtype_policy, **attention)

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        self.attention.build(x_shape, memory_shape)
        super().build(x_shape)

    def call(self, x: Any, memory: Any = None, bias: Any = None, training: bool = False) -> Any:
        y = self.attention(self.preprocess(x, training=training), memory, bias, training=training)
        return self.postprocess(y, x, training=training)

    def step(self, x: Any, position: Any, cache: Options, bias: Any) -> tuple[Any, Options]:
        y, cache = self.attention.step(self.preprocess(x), position, cache, bias)
        return self.postprocess(y, x), cache

    def step_to_memory(self, x: Any, k: Any, v: Any, bias: Any) -> Any:
        return self.postprocess(self.attention.attend_to_projected(self.preprocess(x), k, v, bias), x)


@keras.saving.register_keras_serializable("tensor2keras")
class FeedForwardSublayer(Sublayer):
    """A feed-forward network with its residual steps; with `zero_padding` the network's output at padding is 0."""

    def __init__(
        self,
        feed_forward: Options,
        preprocess: Options,
        postprocess: Options,
        zero_padding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(preprocess, postprocess, **kwargs)
        self.zero_padding = zero_padding
        self.feed_forward = feed_forwards.get(dtype=self.dtype_policy, **feed_forward)

    def build(self, x_shape: tuple) -> None:
        self.feed_forward.build(x_shape)
        super().build(x_shape)

    def call(self, x: Any, nonpadding: Any = None, training: bool = False) -> Any:
        y = self.feed_forward(self.preprocess(x, training=training), nonpadding, training=training)
        if self.zero_padding and nonpadding is not None:
            y = y * ops.cast(nonpadding, y.dtype)[:, :, None]
        return self.postprocess(y, x, training=training)

    def step(self, x: Any, cache: Options) -> tuple[Any, Options]:
        y, cache = self.feed_forward.step(self.preprocess(x), cache)
        return self.postprocess(y, x), cache


@keras.saving.register_keras_serializable("tensor2keras")
class EncoderLayer(Layer):
    """Self-attention and a feed-forward network (if any)."""

    def __init__(
        self,
        attention: Options,
        feed_forward: Options | None,
        preprocess: Options,
        postprocess: Options,
        zero_padding: bool,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        residual = {"preprocess": preprocess, "postprocess": postprocess, "dtype": self.dtype_policy}
        self.self_attention = AttentionSublayer(attention, name="self_attention", **residual)
        self.ffn = feed_forward and FeedForwardSublayer(feed_forward, name="ffn", zero_padding=zero_padding, **residual)

    def build(self, x_shape: tuple) -> None:
        self.self_attention.build(x_shape)
        if self.ffn:
            self.ffn.build(x_shape)
        self.built = True

    def call(self, x: Any, bias: Any = None, nonpadding: Any = None, training: bool = False) -> Any:
        x = self.self_attention(x, bias=bias, training=training)
        return self.ffn(x, nonpadding, training=training) if self.ffn else x


@keras.saving.register_keras_serializable("tensor2keras")
class DecoderLayer(Layer):
    """Self-attention, attention to the encoder's output (if there is one) and a feed-forward network (if any)."""

    self_attention_class = AttentionSublayer

    def __init__(
        self,
        attention: Options,
        memory_attention: Options | None,
        feed_forward: Options | None,
        preprocess: Options,
        postprocess: Options,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        residual = {"preprocess": preprocess, "postprocess": postprocess, "dtype": self.dtype_policy}
        self.self_attention = self.self_attention_class(attention, name="self_attention", **residual)
        self.encdec_attention = memory_attention and AttentionSublayer(
            memory_attention, name="encdec_attention", **residual
        )
        self.ffn = feed_forward and FeedForwardSublayer(feed_forward, name="ffn", **residual)

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        self.self_attention.build(x_shape)
        if self.encdec_attention:
            self.encdec_attention.build(x_shape, memory_shape or x_shape)
        if self.ffn:
            self.ffn.build(x_shape)
        self.built = True

    def call(
        self,
        x: Any,
        memory: Any = None,
        bias: Any = None,
        memory_bias: Any = None,
        nonpadding: Any = None,
        training: bool = False,
    ) -> Any:
        x = self.self_attention(x, bias=bias, training=training)
        if self.encdec_attention:
            x = self.encdec_attention(x, memory, memory_bias, training=training)
        return self.ffn(x, nonpadding, training=training) if self.ffn else x

    def init_cache(self, batch_size: Any, max_length: int, memory: Any = None) -> Options:
        cache = self.self_attention.attention.init_cache(batch_size, max_length)
        if self.encdec_attention:
            k, v = self.encdec_attention.attention.project_memory(memory)
            cache["encoder"] = {"k": k, "v": v}  # under "encoder": the same for all beams of an input
        return {**cache, "ffn": self.ffn.feed_forward.init_cache(batch_size)} if self.ffn else cache

    def step(self, x: Any, position: Any, cache: Options, bias: Any, memory_bias: Any = None) -> tuple[Any, Options]:
        x, new = self.self_attention.step(x, position, cache, bias)
        if self.encdec_attention:
            x = self.encdec_attention.step_to_memory(x, **cache["encoder"], bias=memory_bias)
        if self.ffn:
            x, new["ffn"] = self.ffn.step(x, cache["ffn"])
        return x, new


@keras.saving.register_keras_serializable("tensor2keras")
class TransformerEncoder(Layer):
    """A stack of `EncoderLayer`s and the final preprocessing (a norm where sublayers are normed first).

    Args:
        num_layers: how many.
        attention, feed_forward, preprocess, postprocess: arguments of the parts (module docstring).
        zero_padding: the feed-forward networks' output at padding is 0, as where T2T takes padding out of the batch
            before them (`use_pad_remover`).

    Call arguments:
        x: [batch, length, hidden].
        bias: attention bias, broadcast to [batch, heads, length, length].
        nonpadding: [batch, length], 1.0 at real positions.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].
    """

    layer_class: type[keras.layers.Layer] = EncoderLayer

    def __init__(
        self,
        num_layers: int,
        attention: Options | list[Options],
        feed_forward: Options,
        preprocess: Options,
        postprocess: Options,
        zero_padding: bool = False,
        name: str = "encoder",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        parts = {
            "preprocess": preprocess,
            "postprocess": postprocess,
            "zero_padding": zero_padding,
            "dtype": self.dtype_policy,
        }
        self.layers = [
            self.layer_class(of_layer(attention, i), feed_forward, name=f"layer_{i}", **parts)
            for i in range(num_layers)
        ]
        self.final = LayerPrepostprocess(name="layer_prepostprocess", dtype=self.dtype_policy, **preprocess)

    def build(self, x_shape: tuple) -> None:
        for layer in self.layers:
            layer.build(x_shape)
        self.final.build(x_shape)
        self.built = True

    def call(self, x: Any, bias: Any = None, nonpadding: Any = None, training: bool = False) -> Any:
        for layer in self.layers:
            x = layer(x, bias, nonpadding, training=training)
        return self.final(x, training=training)


@keras.saving.register_keras_serializable("tensor2keras")
class DecoderStack(Layer):
    """What decoders do with their `layers`, each called as a `DecoderLayer`, and with `final`: all positions at once or
    step by step. Subclasses' `__init__` sets these two."""

    layers: list[keras.layers.Layer]
    final: LayerPrepostprocess

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        for layer in self.layers:
            layer.build(x_shape, memory_shape)
        self.final.build(x_shape)
        self.built = True

    def call(
        self,
        x: Any,
        memory: Any = None,
        bias: Any = None,
        memory_bias: Any = None,
        nonpadding: Any = None,
        training: bool = False,
    ) -> Any:
        for layer in self.layers:
            x = layer(x, memory, bias, memory_bias, nonpadding, training=training)
        return self.final(x, training=training)

    def init_cache(self, batch_size: Any, max_length: int, memory: Any = None) -> Options:
        """What each layer needs of up to `max_length` earlier positions, and the encoder's keys and values."""
        return {layer.name: layer.init_cache(batch_size, max_length, memory) for layer in self.layers}

    def step(self, x: Any, position: Any, cache: Options, bias: Any, memory_bias: Any = None) -> tuple[Any, Options]:
        """The output at one position, or at several that follow one another.

        Args:
            x: input there, [batch, 1 or more, hidden].
            position: the index of the first, scalar int32.
            cache: from `init_cache` or the step before.
            bias: self-attention bias over the whole cache, broadcast to [batch, heads, 1 or more, max_length]; it must
                hide the positions not yet reached.
            memory_bias: as in `call`.

        Returns:
            The output, shaped as x, and the new cache.
        """
        cache = dict(cache)
        for layer in self.layers:
            x, cache[layer.name] = layer.step(x, position, cache[layer.name], bias, memory_bias)
        return self.final(x), cache


@keras.saving.register_keras_serializable("tensor2keras")
class TransformerDecoder(DecoderStack):
    """A stack of `DecoderLayer`s and the final preprocessing, with a step-by-step form for decoding.

    Args:
        num_layers: how many.
        attention, feed_forward, preprocess, postprocess: arguments of the parts (module docstring).
        memory_attention: arguments of the attention to the encoder, or None for a decoder that stands alone.

    Call arguments:
        x: [batch, length, hidden].
        memory: the encoder's output [batch, inputs, hidden], or None.
        bias: self-attention bias, broadcast to [batch, heads, length, length].
        memory_bias: bias of the attention to the encoder, broadcast to [batch, heads, length, inputs].
        nonpadding: [batch, length], 1.0 at real positions, or None.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].
    """

    layer_class: type[keras.layers.Layer] = DecoderLayer

    def __init__(
        self,
        num_layers: int,
        attention: Options | list[Options],
        feed_forward: Options,
        preprocess: Options,
        postprocess: Options,
        memory_attention: Options | list[Options] | None = None,
        name: str = "decoder",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        parts = {"preprocess": preprocess, "postprocess": postprocess, "dtype": self.dtype_policy}
        self.layers = [
            self.layer_class(
                of_layer(attention, i), of_layer(memory_attention, i), feed_forward, name=f"layer_{i}", **parts
            )
            for i in range(num_layers)
        ]
        self.final = LayerPrepostprocess(name="layer_prepostprocess", dtype=self.dtype_policy, **preprocess)

    def cache_length(self, cache: Options) -> int:
        """The `max_length` that a cache was made for."""
        return cache[self.layers[0].name]["k"].shape[2]


def keep_rows(keep: Any, old: Any, new: Any) -> Any:
    """Returns nested tensors with the rows of `old` where `keep` [batch] is true and those of `new` elsewhere."""

    def choose(before: Any, after: Any) -> Any:
        return ops.where(ops.reshape(keep, (-1,) + (1,) * (len(before.shape) - 1)), before, after)

    return keras.tree.map_structure(choose, old, new)
