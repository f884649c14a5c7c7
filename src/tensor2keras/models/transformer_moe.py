"""A Transformer whose layers differ in kind; mixtures of experts are one of the kinds.

`hparams.layer_types` lists the kinds layer by layer: "a/a-moe#a-sepm/locm-a-moe" is an encoder of two layers and a
decoder of two. Layers are divided by "/"; in a layer the kinds of self-attention, of attention to the encoder (decoder
only) and of feed-forward network by "-". Kinds left out are `default_att` and `default_ff`: "a" is "a-fc", and "a-moe"
has the default attention to the encoder. Without "#" encoder and decoder are alike; "#a/a" is a decoder alone. An empty
string means `num_hidden_layers` layers of the defaults.

Attention:
    a: to all positions.
    mem: the same as "a"; T2T recomputes it in the backward pass to save memory.
    locm: to earlier positions of the block and of the block before.
    redm: to earlier positions, three compressed to one by a convolution.
Feed-forward networks:
    fc: two dense layers.
    sep, sepm: two separable convolutions, of width 3 and 31; "sepm" is causal.
    moe: a mixture of experts (`NoisyTopKExperts`).

T2T's sets use "moe", but T2T 1.15 no longer has its function; here it is built from their hyperparameters.

The convolutions "sep" are not causal: a decoder that has them reads the tokens it is to predict, as T2T's
`transformer_moe_8k` and `transformer_moe_12k` do by default. Such a model trains, but its decoding, which runs the
whole model at each step, fails, because the future tokens it learned to read do not exist yet. Set `default_ff=sepm`
to train a model that decodes.
"""

import dataclasses
from typing import Any, ClassVar

import keras

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.attention.compressed import MemoryCompressedAttentionOptions
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.layers.mixed_transformer import MixedLayerOptions, MixedTransformer
from tensor2keras.models import layer_options
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.common_hparams import basic_params1, noam_training
from tensor2keras.models.transformer import transformer
from tensor2keras.types import Features, Tensor

SELF_ATTENTION = ("a", "mem", "locm", "redm")
MEMORY_ATTENTION = ("a", "mem")
FEED_FORWARD = ("fc", "sep", "sepm", "moe")

Kinds = tuple[str, str, str]  # a layer's self-attention, attention to the encoder ("" for none), feed-forward network


@registry.register_model
class TransformerMoe(transformer.Transformer):
    """Encoder and decoder, or a decoder alone, with the layers that `hparams.layer_types` lists.

    Call arguments:
        features: "inputs" [batch, length] (with an encoder) and "targets" [batch, length] ids.
        training: whether dropout and the experts' noise apply.

    Returns:
        Logits [batch, target length, vocab_size].

    Raises:
        ValueError: `layer_types` that cannot be parsed or do not fit the problem; packed texts.

    Reference:
        T2T `models/research/transformer_moe.py`, `common_attention.get_standardized_layers`.
    """

    t2t_body = ""
    allowed: ClassVar[Allowed] = {
        "num_area_layers": (0,),
        "prepend_mode": ("none", "prepend_inputs_masked_attention"),
        "attention_red_type": ("conv",),
        "attention_red_nonlinearity": ("none",),
        "default_att": SELF_ATTENTION,
        "default_ff": FEED_FORWARD,
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "symbol", "symbol_weights_all")
        if self.problem is None:
            return
        reads_inputs = "inputs" in self.problem["features"]
        if self.encoder_layers and not reads_inputs:
            raise ValueError(
                f"{self.name} has an encoder by layer_types={hparams.layer_types!r}, but problem "
                f"{self.problem.get('name')!r} has no inputs: set layer_types to one that begins with '#'"
            )
        if not self.encoder_layers and reads_inputs and hparams.prepend_mode == "none":
            raise ValueError(
                f"{self.name} has no encoder by layer_types={hparams.layer_types!r}: set "
                "prepend_mode=prepend_inputs_masked_attention, or take a problem without inputs"
            )

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.encoder_layers, self.decoder_layers = layer_types(hparams)

    @property
    def has_inputs(self) -> bool:
        return bool(self.encoder_layers)

    @property
    def decodes_by_steps(self) -> bool:
        return self.causal and all(network != "sep" for _, _, network in self.decoder_layers)

    def _encoder_stack(self) -> keras.layers.Layer:
        return self._stack("encoder", self.encoder_layers, "att_")

    def _decoder_stack(self) -> keras.layers.Layer:
        return self._stack("decoder", self.decoder_layers, "self_att_")

    def _stack(self, name: str, layers: list[Kinds], scope: str) -> keras.layers.Layer:
        """Returns the encoder or the decoder; `scope` is the prefix of T2T's scopes of self-attention."""
        options = [
            MixedLayerOptions(
                attention=self._self_attention(self_attention),
                attention_scope=f"{scope}{self_attention}",
                memory_attention=self._attention() if memory_attention else None,
                memory_scope=f"att_ende_{memory_attention}",
                feed_forward=self._feed_forward(network),
                feed_forward_scope=f"ff_{network}",
            )
            for self_attention, memory_attention, network in layers
        ]
        return MixedTransformer(
            options,
            residual=layer_options.residual_options(self.hparams),
            mask_padding=self.mask_padding,
            name=name,
            dtype=self.dtype_policy,
        )

    def _attention(self) -> AttentionOptions:
        return layer_options.attention_options(self.hparams, self.kernel_initializer)

    def _self_attention(self, kind: str) -> LayerOptions:
        hparams = self.hparams
        if kind == "redm":
            return MemoryCompressedAttentionOptions(
                attention=self._attention(),
                factor=hparams.attention_red_factor,
                kernel_initializer=self.kernel_initializer,
            )
        if kind == "locm":
            block = {"block_length": hparams.attention_loc_block_length}
            return dataclasses.replace(self._attention(), attention_type="local_mask_right", attention_options=block)
        return self._attention()

    def _feed_forward(self, kind: str) -> LayerOptions:
        if kind == "moe":
            return layer_options.experts_options(self.hparams, self.kernel_initializer)
        return layer_options.dense_options(
            self.hparams, self.kernel_initializer, {"sep": "SAME", "sepm": "LEFT"}.get(kind)
        )

    def body(self, features: Features, training: bool = False) -> Tensor:
        self.refuse_packed(features)
        return super().body(features, training=training)


def layer_types(hparams: HParams) -> tuple[list[Kinds], list[Kinds]]:
    """Returns the kinds that `hparams.layer_types` lists, by layer of the encoder and of the decoder.

    Raises:
        ValueError: a value that cannot be parsed, an unknown kind, or no decoder.

    Example:
        >>> layer_types(registry.hparams("transformer_moe_8k_lm"))[1][2]
        ('a', '', 'moe')
    """
    text = hparams.layer_types or "/".join([hparams.default_att] * hparams.num_hidden_layers)
    stacks = text.split("#")
    encoder, decoder = stacks if len(stacks) == 2 else (text, text)
    if len(stacks) > 2 or not decoder:
        raise ValueError(f"layer_types={text!r} must be a decoder, or an encoder and a decoder with one '#' between")
    if hparams.prepend_mode != "none":
        encoder = ""

    def kinds(stack: str, to_encoder: bool) -> list[Kinds]:
        return [_kinds(layer, to_encoder, hparams) for layer in stack.split("/") if layer]

    return kinds(encoder, to_encoder=False), kinds(decoder, to_encoder=bool(encoder))


def _kinds(layer: str, to_encoder: bool, hparams: HParams) -> Kinds:
    """Returns the kinds of a layer such as "a", "a-moe" or "locm-a-moe"."""
    parts = layer.split("-")
    if len(parts) > 3:
        raise ValueError(f"layer {layer!r} of layer_types may have up to three kinds with '-' between")
    memory_attention = parts[1] if len(parts) == 3 else hparams.default_att
    return (
        _known(parts[0] or hparams.default_att, SELF_ATTENTION),
        _known(memory_attention, MEMORY_ATTENTION) if to_encoder else "",
        _known(parts[-1] if len(parts) > 1 else hparams.default_ff, FEED_FORWARD),
    )


def _known(kind: str, known: tuple[str, ...]) -> str:
    if kind not in known:
        raise ValueError(f"unknown kind {kind!r} in layer_types; known here: {', '.join(known)}")
    return kind


# fmt: off
@registry.register_hparams
def transformer_moe_base() -> HParams:
    """Five layers of width 512, without experts."""
    return noam_training(basic_params1()).override(
        hidden_size=512, num_hidden_layers=5,
        norm_type="layer", layer_preprocess_sequence="n", layer_postprocess_sequence="da",
        dropout=0.0, label_smoothing=0.0,
        learning_rate=0.1, learning_rate_warmup_steps=2000,
        batch_size=4096, max_length=2001, max_input_seq_length=2000, max_target_seq_length=2000,
        shared_embedding_and_softmax_weights=True,
    ).extend(
        num_heads=8, attention_key_channels=0, attention_value_channels=0, filter_size=2048,
        attention_dropout=0.0, relu_dropout=0.0,
        pos="timing", proximity_bias=False, causal_decoder_self_attention=True, attention_loc_block_length=256,
        attention_loc_block_width=128, attention_red_factor=3, attention_red_type="conv",
        attention_red_nonlinearity="none",
        # kinds of layers
        layer_types="", default_att="a", default_ff="fc",
    )


variant = registry.variants_of(__name__)

transformer_moe_8k = variant(
    "transformer_moe_8k", transformer_moe_base,
    "For long sequences, with separable convolutions. Unmasked: see the module docstring.",
    hidden_size=1024, batch_size=8192, max_length=0, eval_drop_long_sequences=True, min_length_bucket=256,
    default_ff="sep",
)
transformer_moe_8k_lm = variant(
    "transformer_moe_8k_lm", transformer_moe_8k,
    "A language model: masked convolutions, and experts in the third of five layers.",
    layer_types="#a/a/a-moe/a/a", default_ff="sepm",
)
transformer_moe_2k = variant(
    "transformer_moe_2k", transformer_moe_8k, "Encoder and decoder, with experts in the decoder's third layer.",
    layer_types="a/a/a/a/a#a-sepm/a-sepm/a-moe/a-sepm/a-sepm", batch_size=2048, default_ff="sep",
)
transformer_moe_12k = variant("transformer_moe_12k", transformer_moe_8k, batch_size=12000)
transformer_moe_prepend_8k = variant(
    "transformer_moe_prepend_8k", transformer_moe_8k,
    "The source is prepended to the target; local and memory-compressed attention in turn.",
    layer_types="locm/redm/locm-moe/redm/locm", prepend_mode="prepend_inputs_masked_attention", moe_num_experts=256,
    eval_drop_long_sequences=False, max_input_seq_length=7500, default_ff="sepm",
)
# fmt: on
