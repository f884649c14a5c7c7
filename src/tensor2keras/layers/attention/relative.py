"""Attention with learned relative positions, in both published forms.

- `RelativeAttention` (Shaw et al. 2018, https://arxiv.org/abs/1803.02155): one vector per clipped distance, added to
  keys and values.
- `RelativeAttentionV2` (Huang et al. 2018, https://arxiv.org/abs/1809.04281): one vector per distance (and head),
  whose products with the queries are shifted into place; distances of `max_relative_position` and more add nothing.

A distance is key position - query position.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.attention.core import DotProductAttention
from tensor2keras.layers.initializer import unseeded
from tensor2keras.types import Shape, Tensor


def add_relative_vectors(
    layer: keras.layers.Layer, name: str, rows: int, q_shape: Shape, shared: bool
) -> keras.Variable:
    """Adds a table with one vector per distance to a layer.

    Args:
        layer: owner of the variable.
        name: of the variable.
        rows: number of distances.
        q_shape: [batch, heads, query, depth].
        shared: one table for all heads.

    Returns:
        A variable [rows, depth] if shared, else [heads, rows, depth]; normal with standard deviation depth^-0.5.
    """
    heads, depth = q_shape[1], q_shape[-1]
    shape = (rows, depth) if shared else (heads, rows, depth)
    initializer = unseeded(keras.initializers.RandomNormal(stddev=depth**-0.5))
    return layer.add_weight(name=name, shape=shape, initializer=initializer)


def _check_reach(max_relative_position: int | None) -> int:
    if not max_relative_position or max_relative_position < 1:
        raise ValueError(f"max_relative_position={max_relative_position} must be at least 1 for relative attention")
    return max_relative_position


@keras.saving.register_keras_serializable("tensor2keras.layers")
class _Table(keras.layers.Layer):
    """A variable `embeddings` [rows, depth], looked up by row."""

    def __init__(self, rows: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.rows = rows

    def build(self, input_shape: Shape) -> None:
        self.embeddings = self.add_weight(name="embeddings", shape=(self.rows, input_shape[-1]))

    def call(self, ids: Tensor) -> Tensor:
        return backend.look_up(self.embeddings, ids)


class RelativeAttention(DotProductAttention):
    """Attention with one vector for each distance from -max to max, added to keys and values.

        logits_ij = q_i (k_j + a_ij),  output_i = sum_j weights_ij (v_j + b_ij)

    where a_ij and b_ij are rows of `relative_positions_keys/embeddings` and `relative_positions_values/embeddings`,
    both [2 max_relative_position + 1, depth], looked up by the distance j - i, which is clipped to the table.

    Args:
        max_relative_position: the largest distance with its own vector; farther keys share it.
        **kwargs: arguments of `DotProductAttention`, which also has the call arguments.

    Reference:
        T2T `dot_product_attention_relative`.
    """

    def __init__(self, max_relative_position: int, name: str = "dot_product_attention_relative", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.max_relative_position = _check_reach(max_relative_position)
        rows = 2 * max_relative_position + 1
        self.keys = _Table(rows, name="relative_positions_keys", dtype=self.dtype_policy)
        self.values = _Table(rows, name="relative_positions_values", dtype=self.dtype_policy)

    def build(self, q_shape: Shape) -> None:
        self.keys.build(q_shape)
        self.values.build(q_shape)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, query_position: Tensor | int | None, training: bool
    ) -> tuple[Tensor, Tensor]:
        limit = self.max_relative_position
        queries = ops.arange(ops.shape(q)[2], dtype="int32")
        queries = queries if query_position is None else queries + query_position
        distance = ops.arange(ops.shape(k)[2], dtype="int32")[None, :] - queries[:, None]
        row = ops.clip(distance, -limit, limit) + limit  # [query, key]
        relative = ops.einsum("bhqd,qkd->bhqk", q, self.keys(row))
        weights = self.attention_weights(q, k, bias, extra_logits=relative, training=training)
        return ops.matmul(weights, v) + ops.einsum("bhqk,qkd->bhqd", weights, self.values(row)), weights


class RelativeAttentionV2(DotProductAttention):
    """Attention with one vector for each distance less than max, per head or shared by all heads.

        logits_ij = q_i (k_j + a_ij),  output_i = sum_j weights_ij (v_j + b_ij)

    where a_ij is a row of `key_relative_embeddings` and b_ij, with `add_relative_to_values`, of
    `value_relative_embeddings`; both are [rows, depth] or [heads, rows, depth] with max_relative_position rows, or 2
    max_relative_position - 1 if unmasked. All other distances add nothing.

    Args:
        max_relative_position: the smallest distance without a vector.
        heads_share_relative_embedding: whether all heads share their vectors.
        add_relative_to_values: whether values have vectors too.
        masked: whether only keys up to the query have vectors, and not those after it, which the bias must then mask.
        **kwargs: arguments of `DotProductAttention`, which also has the call arguments.

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
        super().__init__(name=name or f"dot_product_{unmasked}self_attention_relative_v2", **kwargs)
        self.max_relative_position = _check_reach(max_relative_position)
        self.heads_share_relative_embedding = heads_share_relative_embedding
        self.add_relative_to_values = add_relative_to_values
        self.masked = masked

    def build(self, q_shape: Shape) -> None:
        rows = self.max_relative_position if self.masked else 2 * self.max_relative_position - 1
        shared = self.heads_share_relative_embedding
        self.key_table = add_relative_vectors(self, "key_relative_embeddings", rows, q_shape, shared)
        if self.add_relative_to_values:
            self.value_table = add_relative_vectors(self, "value_relative_embeddings", rows, q_shape, shared)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, query_position: Tensor | int | None, training: bool
    ) -> tuple[Tensor, Tensor]:
        length = ops.shape(k)[2]
        whole = query_position is None  # all queries: every distance once, then shifted to its key
        if whole:
            distances = ops.arange(1 - length, 1 if self.masked else length, dtype="int32")
        else:
            distances = ops.arange(length, dtype="int32") - query_position
        head = "" if self.heads_share_relative_embedding else "h"

        relative = ops.einsum(f"bhqd,{head}kd->bhqk", q, self._vectors(self.key_table, distances))
        relative = shift_to_keys(relative, masked=self.masked) if whole else relative
        weights = self.attention_weights(q, k, bias, extra_logits=relative, training=training)
        y = ops.matmul(weights, v)
        if self.add_relative_to_values:
            by_distance = shift_to_distances(weights, masked=self.masked) if whole else weights
            vectors = self._vectors(self.value_table, distances)
            y = y + ops.einsum(f"bhqk,{head}kd->bhqd", by_distance, vectors)
        return y, weights

    def _vectors(self, table: keras.Variable, distances: Tensor) -> Tensor:
        """Returns the vectors of distances, [(heads,) distances, depth]; zero beyond the table."""
        rows = distances + self.max_relative_position - 1
        known = ops.logical_and(rows >= 0, rows < table.shape[-2])
        vectors = backend.look_up(table, ops.clip(rows, 0, table.shape[-2] - 1), axis=-2)
        return vectors * ops.cast(known, vectors.dtype)[:, None]


def shift_to_keys(x: Tensor, masked: bool) -> Tensor:
    """Moves columns by distance, ascending from 1 - length, to columns by key: -> [batch, heads, length, length].

    Rows are shifted against each other by padding and reshaping.

    Args:
        x: if masked, [batch, heads, length, length] for the distances up to 0; the result is then meaningless for keys
            after the query. If not, [batch, heads, length, 2 length - 1].
        masked: whether `x` has the distances up to 0 only.
    """
    heads, length = x.shape[1], ops.shape(x)[2]
    if masked:
        x = ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0)))
        return ops.reshape(x, (-1, heads, length + 1, length))[:, :, 1:]
    x = ops.reshape(ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1))), (-1, heads, 2 * length * length))
    x = ops.concatenate([x, ops.zeros_like(x[:, :, : length - 1])], axis=-1)
    return ops.reshape(x, (-1, heads, length + 1, 2 * length - 1))[:, :, :length, length - 1 :]


def shift_to_distances(x: Tensor, masked: bool) -> Tensor:
    """Inverts `shift_to_keys`: [batch, heads, length, length] by key -> by distance."""
    heads, length = x.shape[1], ops.shape(x)[2]
    if masked:
        x = ops.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))
        return ops.reshape(x, (-1, heads, length, length + 1))[:, :, :, 1:]
    x = ops.concatenate([x, ops.zeros_like(x[:, :, :, : length - 1])], axis=-1)  # [..., length, 2 length - 1]
    x = ops.reshape(x, (-1, heads, length * (2 * length - 1)))
    x = ops.concatenate([ops.zeros_like(x[:, :, :length]), x], axis=-1)
    return ops.reshape(x, (-1, heads, length, 2 * length))[:, :, :, 1:]
