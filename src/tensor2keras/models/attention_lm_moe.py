"""Language models whose layers differ in kind; mixtures of experts are one of the kinds.

`attention_type` chooses the self-attention of all layers, or the letters of `attention_layers` that of each layer:

    multihead (h): full or, with `attention_local`, to earlier positions of the block and of the block before.
    multihead_full (f): full.
    local_experts (e): within experts (`LocalExpertAttention`).
    memory_efficient (m): full, with its own layer norm.

In the layers `moe_layers` ("0,2") the feed-forward network is a mixture of experts, elsewhere two dense layers,
with `use_sepconv` two separable convolutions, with `memory_efficient_ffn` a network with its own layer norm.

In T2T 1.15 `local_experts` fails and `moe_layers` is ignored. Here both are built from their hyperparameters;
`moe_layers` gives `attention_lm_moe_small` the 312 million parameters that T2T documents. Set `moe_layers=` (empty) to
use a checkpoint of T2T 1.15. `diet_experts`, `factored_logits` and `attention_split_batch`, which save memory in T2T
and change no result, have no effect here.
"""

import dataclasses
from typing import Any, ClassVar

import keras

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import attention
from tensor2keras.layers.attention.compressed import MemoryEfficientAttentionOptions
from tensor2keras.layers.attention.expert import LocalExpertAttentionOptions
from tensor2keras.layers.feed_forward import MemoryEfficientFeedForwardOptions
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.layers.mixed_transformer import MixedLayerOptions, MixedTransformer
from tensor2keras.layers.position import shift_right
from tensor2keras.layers.transformer import Context
from tensor2keras.models import layer_options
from tensor2keras.models.allowed import Allowed, Letters
from tensor2keras.models.common_hparams import basic_params1, noam_training
from tensor2keras.models.transformer import transformer
from tensor2keras.types import Features, Tensor

LETTERS = {"h": "multihead", "e": "local_experts", "m": "memory_efficient", "f": "multihead_full"}


@registry.register_model
class AttentionLmMoe(transformer.Transformer):
    """A decoder alone; with `use_inputs` an encoder alone that predicts one target from each input.

    A problem's inputs must be prepended to the targets (`prepend_mode`) for the decoder to read them.

    Call arguments:
        features: "targets" [batch, length] ids; with `use_inputs` "inputs" of the same shape.
        training: whether dropout and the experts' noise apply.

    Returns:
        Logits [batch, length, vocab_size].

    Raises:
        ValueError: hparams of another kind of layer, or that do not fit the problem; packed texts.

    Reference:
        T2T `models/research/attention_lm_moe.py`.
    """

    t2t_body = ""
    allowed: ClassVar[Allowed] = {
        "num_area_layers": (0,),
        "attention_type": tuple(LETTERS.values()),
        "attention_layers": Letters("".join(LETTERS)),
        "pos": ("timing", "none"),
        "prepend_mode": ("none", "prepend_inputs_masked_attention"),
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "symbol")
        if self.problem is None:
            return
        reads_inputs = "inputs" in self.problem["features"]
        if hparams.use_inputs and not reads_inputs:
            raise ValueError(
                f"{self.name} with use_inputs=True needs inputs; problem {self.problem.get('name')!r} has none"
            )
        if reads_inputs and not hparams.use_inputs and hparams.prepend_mode == "none":
            raise ValueError(
                f"{self.name} reads targets alone: set prepend_mode=prepend_inputs_masked_attention or "
                "use_inputs=True, or take a problem without inputs"
            )

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.use_inputs = hparams.use_inputs
        self.attention_types = attention_types(hparams)
        has_own_norm = "memory_efficient" in self.attention_types or hparams.memory_efficient_ffn
        if has_own_norm and hparams.layer_preprocess_sequence != "n":
            raise ValueError(
                f"{self.name}: memory_efficient layers begin with a norm: set layer_preprocess_sequence=n, not "
                f"{hparams.layer_preprocess_sequence}"
            )
        if hparams.use_inputs and ("local_experts" in self.attention_types or hparams.attention_local):
            raise ValueError(
                f"{self.name} with use_inputs=True reads later positions, which local_experts and attention_local=True "
                "mask: set attention_type=multihead and attention_local=False"
            )

    @property
    def has_inputs(self) -> bool:
        return False  # there is no encoder

    @property
    def decodes_by_steps(self) -> bool:
        return not self.use_inputs

    def _decoder_stack(self) -> keras.layers.Layer:
        layers = [
            MixedLayerOptions(
                attention=self._self_attention(kind),
                feed_forward=self._feed_forward(layer),
                attention_scope=f"attention_{kind}",
            )
            for layer, kind in enumerate(self.attention_types)
        ]
        return MixedTransformer(
            layers,
            residual=layer_options.residual_options(self.hparams),
            name="body",  # T2T has no scope for the stack
            dtype=self.dtype_policy,
        )

    def _self_attention(self, kind: str) -> LayerOptions:
        hparams = self.hparams
        if kind == "local_experts":
            return LocalExpertAttentionOptions(
                hidden_size=hparams.hidden_size,
                num_experts=hparams.attention_num_experts,
                k=hparams.attention_moe_k,
                loss_coef=hparams.attention_load_balance,
                num_heads=hparams.attention_num_head,
                key_size=hparams.attention_kq_size,
                value_size=hparams.attention_v_size,
                expansion=hparams.attention_exp_factor,
                expansion_size=hparams.attention_exp_inputdim,
                kernel_initializer=self.kernel_initializer,
            )
        name = "decoder_self_attention"
        if kind == "memory_efficient":
            return MemoryEfficientAttentionOptions(
                hidden_size=hparams.hidden_size, num_heads=hparams.num_heads, name=name
            )
        options = layer_options.attention_options(hparams, self.kernel_initializer)
        options = dataclasses.replace(options, name=name)
        if kind == "multihead" and hparams.attention_local:
            block = {"block_length": hparams.attention_block_length}
            return dataclasses.replace(options, attention_type="local_mask_right", attention_options=block)
        return options

    def _feed_forward(self, layer: int) -> LayerOptions:
        hparams = self.hparams
        if str(layer) in hparams.moe_layers.split(","):
            return layer_options.experts_options(hparams, self.kernel_initializer)
        if hparams.memory_efficient_ffn:
            return MemoryEfficientFeedForwardOptions(
                hidden_size=hparams.hidden_size,
                filter_size=hparams.filter_size,
                kernel_initializer=self.kernel_initializer,
            )
        return layer_options.dense_options(hparams, self.kernel_initializer, "LEFT" if hparams.use_sepconv else None)

    def body(self, features: Features, training: bool = False) -> Tensor:
        self.refuse_packed(features)
        if self.use_inputs:
            x = self.decoder_dropout(features["inputs"], training=training)
            return self.decoder(x, Context(bias=self.inputs_padding_bias(features)), training=training)
        targets = features["targets"]
        x = self._add_positions(shift_right(targets), features, "targets", None)
        x = self.decoder_dropout(x, training=training)
        nonpadding = 1.0 - attention.embedding_padding(targets)
        context = Context(bias=self.decoder_bias(features), nonpadding=nonpadding)
        return self.decoder(x, context, training=training)


def attention_types(hparams: HParams) -> list[str]:
    """Returns the kind of self-attention of each layer.

    Example:
        >>> attention_types(registry.hparams("attention_lm_moe_base_hybrid"))
        ['multihead', 'local_experts', 'multihead', 'local_experts']
    """
    return [LETTERS[letter] for letter in hparams.attention_layers] or [
        hparams.attention_type
    ] * hparams.num_hidden_layers


# fmt: off
@registry.register_hparams
def attention_lm_moe_base() -> HParams:
    """Four layers of width 1024, with 32 experts in the third."""
    return noam_training(basic_params1()).override(
        hidden_size=1024, num_hidden_layers=4,
        dropout=0.0, label_smoothing=0.0,
        learning_rate=0.1, learning_rate_warmup_steps=2000,
        batch_size=8192, max_length=256,
        shared_embedding_and_softmax_weights=False, moe_num_experts=32,
    ).extend(
        num_heads=8, attention_key_channels=0, attention_value_channels=0, filter_size=2048,
        attention_dropout=0.0, relu_dropout=0.0,
        pos="timing", use_inputs=False, attention_layers="", attention_type="multihead", attention_local=False,
        attention_block_length=128,
        # attention within experts
        attention_moe_k=2, attention_num_head=1, attention_num_experts=16, attention_split_batch=False,
        attention_exp_factor=0, attention_exp_inputdim=128, attention_kq_size=128, attention_v_size=256,
        attention_load_balance=2e-2,
        # kinds of attention that no set uses and that are not supported
        attention_red_factor=3, attention_reduction_type="conv", attention_nonlinearity="none", lsh_num_hyperplanes=4,
        lsh_use_map_fn=False,
        # feed-forward networks
        moe_layers="2", use_sepconv=False, diet_experts=False, memory_efficient_ffn=False,
    )


variant = registry.variants_of(__name__)

attention_lm_moe_base_long_seq = variant(
    "attention_lm_moe_base_long_seq", attention_lm_moe_base, "For long sequences, with separable convolutions.",
    max_length=0, eval_drop_long_sequences=True, min_length_bucket=256, use_sepconv=True,
)
attention_lm_moe_base_ae = variant(
    "attention_lm_moe_base_ae", attention_lm_moe_base_long_seq, "Attention within experts.",
    attention_type="local_experts", learning_rate=0.05, learning_rate_warmup_steps=10000,
)
attention_lm_moe_base_local = variant(
    "attention_lm_moe_base_local", attention_lm_moe_base_long_seq, attention_local=True
)
attention_lm_moe_base_hybrid = variant(
    "attention_lm_moe_base_hybrid", attention_lm_moe_base_long_seq,
    "Local attention and attention within experts alternate.", attention_layers="hehe", attention_local=True,
)
attention_lm_hybrid_v2 = variant(
    "attention_lm_hybrid_v2", attention_lm_moe_base_long_seq,
    "Attention within experts in the third of four layers, local attention in the others.",
    attention_layers="hheh", attention_local=True, attention_moe_k=6, layer_preprocess_sequence="n",
    layer_postprocess_sequence="da",
)
attention_lm_16k = variant("attention_lm_16k", attention_lm_hybrid_v2, batch_size=16384)
attention_lm_12k = variant("attention_lm_12k", attention_lm_hybrid_v2, batch_size=12000)
attention_lm_11k = variant("attention_lm_11k", attention_lm_hybrid_v2, batch_size=11500)
attention_lm_ae_extended = variant(
    "attention_lm_ae_extended", attention_lm_moe_base_long_seq,
    "Attention within experts, each position split into four parts.",
    attention_layers="eeee", attention_local=True, attention_moe_k=2, attention_exp_factor=4,
    layer_preprocess_sequence="n", layer_postprocess_sequence="da",
)
attention_lm_moe_base_memeff = variant(
    "attention_lm_moe_base_memeff", attention_lm_moe_base_long_seq,
    "Memory-efficient layers, which normalize their inputs themselves.",
    num_heads=8, layer_preprocess_sequence="n", layer_postprocess_sequence="da", attention_type="memory_efficient",
    layer_prepostprocess_dropout=0.0, use_sepconv=False, diet_experts=True, memory_efficient_ffn=True,
    factored_logits=True,
)
attention_lm_moe_small = variant(
    "attention_lm_moe_small", attention_lm_moe_base, "Hidden size 512, 128 experts: 312 million parameters on lm1b.",
    num_hidden_layers=4, hidden_size=512, filter_size=2048, moe_layers="2", moe_num_experts=128,
)
attention_lm_moe_tiny = variant("attention_lm_moe_tiny", attention_lm_moe_small, moe_num_experts=32)
attention_lm_attention_moe_tiny = variant(
    "attention_lm_attention_moe_tiny", attention_lm_moe_small,
    "Attention within 128 experts, and no expert feed-forward layers.",
    filter_size=8192, moe_layers="", attention_num_experts=128, attention_type="local_experts",
)
attention_lm_no_moe_small = variant(
    "attention_lm_no_moe_small", attention_lm_moe_small,
    "Without experts, for comparison: 45 million parameters on lm1b.", moe_layers="",
)
attention_lm_moe_large = variant(
    "attention_lm_moe_large", attention_lm_moe_base,
    "Five layers, with 128 experts of width 4096 in the fourth: over a billion parameters.",
    num_hidden_layers=5, hidden_size=1024, filter_size=4096, num_heads=16, moe_layers="3", moe_hidden_sizes="4096",
    moe_num_experts=128, layer_prepostprocess_dropout=0.2,
)
attention_lm_moe_large_diet = variant(
    "attention_lm_moe_large_diet", attention_lm_moe_large,
    "attention_lm_moe_large, whose experts T2T stored in less memory.", diet_experts=True,
)
attention_lm_moe_memory_efficient = variant(
    "attention_lm_moe_memory_efficient", attention_lm_moe_large,
    "Memory-efficient layers, which normalize their inputs themselves.",
    num_heads=8, layer_preprocess_sequence="n", layer_postprocess_sequence="da", attention_type="memory_efficient",
    layer_prepostprocess_dropout=0.0, diet_experts=True, memory_efficient_ffn=True, factored_logits=True,
)
attention_lm_moe_32b_diet = variant(
    "attention_lm_moe_32b_diet", attention_lm_moe_large_diet, "32 billion parameters.",
    moe_hidden_sizes="16384", moe_num_experts=1024,
)
attention_lm_moe_24b_diet = variant(
    "attention_lm_moe_24b_diet", attention_lm_moe_large_diet, "24 billion parameters.",
    moe_hidden_sizes="12288", moe_num_experts=1024, batch_size=4096,
)
attention_lm_moe_translation = variant(
    "attention_lm_moe_translation", attention_lm_moe_base,
    "For translation, with experts in all six layers: the source is prepended to the target.",
    num_hidden_layers=6, moe_layers="0,1,2,3,4,5", layer_preprocess_sequence="n", layer_postprocess_sequence="da",
    prepend_mode="prepend_inputs_masked_attention", shared_embedding_and_softmax_weights=True, label_smoothing=0.1,
    layer_prepostprocess_dropout=0.2, learning_rate=0.4, max_length=512,
)
attention_lm_moe_unscramble_base = variant(
    "attention_lm_moe_unscramble_base", attention_lm_no_moe_small, "Predicts a text from its shuffled words.",
    layer_preprocess_sequence="n", layer_postprocess_sequence="da", layer_prepostprocess_dropout=0.0, use_inputs=True,
    min_length_bucket=1024, max_length=1024, batch_size=5000,
)
# fmt: on
