"""Attention within blocks of a sequence or an image (Parmar et al. 2018, https://arxiv.org/abs/1802.05751, section 3).

Queries are divided into blocks. A block's queries see the same keys: those at fixed offsets from the block's start. So
a kind of local attention is a list of offsets, and in one dimension `LocalAttention` takes any: `masked_local` (this
block and the one before), `unmasked_local` (a width to both sides), `masked_within_block`, `masked_dilated`,
`unmasked_dilated`.

Layers and functions are called as `(q, k, v, ...)`, [batch, heads, length, depth] or [batch, heads, height, width,
depth].
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tensor2keras.layers.attention.weights import NEGATIVE, attention_weights, unchanged
from tensor2keras.layers.initializer import unseeded


def _attend(
    q: Any, k: Any, v: Any, bias: Any, transform_weights: Callable[[Any], Any] = unchanged, logits: Any = None
) -> tuple[Any, Any]:
    """Values [..., query, depth] and weights [..., query, key] within blocks; `logits` are added to q k^T."""
    scores = ops.matmul(q, ops.swapaxes(k, -1, -2))
    scores = scores if logits is None else scores + logits
    weights = transform_weights(attention_weights(scores, bias))
    return ops.matmul(weights, v), weights


# One dimension


@keras.saving.register_keras_serializable("tensor2keras")
class LocalAttention(keras.layers.Layer):
    """Attention of each block's queries to the keys at `offsets` from the block's start.

    Args:
        block_length: queries a block.
        offsets: ascending; 0 is the block's first position.
        masked: hides keys after the query.

    Call arguments:
        q, k, v: [batch, heads, length, depth].
        bias: not used (so in T2T); the lengths of a batch must be masked elsewhere.
        transform_weights: applied to the attention weights: dropout.
        query_position: for decoding: q [batch, heads, 1, depth] is the query there and k, v [batch, heads, slots,
            depth] a cache, in which a position lies at its remainder by the number of slots. `cache_length` slots are
            enough, however long the sequence.

    Returns:
        [batch, heads, length, value_depth].
    """

    def __init__(self, block_length: int, offsets: Sequence[int], masked: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.block_length = block_length
        self.offsets = tuple(int(offset) for offset in offsets)
        self.masked = masked
        if block_length < 1 or not self.offsets:
            raise ValueError(f"block_length={block_length} with {len(self.offsets)} offsets: both must be at least 1")
        if list(self.offsets) != sorted(set(self.offsets)):
            raise ValueError(f"offsets must be ascending, not {self.offsets}")

    def build(self, q_shape: tuple) -> None:
        self.built = True

    @property
    def cache_length(self) -> int:
        """How many positions, up to the query's own, hold all that it may see."""
        return self.block_length - min(self.offsets[0], 0)

    def call(
        self,
        q: Any,
        k: Any,
        v: Any,
        bias: Any = None,
        transform_weights: Callable[[Any], Any] = unchanged,
        query_position: Any = None,
    ) -> Any:
        if query_position is not None:
            return self._step(q, k, v, transform_weights, query_position)
        length = ops.shape(q)[2]
        blocks = -(-length // self.block_length)
        q = self._query_blocks(q, length, blocks)
        k, v = self._windows(k, length, blocks), self._windows(v, length, blocks)
        y, _ = _attend(q, k, v, self._hidden(length, blocks) * NEGATIVE, transform_weights)
        return self._joined(y, length)

    def _query_blocks(self, q: Any, length: Any, blocks: Any) -> Any:
        """[batch, heads, length, depth] -> [batch, heads, blocks, block_length, depth], padded at the end."""
        q = ops.pad(q, ((0, 0), (0, 0), (0, blocks * self.block_length - length), (0, 0)))
        return ops.reshape(q, (-1, q.shape[1], blocks, self.block_length, q.shape[-1]))

    def _windows(self, x: Any, length: Any, blocks: Any) -> Any:
        """What each block sees: [batch, heads, blocks, offsets, depth]."""
        positions = ops.clip(self._positions(blocks), 0, length - 1)  # those outside are hidden by the bias
        windows = ops.take(x, ops.reshape(positions, (-1,)), axis=2)
        return ops.reshape(windows, (-1, x.shape[1], blocks, len(self.offsets), x.shape[-1]))

    def _positions(self, blocks: Any) -> Any:
        """The keys' positions, which may lie outside the sequence: [blocks, offsets]."""
        starts = ops.arange(blocks, dtype="int32") * self.block_length
        return starts[:, None] + ops.convert_to_tensor(self.offsets, "int32")[None, :]

    def _hidden(self, length: Any, blocks: Any) -> Any:
        """1.0 where a query must not see a key: [blocks, 1 or block_length, offsets]."""
        positions = self._positions(blocks)[:, None, :]
        hidden = ops.logical_or(positions < 0, positions >= length)
        if self.masked:
            hidden = ops.logical_or(hidden, self._later()[None])
        return ops.cast(hidden, "float32")

    def _later(self) -> np.ndarray:
        """Whether a key comes after the query: [block_length, offsets]."""
        return np.array(self.offsets)[None, :] > np.arange(self.block_length)[:, None]

    def _joined(self, y: Any, length: Any) -> Any:
        """[batch, heads, blocks, block_length, depth] -> [batch, heads, length, depth]."""
        padded = ops.shape(y)[2] * self.block_length
        return ops.reshape(y, (-1, y.shape[1], padded, y.shape[-1]))[:, :, :length]

    def _step(self, q: Any, k: Any, v: Any, transform_weights: Callable[[Any], Any], query_position: Any) -> Any:
        return _attend(q, k, v, self._step_bias(k.shape[2], query_position), transform_weights)[0]

    def _step_bias(self, slots: int, query_position: Any) -> Any:
        """[slots]: hides what the query's block does not see, and, always, what comes after the query."""
        low, high = self.offsets[0], self.offsets[-1]
        seen = np.zeros(high - low + 1, "bool")
        seen[np.array(self.offsets) - low] = True
        position = query_position - self._distance(slots, query_position)
        place = position - (query_position // self.block_length) * self.block_length - low
        near = ops.take(ops.convert_to_tensor(seen), ops.clip(place, 0, high - low), axis=0)
        visible = near & (place >= 0) & (place <= high - low) & (position >= 0)
        return (1.0 - ops.cast(visible, "float32")) * NEGATIVE

    def _distance(self, slots: int, query_position: Any) -> Any:
        """How far before the query the position in each slot lies: [slots]."""
        return (query_position - ops.arange(slots, dtype="int32")) % slots

    def get_config(self) -> dict[str, Any]:
        names = ("block_length", "offsets", "masked")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def masked_local(block_length: int = 128, **kwargs: Any) -> LocalAttention:
    """This block up to the query, and the block before. T2T `masked_local_attention_1d`."""
    return LocalAttention(block_length, range(-block_length, block_length), masked=True, **kwargs)


def masked_within_block(block_length: int = 64, **kwargs: Any) -> LocalAttention:
    """This block up to the query. T2T `masked_within_block_local_attention_1d`."""
    return LocalAttention(block_length, range(block_length), masked=True, **kwargs)


def unmasked_local(block_length: int = 128, filter_width: int = 100, **kwargs: Any) -> LocalAttention:
    """This block and `filter_width` keys to both sides. T2T `local_attention_1d`."""
    low, high = -filter_width, block_length + filter_width
    if filter_width % block_length == 0:  # T2T's window then lies a block too far to the left
        low, high = low - block_length, high - block_length
    return LocalAttention(block_length, range(low, high), masked=False, **kwargs)


def _dilated_offsets(block_length: int, memory_block: int, gap: int, num_blocks: int, both_sides: bool) -> list[int]:
    left = [-(memory_block + gap) * (j + 1) for j in range(num_blocks)]
    right = [block_length + gap + (memory_block + gap) * j for j in range(num_blocks)] if both_sides else []
    starts = sorted([*left, *right])
    return sorted([*range(block_length), *(start + i for start in starts for i in range(memory_block))])


def masked_dilated(
    block_length: int = 64, memory_block_size: int = 64, gap_size: int = 2, num_memory_blocks: int = 2, **kwargs: Any
) -> LocalAttention:
    """This block up to the query, and blocks before it with gaps between. T2T `masked_dilated_self_attention_1d`."""
    offsets = _dilated_offsets(block_length, memory_block_size, gap_size, num_memory_blocks, both_sides=False)
    return LocalAttention(block_length, offsets, masked=True, **kwargs)


def unmasked_dilated(
    block_length: int = 128, memory_block_size: int = 128, gap_size: int = 2, num_memory_blocks: int = 2, **kwargs: Any
) -> LocalAttention:
    """This block, and blocks to both sides with gaps between. T2T `dilated_self_attention_1d`."""
    offsets = _dilated_offsets(block_length, memory_block_size, gap_size, num_memory_blocks, both_sides=True)
    return LocalAttention(block_length, offsets, masked=False, **kwargs)


@keras.saving.register_keras_serializable("tensor2keras")
class MaskedRelativeLocalAttention(LocalAttention):
    """`masked_local` with a learned vector for each distance between query and key.

    Args:
        block_length: queries a block.
        heads_share_relative_embedding: one vector a distance for all heads.
        add_relative_to_values: vectors for the values too; as in T2T not for the first block, which is the whole
            sequence when that is shorter than two blocks.

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

    def build(self, q_shape: tuple) -> None:
        heads, depth = q_shape[1], q_shape[-1]
        rows = 4 * self.block_length  # T2T's; only the last half is used, the last row for distance 0
        shape = (rows, depth) if self.heads_share_relative_embedding else (heads, rows, depth)
        initializer = unseeded(keras.initializers.RandomNormal(stddev=depth**-0.5))
        self.key_table = self.add_weight(name="relative_embeddings", shape=shape, initializer=initializer)
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
        if query_position is not None:
            return self._step(q, k, v, transform_weights, query_position)
        length = ops.shape(q)[2]
        blocks = -(-length // self.block_length)
        q = self._query_blocks(q, length, blocks)
        k, v = self._windows(k, length, blocks), self._windows(v, length, blocks)
        head = "" if self.heads_share_relative_embedding else "h"
        relative = self._shift(ops.einsum(f"bhnqd,{head}ed->bhnqe", q, self._vectors(self.key_table)), to_keys=True)
        y, weights = _attend(q, k, v, self._hidden(length, blocks) * NEGATIVE, transform_weights, relative)
        if self.add_relative_to_values:
            by_distance = self._shift(weights, to_keys=False)
            added = ops.einsum(f"bhnqe,{head}ed->bhnqd", by_distance, self._vectors(self.value_table))
            later = ops.logical_and(ops.arange(blocks) > 0, length >= 2 * self.block_length)
            y = y + added * ops.cast(later, y.dtype)[:, None, None]
        return self._joined(y, length)

    def _vectors(self, table: Any) -> Any:
        """The vectors of distances 2 block_length - 1 to 0: [(heads,) 2 block_length, depth]."""
        return ops.convert_to_tensor(table)[..., -2 * self.block_length :, :]

    def _shift(self, x: Any, to_keys: bool) -> Any:
        """[batch, heads, blocks, query, 2 block_length]: from columns by distance to columns by key, or back.

        Row i moves by block_length - 1 - i columns, which one more column in a row and a reshape do. What comes from
        another row belongs to keys after the query.
        """
        queries, keys = self.block_length, 2 * self.block_length
        start = (-1, x.shape[1], ops.shape(x)[2])
        if to_keys:
            flat = ops.reshape(ops.pad(x, ((0, 0),) * 4 + ((0, 1),)), (*start, queries * (keys + 1)))
            return ops.reshape(flat[..., queries - 1 : queries - 1 + queries * keys], (*start, queries, keys))
        flat = ops.pad(ops.reshape(x, (*start, queries * keys)), ((0, 0),) * 3 + ((queries - 1, 1),))
        return ops.reshape(flat, (*start, queries, keys + 1))[..., :keys]

    def _step(self, q: Any, k: Any, v: Any, transform_weights: Callable[[Any], Any], query_position: Any) -> Any:
        rows = 4 * self.block_length
        slots = k.shape[2]
        row = ops.clip(rows - 1 - self._distance(slots, query_position), 0, rows - 1)
        head = "" if self.heads_share_relative_embedding else "h"

        def vectors(table: Any) -> Any:
            return ops.take(ops.convert_to_tensor(table), row, axis=-2)  # [(heads,) slots, depth]

        relative = ops.einsum(f"bhqd,{head}kd->bhqk", q, vectors(self.key_table))
        y, weights = _attend(q, k, v, self._step_bias(slots, query_position), transform_weights, relative)
        if self.add_relative_to_values:
            added = ops.einsum(f"bhqk,{head}kd->bhqd", weights, vectors(self.value_table))
            y = y + added * ops.cast(query_position >= self.block_length, y.dtype)
        return y

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("offsets", "masked"):
            del config[name]
        names = ("heads_share_relative_embedding", "add_relative_to_values")
        return {**config, **{name: getattr(self, name) for name in names}}


# Two dimensions


def local_attention_2d(
    q: Any, k: Any, v: Any, query_shape: tuple[int, int] = (8, 16), memory_flange: tuple[int, int] = (8, 16)
) -> Any:
    """Queries of a block see the block and `memory_flange` rows and columns around it.

    Args:
        q, k, v: [batch, heads, height, width, depth].
        query_shape: rows and columns of a block.
        memory_flange: rows above and below, columns left and right.

    Returns:
        [batch, heads, height, width, value_depth].

    Reference:
        T2T `local_attention_2d`.
    """
    (rows, columns), (above, beside) = query_shape, memory_flange
    offsets = _grid(range(-above, rows + above), range(-beside, columns + beside))
    return _attend_2d(q, k, v, query_shape, offsets, seen_outside=0, bias=0.0)


def masked_local_attention_2d(
    q: Any, k: Any, v: Any, query_shape: tuple[int, int] = (8, 16), memory_flange: tuple[int, int] = (8, 16)
) -> Any:
    """Queries see `memory_flange` rows above and columns to the left of their block, and what precedes them in the
    block.

    Blocks, and positions in a block, are ordered row by row. Where the image ends within a block, its missing positions
    are seen as zero vectors, as in T2T. Arguments as in `local_attention_2d`.

    Reference:
        T2T `masked_local_attention_2d`.
    """
    block = query_shape[0] * query_shape[1]
    offsets = _masked_offsets_2d(query_shape, memory_flange)
    later = np.arange(len(offsets))[None, :] > np.arange(block)[:, None]  # [block, keys]
    later[:, block:] = False
    bias = later.astype("float32") * NEGATIVE
    return _attend_2d(q, k, v, query_shape, offsets, seen_outside=block, bias=bias)


def _masked_offsets_2d(query_shape: tuple[int, int], memory_flange: tuple[int, int]) -> np.ndarray:
    """The keys of a block from its corner, [keys, 2]: its own, those above, those to the left."""
    (rows, columns), (above, beside) = query_shape, memory_flange
    block = _grid(range(rows), range(columns))
    top = _grid(range(-above, 0), range(-beside, columns + beside))
    left = _grid(range(rows), range(-beside, 0))
    return np.concatenate([block, top, left])


class BlockOrder(NamedTuple):
    """The order in which the places of an image are decoded; a place is its index row by row.

    Attributes:
        shape: rows and columns of the image.
        order: the place decoded at each step, [steps].
        step: the step at which each place is decoded, [places].
        starts: whether a place sees nothing of the step before: the first place of a block, [steps].
    """

    shape: tuple[int, int]
    order: np.ndarray
    step: np.ndarray
    starts: np.ndarray

    @property
    def previous(self) -> np.ndarray:
        """The place decoded before each place, -1 where a block begins: [places]."""
        before = np.where(self.starts, -1, np.concatenate([[-1], self.order[:-1]]))
        return before[self.step].astype("int32")


def block_order(shape: tuple[int, int], block_shape: tuple[int, int] | None = None) -> BlockOrder:
    """Block by block and row by row within them; without blocks the image is one.

    What follows a missing place of a block that the image cuts off begins anew too, as in T2T `right_shift_blockwise`.
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
    """How many steps back, itself included, a query of `masked_local_attention_2d` sees at most in this order.

    About a row of blocks, however many rows there are.
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
    q: Any,
    k: Any,
    v: Any,
    step: Any,
    order: BlockOrder,
    query_shape: tuple[int, int] = (8, 16),
    memory_flange: tuple[int, int] = (8, 16),
) -> Any:
    """`masked_local_attention_2d` of the one query decoded at `step`. Only the keys that its block sees are touched.

    Args:
        q: [batch, heads, 1, depth].
        k, v: [batch, heads, slots, depth], a step's key at its remainder by `slots`, at least
            `masked_local_2d_cache_length`; that of `step` included.
        step: scalar int32.
        order: `block_order(image shape, query_shape)`.

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
    hidden = ops.where(own, later, ops.logical_not(inside))
    return _attend(q, keys, values, ops.cast(hidden, "float32") * NEGATIVE)[0]


def _grid(rows: range, columns: range) -> np.ndarray:
    """All pairs, row by row: [pairs, 2]."""
    return np.array([(row, column) for row in rows for column in columns], "int32").reshape(-1, 2)


def _attend_2d(
    q: Any, k: Any, v: Any, query_shape: tuple[int, int], offsets: np.ndarray, seen_outside: int, bias: Any
) -> Any:
    """Attention of blocks to the keys at `offsets` [keys, 2] from their corner.

    The first `seen_outside` keys are seen even outside the image.
    """
    height, width = q.shape[2:4]
    if height is None or width is None:
        raise ValueError(f"height and width must be known, not {tuple(q.shape)}")
    blocks = _grid(range(0, height, query_shape[0]), range(0, width, query_shape[1]))  # corners

    def gather(x: Any, offsets: np.ndarray) -> tuple[Any, np.ndarray]:
        """[batch, heads, blocks, offsets, depth], zero outside the image, and whether a place is outside."""
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
    outside[:, :seen_outside] = False
    hidden = outside[:, None, :].astype("float32") * NEGATIVE  # [blocks, 1, keys]
    y, _ = _attend(q_blocks, k_blocks, v_blocks, np.maximum(hidden + bias, NEGATIVE))

    # Back to rows: [block row, block column, row, column] -> [row, column]
    down, across = -(-height // query_shape[0]), -(-width // query_shape[1])
    y = ops.reshape(y, (-1, q.shape[1], down, across, *query_shape, v.shape[-1]))
    y = ops.transpose(y, (0, 1, 2, 4, 3, 5, 6))
    y = ops.reshape(y, (-1, q.shape[1], down * query_shape[0], across * query_shape[1], v.shape[-1]))
    return y[:, :, :height, :width]
