"""The Universal Transformer (Dehghani et al. 2018, https://arxiv.org/abs/1807.03819): recurrent in depth.

Unlike in the paper, step signals are learned unless `step_timing_signal_type` is "sinusoid".
"""

import dataclasses
import functools
from typing import Any, ClassVar

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import depth_recurrence, universal_transformer
from tensor2keras.layers.depth_recurrence import RecurrenceOptions
from tensor2keras.layers.feed_forward import SepconvReluSepconvOptions
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.models import layer_options
from tensor2keras.models.allowed import Allowed, Letters, When
from tensor2keras.models.transformer import transformer
from tensor2keras.types import Tensor


def _recurrence(hparams: HParams) -> RecurrenceOptions:
    """Returns the options of `layers/depth_recurrence.py`, with defaults for those that the set does not have."""
    fields = dataclasses.fields(RecurrenceOptions)
    return RecurrenceOptions(**{field.name: hparams.get(field.name, field.default) for field in fields})


class _Universal:
    """Mixin of recurrence in depth, for the encoder-decoder and for the encoder alone."""

    allowed: ClassVar[Allowed] = {
        "num_area_layers": (0,),
        "transformer_ffn_type": ("fc", "sepconv"),
        **depth_recurrence.CHOICES,
        "gate_ffn_layer": When(("dense",), {"recurrence_type": ("highway", "skip")}),
        "gates_inputs": When(Letters("sti", empty=False), {"recurrence_type": ("highway", "skip")}),
        "mix_with_transformer": ("before_ut", "after_ut", "before_ut,after_ut", "after_ut,before_ut", "", None),
    }

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        recurrence = _recurrence(hparams)
        self.steps_add_positions = hparams.add_position_timing_signal
        self.encoder_class = functools.partial(universal_transformer.UniversalTransformerEncoder, recurrence=recurrence)
        self.decoder_class = functools.partial(universal_transformer.UniversalTransformerDecoder, recurrence=recurrence)

    def _add_positions(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return x if self.steps_add_positions else super()._add_positions(x, *args, **kwargs)

    def _feed_forward(self, padding: str) -> LayerOptions:
        hparams = self.hparams
        if hparams.transformer_ffn_type == "fc":
            return layer_options.feed_forward_options(hparams, self.kernel_initializer, padding)
        return SepconvReluSepconvOptions(
            hidden_size=hparams.hidden_size,
            filter_size=hparams.filter_size,
            kernel_size=3,
            second_kernel_size=5,
            padding=padding,
            dropout=hparams.relu_dropout,
            kernel_initializer=self.kernel_initializer,
        )

    def _encoder_feed_forward(self) -> LayerOptions:
        return self._feed_forward("SAME")

    def _decoder_feed_forward(self) -> LayerOptions:
        return self._feed_forward("LEFT")


@registry.register_model
class UniversalTransformer(_Universal, transformer.Transformer):
    """A `Transformer` of one layer that is applied `num_rec_steps` times, or until each position halts.

    Call arguments:
        features: "inputs" [batch, length] and "targets" [batch, length] ids, as `Transformer` takes them.
        training: whether dropout applies.

    Returns:
        Logits [batch, target length, vocab_size]. With `recurrence_type` "act", the mean number of steps and remainders
        is added to the loss, times `act_loss_weight`.
    """

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        recurrence = _recurrence(hparams)
        halts_together = recurrence.recurrence_type == "act" and recurrence.act_type in ("global", "random")
        in_one_go = self.prepend_mode == "prepend_inputs_full_attention"
        looks_back = recurrence.add_sru or hparams.transformer_ffn_type == "sepconv"
        # Whether a position can be decoded from the cache of those before it.
        self.decodes_by_steps = not (recurrence.position_start_index or halts_together or (in_one_go and looks_back))


@registry.register_model
class UniversalTransformerEncoder(_Universal, transformer.TransformerEncoder):
    """The encoder alone, for class labels and other targets predicted from the encoded inputs."""
