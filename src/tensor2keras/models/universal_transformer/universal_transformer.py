"""The Universal Transformer (Dehghani et al. 2018, https://arxiv.org/abs/1807.03819): recurrent in depth.

What differs from the paper: the weights of the steps' signals are learned unless `step_timing_signal_type` is sinusoid.
"""

import functools
from typing import Any

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import depth_recurrence, universal_transformer
from tensor2keras.models import layer_options, t2t_model
from tensor2keras.models.transformer import transformer


def _recurrence(hparams: HParams) -> dict[str, Any]:
    """The settings of `layers/depth_recurrence.py` that a set has."""
    return {name: hparams.get(name, default) for name, default in depth_recurrence.SETTINGS.items()}


def _attention(options: dict[str, Any]) -> dict[str, Any]:
    """T2T passes neither of these on here."""
    own = {"heads_share_relative_embedding": False, "add_relative_to_values": False}
    kept = {name: value for name, value in options["attention_options"].items() if name not in own}
    return {**options, "attention_options": kept}


class _Universal:
    """What the two models share."""

    not_built = (*transformer.Transformer.not_built, "num_area_layers")

    def _prepare(self, hparams: HParams) -> None:
        settings = _recurrence(hparams)
        if hparams.transformer_ffn_type not in ("fc", "sepconv"):
            raise ValueError(f"unknown transformer_ffn_type {hparams.transformer_ffn_type!r}; known: fc, sepconv")
        self.encoder_class = functools.partial(universal_transformer.UniversalTransformerEncoder, settings=settings)
        self.decoder_class = functools.partial(universal_transformer.UniversalTransformerDecoder, settings=settings)

    def _add_positions(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        # each step adds them
        return x if self.hparams.add_position_timing_signal else super()._add_positions(x, *args, **kwargs)

    def _feed_forward(self, padding: str) -> dict[str, Any]:
        hparams = self.hparams
        if hparams.transformer_ffn_type == "fc":
            return layer_options.feed_forward_options(hparams, self.kernel_initializer, padding)
        return {
            "ffn_layer": "sepconv_relu_sepconv",
            "hidden_size": hparams.hidden_size,
            "filter_size": hparams.filter_size,
            "kernel_size": 3,
            "second_kernel_size": 5,
            "padding": padding,
            "dropout": hparams.relu_dropout,
            "kernel_initializer": self.kernel_initializer,
        }

    def _encoder_feed_forward(self) -> dict[str, Any]:
        return self._feed_forward("SAME")

    def _decoder_feed_forward(self) -> dict[str, Any]:
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

    def __init__(self, hparams: HParams, name: str = "universal_transformer", **kwargs: Any):
        self._prepare(hparams)
        super().__init__(hparams, name=name, **kwargs)

    @property
    def _steps_alone(self) -> bool:
        """Whether a position can be decoded from what is kept of those before it."""
        hparams = self.hparams
        if hparams.position_start_index or (
            hparams.recurrence_type == "act" and hparams.act_type in ("global", "random")
        ):
            return False
        in_one_go = hparams.prepend_mode == "prepend_inputs_full_attention"
        return not (in_one_go and (hparams.add_sru or hparams.transformer_ffn_type == "sepconv"))

    def init_cache(self, features: t2t_model.Features, max_length: int) -> dict[str, Any]:
        kind = super() if self._steps_alone else super(transformer.Transformer, self)
        return kind.init_cache(features, max_length)

    def decode_step(self, ids: Any, position: Any, cache: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        kind = super() if self._steps_alone else super(transformer.Transformer, self)
        return kind.decode_step(ids, position, cache)


@registry.register_model
class UniversalTransformerEncoder(_Universal, transformer.TransformerEncoder):
    """The encoder alone: for class labels, or any target read off the encoded inputs."""

    def __init__(self, hparams: HParams, name: str = "universal_transformer_encoder", **kwargs: Any):
        self._prepare(hparams)
        super().__init__(hparams, name=name, **kwargs)
