"""Tokens that a decoded sequence must begin with: a language model's prompt, or the inputs in prepend mode."""

from typing import NamedTuple

from keras import ops

from tensor2keras.layers.attention.bias import MASKED_LOGIT
from tensor2keras.types import Tensor


class Prefix(NamedTuple):
    """The first `lengths[b]` tokens of `ids[b]`."""

    ids: Tensor  # [rows, width] int32
    lengths: Tensor  # [rows] int32

    def repeat(self, times: int) -> "Prefix":
        """Returns every row `times` times, copies next to each other, like the rows of a beam search."""
        return Prefix(ops.repeat(self.ids, times, axis=0), ops.repeat(self.lengths, times, axis=0))

    def force(self, logits: Tensor, position: Tensor) -> Tensor:
        """Returns logits [rows, vocab] that allow only the prefix's token in rows still inside their prefix."""
        last = self.ids.shape[1] - 1
        wanted = ops.take(self.ids, ops.minimum(position, last), axis=1)  # [rows]
        only_wanted = ops.where(
            ops.arange(logits.shape[-1], dtype="int32") == wanted[:, None], 0.0, ops.cast(MASKED_LOGIT, logits.dtype)
        )
        return ops.where((position < self.lengths)[:, None], only_wanted, logits)


def with_lengths(ids: Tensor) -> Prefix:
    """Returns the prefix `ids` [rows, width], each row without its trailing zeros."""
    ids = ops.cast(ids, "int32")
    places = ops.arange(1, ids.shape[1] + 1, dtype="int32")
    return Prefix(ids, ops.max(ops.where(ids != 0, places, 0), axis=1))


def prepended(inputs: Tensor) -> Prefix:
    """Returns the inputs and the zero that separates them from the targets, for models that read both as one."""
    inputs = with_lengths(inputs)
    return Prefix(ops.pad(inputs.ids, ((0, 0), (0, 1))), inputs.lengths + 1)


def remove(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Returns decoded ids [batch, (beams,) length] without each row's prefix, shifted left and padded with 0."""
    length = outputs.shape[-1]
    sources = ops.arange(length, dtype="int32") + lengths[:, None]  # [batch, length]
    if len(outputs.shape) == 3:
        sources = ops.broadcast_to(sources[:, None, :], ops.shape(outputs))
    moved = ops.take_along_axis(outputs, ops.minimum(sources, length - 1), axis=-1)
    return ops.where(sources < length, moved, 0)
