"""Initializers by T2T's names: the spread of the values they give."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.initializer import INITIALIZERS, get_initializer


@pytest.mark.parametrize(
    ("name", "gain", "deviation"),
    [
        ("uniform", 1.0, 0.1 / 3**0.5),
        ("normal_unit_scaling", 1.0, 300**-0.5),
        ("uniform_unit_scaling", 1.0, 300**-0.5),
        ("uniform_unit_scaling", 2.0, (2 / 300) ** 0.5),
        ("xavier", 1.0, 300**-0.5),
        ("orthogonal", 1.0, 400**-0.5),
    ],
)
def test_deviation_of_a_200_by_400_kernel(name, gain, deviation):
    keras.utils.set_random_seed(0)
    kernel = ops.convert_to_numpy(get_initializer(name, gain)((200, 400)))
    np.testing.assert_allclose(kernel.std(), deviation, rtol=0.02)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown initializer 'he'; known: normal_unit_scaling"):
        get_initializer("he", 1.0)


def test_every_name_makes_an_initializer():
    assert all(isinstance(get_initializer(name, 1.0), keras.initializers.Initializer) for name in INITIALIZERS)
