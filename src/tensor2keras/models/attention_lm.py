"""A language model of self-attention, the predecessor of `transformer` without inputs."""

from typing import Any

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.convolution import ConvHiddenReluOptions
from tensor2keras.models import layer_options
from tensor2keras.models.common_hparams import basic_params1, noam_training
from tensor2keras.models.transformer import transformer


@registry.register_model("attention_lm")
class AttentionLM(transformer.Transformer):
    """A decoder alone. Inputs, if the problem has any, must be prepended to the targets (`prepend_mode`).

    Call arguments:
        features: "targets" [batch, length] ids.
        training: whether dropout applies.

    Returns:
        Logits [batch, length, vocab_size].
    """

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "symbol")
        if self.problem is not None and "inputs" in self.problem["features"] and hparams.prepend_mode == "none":
            raise ValueError(
                f"{self.name} reads targets alone: set prepend_mode=prepend_inputs_masked_attention or "
                "prepend_inputs_full_attention, or take a problem without inputs"
            )

    @property
    def has_inputs(self) -> bool:
        return False

    def _decoder_feed_forward(self) -> ConvHiddenReluOptions:
        return layer_options.dense_options(self.hparams, self.kernel_initializer)


# fmt: off
@registry.register_hparams
def attention_lm_base() -> HParams:
    """Six layers of width 1024, for lm1b."""
    return noam_training(basic_params1()).override(
        hidden_size=1024, num_hidden_layers=6,
        dropout=0.0, label_smoothing=0.0,
        learning_rate=0.1, learning_rate_warmup_steps=2000,
        batch_size=8192, max_length=256,
    ).extend(
        filter_size=4096, num_heads=8, attention_key_channels=0, attention_value_channels=0,
        attention_dropout=0.0, pos="timing", encoder_full_attention=False,
        relu_dropout=0.0,
    )


variant = registry.variants_of(__name__)

attention_lm_small = variant(
    "attention_lm_small", attention_lm_base, "Four layers of hidden size 512.",
    num_hidden_layers=4, hidden_size=512, filter_size=2048, layer_prepostprocess_dropout=0.5,
)
attention_lm_translation = variant(
    "attention_lm_translation", attention_lm_base, "For translation: the source is prepended to the target.",
    layer_preprocess_sequence="n", layer_postprocess_sequence="da", prepend_mode="prepend_inputs_masked_attention",
    shared_embedding_and_softmax_weights=True, label_smoothing=0.1, learning_rate=0.4, max_length=512,
)
attention_lm_translation_l12 = variant(
    "attention_lm_translation_l12", attention_lm_translation, "Twelve layers.", num_hidden_layers=12, batch_size=4096
)
attention_lm_translation_full_attention = variant(
    "attention_lm_translation_full_attention", attention_lm_translation,
    "The positions of the source attend to all of the source.", prepend_mode="prepend_inputs_full_attention",
)
# fmt: on
