"""The Evolved Transformer (So et al. 2019, https://arxiv.org/abs/1901.11117) and its hyperparameter sets."""

import copy
import functools
from typing import Any, ClassVar

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.evolved_transformer import EvolvedOptions, EvolvedTransformerDecoder, EvolvedTransformerEncoder
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.transformer import hparams as transformer_hparams
from tensor2keras.models.transformer import transformer


@registry.register_model
class EvolvedTransformer(transformer.Transformer):
    """A `Transformer` whose layers were found by architecture search.

    With `num_trainable_top_decoder_layers` of 0 or more, only that many layers at the decoder's top and the softmax are
    trained; the softmax then has its own matrix.

    Call arguments:
        features: "inputs" [batch, length] and "targets" [batch, length] ids, as `Transformer` takes them.
        training: whether dropout applies.

    Returns:
        Logits [batch, target length, vocab_size].
    """

    allowed: ClassVar[Allowed] = {"num_area_layers": (0,), "prepend_mode": ("none",)}
    encoder_class = EvolvedTransformerEncoder
    decoder_class = EvolvedTransformerDecoder

    def __init__(self, hparams: HParams, **kwargs: Any):
        trainable = hparams.get("num_trainable_top_decoder_layers", -1)
        if trainable >= 0:
            if hparams.shared_embedding_and_softmax_weights:
                hparams = copy.deepcopy(hparams).override(
                    shared_embedding_and_softmax_weights=False, shared_embedding=True
                )
            self.decoder_class = functools.partial(EvolvedTransformerDecoder, trainable_layers=trainable)
        super().__init__(hparams, **kwargs)
        if trainable >= 0:
            self._freeze_all_but_the_decoder()

    def _freeze_all_but_the_decoder(self) -> None:
        embeddings = [
            getattr(modality, table, None)
            for modality in self.modalities.values()
            for table in ("input_embedding", "target_embedding")
        ]
        frozen = (self.encoder, self.target_space_embedding, self.input_positions, self.target_positions, *embeddings)
        for layer in frozen:
            if layer is not None:
                layer.trainable = False

    def _encoder_self_attention(self) -> AttentionOptions | None:
        return super()._encoder_self_attention() if self.hparams.get("et_encoder_self_attention", True) else None

    def _sizes(self) -> EvolvedOptions:
        return EvolvedOptions(
            hidden_size=self.hidden_size,
            dropout=self.hparams.layer_prepostprocess_dropout,
            kernel_initializer=self.kernel_initializer,
        )

    _encoder_feed_forward = _decoder_feed_forward = _sizes


def _evolved(hparams: HParams) -> HParams:
    """Sets the paper's numbers of layers and a cosine schedule that starts at the rate of the rsqrt schedule."""
    return hparams.override(
        num_encoder_layers=3,
        num_decoder_layers=4,
        learning_rate_constant=hparams.learning_rate_constant / hparams.learning_rate_warmup_steps**0.5,
        learning_rate_schedule="constant*linear_warmup*single_cycle_cos_decay*rsqrt_hidden_size",
    )


def _evolved_tpu(hparams: HParams) -> HParams:
    return _evolved(hparams).override(
        learning_rate_constant=1 / hparams.learning_rate_warmup_steps**0.5,
        learning_rate_schedule="constant*single_cycle_cos_decay",
    )


variant = registry.variants_of(__name__)

# fmt: off
evolved_transformer_tiny = variant(
    "evolved_transformer_tiny", lambda: _evolved(transformer_hparams.transformer_tiny()), "transformer_tiny, evolved.",
    learning_rate_schedule="constant*single_cycle_cos_decay",
)
evolved_transformer_base = variant(
    "evolved_transformer_base", lambda: _evolved(transformer_hparams.transformer_base()), "transformer_base, evolved."
)
evolved_transformer_big = variant(
    "evolved_transformer_big", lambda: _evolved(transformer_hparams.transformer_big()), "transformer_big, evolved."
)
evolved_transformer_deep = variant(
    "evolved_transformer_deep", evolved_transformer_big, "Nine encoder and ten decoder layers of hidden size 640.",
    num_encoder_layers=9, num_decoder_layers=10, hidden_size=640,
)
evolved_transformer_base_tpu = variant(
    "evolved_transformer_base_tpu", lambda: _evolved_tpu(transformer_hparams.transformer_tpu()),
    "transformer_tpu, evolved.",
)
evolved_transformer_big_tpu = variant(
    "evolved_transformer_big_tpu", lambda: _evolved_tpu(transformer_hparams.transformer_big_tpu()),
    "transformer_big_tpu, evolved.",
)
evolved_transformer_tpu_basic = variant(
    "evolved_transformer_tpu_basic",
    lambda: transformer_hparams.transformer_big_tpu().extend(print_vars=False, num_trainable_top_decoder_layers=-1),
    "`transformer_big_tpu`, extended for fine-tuning the decoder's top.", batch_size=8192, max_length=256,
)
# fmt: on
