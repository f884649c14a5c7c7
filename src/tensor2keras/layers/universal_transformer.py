"""The Universal Transformer's encoder and decoder: a `TransformerLayer` that recurs in depth (`depth_recurrence`).

Dehghani et al. 2018, https://arxiv.org/abs/1807.03819.
"""

from typing import Any

import keras

from tensor2keras.layers.depth_recurrence import Recurrence, RecurrenceOptions
from tensor2keras.layers.layer import Layer, LayerOptions
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.layers.sru import SRU
from tensor2keras.layers.transformer import (
    NO_CONTEXT,
    Context,
    DecoderLayer,
    EncoderLayer,
    TransformerLayer,
    with_masks,
)
from tensor2keras.types import Cache, Shape, Tensor


class UniversalTransformerStack(Layer):
    """A recurrent `TransformerLayer` and the final preprocessing.

    It is called as `TransformerLayer` is. The decoding cache holds keys and values of every step; with "act", decoding
    always runs the maximum of steps.

    Args:
        num_layers: not used; `recurrence` has the number of steps.
        attention, feed_forward, residual, memory_attention, zero_padding: as in `TransformerStack`.
        recurrence: options of the recurrence.
    """

    layer_class: type[TransformerLayer] = TransformerLayer
    default_name: str | None = None

    def __init__(
        self,
        num_layers: int,
        attention: LayerOptions,
        feed_forward: LayerOptions,
        residual: ResidualOptions,
        recurrence: RecurrenceOptions,
        memory_attention: LayerOptions | None = None,
        zero_padding: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name or self.default_name, **kwargs)
        self.has_memory = memory_attention is not None

        def make_unit(name: str, with_feed_forward: bool) -> TransformerLayer:
            network = feed_forward if with_feed_forward else None
            options = {"memory_attention": memory_attention, "zero_padding": zero_padding}
            return self.layer_class(attention, network, residual, name=name, dtype=self.dtype_policy, **options)

        self.recurrence = Recurrence(
            make_unit,
            attention.hidden_size,
            recurrence,
            residual,
            zero_padding=zero_padding,
            kernel_initializer=attention.kernel_initializer,
            dtype=self.dtype_policy,
        )
        self.final = residual.before(dtype=self.dtype_policy)

    def build(self, x_shape: Shape, context_shape: Any = None) -> None:
        self.recurrence.build(x_shape)
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

        def apply(layer: keras.layers.Layer, x: Tensor, step: Tensor) -> Tensor:
            return layer(x) if isinstance(layer, SRU) else layer(x, context, training=training)

        return self.final(self.recurrence(x, apply=apply, nonpadding=context.nonpadding), training=training)

    def cache_length(self, cache: Cache) -> int:
        return next(part["k"].shape[2] for part in cache.values() if "k" in part)

    def init_cache(self, batch_size: Tensor, max_length: int, memory: Tensor | None = None) -> Cache:
        """Returns empty buffers for every layer at every step, and the encoder's keys and values for all steps."""
        recurrence, cache = self.recurrence, {}
        steps = dict.fromkeys((*recurrence.before, *recurrence.after), 1)
        steps |= dict.fromkeys(recurrence.units, recurrence.timing.num_steps)
        for layer, count in steps.items():
            empty = layer.init_cache(batch_size, max_length, memory)
            if self.has_memory:
                cache.setdefault("encoder", {})[layer.name] = empty.pop("encoder")
            cache |= {f"{layer.name}_{step}": empty for step in range(count)}
        if recurrence.timing.sru is not None:
            sru = recurrence.timing.sru
            cache |= {f"{sru.name}_{step}": sru.init_cache(batch_size) for step in range(recurrence.timing.num_steps)}
        return cache

    def step(
        self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None, memory_bias: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        new = dict(cache)

        def apply(layer: keras.layers.Layer, x: Tensor, step: int) -> Tensor:
            key = f"{layer.name}_{step}"
            if isinstance(layer, SRU):
                x, new[key] = layer.step(x, cache[key])
                return x
            shared = {"encoder": cache["encoder"][layer.name]} if self.has_memory else {}
            x, state = layer.step(x, position, {**cache[key], **shared}, bias, memory_bias)
            state.pop("encoder", None)
            new[key] = state
            return x

        return self.final(self.recurrence(x, apply=apply, start=position, unrolled=True)), new


class UniversalTransformerEncoder(UniversalTransformerStack):
    """A `UniversalTransformerStack` called "encoder"."""

    layer_class = EncoderLayer
    default_name = "encoder"


class UniversalTransformerDecoder(UniversalTransformerStack):
    """A `UniversalTransformerStack` called "decoder"."""

    layer_class = DecoderLayer
    default_name = "decoder"
