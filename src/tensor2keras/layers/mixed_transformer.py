"""A stack whose layers each have their own kind of self-attention and of feed-forward network.

A layer is given as `{"attention": ..., "feed_forward": ...}` and, where there is an encoder, "memory_attention": each
the arguments of one sublayer, with the sublayer's name as "scope". `attention` says by "kind" which of `SELF_ATTENTION`
it is; `feed_forward` is what `feed_forward.get` takes. Sublayers are wrapped as in `layers.transformer`, but those with
a norm of their own (`OWN_NORM`), which have no other before them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from tensor2keras.layers.attention.compressed import MemoryCompressedAttention, MemoryEfficientAttention
from tensor2keras.layers.attention.expert import LocalExpertAttention
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.layer import Layer
from tensor2keras.layers.residual import LayerPrepostprocess
from tensor2keras.layers.transformer import AttentionSublayer, DecoderStack, FeedForwardSublayer, Sublayer

Options = dict[str, Any]

SELF_ATTENTION: dict[str, Callable[..., keras.layers.Layer]] = {
    "local_experts": LocalExpertAttention,
    "memory_compressed": MemoryCompressedAttention,
    "memory_efficient": MemoryEfficientAttention,
    "multihead": MultiHeadAttention,
}
OWN_NORM = ("memory_efficient", "conv_hidden_relu_memory_efficient")


def self_attention(kind: str, **options: Any) -> keras.layers.Layer:
    """The self-attention of that kind.

    Raises:
        ValueError: unknown kind, with the known ones.
    """
    if kind not in SELF_ATTENTION:
        raise ValueError(f"unknown kind of attention {kind!r}; known: {', '.join(SELF_ATTENTION)}")
    return SELF_ATTENTION[kind](**options)


@keras.saving.register_keras_serializable("tensor2keras")
class _SelfAttention(AttentionSublayer):
    """Self-attention of any kind."""

    attention_class = staticmethod(self_attention)

    def call(self, x: Any, bias: Any = None, nonpadding: Any = None, training: bool = False) -> Any:
        experts = {"nonpadding": nonpadding} if isinstance(self.attention, LocalExpertAttention) else {}
        y = self.attention(self.preprocess(x, training=training), None, bias, training=training, **experts)
        return self.postprocess(y, x, training=training)


@keras.saving.register_keras_serializable("tensor2keras")
class _MixedLayer(Layer):
    """Self-attention, attention to the encoder's output (if there is one) and a feed-forward network."""

    def __init__(
        self,
        attention: Options,
        feed_forward: Options,
        preprocess: Options,
        postprocess: Options,
        memory_attention: Options | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)

        def sublayer(make: type[Sublayer], options: Options, kind: str = "") -> Sublayer:
            before = {**preprocess, "sequence": "none"} if kind in OWN_NORM else preprocess
            arguments = {name: value for name, value in options.items() if name != "scope"}
            return make(arguments, before, postprocess, name=options["scope"], dtype=self.dtype_policy)

        self.self_attention = sublayer(_SelfAttention, attention, attention["kind"])
        self.memory_attention = memory_attention and sublayer(AttentionSublayer, memory_attention)
        self.ffn = sublayer(FeedForwardSublayer, feed_forward, feed_forward["ffn_layer"])

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        self.self_attention.build(x_shape)
        if self.memory_attention:
            self.memory_attention.build(x_shape, memory_shape or x_shape)
        self.ffn.build(x_shape)
        self.built = True

    @property
    def takes_bias(self) -> bool:
        """Whether the self-attention uses a bias, over a cache of all positions."""
        attention = self.self_attention.attention
        if isinstance(attention, MultiHeadAttention):
            return attention.attend.uses_bias
        return isinstance(attention, MemoryEfficientAttention)

    def call(
        self,
        x: Any,
        memory: Any = None,
        bias: Any = None,
        memory_bias: Any = None,
        nonpadding: Any = None,
        training: bool = False,
    ) -> Any:
        x = self.self_attention(x, bias, nonpadding, training=training)
        if self.memory_attention:
            x = self.memory_attention(x, memory, memory_bias, training=training)
        return self.ffn(x, training=training)  # which sees padding as T2T's does

    def init_cache(self, batch_size: Any, max_length: int, memory: Any = None) -> Options:
        cache = {
            "attention": self.self_attention.attention.init_cache(batch_size, max_length),
            "ffn": self.ffn.feed_forward.init_cache(batch_size),
        }
        if self.memory_attention:
            k, v = self.memory_attention.attention.project_memory(memory)
            cache["encoder"] = {"k": k, "v": v}  # under "encoder": the same for all beams of an input
        return cache

    def step(self, x: Any, position: Any, cache: Options, bias: Any, memory_bias: Any = None) -> tuple[Any, Options]:
        x, attention = self.self_attention.step(x, position, cache["attention"], bias)
        if self.memory_attention:
            x = self.memory_attention.step_to_memory(x, **cache["encoder"], bias=memory_bias)
        x, ffn = self.ffn.step(x, cache["ffn"])
        return x, {**cache, "attention": attention, "ffn": ffn}


@keras.saving.register_keras_serializable("tensor2keras")
class MixedTransformer(DecoderStack):
    """Layers of any kinds one after the other and the final preprocessing: an encoder, or a decoder with a step-by-step
    form (as of `TransformerDecoder`).

    Args:
        layers: the arguments of each (module docstring).
        preprocess, postprocess: of all sublayers.

    Call arguments:
        x: [batch, length, hidden].
        memory: the encoder's output [batch, inputs, hidden], or None.
        bias: self-attention bias, broadcast to [batch, heads, length, length]; `multihead` attention of type
            dot_product and `memory_efficient` take it, the others have a mask of their own.
        memory_bias: bias of the attention to the encoder, broadcast to [batch, heads, length, inputs].
        nonpadding: [batch, length], 1.0 at positions that count in the loss of `local_experts`, or None.
        training: whether dropout and the experts' noise apply.

    Returns:
        [batch, length, hidden].
    """

    def __init__(
        self,
        layers: Sequence[Options],
        preprocess: Options,
        postprocess: Options,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        shared = {"preprocess": preprocess, "postprocess": postprocess}
        self.layers = [
            _MixedLayer(**layer, **shared, name=f"layer_{i}", dtype=self.dtype_policy) for i, layer in enumerate(layers)
        ]
        self.final = LayerPrepostprocess(name="layer_prepostprocess", dtype=self.dtype_policy, **preprocess)

    def cache_length(self, cache: Options) -> int:
        """The `max_length` that a cache was made for; 1 where no layer takes a bias of that length."""
        lengths = [cache[layer.name]["attention"]["k"].shape[2] for layer in self.layers if layer.takes_bias]
        return lengths[0] if lengths else 1
