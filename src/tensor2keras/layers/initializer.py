"""Initializers by T2T's names."""

from collections.abc import Callable

import keras

INITIALIZERS: dict[str, Callable[[float], keras.initializers.Initializer]] = {
    "orthogonal": lambda gain: keras.initializers.Orthogonal(gain),
    "uniform": lambda gain: keras.initializers.RandomUniform(-0.1 * gain, 0.1 * gain),
    "normal_unit_scaling": lambda gain: keras.initializers.VarianceScaling(gain, "fan_avg", "truncated_normal"),
    "uniform_unit_scaling": lambda gain: keras.initializers.VarianceScaling(gain, "fan_avg", "uniform"),
    "xavier": lambda gain: keras.initializers.GlorotUniform(),
}


def get_initializer(name: str, gain: float) -> keras.initializers.Initializer:
    """The initializer of `hparams.initializer` and `hparams.initializer_gain` (T2T `get_variable_initializer`).

    Raises:
        ValueError: unknown name, with the known ones.
    """
    if name not in INITIALIZERS:
        raise ValueError(f"unknown initializer {name!r}; known: {', '.join(sorted(INITIALIZERS))}")
    return INITIALIZERS[name](gain)
