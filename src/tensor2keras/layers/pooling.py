"""Pooling over the positions of sequences, padding left out."""

from keras import ops

from tensor2keras.layers.attention.bias import MASKED_LOGIT
from tensor2keras.types import Tensor


def lengths(padding: Tensor) -> Tensor:
    """Returns the index of the last position that is not padding, plus 1.

    Args:
        padding: 1.0 at padding, [batch, length].

    Returns:
        int32 [batch].
    """
    places = ops.arange(1, ops.shape(padding)[1] + 1, dtype="int32")
    return ops.max(ops.where(padding < 0.5, places, 0), axis=1)


def mean(x: Tensor, padding: Tensor | None = None) -> Tensor:
    """Returns the mean over all positions but padding; 0 where all are padding.

    Args:
        x: [batch, ..., channels].
        padding: 1.0 at padding, [batch, length], for x of three axes; or None.

    Returns:
        [batch, channels].
    """
    if padding is None:
        return ops.mean(x, axis=_positions(x))
    real = ops.cast(1.0 - padding, x.dtype)[:, :, None]
    return ops.sum(x * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)


def maximum(x: Tensor, padding: Tensor | None = None) -> Tensor:
    """Returns the largest value of each channel over all positions but padding; arguments and result as of `mean`."""
    if padding is None:
        return ops.max(x, axis=_positions(x))
    return ops.max(ops.where(padding[:, :, None] > 0.5, ops.cast(MASKED_LOGIT, x.dtype), x), axis=1)


def last(x: Tensor, padding: Tensor | None = None) -> Tensor:
    """Returns the last position that is not padding: [batch, length, ..., channels] -> [batch, ..., channels]."""
    if padding is None:
        return x[:, -1]
    index = ops.maximum(lengths(padding) - 1, 0)
    return ops.take_along_axis(x, index[:, None, None], axis=1)[:, 0]


def _positions(x: Tensor) -> tuple[int, ...]:
    return tuple(range(1, len(x.shape) - 1))
