"""Embeddings of symbols, and the softmax that may share their matrix.

Tying: Press and Wolf 2017, https://arxiv.org/abs/1608.05859. Scale: Vaswani et al. 2017, section 3.4.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Shape, Tensor

TARGET_SPACES = 32  # rows of T2T's embedding of the target space (`SpaceID`)


class SymbolEmbedding(Layer):
    """Embedding of ids by a matrix `weights` [vocab_size, hidden_size] whose transpose can serve as the softmax's.

    Id 0 (padding) is embedded as the zero vector, whatever its row contains; the row itself is used by the softmax.
    Initial values are normal with mean 0 and standard deviation hidden_size**-0.5.

    Args:
        vocab_size: number of symbols.
        hidden_size: width of a vector.
        scale: factor on embeddings (T2T: sqrt(hidden_size)), not on logits.
        symbol_dropout: fraction of ids replaced by 0 in training.
        mask_zero: whether the output has a Keras mask, which is false at id 0, for the layers after it.

    Call arguments:
        ids: int [batch, length], or any other shape.
        training: whether symbol dropout applies.

    Returns:
        float [batch, length, hidden_size].

    Reference:
        T2T `modalities.symbol_bottom`, `modalities.symbol_top`.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        scale: float = 1.0,
        symbol_dropout: float = 0.0,
        mask_zero: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.mask_zero = mask_zero
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.scale = scale
        self.symbol_dropout = symbol_dropout
        self.seed_generator = keras.random.SeedGenerator() if symbol_dropout else None

    def build(self, input_shape: Shape | None = None) -> None:
        self.table = self.add_weight(
            name="weights",
            shape=(self.vocab_size, self.hidden_size),
            initializer=keras.initializers.RandomNormal(stddev=self.hidden_size**-0.5),
        )

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        ids = ops.cast(ids, "int32")
        if training and self.symbol_dropout:
            kept = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) >= self.symbol_dropout
            ids = ids * ops.cast(kept, "int32")
        vectors = backend.look_up(self.table, ids) * self.scale
        return vectors * ops.expand_dims(ops.cast(ops.not_equal(ids, 0), vectors.dtype), -1)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> Tensor | None:
        return ops.not_equal(inputs, 0) if self.mask_zero else previous_mask

    def logits(self, x: Tensor) -> Tensor:
        """Returns the logits [..., vocab_size] of vectors [..., hidden_size]."""
        # Two dimensions, because a batched product with a broadcast matrix sums its gradient over the batch.
        flat = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), ops.transpose(ops.convert_to_tensor(self.table)))
        return ops.reshape(flat, (*ops.shape(x)[:-1], self.vocab_size))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.hidden_size)


class TableEmbedding(Layer):
    """Embedding of ids by a table `kernel` [rows, width], in which id 0 is like any other.

    Args:
        rows: number of ids.
        width: width of a vector.
        scale: factor on embeddings.
        initializer: of the table.

    Call arguments:
        ids: int [...].

    Returns:
        float [..., width].

    Reference:
        T2T `common_layers.embedding`.
    """

    def __init__(self, rows: int, width: int, scale: float = 1.0, initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.rows = rows
        self.width = width
        self.scale = scale
        self.initializer = unseeded(initializer)

    def build(self, input_shape: Shape | None = None) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(self.rows, self.width), initializer=self.initializer)

    def call(self, ids: Tensor) -> Tensor:
        return backend.look_up(self.kernel, ids) * self.scale

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.width)
