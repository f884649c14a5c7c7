"""Positions added to embeddings: sinusoids and learned vectors (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762,
section 3.5)."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Features, Shape, Tensor


def shift_right(x: Tensor) -> Tensor:
    """Shifts `x` [batch, length, hidden] right by one position; the first becomes zero (T2T `shift_right_3d`)."""
    return ops.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]


def timing_signal(position: Tensor, channels: int, min_timescale: float = 1.0, max_timescale: float = 1.0e4) -> Tensor:
    """Returns sines and cosines of positions at geometrically spaced timescales.

        signal[i] = sin(position / timescale_i),  signal[n + i] = cos(position / timescale_i)
        timescale_i = min_timescale (max_timescale / min_timescale)^(i / (n - 1)),  0 <= i < n = floor(channels / 2)

    The last of an odd number of channels is 0. In the paper sines and cosines alternate.

    Args:
        position: numbers [...].
        channels: width of the signal.
        min_timescale, max_timescale: the first and the last timescale, in positions.

    Returns:
        float32 [..., channels].
    """
    count = channels // 2
    step = math.log(max_timescale / min_timescale) / max(count - 1, 1)
    inverse_timescales = (min_timescale * np.exp(-step * np.arange(count))).astype("float32")
    angle = ops.expand_dims(ops.cast(position, "float32"), -1) * inverse_timescales
    parts = [ops.sin(angle), ops.cos(angle)]
    if channels % 2:
        parts.append(ops.zeros_like(ops.cast(position, "float32"))[..., None])
    return ops.concatenate(parts, axis=-1)


def get_timing_signal_1d(
    length: Tensor | int,
    channels: int,
    min_timescale: float = 1.0,
    max_timescale: float = 1.0e4,
    start_index: Tensor | int = 0,
) -> Tensor:
    """Returns the signal of positions start_index, start_index + 1, ...: float32 [1, length, channels]."""
    position = ops.arange(length, dtype="int32") + start_index
    return timing_signal(position, channels, min_timescale, max_timescale)[None]


def add_timing_signal_1d(
    x: Tensor, min_timescale: float = 1.0, max_timescale: float = 1.0e4, start_index: Tensor | int = 0
) -> Tensor:
    """Adds to `x` [batch, length, channels] the signal of its positions, which begin at start_index."""
    signal = get_timing_signal_1d(ops.shape(x)[1], x.shape[-1], min_timescale, max_timescale, start_index)
    return x + ops.cast(signal, x.dtype)


def add_timing_signal_1d_given_position(
    x: Tensor, position: Tensor, min_timescale: float = 1.0, max_timescale: float = 1.0e4
) -> Tensor:
    """Adds to `x` [batch, length, channels] the signal of the given positions [batch, length]."""
    return x + ops.cast(timing_signal(position, x.shape[-1], min_timescale, max_timescale), x.dtype)


def add_timing_signals_given_positions(x: Tensor, positions: Sequence[Tensor | None]) -> Tensor:
    """Adds to `x` the signals of several positions, each on its own share of the channels.

    Args:
        x: [batch, length, channels].
        positions: each [batch, length], or None for the index along the sequence.

    Returns:
        [batch, length, channels].
    """
    share = 2 * (x.shape[-1] // (2 * len(positions)))
    index = ops.arange(ops.shape(x)[1], dtype="int32")[None]
    for i, position in enumerate(positions):
        signal = timing_signal(index if position is None else position, share)
        rest = x.shape[-1] - (i + 1) * share
        x = x + ops.cast(ops.pad(signal, ((0, 0), (0, 0), (i * share, rest))), x.dtype)
    return x


def add_timing_signals_from_features(x: Tensor, features: Features, names: str) -> Tensor:
    """Adds to `x` the signals of the features named in a comma-separated list; an empty name means the index.

    Args:
        x: [batch, length, channels].
        features: positions [batch, length] by name.
        names: such as `"targets_position,"`.

    Returns:
        [batch, length, channels].

    Raises:
        KeyError: a feature is missing.
    """
    return add_timing_signals_given_positions(x, [features[name] if name else None for name in names.split(",")])


def add_timing_signal_nd(
    x: Tensor, min_timescale: float = 1.0, max_timescale: float = 1.0e4, positions: Sequence[Tensor] | None = None
) -> Tensor:
    """Adds to `x` the signals of the positions along n axes, each on its own share of the channels.

    Args:
        x: [batch, d1, ..., dn, channels].
        min_timescale, max_timescale: as in `timing_signal`.
        positions: the indices along each axis, int [di]; 0, 1, ... by default.

    Returns:
        [batch, d1, ..., dn, channels].
    """
    dims = len(x.shape) - 2
    share = 2 * (x.shape[-1] // (2 * dims))
    for dim in range(dims):
        position = ops.arange(ops.shape(x)[dim + 1], dtype="int32") if positions is None else positions[dim]
        signal = timing_signal(position, share, min_timescale, max_timescale)
        signal = ops.pad(signal, ((0, 0), (dim * share, x.shape[-1] - (dim + 1) * share)))
        shape = [1] * len(x.shape)
        shape[dim + 1], shape[-1] = -1, x.shape[-1]
        x = x + ops.cast(ops.reshape(signal, shape), x.dtype)
    return x


class PositionalEmbedding(Layer):
    """Adds a learned vector for each position, a row of `table` [max_length, hidden]. T2T `add_positional_embedding`.

    Args:
        max_length: number of positions with a vector; later ones add nothing.
        initializer: of the table.

    Call arguments:
        x: [batch, length, hidden].
        positions: int [batch, length], or None for the index.
        start_index: index of the first position when `positions` is None.

    Returns:
        [batch, length, hidden].
    """

    def __init__(self, max_length: int, initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.max_length = max_length
        self.initializer = unseeded(initializer)

    def build(self, x_shape: Shape) -> None:
        self.table = self.add_weight(name="table", shape=(self.max_length, x_shape[-1]), initializer=self.initializer)

    def call(self, x: Tensor, positions: Tensor | None = None, start_index: Tensor | int = 0) -> Tensor:
        if positions is None:
            positions = ops.arange(ops.shape(x)[1], dtype="int32")[None] + start_index
        vectors = backend.look_up(self.table, ops.minimum(ops.cast(positions, "int32"), self.max_length - 1))
        return x + vectors * ops.cast(positions < self.max_length, vectors.dtype)[..., None]


class PositionalEmbeddingND(Layer):
    """Adds a learned vector for the index along each axis of x [batch, d1, ..., dn, hidden].

    The variables `{prefix}_0`, `{prefix}_1`, ... [1, .., max_length, .., hidden] are multiplied by sqrt(hidden).

    Args:
        max_length: number of positions of every axis.
        prefix: beginning of the variables' names.

    Call arguments:
        x: [batch, d1, ..., dn, hidden].
        positions: the indices along each axis, int [di]; 0, 1, ... by default.

    Returns:
        [batch, d1, ..., dn, hidden].

    Raises:
        ValueError: an axis is longer than max_length.

    Reference:
        T2T `add_positional_embedding_nd`.
    """

    def __init__(self, max_length: int, prefix: str, name: str = "table", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.max_length = max_length
        self.prefix = prefix

    def build(self, x_shape: Shape) -> None:
        self.tables = []
        for axis, size in enumerate(x_shape[1:-1]):
            if size is not None and size > self.max_length:
                raise ValueError(
                    f"axis {axis + 1} of shape {tuple(x_shape)} is longer than max_length={self.max_length}"
                )
            shape = [1] * len(x_shape)
            shape[axis + 1], shape[-1] = self.max_length, x_shape[-1]
            initializer = keras.initializers.RandomNormal(stddev=x_shape[-1] ** -0.5)
            self.tables.append(self.add_weight(name=f"{self.prefix}_{axis}", shape=shape, initializer=initializer))

    def call(self, x: Tensor, positions: Sequence[Tensor] | None = None) -> Tensor:
        for axis, table in enumerate(self.tables, start=1):
            table = ops.convert_to_tensor(table)
            if positions is None:
                vectors = table[(slice(None),) * axis + (slice(0, ops.shape(x)[axis]),)]
            else:
                vectors = ops.take(table, positions[axis - 1], axis=axis)
            x = x + vectors * x.shape[-1] ** 0.5
        return x
