"""Tokens that a decoded sequence must begin with: a language model's prompt, or the inputs in prepend mode."""

from typing import Any, NamedTuple

from keras import ops

IMPOSSIBLE = -1e9  # T2T's logit of a token that the prefix forbids


class Prefix(NamedTuple):
    """The first `lengths[b]` tokens of `ids[b]`."""

    ids: Any  # [rows, width] int32
    lengths: Any  # [rows] int32

    def repeat(self, times: int) -> "Prefix":
        """Every row `times` times, neighbours equal: the rows of a beam search."""
        return Prefix(ops.repeat(self.ids, times, axis=0), ops.repeat(self.lengths, times, axis=0))

    def force(self, logits: Any, position: Any) -> Any:
        """Logits [rows, vocab] that leave rows still inside their prefix only the prefix's token."""
        last = self.ids.shape[1] - 1
        wanted = ops.take(self.ids, ops.minimum(position, last), axis=1)  # [rows]
        only_wanted = ops.where(
            ops.arange(logits.shape[-1], dtype="int32") == wanted[:, None], 0.0, ops.cast(IMPOSSIBLE, logits.dtype)
        )
        return ops.where((position < self.lengths)[:, None], only_wanted, logits)


def with_lengths(ids: Any) -> Prefix:
    """The prefix `ids` [rows, width], each row without its trailing zeros."""
    ids = ops.cast(ids, "int32")
    places = ops.arange(1, ids.shape[1] + 1, dtype="int32")
    return Prefix(ids, ops.max(ops.where(ids != 0, places, 0), axis=1))


def prepended(inputs: Any) -> Prefix:
    """The inputs and the zero that divides them from the targets, for models that read both as one sequence."""
    inputs = with_lengths(inputs)
    return Prefix(ops.pad(inputs.ids, ((0, 0), (0, 1))), inputs.lengths + 1)


def remove(outputs: Any, lengths: Any) -> Any:
    """Decoded ids [batch, (beams,) length] without each row's prefix, moved to the front and filled with 0."""
    length = outputs.shape[-1]
    sources = ops.arange(length, dtype="int32") + lengths[:, None]  # [batch, length]
    if len(outputs.shape) == 3:
        sources = ops.broadcast_to(sources[:, None, :], ops.shape(outputs))
    moved = ops.take_along_axis(outputs, ops.minimum(sources, length - 1), axis=-1)
    return ops.where(sources < length, moved, 0)
