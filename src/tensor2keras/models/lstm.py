"""Sequence to sequence with LSTMs (Sutskever et al. 2014, https://arxiv.org/abs/1409.3215).

With or without attention (Bahdanau et al. 2014, https://arxiv.org/abs/1409.0473), with an encoder of one or both
directions; and an encoder alone.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import recurrent
from tensor2keras.layers.attention.area import KEY_MODES, VALUE_MODES
from tensor2keras.layers.initializer import INITIALIZERS
from tensor2keras.layers.position import shift_right
from tensor2keras.models import t2t_model
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.common_hparams import basic_params1
from tensor2keras.types import Cache, Features, Tensor


class _LSTMModel(t2t_model.T2TModel):
    """Base of models with LSTMs: the arguments of the cells."""

    allowed: ClassVar[Allowed] = {
        "initializer": tuple(name for name in INITIALIZERS if name != "orthogonal"),  # LSTMs do not learn with that one
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.cells = {
            "num_layers": hparams.num_hidden_layers,
            "dropout": hparams.dropout,
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
        }


class _Seq2seq(_LSTMModel):
    """Base of encoder-decoder models; class attributes choose the kind of encoder and decoder.

    Call arguments:
        features: "inputs" [batch, length] and "targets" [batch, length] ids; targets are shifted right inside.
        training: whether dropout applies.

    Returns:
        Logits [batch, target length, vocab_size].
    """

    scope = ""  # T2T's, within the body
    bidirectional = False
    attention = False
    cache_grows = False  # the cache holds states only
    allowed: ClassVar[Allowed] = {
        "attention_mechanism": recurrent.ATTENTION_MECHANISMS,
        "area_key_mode": ("none", *KEY_MODES),
        "area_value_mode": ("none", *VALUE_MODES),
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "symbol")
        if self.has_inputs:
            encoder = recurrent.BidirectionalLSTM if self.bidirectional else recurrent.LSTM
            self.encoder = encoder(hparams.hidden_size, name="encoder", **self.cells)
        self.projection = None
        if not self.attention:
            self.decoder = recurrent.LSTM(self.decoder_size, name="decoder", **self.cells)
            return
        self.require_modality("inputs", "symbol", "speech_recognition")
        self.decoder = recurrent.AttentionLSTM(
            self.decoder_size,
            attention_layer_size=hparams.attention_layer_size,
            num_heads=hparams.num_heads,
            mechanism=hparams.attention_mechanism,
            output_attention=bool(hparams.output_attention),
            max_area_width=hparams.get("max_area_width", 1),
            area_key_mode=hparams.get("area_key_mode", "none"),
            area_value_mode=hparams.get("area_value_mode", "none"),
            mask_memory=self.mask_padding,
            name="decoder",
            **self.cells,
        )
        if hparams.output_attention and hparams.num_heads > 1:
            self.projection = keras.layers.Dense(
                self.decoder_size, kernel_initializer=self.kernel_initializer, name="dense", dtype=self.dtype_policy
            )

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.num_layers = hparams.num_hidden_layers
        self.decoder_size = hparams.hidden_size * (2 if self.bidirectional else 1)  # width of the decoder's cells
        outputs_attention = self.attention and hparams.output_attention and hparams.num_heads == 1
        self._body_size = hparams.attention_layer_size if outputs_attention else self.decoder_size

    def build_body(self) -> None:
        shape = (None, None, self.hidden_size)
        with keras.name_scope(self.scope):
            if self.has_inputs:
                self.encoder.build(shape)
            if self.attention:
                self.decoder.build_memory((None, None, self.decoder_size))
            self.decoder.build(shape)
            if self.projection is not None:
                with keras.name_scope("decoder"):
                    self.projection.build((None, None, self.decoder.attention_size))

    def encode(self, inputs: Tensor, training: bool = False) -> tuple[Tensor, list[recurrent.State], Tensor]:
        """Encodes embedded inputs.

        Returns:
            The encoder's outputs [batch, inputs, width], the last state of each of its layers, and the lengths of the
            inputs [batch].
        """
        lengths = recurrent.nonpadding_length(inputs)
        if not self.bidirectional:
            inputs = recurrent.reverse_sequence(inputs, lengths)
        return *self.encoder(inputs, lengths, training=training), lengths

    def body(self, features: Features, training: bool = False) -> Tensor:
        targets = features["targets"]
        lengths = recurrent.nonpadding_length(targets) + 1  # of the shifted targets
        memory = states = memory_lengths = None
        if self.has_inputs:
            memory, states, memory_lengths = self.encode(features["inputs"], training=training)
        if not self.attention:
            return self.decoder(shift_right(targets), lengths, states, training=training)[0]
        y = self.decoder(shift_right(targets), memory, lengths, states, memory_lengths, training=training)
        return y if self.projection is None else self.projection(y)

    def init_cache(self, features: Features, max_length: int) -> Cache:
        batch_size = ops.shape(next(iter(features.values())))[0]
        if not self.has_inputs:
            zero = recurrent.zero_state(batch_size, self.decoder_size, self.compute_dtype)
            return {"states": [zero] * self.num_layers}
        memory, states, memory_lengths = self.encode(self.bottom({"inputs": features["inputs"]})["inputs"])
        cache = {"states": [tuple(state) for state in states]}
        if self.attention:
            cache["attention"] = ops.zeros((batch_size, self.decoder.attention_size), self.compute_dtype)
            cache["encoder"] = self.decoder.project_memory(memory, memory_lengths)
        return cache

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        x = self.modalities["targets"].targets_bottom(ids[:, None])[:, 0]
        if not self.attention:
            y, states = self.decoder.step(x, cache["states"])
            return self.top(y[:, None], {})[:, 0], {**cache, "states": states}
        beams = ops.shape(x)[0] // ops.shape(cache["encoder"]["keys"])[0]
        memory = {name: ops.repeat(part, beams, axis=0) for name, part in cache["encoder"].items()}
        y, attention, states = self.decoder.step(x, cache["attention"], cache["states"], memory)
        y = y if self.projection is None else self.projection(y)
        return self.top(y[:, None], {})[:, 0], {**cache, "attention": attention, "states": states}


@registry.register_model("lstm_seq2seq")
class LSTMSeq2seq(_Seq2seq):
    """A decoder that starts from the encoder's last state; without inputs, a language model."""

    scope = "lstm_seq2seq"


@registry.register_model("lstm_seq2seq_attention")
class LSTMSeq2seqAttention(_Seq2seq):
    """A decoder that starts from the encoder's last state and attends to the encoder's outputs."""

    scope = "lstm_seq2seq_attention"
    attention = True


@registry.register_model("lstm_seq2seq_bidirectional_encoder")
class LSTMSeq2seqBidirectionalEncoder(_Seq2seq):
    """An encoder of both directions; the decoder is twice as wide."""

    scope = "lstm_seq2seq_bid_encoder"
    bidirectional = True


@registry.register_model("lstm_seq2seq_attention_bidirectional_encoder")
class LSTMSeq2seqAttentionBidirectionalEncoder(_Seq2seq):
    """An encoder of both directions and a decoder that attends to its outputs."""

    scope = "lstm_seq2seq_attention_bid_encoder"
    bidirectional = attention = True


@registry.register_model("lstm_encoder")
class LSTMEncoder(_LSTMModel):
    """The encoder alone, for class labels.

    Call arguments:
        features: "inputs" [batch, length] ids; "targets" [batch], read by the loss only.
        training: whether dropout applies.

    Returns:
        Logits [batch, classes].
    """

    pools_inputs = True

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", "symbol")
        self.require_modality("targets", "class_label")
        self.encoder = recurrent.LSTM(hparams.hidden_size, name="encoder", **self.cells)

    def build_body(self) -> None:
        self.encoder.build((None, None, self.hidden_size))

    def body(self, features: Features, training: bool = False) -> Tensor:
        inputs = features["inputs"]
        lengths = recurrent.nonpadding_length(inputs)
        return self.encoder(recurrent.reverse_sequence(inputs, lengths), lengths, training=training)[0]


def lstm_attention_base() -> HParams:
    """Base of the sets with attention."""
    hparams = lstm_seq2seq()
    return hparams.extend(attention_layer_size=hparams.hidden_size, output_attention=True, num_heads=1)


variant = registry.variants_of(__name__)

# fmt: off
lstm_seq2seq = variant(
    "lstm_seq2seq", basic_params1, "Two layers of hidden size 128.",
    num_hidden_layers=2, hidden_size=128, initializer="uniform_unit_scaling", initializer_gain=1.0, weight_decay=0.0,
    batch_size=1024, daisy_chain_variables=False,
)
lstm_bahdanau_attention = variant(
    "lstm_bahdanau_attention", lambda: lstm_attention_base().extend(attention_mechanism="bahdanau"),
    "Additive attention.",
)
lstm_luong_attention = variant(
    "lstm_luong_attention", lambda: lstm_attention_base().extend(attention_mechanism="luong"), "Dot-product attention."
)
lstm_attention = variant("lstm_attention", lstm_bahdanau_attention, "lstm_bahdanau_attention by its older name.")
lstm_bahdanau_attention_multi = variant("lstm_bahdanau_attention_multi", lstm_bahdanau_attention, num_heads=4)
lstm_luong_attention_multi = variant("lstm_luong_attention_multi", lstm_luong_attention, num_heads=4)
lstm_asr_v1 = variant(
    "lstm_asr_v1", lstm_bahdanau_attention, "For speech: long inputs, width 256.",
    num_hidden_layers=2, hidden_size=256, learning_rate=0.05, batch_size=36, max_input_seq_length=600000,
    max_target_seq_length=350, max_length=600000, min_length_bucket=300000,
)
lstm_area_attention_base = variant(
    "lstm_area_attention_base", lstm_luong_attention,
    "Attention to areas of up to two positions (Li et al. 2019, https://arxiv.org/abs/1810.10126).",
    num_hidden_layers=2, hidden_size=1024, num_heads=4, max_area_width=2, area_key_mode="mean", area_value_mode="sum",
    dropout=0.2, learning_rate=0.1, batch_size=16384,
)
lstm_area_attention_enfr = variant("lstm_area_attention_enfr", lstm_area_attention_base, dropout=0.1)
lstm_area_attention_char = variant("lstm_area_attention_char", lstm_area_attention_base, batch_size=20480)
lstm_area_attention_char_enfr = variant("lstm_area_attention_char_enfr", lstm_area_attention_char, dropout=0.1)
# fmt: on
