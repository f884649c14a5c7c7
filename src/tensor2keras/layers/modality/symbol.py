"""Modalities of text: symbols [batch, length] int, 0 for padding."""

from typing import Any

from keras import ops

from tensor2keras import registry, weights
from tensor2keras.layers.attention.bias import MASKED_LOGIT
from tensor2keras.layers.embedding import SymbolEmbedding
from tensor2keras.layers.modality import losses
from tensor2keras.layers.modality.base import Modality
from tensor2keras.types import Shape, Tensor

SCOPE = "symbol_modality_{vocab_size}_{hidden_size}"


@registry.register_modality("symbol")
class Symbol(Modality):
    """Text: an embedding of the symbols, and a softmax over the vocabulary."""

    scope = SCOPE
    weights_fn = staticmethod(weights.weights_nonzero)

    def __init__(self, vocab_size: int, hidden_size: int, **kwargs: Any):
        super().__init__(vocab_size, hidden_size, **kwargs)
        shared = self._embedding("shared") if self.shared_embedding else None
        self.input_embedding = self.target_embedding = self.softmax = None
        if "inputs" in self.roles:
            self.input_embedding = shared or self._embedding("input_emb")
        if "targets" in self.roles:
            self.target_embedding = shared or self._embedding("target_emb")
        if "top" in self.roles:
            self.softmax = shared if self.shared_softmax else self._embedding("softmax", self.body_size)

    def _embedding(self, name: str, size: int | None = None) -> SymbolEmbedding:
        return SymbolEmbedding(
            self.vocab_size,
            size or self.hidden_size,
            scale=self.scale,
            symbol_dropout=self.symbol_dropout,
            name=name,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Shape | None = None) -> None:
        if self.softmax is not None and self.shared_softmax and self.body_size != self.hidden_size:
            raise ValueError(
                f"shared_embedding_and_softmax_weights: the body's output is {self.body_size} wide, embeddings are "
                f"{self.hidden_size}"
            )
        for embedding in (self.input_embedding, self.target_embedding, self.softmax):
            if embedding is not None and not embedding.built:
                embedding.build()

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.input_embedding(x, training=training)

    def targets_bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.target_embedding(x, training=training)

    def top(self, body_output: Tensor) -> Tensor:
        return self.softmax.logits(body_output)


@registry.register_modality("symbol_weights_all")
class SymbolWeightsAll(Symbol):
    """`Symbol` whose 0 is a symbol like any other, not padding (pixels)."""

    weights_fn = staticmethod(weights.weights_all)


@registry.register_modality("ctc_symbol")
class CTCSymbol(Symbol):
    """Text predicted by connectionist temporal classification (Graves et al. 2006), one symbol per input position.

    Symbol 0 is the blank. The text is obtained by collapsing repeated symbols, then removing blanks.
    """

    loss = staticmethod(losses.ctc)

    def mask_padding(self, logits: Tensor, padding: Tensor) -> Tensor:
        """Makes blank certain in logits [batch, length, vocab_size] where `padding` [batch, length] is 1."""
        blank = MASKED_LOGIT * ops.cast(ops.arange(logits.shape[-1]) > 0, logits.dtype)
        return ops.where(padding[:, :, None] > 0, blank, logits)


@registry.register_modality("symbol_one_hot")
class SymbolOneHot(Modality):
    """Symbols as one-hot vectors; the body's output is the logits."""

    scope = SCOPE
    weights_fn = staticmethod(weights.weights_nonzero)

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return ops.one_hot(x, self.vocab_size, dtype=self.compute_dtype)


@registry.register_modality("identity_symbol")
class IdentitySymbol(Modality):
    """Embedded features in; the body's output is the logits of symbols."""

    scope = SCOPE
    weights_fn = staticmethod(weights.weights_nonzero)
