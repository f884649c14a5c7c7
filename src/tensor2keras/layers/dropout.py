"""Dropout whose mask is shared along some axes."""

from collections.abc import Sequence
from typing import Any

import keras


def broadcast_dropout(
    rate: float, rank: int, broadcast_dims: Sequence[int] = (), **kwargs: Any
) -> keras.layers.Dropout:
    """Returns a `keras.layers.Dropout` whose mask is the same along `broadcast_dims`.

    Args:
        rate: fraction of the units to drop.
        rank: number of axes of the layer's input.
        broadcast_dims: axes that share one mask; negative ones count from the end.
        **kwargs: arguments of `keras.layers.Dropout`.

    Raises:
        ValueError: an axis that the input does not have.

    Reference:
        T2T `common_layers.dropout_with_broadcast_dims`.
    """
    if any(not -rank <= dim < rank for dim in broadcast_dims):
        axes = ", ".join(map(str, broadcast_dims))
        raise ValueError(
            f"dropout_broadcast_dims={axes} must be axes of an input of rank {rank}: {-rank} to {rank - 1}"
        )
    dims = {dim % rank for dim in broadcast_dims}
    noise_shape = tuple(1 if axis in dims else None for axis in range(rank)) if dims else None
    return keras.layers.Dropout(rate, noise_shape=noise_shape, **kwargs)
