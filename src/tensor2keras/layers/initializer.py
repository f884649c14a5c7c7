"""Initializers by T2T's names."""

from collections.abc import Callable
from typing import Any

import keras

from tensor2keras.types import Shape, Tensor

INITIALIZERS: dict[str, Callable[[float], keras.initializers.Initializer]] = {
    "orthogonal": keras.initializers.Orthogonal,
    "uniform": lambda gain: keras.initializers.RandomUniform(-0.1 * gain, 0.1 * gain),
    "normal_unit_scaling": lambda gain: keras.initializers.VarianceScaling(gain, "fan_avg", "truncated_normal"),
    "uniform_unit_scaling": lambda gain: keras.initializers.VarianceScaling(gain, "fan_avg", "uniform"),
    "xavier": lambda gain: keras.initializers.GlorotUniform(),
}


def get_initializer(name: str, gain: float) -> keras.initializers.Initializer:
    """Returns the initializer of `hparams.initializer` and `.initializer_gain` (T2T `get_variable_initializer`).

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    if name not in INITIALIZERS:
        raise ValueError(f"unknown initializer {name!r}; known: {', '.join(sorted(INITIALIZERS))}")
    return Unseeded(INITIALIZERS[name](gain))


@keras.saving.register_keras_serializable("tensor2keras.layers")
class Unseeded(keras.initializers.Initializer):
    """An initializer that returns new values at every call.

    A Keras initializer repeats its values, so layers that share one would start with equal weights.
    """

    def __init__(self, initializer: Any):
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        return self.initializer.clone()(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"initializer": keras.initializers.serialize(self.initializer)}


def unseeded(initializer: Any) -> keras.initializers.Initializer:
    """Returns an initializer that layers can share, from a name, a config or an initializer."""
    initializer = keras.initializers.get(initializer)
    plain = isinstance(initializer, Unseeded) or not isinstance(initializer, keras.initializers.Initializer)
    return initializer if plain else Unseeded(initializer)
