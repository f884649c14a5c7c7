"""Simple recurrent units (Lei et al. 2017, https://arxiv.org/abs/1709.02755)."""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Cache, Shape, Tensor


class _LeakySum(Layer):
    """The recurrent cell c = f * c + x; its input is x and f, concatenated."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.state_size = self.output_size = units

    def call(self, inputs: Tensor, states: list, training: bool = False) -> tuple[Tensor, list[Tensor]]:
        x, f = ops.split(inputs, 2, axis=-1)
        c = f * states[0] + x
        return c, [c]


class SRU(Layer):
    """Layers of simple recurrent units: c_t = f_t c_{t-1} + (1 - f_t) W x_t, h_t = r_t c_t + (1 - r_t) x_t. T2T `sru`.

    Args:
        units: width in and out.
        num_layers: number of layers.
        kernel_initializer: of the kernels.

    Call arguments:
        x: [batch, length, units].

    Returns:
        [batch, length, units].
    """

    def __init__(
        self,
        units: int,
        num_layers: int = 2,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "sru",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.units = units
        self.num_layers = num_layers
        self.kernel_initializer = unseeded(kernel_initializer)
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.projections = [keras.layers.Dense(3 * units, name=f"kernel_{i}", **shared) for i in range(num_layers)]
        cells = [_LeakySum(units, dtype=self.dtype_policy) for _ in range(num_layers)]
        self.sums = [keras.layers.RNN(cell, return_sequences=True, dtype=self.dtype_policy) for cell in cells]

    def build(self, x_shape: Shape) -> None:
        for projection, leaky_sum in zip(self.projections, self.sums, strict=True):
            projection.build(x_shape)
            leaky_sum.build((*x_shape[:-1], 2 * self.units))

    def call(self, x: Tensor) -> Tensor:
        for projection, leaky_sum in zip(self.projections, self.sums, strict=True):
            y, f, r = self._parts(projection, x)
            x = r * leaky_sum(ops.concatenate([y, f], axis=-1)) + (1.0 - r) * x
        return x

    def init_cache(self, batch_size: Tensor | int) -> Cache:
        return {f"c_{i}": ops.zeros((batch_size, 1, self.units), self.compute_dtype) for i in range(self.num_layers)}

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns the output at the position of x [batch, 1, units], and the new states."""
        cache = dict(cache)
        for i, projection in enumerate(self.projections):
            y, f, r = self._parts(projection, x)
            cache[f"c_{i}"] = f * cache[f"c_{i}"] + y
            x = r * cache[f"c_{i}"] + (1.0 - r) * x
        return x, cache

    def _parts(self, projection: keras.layers.Dense, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the contribution to the state, (1 - f) W x, the forget gate f and the reset gate r."""
        y, f, r = ops.split(projection(x), 3, axis=-1)
        f, r = ops.sigmoid(f), ops.sigmoid(r)
        return y * (1.0 - f), f, r
