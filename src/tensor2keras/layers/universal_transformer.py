"""The Universal Transformer's encoder and decoder (Dehghani et al. 2018, https://arxiv.org/abs/1807.03819): a layer of
the Transformer and how it recurs (`depth_recurrence`)."""

from typing import Any

import keras

from tensor2keras.layers.depth_recurrence import Recurrence, check_settings
from tensor2keras.layers.layer import Layer
from tensor2keras.layers.residual import LayerPrepostprocess
from tensor2keras.layers.sru import SRU
from tensor2keras.layers.transformer import DecoderLayer, EncoderLayer, Options


@keras.saving.register_keras_serializable("tensor2keras")
class _Stack(Layer):
    """What the encoder and the decoder share.

    Args:
        num_layers: not used: `settings` say how many steps are taken.
        attention, memory_attention, feed_forward, preprocess, postprocess: as of `layers/transformer.py`'s stacks.
        settings: a dict of `depth_recurrence.SETTINGS`.
        zero_padding: as of `layers/transformer.py`'s encoder.
    """

    def __init__(
        self,
        num_layers: int,
        attention: Options,
        feed_forward: Options,
        preprocess: Options,
        postprocess: Options,
        settings: Options,
        memory_attention: Options | None = None,
        zero_padding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_settings(settings)
        residual = {"preprocess": preprocess, "postprocess": postprocess, "dtype": self.dtype_policy}
        own = self._own_options(memory_attention, zero_padding)

        def make_unit(name: str, with_feed_forward: bool) -> keras.layers.Layer:
            network = feed_forward if with_feed_forward else None
            return self.layer_class(attention=attention, feed_forward=network, name=name, **own, **residual)

        initializer = attention["kernel_initializer"]
        self.recurrence = Recurrence(
            make_unit,
            attention["hidden_size"],
            settings,
            preprocess,
            zero_padding,
            initializer,
            dtype=self.dtype_policy,
        )
        self.final = LayerPrepostprocess(name="layer_prepostprocess", dtype=self.dtype_policy, **preprocess)
        self.has_memory = memory_attention is not None

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        self.recurrence.build(x_shape)
        self.final.build(x_shape)
        self.built = True


@keras.saving.register_keras_serializable("tensor2keras")
class UniversalTransformerEncoder(_Stack):
    """Call arguments and result as of `layers.transformer.TransformerEncoder`."""

    layer_class = EncoderLayer

    def __init__(self, num_layers: int, name: str = "encoder", **kwargs: Any):
        super().__init__(num_layers, name=name, **kwargs)

    def _own_options(self, memory_attention: Options | None, zero_padding: bool) -> Options:
        return {"zero_padding": zero_padding}

    def call(self, x: Any, bias: Any = None, nonpadding: Any = None, training: bool = False) -> Any:
        def apply(layer: keras.layers.Layer, x: Any, step: Any) -> Any:
            return layer(x) if isinstance(layer, SRU) else layer(x, bias, nonpadding, training=training)

        return self.final(self.recurrence.run(x, apply, nonpadding=nonpadding), training=training)


@keras.saving.register_keras_serializable("tensor2keras")
class UniversalTransformerDecoder(_Stack):
    """Call arguments, result and decoding as of `layers.transformer.TransformerDecoder`.

    Decoding keeps keys and values of every step; it takes all steps that halting positions may take.
    """

    layer_class = DecoderLayer

    def __init__(self, num_layers: int, name: str = "decoder", **kwargs: Any):
        super().__init__(num_layers, name=name, **kwargs)

    def _own_options(self, memory_attention: Options | None, zero_padding: bool) -> Options:
        return {"memory_attention": memory_attention}

    def call(
        self,
        x: Any,
        memory: Any = None,
        bias: Any = None,
        memory_bias: Any = None,
        nonpadding: Any = None,
        training: bool = False,
    ) -> Any:
        def apply(layer: keras.layers.Layer, x: Any, step: Any) -> Any:
            if isinstance(layer, SRU):
                return layer(x)
            return layer(x, memory, bias, memory_bias, nonpadding, training=training)

        return self.final(self.recurrence.run(x, apply), training=training)

    def cache_length(self, cache: Options) -> int:
        return next(part["k"].shape[2] for part in cache.values() if "k" in part)

    def init_cache(self, batch_size: Any, max_length: int, memory: Any = None) -> Options:
        """Empty buffers for every layer at every step, and the encoder's keys and values, the same at all steps."""
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

    def step(self, x: Any, position: Any, cache: Options, bias: Any, memory_bias: Any = None) -> tuple[Any, Options]:
        new = dict(cache)

        def apply(layer: keras.layers.Layer, x: Any, step: int) -> Any:
            key = f"{layer.name}_{step}"
            if isinstance(layer, SRU):
                x, new[key] = layer.step(x, cache[key])
                return x
            shared = {"encoder": cache["encoder"][layer.name]} if self.has_memory else {}
            x, state = layer.step(x, position, {**cache[key], **shared}, bias, memory_bias)
            state.pop("encoder", None)
            new[key] = state
            return x

        return self.final(self.recurrence.run(x, apply, start=position, unrolled=True)), new
