"""Symbols to vectors and back: the embedding matrix and the softmax matrix, which may be the same one.

Press and Wolf 2017 (https://arxiv.org/abs/1608.05859) for the tying, Vaswani et al. 2017 section 3.4 for the scale.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.initializer import unseeded

TARGET_SPACES = 32  # rows of T2T's embedding of the target space (`SpaceID`)


@keras.saving.register_keras_serializable("tensor2keras")
class SymbolEmbedding(keras.layers.Layer):
    """A matrix [vocab_size, hidden_size] that embeds ids and, transposed, scores them.

    Id 0 (padding) embeds to the zero vector, whatever its row holds; the row itself takes part in the softmax.
    Initial values are N(0, hidden_size**-0.5).

    Args:
        vocab_size: number of symbols.
        hidden_size: width of a vector.
        scale: embeddings are multiplied by it (T2T: sqrt(hidden_size)); logits are not.
        symbol_dropout: share of ids replaced by 0 in training.

    Call arguments:
        ids: int [batch, length] (any shape).
        training: whether symbol dropout applies.

    Returns:
        float [batch, length, hidden_size].

    Reference:
        T2T `modalities.symbol_bottom`, `modalities.symbol_top`.
    """

    def __init__(
        self, vocab_size: int, hidden_size: int, scale: float = 1.0, symbol_dropout: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.scale = scale
        self.symbol_dropout = symbol_dropout
        self.seed_generator = keras.random.SeedGenerator() if symbol_dropout else None

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            name="weights",
            shape=(self.vocab_size, self.hidden_size),
            initializer=keras.initializers.RandomNormal(stddev=self.hidden_size**-0.5),
        )
        self.built = True

    def call(self, ids: Any, training: bool = False) -> Any:
        ids = ops.cast(ids, "int32")
        if training and self.symbol_dropout:
            kept = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) >= self.symbol_dropout
            ids = ids * ops.cast(kept, "int32")
        vectors = backend.look_up(self.table, ids) * self.scale
        return vectors * ops.expand_dims(ops.cast(ops.not_equal(ids, 0), vectors.dtype), -1)

    def logits(self, x: Any) -> Any:
        """Scores [..., vocab_size] of vectors [..., hidden_size]."""
        # Two dimensions, because a batched product with a broadcast matrix sums its gradient over the batch.
        flat = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), ops.transpose(ops.convert_to_tensor(self.table)))
        return ops.reshape(flat, (*ops.shape(x)[:-1], self.vocab_size))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape, self.hidden_size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "scale": self.scale,
            "symbol_dropout": self.symbol_dropout,
        }


@keras.saving.register_keras_serializable("tensor2keras")
class TableEmbedding(keras.layers.Layer):
    """A plain table of vectors, `kernel` [rows, width] (T2T `common_layers.embedding`): no special id 0, no scale of
    its own.

    Args:
        rows: number of ids.
        width: width of a vector.
        scale: vectors are multiplied by it.
        initializer: of the table.
    """

    def __init__(self, rows: int, width: int, scale: float = 1.0, initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.rows = rows
        self.width = width
        self.scale = scale
        self.initializer = unseeded(initializer)

    def build(self, input_shape: Any = None) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(self.rows, self.width), initializer=self.initializer)
        self.built = True

    def call(self, ids: Any) -> Any:
        return backend.look_up(self.kernel, ids) * self.scale

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rows": self.rows,
            "width": self.width,
            "scale": self.scale,
            "initializer": keras.initializers.serialize(self.initializer),
        }
