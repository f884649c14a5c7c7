"""A stack whose layers each have their own kind of self-attention and of feed-forward network.

Sublayers are wrapped as in `layers.transformer`, except that those of `OWN_NORM`, which begin with their own norm, have
no steps before them.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tensor2keras.layers.attention.compressed import MemoryEfficientAttention
from tensor2keras.layers.attention.expert import LocalExpertAttention
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.feed_forward import MemoryEfficientFeedForward
from tensor2keras.layers.layer import Layer, LayerOptions, Options
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.layers.transformer import (
    NO_CONTEXT,
    AttentionSublayer,
    Context,
    FeedForwardSublayer,
    LayerStack,
    Sublayer,
    memory_shape,
)
from tensor2keras.types import Cache, Shape, Tensor

OWN_NORM = (MemoryEfficientAttention, MemoryEfficientFeedForward)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixedLayerOptions(Options):
    """The options of a layer of a `MixedTransformer`.

    Args:
        attention: options of the self-attention: `AttentionOptions` or those of expert or compressed attention.
        feed_forward: options of the network.
        memory_attention: options of the attention to the encoder's output, or None.
        attention_scope, feed_forward_scope, memory_scope: the sublayers' names.
    """

    attention: LayerOptions
    feed_forward: LayerOptions
    memory_attention: LayerOptions | None = None
    attention_scope: str = "self_attention"
    feed_forward_scope: str = "ffn"
    memory_scope: str = "encdec_attention"


class _SelfAttention(AttentionSublayer):
    """Self-attention of any kind."""

    def call(
        self, x: Tensor, bias: Tensor | None = None, nonpadding: Tensor | None = None, training: bool = False
    ) -> Tensor:
        experts = {"nonpadding": nonpadding} if isinstance(self.attention, LocalExpertAttention) else {}
        y = self.attention(self.preprocess(x, training=training), None, bias, training=training, **experts)
        return self.postprocess(y, x, training=training)


class _MixedLayer(Layer):
    """Self-attention, attention to the encoder's output (if any) and a feed-forward network."""

    def __init__(
        self, options: MixedLayerOptions, residual: ResidualOptions, mask_padding: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.mask_padding = mask_padding

        def sublayer(kind: type[Sublayer], part: LayerOptions, scope: str) -> Sublayer:
            own_norm = issubclass(part.layer_class, OWN_NORM)
            steps = dataclasses.replace(residual, preprocess="none") if own_norm else residual
            return kind(part, steps, name=scope, dtype=self.dtype_policy)

        self.self_attention = sublayer(_SelfAttention, options.attention, options.attention_scope)
        self.memory_attention = None
        if options.memory_attention is not None:
            self.memory_attention = sublayer(AttentionSublayer, options.memory_attention, options.memory_scope)
        self.ffn = sublayer(FeedForwardSublayer, options.feed_forward, options.feed_forward_scope)

    def build(self, x_shape: Shape, context_shape: Any = None) -> None:
        self.self_attention.build(x_shape)
        if self.memory_attention is not None:
            self.memory_attention.build(x_shape, memory_shape(x_shape, context_shape))
        self.ffn.build(x_shape)

    @property
    def takes_bias(self) -> bool:
        """Whether the self-attention uses a bias, over a cache of all positions."""
        attention = self.self_attention.attention
        if isinstance(attention, MultiHeadAttention):
            return attention.attend.uses_bias
        return isinstance(attention, MemoryEfficientAttention)

    def call(self, x: Tensor, context: Context = NO_CONTEXT, training: bool = False) -> Tensor:
        x = self.self_attention(x, context.bias, context.nonpadding, training=training)
        if self.memory_attention is not None:
            x = self.memory_attention(x, context.memory, context.memory_bias, training=training)
        return self.ffn(x, context.nonpadding if self.mask_padding else None, training=training)

    def init_cache(self, batch_size: Tensor, max_length: int, memory: Tensor | None = None) -> Cache:
        cache = {
            "attention": self.self_attention.attention.init_cache(batch_size, max_length),
            "ffn": self.ffn.feed_forward.init_cache(batch_size),
        }
        if self.memory_attention is not None:
            cache["encoder"] = self.memory_attention.attention.memory_cache(memory)
        return cache

    def step(
        self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None, memory_bias: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        x, attention = self.self_attention.step(x, position, cache["attention"], bias)
        if self.memory_attention is not None:
            x = self.memory_attention.step_to_memory(x, **cache["encoder"], bias=memory_bias)
        x, ffn = self.ffn.step(x, cache["ffn"])
        return x, {**cache, "attention": attention, "ffn": ffn}


class MixedTransformer(LayerStack):
    """A stack of layers of different kinds, as an encoder or as a decoder with `init_cache` and `step`.

    Args:
        layers: the options of each layer.
        residual: the steps around each sublayer.
        mask_padding: whether feed-forward networks read zeros at padding, unlike those of T2T.

    Call arguments:
        x: [batch, length, hidden].
        context: a `Context`. `MultiHeadAttention` of type "dot_product" and `MemoryEfficientAttention` use its bias,
            the others have their own masks. Its nonpadding, [batch, length], marks the positions that count in the loss
            of `LocalExpertAttention`.
        training: whether dropout and the experts' noise apply.

    Returns:
        [batch, length, hidden].
    """

    def __init__(
        self,
        layers: Sequence[MixedLayerOptions],
        residual: ResidualOptions,
        mask_padding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.layers = [
            _MixedLayer(options, residual, mask_padding, name=f"layer_{i}", dtype=self.dtype_policy)
            for i, options in enumerate(layers)
        ]
        self.final = residual.before(dtype=self.dtype_policy)

    def cache_length(self, cache: Cache) -> int:
        """Returns the `max_length` of a cache; 1 if no layer takes a bias of that length."""
        lengths = [cache[layer.name]["attention"]["k"].shape[2] for layer in self.layers if layer.takes_bias]
        return lengths[0] if lengths else 1
