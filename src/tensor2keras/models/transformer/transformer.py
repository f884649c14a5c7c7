"""The Transformer (Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762).

`Transformer` is figure 1 of the paper, or its decoder alone when the problem has no inputs (a language model) or
prepends them to the targets. `TransformerEncoder` is its encoder alone, for classifiers; `TransformerScorer` returns
the log-probability of given targets; `TransformerRegressor` one real value.

What differs from the paper: by default a norm comes before each sublayer and one after the stack
(`layer_preprocess_sequence` "n", `layer_postprocess_sequence` "da"), and an embedding of the target space is added to
the encoder's input.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import attention, pooling, position, transformer
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.embedding import TARGET_SPACES, TableEmbedding
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.layers.position import shift_right
from tensor2keras.layers.transformer import Context, keep_rows
from tensor2keras.models import layer_options, t2t_model
from tensor2keras.models.allowed import Allowed
from tensor2keras.symbols import EOS_ID
from tensor2keras.types import Cache, Features, Shape, Tensor


class _TransformerBase(t2t_model.T2TModel):
    """Base of the encoder-decoder and of the encoder alone: the encoder, its input and the options of the layers."""

    allowed: ClassVar[Allowed] = {
        **layer_options.ALLOWED,
        "pos": ("timing", "timing_from_features", "emb", "none", None),
    }
    encoder_class: type[keras.layers.Layer] = transformer.TransformerEncoder

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", refused=("image*",))
        self.target_space_embedding = self.encoder = self.input_positions = None
        self.encoder_dropout = keras.layers.Dropout(hparams.layer_prepostprocess_dropout, dtype=self.dtype_policy)

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.pos = hparams.pos
        self.position_features = hparams.get("position_features", "")
        self.proximity_bias = bool(hparams.get("proximity_bias"))
        self.unidirectional_encoder = bool(hparams.get("unidirectional_encoder"))

    def _make_encoder(self) -> None:
        hparams = self.hparams
        if hparams.get("use_target_space_embedding", True):
            self.target_space_embedding = TableEmbedding(
                TARGET_SPACES,
                hparams.hidden_size,
                initializer=self.kernel_initializer,
                name="target_space_embedding",
                dtype=self.dtype_policy,
            )
        self.input_positions = self._positions("inputs_positional_embedding")
        self.encoder = self._encoder_stack()

    def _encoder_stack(self) -> keras.layers.Layer:
        hparams = self.hparams
        num_layers = hparams.num_encoder_layers or hparams.num_hidden_layers
        return self.encoder_class(
            num_layers=num_layers,
            attention=layer_options.attend_to_areas(hparams, self._encoder_self_attention(), num_layers),
            feed_forward=self._encoder_feed_forward(),
            residual=layer_options.residual_options(hparams),
            zero_padding=hparams.use_pad_remover and hparams.ffn_layer in ("dense_relu_dense", "conv_hidden_relu"),
            dtype=self.dtype_policy,
        )

    def _encoder_self_attention(self) -> AttentionOptions | None:
        return layer_options.self_attention_options(self.hparams, self.kernel_initializer)

    def _encoder_feed_forward(self) -> LayerOptions:
        return layer_options.feed_forward_options(self.hparams, self.kernel_initializer, padding="SAME")

    def _positions(self, name: str) -> keras.layers.Layer | None:
        """Returns the learned positions of `pos=emb`; None for the other kinds, which have no variables."""
        if self.pos != "emb":
            return None
        return position.PositionalEmbedding(
            self.hparams.max_length, initializer=self.kernel_initializer, name=name, dtype=self.dtype_policy
        )

    def _build_encoder(self, shape: Shape) -> None:
        if self.target_space_embedding is not None:
            self.target_space_embedding.build()
        if self.input_positions is not None:
            self.input_positions.build(shape)
        self.encoder.build(shape)

    def _add_positions(
        self, x: Tensor, features: Features, kind: str, layer: keras.layers.Layer | None, start: Tensor = 0
    ) -> Tensor:
        """Adds the position signal that `pos` chooses.

        Args:
            x: embedded inputs or targets [batch, length, hidden].
            features: in packed problems with "inputs_position" and "targets_position", [batch, length].
            kind: "inputs" or "targets".
            layer: the learned positions, or None.
            start: index of the first position.
        """
        positions = features.get(f"{kind}_position")
        if self.pos == "timing":
            if positions is not None:
                return position.add_timing_signal_1d_given_position(x, positions)
            return position.add_timing_signal_1d(x, start_index=start)
        if self.pos == "timing_from_features":
            return position.add_timing_signals_from_features(x, features, self.position_features)
        if self.pos == "emb":
            return layer(x, positions, start_index=start)
        return x

    def encode(self, features: Features, training: bool = False) -> tuple[Tensor, Tensor]:
        """Encodes embedded inputs.

        Returns:
            The encoder's output [batch, inputs, hidden], and the bias that masks padding, and in packed problems other
            segments, when the decoder attends to it.
        """
        x = features["inputs"]
        length = ops.shape(x)[1]
        padding_bias = attention.ignore_padding_bias(attention.embedding_padding(x))
        self_bias = memory_bias = padding_bias
        nonpadding = ops.cast(padding_bias[:, 0, 0, :] > -1, "float32")
        if "inputs_segmentation" in features:
            segments = features["inputs_segmentation"]
            self_bias = attention.same_segment_bias(segments, segments)
            memory_bias = attention.same_segment_bias(features.get("targets_segmentation", segments), segments)
            nonpadding = ops.cast(segments > 0, "float32")
        if self.unidirectional_encoder:
            self_bias = attention.causal_bias(length)
        if self.proximity_bias:
            self_bias = self_bias + attention.proximal_bias(length)
        if self.target_space_embedding is not None:
            space = (self.problem or {}).get("target_space_id", 0)
            x = x + self.target_space_embedding(ops.full((1, 1), space, dtype="int32"))
        x = self._add_positions(x, features, "inputs", self.input_positions)
        x = self.encoder_dropout(x, training=training)
        context = Context(bias=self_bias, nonpadding=nonpadding)
        return self.encoder(x, context, training=training), memory_bias


@registry.register_model
class Transformer(_TransformerBase):
    """Encoder and decoder, or the decoder alone (Vaswani et al. 2017).

    Call arguments:
        features: "inputs" [batch, length] and "targets" [batch, length] ids; packed problems add "inputs_segmentation",
            "inputs_position", "targets_segmentation", "targets_position". Targets are shifted right inside.
        training: whether dropout applies.

    Returns:
        Logits [batch, target length, vocab_size].
    """

    decoder_class: type[keras.layers.Layer] = transformer.TransformerDecoder
    decodes_by_steps = True  # with a cache; otherwise decoding runs the whole model at each step

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", refused=("real*", "image*"))
        if self.has_inputs:
            self._make_encoder()
        self.target_positions = self._positions("targets_positional_embedding")
        self.decoder = self._decoder_stack()
        self.decoder_dropout = keras.layers.Dropout(hparams.layer_prepostprocess_dropout, dtype=self.dtype_policy)

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.causal = hparams.get("causal_decoder_self_attention", True)

    @property
    def has_inputs(self) -> bool:
        return super().has_inputs and self.prepend_mode == "none"

    def _decoder_stack(self) -> keras.layers.Layer:
        hparams = self.hparams
        num_layers = hparams.get("num_decoder_layers") or hparams.num_hidden_layers
        memory_attention = None
        if self.has_inputs:
            options = layer_options.attention_options(hparams, self.kernel_initializer)
            memory_attention = layer_options.attend_to_areas(hparams, options, num_layers)
        return self.decoder_class(
            num_layers=num_layers,
            attention=layer_options.attend_to_areas(hparams, self._decoder_self_attention(), num_layers),
            memory_attention=memory_attention,
            feed_forward=self._decoder_feed_forward(),
            residual=layer_options.residual_options(hparams),
            dtype=self.dtype_policy,
        )

    def _decoder_self_attention(self) -> AttentionOptions:
        return layer_options.self_attention_options(self.hparams, self.kernel_initializer)

    def _decoder_feed_forward(self) -> LayerOptions:
        return layer_options.feed_forward_options(self.hparams, self.kernel_initializer, padding="LEFT")

    def build_body(self) -> None:
        shape = (None, None, self.hidden_size)
        if self.has_inputs:
            self._build_encoder(shape)
        if self.target_positions is not None:
            self.target_positions.build(shape)
        self.decoder.build(shape)

    def body(self, features: Features, training: bool = False) -> Tensor:
        memory, memory_bias = self.encode(features, training=training) if self.has_inputs else (None, None)
        x = shift_right(features["targets"])
        x = self._add_positions(x, features, "targets", self.target_positions)
        x = self.decoder_dropout(x, training=training)
        context = Context(memory, self.decoder_bias(features), memory_bias, self.decoder_nonpadding(features))
        return self.decoder(x, context, training=training)

    def decoder_nonpadding(self, features: Features) -> Tensor | None:
        """Returns 1.0 at the decoder's real positions [batch, length]; None if all may be read.

        With `mask_padding` these end with the target's last symbol, or one position later if that is not EOS, because
        in decoding the position after the symbols that are known is real too.
        """
        if "targets_segmentation" in features:
            return ops.cast(features["targets_segmentation"] > 0, "float32")
        if not self.mask_padding or "targets_raw" not in features or len(features["targets_raw"].shape) != 2:
            return None
        ids = features["targets_raw"]
        length = pooling.lengths(ops.cast(ops.equal(ids, 0), "float32"))
        index = ops.arange(ops.shape(ids)[1], dtype="int32")[None, :]
        is_end = ops.any(ops.logical_and(index == length[:, None] - 1, ops.equal(ids, EOS_ID)), axis=1)
        return ops.cast(index < (length + ops.cast(ops.logical_not(is_end), "int32"))[:, None], "float32")

    def decoder_bias(self, features: Features) -> Tensor:
        """Returns the bias of the decoder's self-attention. Padding of targets is not masked, as in T2T."""
        targets = features["targets"]
        if not self.causal:
            bias = attention.ignore_padding_bias(attention.embedding_padding(targets))
        elif self.prepend_mode == "prepend_inputs_full_attention":
            bias = attention.prepend_inputs_full_bias(attention.embedding_padding(targets))
        else:
            bias = attention.causal_bias(ops.shape(targets)[1])
        if "targets_segmentation" in features:
            segments = features["targets_segmentation"]
            bias = bias + attention.same_segment_bias(segments, segments)
        if self.proximity_bias:
            bias = bias + attention.proximal_bias(ops.shape(targets)[1])
        return bias

    # Decoding

    def init_cache(self, features: Features, max_length: int) -> Cache:
        """Runs the encoder and makes key/value buffers for `max_length` target positions.

        Entries under a key "encoder" are the same for all beams of an input. Prepended inputs with full attention are
        processed here at once, since each attends to those after it.
        """
        if not self.decodes_by_steps:
            return super().init_cache(features, max_length)
        batch_size = ops.shape(next(iter(features.values())))[0]
        if self.has_inputs:
            memory, memory_bias = self.encode(self.bottom({"inputs": features["inputs"]}))
            decoder = self.decoder.init_cache(batch_size, max_length, memory)
            return {"decoder": decoder, "encoder": {"memory_bias": memory_bias}}
        cache = {"decoder": self.decoder.init_cache(batch_size, max_length)}
        if self.prepend_mode == "prepend_inputs_full_attention":
            return self._decode_prepended(features["inputs"] if "inputs" in features else features["targets"], cache)
        return cache

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns logits [batch, vocab_size] of the symbol at `position` from the symbol before it, 0 at the start."""
        if not self.decodes_by_steps:
            return super().decode_step(ids, position, cache)
        x = self.modalities["targets"].targets_bottom(ids[:, None])
        x = self._add_positions(x, {}, "targets", self.target_positions, start=position)
        length = self.decoder.cache_length(cache["decoder"])
        bias = attention.causal_bias_of(position, length)
        if self.proximity_bias:
            bias = bias + attention.proximal_bias_of(position, length)
        memory_bias = cache["encoder"]["memory_bias"] if self.has_inputs else None
        y, decoder = self.decoder.step(x, position, cache["decoder"], bias, memory_bias)
        if "last_prepended" in cache:
            decoder = keep_rows(position <= cache["last_prepended"], cache["decoder"], decoder)
        return self.top(y, {})[:, 0], {**cache, "decoder": decoder}

    def _decode_prepended(self, inputs: Tensor, cache: Cache) -> Cache:
        """Returns the cache after the inputs [batch, inputs] and the separator, which attend to each other."""
        count = ops.sum(ops.cast(ops.cumprod(ops.cast(inputs != 0, "int32"), axis=1), "int32"), axis=1)  # [batch]
        embedded = self.modalities["targets"].targets_bottom(ops.pad(inputs, ((0, 0), (0, 1))))
        x = self._add_positions(shift_right(embedded), {}, "targets", self.target_positions)
        length = self.decoder.cache_length(cache["decoder"])
        beyond = ops.arange(length, dtype="int32")[None, :] > count[:, None]
        bias = attention.ignore_padding_bias(beyond)
        if self.proximity_bias:
            bias = bias + attention.proximal_bias(length)[:, :, : inputs.shape[1] + 1]
        _, decoder = self.decoder.step(x, 0, cache["decoder"], bias)
        return {"decoder": decoder, "last_prepended": count}


@registry.register_model
class TransformerScorer(Transformer):
    """A `Transformer` whose `infer` returns the log-probabilities of given targets instead of decoding."""

    def __init__(self, hparams: HParams, name: str = "transformer", **kwargs: Any):
        super().__init__(hparams, name=name, **kwargs)
        self.require_modality("targets", refused=("class_label",))

    def infer(self, features: Features, **kwargs: Any) -> dict[str, Any]:
        """Scores `features["targets"]`.

        Returns:
            {"outputs": the targets [batch, length], "scores": their log-probabilities [batch]}.
        """
        targets = ops.cast(features["targets"], "int32")
        log_probs = ops.log_softmax(ops.cast(self(features, training=False), "float32"), axis=-1)
        scores = ops.take_along_axis(log_probs, targets[:, :, None], axis=-1)[:, :, 0]
        return {"outputs": targets, "scores": ops.sum(scores, axis=1)}


@registry.register_model
class TransformerEncoder(_TransformerBase):
    """The encoder alone, for class labels and other targets predicted from the encoded inputs.

    Call arguments:
        features: "inputs" [batch, length] ids, or audio features [batch, frames, mel_bins, channels].
        training: whether dropout applies.

    Returns:
        Logits [batch, classes], or [batch, input positions, vocab_size] for CTC.
    """

    supports_ctc = pools_inputs = True

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", refused=("absent",))
        features = (self.problem or {}).get("features", {})
        if features.get("inputs", {}).get("modality") == "speech_recognition":
            self.require_modality("targets", "ctc_symbol", "class_label")  # hparams.ctc_targets=True
        self._make_encoder()

    def build_body(self) -> None:
        self._build_encoder((None, None, self.hidden_size))

    def body(self, features: Features, training: bool = False) -> Tensor:
        return self.encode(features, training=training)[0]


@registry.register_model
class TransformerRegressor(TransformerEncoder):
    """The encoder alone with one real value as output.

    Call arguments:
        features: "inputs" [batch, length] ids.
        training: whether dropout applies.

    Returns:
        [batch, 1].
    """

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "real", "real_l2", "real_log_poisson", "identity", "generic_l2")
        self.model_top = keras.layers.Dense(
            1, kernel_initializer=self.kernel_initializer, name="model_top", dtype=self.dtype_policy
        )

    def build(self, input_shape: Shape | None = None) -> None:
        if not self.built:
            with keras.name_scope("reg_top_ffn"):
                self.model_top.build((None, self.hidden_size))
        super().build(input_shape)

    def top(self, body_output: Tensor, features: Features) -> Tensor:
        return self.model_top(pooling.mean(body_output, self.pooled_padding(features, body_output)))
