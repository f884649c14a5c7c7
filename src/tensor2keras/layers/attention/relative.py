"""Attention to learned relative positions, in both published forms.

`RelativeAttention` (Shaw et al. 2018, https://arxiv.org/abs/1803.02155): one vector a clipped distance, added to keys
and values. `RelativeAttentionV2` (Huang et al. 2018, https://arxiv.org/abs/1809.04281): one vector a distance (and
head), added to the logits by shifting rows; distances of `max_relative_position` and more add nothing.

All are called as `(q, k, v, bias, transform_weights, query_position)`, shapes as in `attention`: q [batch, heads,
query, depth]. With `query_position` the queries begin there and the keys are a whole cache.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.attention.weights import attention_weights, unchanged
from tensor2keras.layers.initializer import unseeded


class _RelativeLayer(keras.layers.Layer):
    def __init__(self, max_relative_position: int, **kwargs: Any):
        if not max_relative_position or max_relative_position < 1:
            raise ValueError(f"max_relative_position={max_relative_position} must be at least 1 for relative attention")
        super().__init__(**kwargs)
        self.max_relative_position = max_relative_position

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_relative_position": self.max_relative_position}


class _Table(keras.layers.Layer):
    """`embeddings` [rows, depth]."""

    def __init__(self, rows: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.rows = rows

    def build(self, input_shape: tuple) -> None:
        self.embeddings = self.add_weight(name="embeddings", shape=(self.rows, input_shape[-1]))
        self.built = True

    def call(self, ids: Any) -> Any:
        return backend.look_up(self.embeddings, ids)


@keras.saving.register_keras_serializable("tensor2keras")
class RelativeAttention(_RelativeLayer):
    """A vector for each distance from -max to max, farther ones clipped, added to keys and values.

    Reference:
        T2T `dot_product_attention_relative`.
    """

    def __init__(self, max_relative_position: int, name: str = "dot_product_attention_relative", **kwargs: Any):
        super().__init__(max_relative_position, name=name, **kwargs)
        rows = 2 * max_relative_position + 1
        self.keys = _Table(rows, name="relative_positions_keys", dtype=self.dtype_policy)
        self.values = _Table(rows, name="relative_positions_values", dtype=self.dtype_policy)

    def build(self, q_shape: tuple) -> None:
        self.keys.build(q_shape)
        self.values.build(q_shape)
        self.built = True

    def call(
        self,
        q: Any,
        k: Any,
        v: Any,
        bias: Any = None,
        transform_weights: Callable[[Any], Any] = unchanged,
        query_position: Any = 0,
    ) -> Any:
        limit = self.max_relative_position
        queries = ops.arange(ops.shape(q)[2], dtype="int32") + query_position
        distance = ops.arange(ops.shape(k)[2], dtype="int32")[None, :] - queries[:, None]
        distance = ops.clip(distance, -limit, limit) + limit  # [query, key]
        logits = ops.einsum("bhqd,bhkd->bhqk", q, k) + ops.einsum("bhqd,qkd->bhqk", q, self.keys(distance))
        weights = transform_weights(attention_weights(logits, bias))
        return ops.matmul(weights, v) + ops.einsum("bhqk,qkd->bhqd", weights, self.values(distance))


@keras.saving.register_keras_serializable("tensor2keras")
class RelativeAttentionV2(_RelativeLayer):
    """A vector for each distance less than max, of a head or of all heads together.

    Args:
        max_relative_position: how far the vectors reach.
        heads_share_relative_embedding: one vector a distance for all heads.
        add_relative_to_values: vectors for the values too.
        masked: only distances to the past; the bias must hide the future. Otherwise to both sides.

    Reference:
        T2T `dot_product_self_attention_relative_v2`, `dot_product_unmasked_self_attention_relative_v2`.
    """

    def __init__(
        self,
        max_relative_position: int,
        heads_share_relative_embedding: bool = False,
        add_relative_to_values: bool = False,
        masked: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        unmasked = "" if masked else "unmasked_"
        super().__init__(
            max_relative_position, name=name or f"dot_product_{unmasked}self_attention_relative_v2", **kwargs
        )
        self.heads_share_relative_embedding = heads_share_relative_embedding
        self.add_relative_to_values = add_relative_to_values
        self.masked = masked

    def build(self, q_shape: tuple) -> None:
        heads, depth = q_shape[1], q_shape[-1]
        rows = self.max_relative_position if self.masked else 2 * self.max_relative_position - 1
        shape = (rows, depth) if self.heads_share_relative_embedding else (heads, rows, depth)
        initializer = unseeded(keras.initializers.RandomNormal(stddev=depth**-0.5))
        self.key_table = self.add_weight(name="key_relative_embeddings", shape=shape, initializer=initializer)
        if self.add_relative_to_values:
            self.value_table = self.add_weight(name="value_relative_embeddings", shape=shape, initializer=initializer)
        self.built = True

    def call(
        self,
        q: Any,
        k: Any,
        v: Any,
        bias: Any = None,
        transform_weights: Callable[[Any], Any] = unchanged,
        query_position: Any = None,
    ) -> Any:
        length = ops.shape(k)[2]
        if query_position is None:  # all queries: every distance once, then shifted to its key
            distances = ops.arange(1 - length, 1 if self.masked else length, dtype="int32")
        else:
            distances = ops.arange(length, dtype="int32") - query_position
        head = "" if self.heads_share_relative_embedding else "h"

        relative = ops.einsum(f"bhqd,{head}kd->bhqk", q, self._vectors(self.key_table, distances))
        if query_position is None:
            relative = shift_to_keys(relative, masked=self.masked)
        weights = transform_weights(attention_weights(ops.einsum("bhqd,bhkd->bhqk", q, k) + relative, bias))
        y = ops.matmul(weights, v)
        if self.add_relative_to_values:
            by_distance = weights if query_position is not None else shift_to_distances(weights, masked=self.masked)
            vectors = self._vectors(self.value_table, distances)
            y = y + ops.einsum(f"bhqk,{head}kd->bhqd", by_distance, vectors)
        return y

    def _vectors(self, table: Any, distances: Any) -> Any:
        """The vectors [(heads,) distances, depth] of distances key - query; zero beyond the table."""
        rows = distances + self.max_relative_position - 1
        known = ops.logical_and(rows >= 0, rows < table.shape[-2])
        vectors = backend.look_up(table, ops.clip(rows, 0, table.shape[-2] - 1), axis=-2)
        return vectors * ops.cast(known, vectors.dtype)[:, None]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads_share_relative_embedding": self.heads_share_relative_embedding,
            "add_relative_to_values": self.add_relative_to_values,
            "masked": self.masked,
        }


def shift_to_keys(x: Any, masked: bool) -> Any:
    """Columns by distance (key - query, from 1 - length on) -> columns by key, [batch, heads, length, length].

    Rows are shifted against each other by padding and reshaping. Masked: [..., length, length] holds the past only, and
    what comes out for keys after the query means nothing. Unmasked: [..., length, 2 length - 1].
    """
    heads, length = x.shape[1], ops.shape(x)[2]
    if masked:
        x = ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0)))
        return ops.reshape(x, (-1, heads, length + 1, length))[:, :, 1:]
    x = ops.reshape(ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1))), (-1, heads, 2 * length * length))
    x = ops.concatenate([x, ops.zeros_like(x[:, :, : length - 1])], axis=-1)
    return ops.reshape(x, (-1, heads, length + 1, 2 * length - 1))[:, :, :length, length - 1 :]


def shift_to_distances(x: Any, masked: bool) -> Any:
    """The inverse of `shift_to_keys`: [batch, heads, length, length] by key -> by distance."""
    heads, length = x.shape[1], ops.shape(x)[2]
    if masked:
        x = ops.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))
        return ops.reshape(x, (-1, heads, length, length + 1))[:, :, :, 1:]
    x = ops.concatenate([x, ops.zeros_like(x[:, :, :, : length - 1])], axis=-1)  # [..., length, 2 length - 1]
    x = ops.reshape(x, (-1, heads, length * (2 * length - 1)))
    x = ops.concatenate([ops.zeros_like(x[:, :, :length]), x], axis=-1)
    return ops.reshape(x, (-1, heads, length, 2 * length))[:, :, :, 1:]
