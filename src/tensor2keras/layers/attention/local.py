"""Attention within blocks of a sequence (Parmar et al. 2018, https://arxiv.org/abs/1802.05751, section 3).

Queries are divided into blocks. All queries of a block share the same keys, at fixed offsets from the block's start. A
kind of local attention is a list of offsets, and `LocalAttention` takes any: `masked_local` (this block and the one
before), `unmasked_local` (a width to both sides), `masked_within_block`, `masked_dilated`, `unmasked_dilated`.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tensor2keras.layers.attention.bias import mask_bias, with_mask
from tensor2keras.layers.attention.core import DotProductAttention
from tensor2keras.layers.attention.relative import add_relative_vectors
from tensor2keras.types import Shape, Tensor


class LocalAttention(DotProductAttention):
    """Attention of each block's queries to the keys at `offsets` from the block's start.

    Args:
        block_length: number of queries per block.
        offsets: ascending; 0 is the block's first position.
        masked: whether keys after the query are masked.
        mask_padding: whether keys that the bias masks for all queries are masked, which T2T's local attention ignores.
        **kwargs: arguments of `DotProductAttention`; the attention weights are [batch, heads, block, query, offset].

    Call arguments:
        q, k, v: [batch, heads, length, depth].
        bias: ignored, as in T2T, except for one that masks padding [batch, 1, 1, key] with `mask_padding`.
        query_position: for decoding: q [batch, heads, 1, depth] is the query there, and k, v [batch, heads, slots,
            depth] a cache, in which a position has the slot position % slots. `cache_length` slots are enough for any
            length.
        training: whether dropout applies.

    Returns:
        [batch, heads, length, value_depth].

    Raises:
        ValueError: block_length is below 1; there are no offsets, or they are not ascending.
    """

    uses_bias = False
    weights_rank = 5

    def __init__(
        self, block_length: int, offsets: Sequence[int], masked: bool, mask_padding: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.mask_padding = mask_padding
        self.block_length = block_length
        self.offsets = tuple(int(offset) for offset in offsets)
        self.masked = masked
        if block_length < 1 or not self.offsets:
            raise ValueError(f"block_length={block_length} with {len(self.offsets)} offsets: both must be at least 1")
        if list(self.offsets) != sorted(set(self.offsets)):
            raise ValueError(f"offsets must be ascending, not {self.offsets}")

    @property
    def cache_length(self) -> int:
        """Number of last positions, the query's own included, that contain every key of a query."""
        return self.block_length - min(self.offsets[0], 0)

    def _masked(self, bias: Tensor | None, key_mask: Tensor | None) -> Tensor | None:
        """Returns the bias that masks padding, [batch, 1, 1, key]."""
        masks_padding = self.mask_padding and bias is not None and bias.shape[2] == 1
        return with_mask(bias if masks_padding else None, key_mask)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, query_position: Tensor | int | None, training: bool
    ) -> tuple[Tensor, Tensor]:
        if query_position is not None:
            return self._attend_to_cache(q, k, v, query_position, training)
        length = ops.shape(q)[2]
        blocks = -(-length // self.block_length)
        q = self._query_blocks(q, length, blocks)
        k, v = self._windows(k, length, blocks), self._windows(v, length, blocks)
        window_bias = mask_bias(self._masked_keys(length, blocks))
        if bias is not None:
            padding = self._windows(ops.transpose(bias, (0, 1, 3, 2)), length, blocks)  # [batch, 1, blocks, offsets, 1]
            window_bias = window_bias + ops.swapaxes(padding, 3, 4)
        y, weights = self._attend_in_blocks(q, k, v, window_bias, length, training)
        return self._joined(y, length), weights

    def _attend_in_blocks(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, length: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Attends in every block, q [batch, heads, blocks, block_length, depth] to k, v [..., offsets, depth]."""
        weights = self.attention_weights(q, k, bias, training=training)
        return ops.matmul(weights, v), weights

    def _attend_to_cache(
        self, q: Tensor, k: Tensor, v: Tensor, query_position: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        weights = self.attention_weights(q, k, self._cache_bias(k.shape[2], query_position), training=training)
        return ops.matmul(weights, v), weights

    def _query_blocks(self, q: Tensor, length: Tensor, blocks: Tensor) -> Tensor:
        """[batch, heads, length, depth] -> [batch, heads, blocks, block_length, depth], padded at the end."""
        q = ops.pad(q, ((0, 0), (0, 0), (0, blocks * self.block_length - length), (0, 0)))
        return ops.reshape(q, (-1, q.shape[1], blocks, self.block_length, q.shape[-1]))

    def _windows(self, x: Tensor, length: Tensor, blocks: Tensor) -> Tensor:
        """The keys or values of each block: [batch, heads, length, depth] -> [batch, heads, blocks, offsets, depth]."""
        positions = ops.clip(self._positions(blocks), 0, length - 1)  # those outside are masked by the bias
        windows = ops.take(x, ops.reshape(positions, (-1,)), axis=2)
        return ops.reshape(windows, (-1, x.shape[1], blocks, len(self.offsets), x.shape[-1]))

    def _positions(self, blocks: Tensor) -> Tensor:
        """Returns the keys' positions, which may lie outside the sequence: [blocks, offsets]."""
        starts = ops.arange(blocks, dtype="int32") * self.block_length
        return starts[:, None] + ops.convert_to_tensor(self.offsets, "int32")[None, :]

    def _masked_keys(self, length: Tensor, blocks: Tensor) -> Tensor:
        """Returns whether a key is masked: [blocks, 1 or block_length, offsets]."""
        positions = self._positions(blocks)[:, None, :]
        masked = ops.logical_or(positions < 0, positions >= length)
        if self.masked:
            later = np.array(self.offsets)[None, :] > np.arange(self.block_length)[:, None]  # [block_length, offsets]
            masked = ops.logical_or(masked, later[None])
        return masked

    def _joined(self, y: Tensor, length: Tensor) -> Tensor:
        """[batch, heads, blocks, block_length, depth] -> [batch, heads, length, depth]."""
        padded = ops.shape(y)[2] * self.block_length
        return ops.reshape(y, (-1, y.shape[1], padded, y.shape[-1]))[:, :, :length]

    def _cache_bias(self, slots: int, query_position: Tensor) -> Tensor:
        """Masks keys outside the window of the query's block and, even if not `masked`, after the query: [slots]."""
        low, high = self.offsets[0], self.offsets[-1]
        in_window = np.zeros(high - low + 1, "bool")
        in_window[np.array(self.offsets) - low] = True
        position = query_position - self._distance(slots, query_position)
        place = position - (query_position // self.block_length) * self.block_length - low
        near = ops.take(ops.convert_to_tensor(in_window), ops.clip(place, 0, high - low), axis=0)
        visible = near & (place >= 0) & (place <= high - low) & (position >= 0)
        return mask_bias(ops.logical_not(visible))

    def _distance(self, slots: int, query_position: Tensor) -> Tensor:
        """Returns how many positions before the query the position in each slot is: [slots]."""
        return (query_position - ops.arange(slots, dtype="int32")) % slots


def masked_local(block_length: int = 128, **kwargs: Any) -> LocalAttention:
    """Attends to this block up to the query, and to the block before. T2T `masked_local_attention_1d`."""
    return LocalAttention(block_length, [*range(-block_length, block_length)], masked=True, **kwargs)


def masked_within_block(block_length: int = 64, **kwargs: Any) -> LocalAttention:
    """Attends to this block up to the query. T2T `masked_within_block_local_attention_1d`."""
    return LocalAttention(block_length, [*range(block_length)], masked=True, **kwargs)


def unmasked_local(block_length: int = 128, filter_width: int = 100, **kwargs: Any) -> LocalAttention:
    """Attends to this block and `filter_width` keys to both sides. T2T `local_attention_1d`."""
    low, high = -filter_width, block_length + filter_width
    if filter_width % block_length == 0:  # T2T's window then lies a block too far to the left
        low, high = low - block_length, high - block_length
    return LocalAttention(block_length, [*range(low, high)], masked=False, **kwargs)


def _dilated_offsets(block_length: int, memory_block: int, gap: int, num_blocks: int, both_sides: bool) -> list[int]:
    left = [-(memory_block + gap) * (j + 1) for j in range(num_blocks)]
    right = [block_length + gap + (memory_block + gap) * j for j in range(num_blocks)] if both_sides else []
    starts = sorted([*left, *right])
    return sorted([*range(block_length), *(start + i for start in starts for i in range(memory_block))])


def masked_dilated(
    block_length: int = 64, memory_block_size: int = 64, gap_size: int = 2, num_memory_blocks: int = 2, **kwargs: Any
) -> LocalAttention:
    """Attends to this block up to the query, and to blocks before it, with gaps between.

    Reference:
        T2T `masked_dilated_self_attention_1d`.
    """
    offsets = _dilated_offsets(block_length, memory_block_size, gap_size, num_memory_blocks, both_sides=False)
    return LocalAttention(block_length, offsets, masked=True, **kwargs)


def unmasked_dilated(
    block_length: int = 128, memory_block_size: int = 128, gap_size: int = 2, num_memory_blocks: int = 2, **kwargs: Any
) -> LocalAttention:
    """Attends to this block and to blocks on both sides, with gaps between. T2T `dilated_self_attention_1d`."""
    offsets = _dilated_offsets(block_length, memory_block_size, gap_size, num_memory_blocks, both_sides=True)
    return LocalAttention(block_length, offsets, masked=False, **kwargs)


class MaskedRelativeLocalAttention(LocalAttention):
    """`masked_local` with a learned vector for each distance between query and key.

        logits_ij = q_i (k_j + a_ij),  output_i = sum_j weights_ij (v_j + b_ij)

    where a_ij is a row of `relative_embeddings` and b_ij, with `add_relative_to_values`, of
    `value_relative_embeddings`; both are [4 block_length, depth], or [heads, 4 block_length, depth]. As in T2T only the
    last half of the rows is used, the last one for distance 0.

    Args:
        block_length: number of queries per block.
        heads_share_relative_embedding: whether all heads share their vectors.
        add_relative_to_values: whether values have vectors too; as in T2T not in the first block, nor, without
            `mask_padding`, in a sequence shorter than two blocks.
        **kwargs: arguments of `DotProductAttention`; the call arguments are those of `LocalAttention`.

    Reference:
        T2T `masked_relative_local_attention_1d`.
    """

    def __init__(
        self,
        block_length: int = 128,
        heads_share_relative_embedding: bool = False,
        add_relative_to_values: bool = False,
        name: str = "masked_relative_local_attention_1d",
        **kwargs: Any,
    ):
        super().__init__(block_length, range(-block_length, block_length), masked=True, name=name, **kwargs)
        self.heads_share_relative_embedding = heads_share_relative_embedding
        self.add_relative_to_values = add_relative_to_values

    def build(self, q_shape: Shape) -> None:
        rows, shared = 4 * self.block_length, self.heads_share_relative_embedding
        self.key_table = add_relative_vectors(self, "relative_embeddings", rows, q_shape, shared)
        if self.add_relative_to_values:
            self.value_table = add_relative_vectors(self, "value_relative_embeddings", rows, q_shape, shared)

    def _attend_in_blocks(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, length: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        head = "" if self.heads_share_relative_embedding else "h"

        def vectors(table: keras.Variable) -> Tensor:
            """Returns the vectors of distances 2 block_length - 1 to 0: [(heads,) 2 block_length, depth]."""
            return ops.convert_to_tensor(table)[..., -2 * self.block_length :, :]

        relative = self._shift(ops.einsum(f"bhnqd,{head}ed->bhnqe", q, vectors(self.key_table)), to_keys=True)
        weights = self.attention_weights(q, k, bias, extra_logits=relative, training=training)
        y = ops.matmul(weights, v)
        if self.add_relative_to_values:
            by_distance = self._shift(weights, to_keys=False)
            added = ops.einsum(f"bhnqe,{head}ed->bhnqd", by_distance, vectors(self.value_table))
            counts = self.mask_padding or length >= 2 * self.block_length
            later = ops.logical_and(ops.arange(ops.shape(q)[2]) > 0, counts)
            y = y + added * ops.cast(later, y.dtype)[:, None, None]
        return y, weights

    def _shift(self, x: Tensor, to_keys: bool) -> Tensor:
        """Moves columns by distance to columns by key, or back: [batch, heads, blocks, query, 2 block_length].

        Row i moves by block_length - 1 - i columns, by adding a column to each row and reshaping. Values that come from
        another row belong to keys after the query.
        """
        queries, keys = self.block_length, 2 * self.block_length
        start = (-1, x.shape[1], ops.shape(x)[2])
        if to_keys:
            flat = ops.reshape(ops.pad(x, ((0, 0),) * 4 + ((0, 1),)), (*start, queries * (keys + 1)))
            return ops.reshape(flat[..., queries - 1 : queries - 1 + queries * keys], (*start, queries, keys))
        flat = ops.pad(ops.reshape(x, (*start, queries * keys)), ((0, 0),) * 3 + ((queries - 1, 1),))
        return ops.reshape(flat, (*start, queries, keys + 1))[..., :keys]

    def _attend_to_cache(
        self, q: Tensor, k: Tensor, v: Tensor, query_position: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        rows, slots = 4 * self.block_length, k.shape[2]
        row = ops.clip(rows - 1 - self._distance(slots, query_position), 0, rows - 1)
        head = "" if self.heads_share_relative_embedding else "h"

        def vectors(table: keras.Variable) -> Tensor:
            return ops.take(ops.convert_to_tensor(table), row, axis=-2)  # [(heads,) slots, depth]

        relative = ops.einsum(f"bhqd,{head}kd->bhqk", q, vectors(self.key_table))
        bias = self._cache_bias(slots, query_position)
        weights = self.attention_weights(q, k, bias, extra_logits=relative, training=training)
        y = ops.matmul(weights, v)
        if self.add_relative_to_values:
            added = ops.einsum(f"bhqk,{head}kd->bhqd", weights, vectors(self.value_table))
            y = y + added * ops.cast(query_position >= self.block_length, y.dtype)
        return y, weights
