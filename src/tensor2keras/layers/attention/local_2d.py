"""Attention within blocks of an image (Parmar et al. 2018, https://arxiv.org/abs/1802.05751, section 3), and the order
in which an image is decoded block by block.

All queries of a block of rows and columns share the same keys, at fixed offsets from the block's corner.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from tensor2keras.layers.attention.bias import mask_bias
from tensor2keras.layers.attention.core import dot_product_attention
from tensor2keras.types import Tensor


def local_attention_2d(
    q: Tensor, k: Tensor, v: Tensor, query_shape: tuple[int, int] = (8, 16), memory_flange: tuple[int, int] = (8, 16)
) -> Tensor:
    """Attends from each block to itself and to `memory_flange` rows and columns around it. T2T `local_attention_2d`.

    Args:
        q, k, v: [batch, heads, height, width, depth].
        query_shape: rows and columns of a block.
        memory_flange: rows above and below, columns left and right.

    Returns:
        [batch, heads, height, width, value_depth].
    """
    (rows, columns), (above, beside) = query_shape, memory_flange
    offsets = _grid(range(-above, rows + above), range(-beside, columns + beside))
    return _attend_2d(q, k, v, query_shape, offsets, unmasked_outside=0, later=np.array(False))


def masked_local_attention_2d(
    q: Tensor, k: Tensor, v: Tensor, query_shape: tuple[int, int] = (8, 16), memory_flange: tuple[int, int] = (8, 16)
) -> Tensor:
    """Attends to earlier positions of the block and to `memory_flange` rows above and columns to the left of it.

    Blocks, and positions in a block, are ordered row by row. Where the image ends within a block, its missing positions
    count as zero vectors, as in T2T. Arguments and result as in `local_attention_2d`.

    Reference:
        T2T `masked_local_attention_2d`.
    """
    block = query_shape[0] * query_shape[1]
    offsets = _masked_offsets_2d(query_shape, memory_flange)
    later = np.arange(len(offsets))[None, :] > np.arange(block)[:, None]  # [block, keys]
    later[:, block:] = False
    return _attend_2d(q, k, v, query_shape, offsets, unmasked_outside=block, later=later)


def _masked_offsets_2d(query_shape: tuple[int, int], memory_flange: tuple[int, int]) -> np.ndarray:
    """Returns the offsets of a block's keys from its corner, [keys, 2]: in the block, above it, to the left of it."""
    (rows, columns), (above, beside) = query_shape, memory_flange
    block = _grid(range(rows), range(columns))
    top = _grid(range(-above, 0), range(-beside, columns + beside))
    left = _grid(range(rows), range(-beside, 0))
    return np.concatenate([block, top, left])


class BlockOrder(NamedTuple):
    """The order in which the places of an image are decoded; places are numbered row by row."""

    shape: tuple[int, int]  # rows and columns of the image
    order: np.ndarray  # [steps]: the place decoded at each step
    step: np.ndarray  # [places]: the step at which each place is decoded
    starts: np.ndarray  # [steps]: whether a place begins a block, so that it does not depend on the step before

    @property
    def previous(self) -> np.ndarray:
        """The place decoded before each place, -1 where a block begins: [places]."""
        before = np.where(self.starts, -1, np.concatenate([[-1], self.order[:-1]]))
        return before[self.step].astype("int32")


def block_order(shape: tuple[int, int], block_shape: tuple[int, int] | None = None) -> BlockOrder:
    """Returns the order block by block, row by row within a block; without `block_shape` the image is one block.

    In a block that the image's border cuts off, a place after a missing one begins a block too, as in T2T
    `right_shift_blockwise`.
    """
    rows, columns = block_shape or shape
    places = np.arange(shape[0] * shape[1], dtype="int32")
    row, column = places // shape[1], places % shape[1]
    blocks_across = -(-shape[1] // columns)
    block = (row // rows) * blocks_across + column // columns
    slot = (block * rows + row % rows) * columns + column % columns  # its step if no place were missing
    order = np.argsort(slot).astype("int32")
    gap = np.diff(slot[order], prepend=-2) != 1
    starts = gap | (slot[order] % (rows * columns) == 0)
    return BlockOrder(shape, order, np.argsort(order).astype("int32"), starts)


def masked_local_2d_cache_length(
    order: BlockOrder, query_shape: tuple[int, int] = (8, 16), memory_flange: tuple[int, int] = (8, 16)
) -> int:
    """Returns how many of the last steps, its own included, a query of `masked_local_attention_2d` attends to at most.

    That is about one row of blocks, however high the image is.
    """
    offsets = _masked_offsets_2d(query_shape, memory_flange)
    height, width = order.shape
    corners = _grid(range(0, height, query_shape[0]), range(0, width, query_shape[1]))
    keys = corners[:, None] + offsets[None]  # [blocks, keys, 2]
    inside = ((keys >= 0) & (keys < (height, width))).all(-1)
    step = order.step[np.where(inside, keys[..., 0] * width + keys[..., 1], 0)]
    own = (np.arange(len(offsets)) < query_shape[0] * query_shape[1])[None]
    first = np.where(inside, step, len(order.order)).min(1)
    last = np.where(inside & own, step, 0).max(1)
    return int((last - first).max()) + 1


def masked_local_attention_2d_step(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    step: Tensor,
    order: BlockOrder,
    query_shape: tuple[int, int] = (8, 16),
    memory_flange: tuple[int, int] = (8, 16),
) -> Tensor:
    """Computes `masked_local_attention_2d` of the one query decoded at `step`, reading only the keys of its block.

    Args:
        q: [batch, heads, 1, depth].
        k, v: [batch, heads, slots, depth], in which a step has the slot step % slots; at least
            `masked_local_2d_cache_length` slots, that of `step` already written.
        step: scalar int32.
        order: `block_order(image shape, query_shape)`.
        query_shape, memory_flange: as in `local_attention_2d`.

    Returns:
        [batch, heads, 1, value_depth].
    """
    (rows, columns), (height, width) = query_shape, order.shape
    offsets = _masked_offsets_2d(query_shape, memory_flange)
    place = ops.take(ops.convert_to_tensor(order.order), step, axis=0)
    row, column = place // width, place % width
    key_row = row - row % rows + offsets[:, 0]
    key_column = column - column % columns + offsets[:, 1]
    inside = (key_row >= 0) & (key_row < height) & (key_column >= 0) & (key_column < width)
    key = ops.where(inside, key_row * width + key_column, 0)
    slot = ops.take(ops.convert_to_tensor(order.step), key, axis=0) % k.shape[2]
    exists = ops.cast(inside, k.dtype)[:, None]
    keys, values = ops.take(k, slot, axis=2) * exists, ops.take(v, slot, axis=2) * exists
    index = ops.arange(len(offsets), dtype="int32")
    own = index < rows * columns
    later = index > (row % rows) * columns + column % columns
    masked = ops.where(own, later, ops.logical_not(inside))
    return dot_product_attention(q, keys, values, mask_bias(masked))


def _grid(rows: range, columns: range) -> np.ndarray:
    """Returns all pairs, row by row: [pairs, 2]."""
    return np.array([(row, column) for row in rows for column in columns], "int32").reshape(-1, 2)


def _attend_2d(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    query_shape: tuple[int, int],
    offsets: np.ndarray,
    unmasked_outside: int,
    later: np.ndarray,
) -> Tensor:
    """Attends from blocks to the keys at `offsets` [keys, 2] from their corner.

    Masks keys outside the image, except the first `unmasked_outside`, and those where `later` [query, key] is true.
    """
    height, width = q.shape[2:4]
    if height is None or width is None:
        raise ValueError(f"height and width must be known, not {tuple(q.shape)}")
    blocks = _grid(range(0, height, query_shape[0]), range(0, width, query_shape[1]))  # corners

    def gather(x: Tensor, offsets: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """Returns [batch, heads, blocks, offsets, depth], zero outside the image, and whether a place is outside."""
        places = blocks[:, None] + offsets[None]
        outside = ((places < 0) | (places >= (height, width))).any(-1)  # [blocks, offsets]
        index = np.where(outside, height * width, places[..., 0] * width + places[..., 1])
        flat = ops.reshape(x, (-1, x.shape[1], height * width, x.shape[-1]))
        flat = ops.pad(flat, ((0, 0), (0, 0), (0, 1), (0, 0)))
        found = ops.take(flat, index.reshape(-1), axis=2)
        return ops.reshape(found, (-1, x.shape[1], *index.shape, x.shape[-1])), outside

    q_blocks, _ = gather(q, _grid(range(query_shape[0]), range(query_shape[1])))
    k_blocks, outside = gather(k, offsets)
    v_blocks, _ = gather(v, offsets)
    outside[:, :unmasked_outside] = False
    masked = outside[:, None, :] | later  # [blocks, 1 or query, keys]
    y = dot_product_attention(q_blocks, k_blocks, v_blocks, mask_bias(masked))

    # back to rows: [block row, block column, row, column] -> [row, column]
    down, across = -(-height // query_shape[0]), -(-width // query_shape[1])
    y = ops.reshape(y, (-1, q.shape[1], down, across, *query_shape, v.shape[-1]))
    y = ops.transpose(y, (0, 1, 2, 4, 3, 5, 6))
    y = ops.reshape(y, (-1, q.shape[1], down * query_shape[0], across * query_shape[1], v.shape[-1]))
    return y[:, :, :height, :width]
