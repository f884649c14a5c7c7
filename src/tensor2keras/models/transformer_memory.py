"""Language models of long text in chunks, with a memory of earlier chunks (T2T's `transformer_memory`).

T2T's input pipeline cuts each text into chunks of `split_targets_chunk_length` and trains on one chunk a step; memory
is kept in variables from step to step. Here a step takes whole texts, as in every other model, and the memory is a
value within the step (see `layers.memory`): with the same weights, outputs and gradients of each chunk are T2T's, but
there is one update for all chunks instead of one per chunk. Only weights are saved, batches may have any number of
texts of any length, and replicas share no state. Consequences for hparams:

- `batch_size` counts the tokens of whole texts, as in T2T. With n chunks per text, T2T's update takes batch_size / n
  tokens, here it takes all: divide `batch_size` by n for updates of the same size.
- `split_targets_strided_training` (the order of chunks over T2T's steps), `split_targets_max_chunks` and
  `recurrent_memory_batch_size` (sizes of T2T's variables) have no effect.
"""

from typing import Any, ClassVar

from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import attention, memory
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.layers.position import shift_right
from tensor2keras.layers.transformer import Context
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.transformer import transformer
from tensor2keras.types import Cache, Features, Tensor


@registry.register_model
class TransformerMemory(transformer.Transformer):
    """A decoder alone (or with an encoder, unless `hparams.unconditional`) that reads its text chunk by chunk.

    `hparams.memory_type` is "transformer_xl" (attention to the last `num_memory_items` positions before the chunk) or
    "neural_memory" (a table written and read by similarity). As in T2T every chunk is shifted right by itself: its
    first symbol is predicted from memory alone, and positions are counted from the chunk's beginning.

    The size of the decoding cache depends on the chunk's length and the memory, not on the length of the text.

    Call arguments:
        features: "targets" [batch, length] ids: whole texts. Packed problems add "targets_segmentation" and
            "targets_position"; "transformer_xl" masks the other texts of a row.
        training: whether dropout applies.

    Returns:
        Logits [batch, length, vocab_size].

    Raises:
        ValueError: hparams that do not fit a memory; packed texts with "neural_memory".

    Reference:
        T2T `models/transformer.py` TransformerMemory, `layers/transformer_memory.py`.
    """

    decoder_class = memory.ChunkDecoder
    cache_grows = False
    allowed: ClassVar[Allowed] = {
        "num_area_layers": (0,),
        "memory_type": memory.MEMORY_TYPES,
        "self_attention_type": memory.ATTENTION_TYPES,
        "attention_variables_3d": (False, None),
        "causal_decoder_self_attention": (True,),
        "prepend_mode": ("none", "prepend_inputs_masked_attention"),
        "pos": ("timing", "emb", "none", None),
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "symbol", "symbol_weights_all")

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.unconditional = bool(hparams.get("unconditional"))
        self.chunk_length = hparams.get("split_targets_chunk_length", 0)
        if self.chunk_length < 1:
            raise ValueError(
                f"{self.name} needs chunks: set hparams.split_targets_chunk_length={self.chunk_length} to 1 or more"
            )
        self.memory_type = hparams.memory_type
        self.num_items = 0  # the number of positions before a chunk that it attends to
        if self.memory_type != "neural_memory":
            self.num_items = hparams.get("num_memory_items", 0) or self.chunk_length

    @property
    def has_inputs(self) -> bool:
        return not self.unconditional and super().has_inputs

    def _decoder_self_attention(self) -> LayerOptions:
        own = {"num_items": self.num_items} if self.num_items else {}
        options = memory.MEMORY_TYPES[self.memory_type]
        return options(chunk_length=self.chunk_length, **own, **super()._decoder_self_attention().arguments())

    def body(self, features: Features, training: bool = False) -> Tensor:
        targets = features["targets"]
        length = ops.shape(targets)[1]
        chunks = {
            name: memory.to_chunks(features[name], self.chunk_length)
            for name in ("targets", "targets_segmentation", "targets_position")
            if name in features
        }
        chunk_number = memory.chunk_numbers(targets, self.chunk_length)
        encoded = encoded_bias = None
        if self.has_inputs:
            # every chunk attends to all inputs
            encoded, encoded_bias = (
                ops.repeat(x, ops.shape(chunk_number)[1], axis=0) for x in self.encode(features, training=training)
            )
        x = shift_right(chunks["targets"])
        x = self._add_positions(x, chunks, "targets", self.target_positions)
        x = self.decoder_dropout(x, training=training)
        bias = self._chunk_bias(chunks, chunk_number)
        segments = chunks.get("targets_segmentation")
        nonpadding = None if segments is None else ops.cast(segments > 0, "float32")
        context = Context(encoded, bias, encoded_bias, nonpadding)
        y = self.decoder(x, chunk_number, context, training=training)
        return memory.from_chunks(y, length)

    def _chunk_bias(self, chunks: Features, chunk_number: Tensor) -> Tensor:
        """Returns the bias of attention to memory and chunk: [batch * chunks, 1, chunk_length, items + chunk]."""
        within = self.decoder_bias(chunks)
        segments = chunks.get("targets_segmentation")
        if not self.num_items:
            if segments is not None:
                raise ValueError(f"{self.name} with memory_type=neural_memory cannot read packed texts")
            return within
        before = memory.recent_tokens_bias(chunk_number, self.chunk_length, self.num_items)
        if segments is not None:
            recent = memory.recent_tokens(segments, ops.shape(chunk_number)[1], self.num_items)
            before = before + attention.same_segment_bias(segments, recent)
        rows = ops.shape(before)[0]
        return ops.concatenate(
            [
                ops.broadcast_to(before, (rows, 1, self.chunk_length, self.num_items)),
                ops.broadcast_to(within, (rows, 1, self.chunk_length, self.chunk_length)),
            ],
            axis=-1,
        )

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns logits [batch, vocab_size] of the symbol at `position` from the symbol before it, 0 at the start."""
        place = position % self.chunk_length
        ids = ops.where(place == 0, ops.zeros_like(ids), ids)  # nothing comes before a chunk's first position
        x = self.modalities["targets"].targets_bottom(ids[:, None])
        x = self._add_positions(x, {}, "targets", self.target_positions, start=place)
        slots = self.num_items + self.chunk_length
        bias = attention.causal_bias_of(self.num_items + place, slots)
        first = self.num_items - (position - place)  # where the text begins
        before = ops.arange(slots, dtype="int32") < first
        bias = bias + attention.mask_bias(before)[None, None, None]
        if self.proximity_bias:
            within = attention.proximal_bias_of(place, self.chunk_length)
            bias = bias + ops.pad(within, ((0, 0), (0, 0), (0, 0), (self.num_items, 0)))
        encoded_bias = cache["encoder"]["memory_bias"] if self.has_inputs else None
        y, decoder = self.decoder.step(x, position, cache["decoder"], bias, encoded_bias)
        return self.top(y, {})[:, 0], {**cache, "decoder": decoder}
