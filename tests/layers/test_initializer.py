"""Initializers by T2T's names: the spread of the values they give."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.initializer import INITIALIZERS, get_initializer, unseeded


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


def test_layers_that_share_an_initializer_start_different():
    initializer = get_initializer("uniform_unit_scaling", 1.0)
    first, second = (ops.convert_to_numpy(initializer((4, 4))) for _ in range(2))
    assert (first != second).all()
    keras.utils.set_random_seed(3)
    before = ops.convert_to_numpy(initializer((4, 4)))
    keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(ops.convert_to_numpy(initializer((4, 4))), before)


@pytest.mark.parametrize("given", ["glorot_uniform", keras.initializers.GlorotUniform()])
def test_no_two_projections_of_an_attention_start_equal(given):
    layer = MultiHeadAttention(8, 2, kernel_initializer=given)
    layer.build((None, None, 8))
    kernels = [ops.convert_to_numpy(variable) for variable in layer.weights]
    assert len({kernel.tobytes() for kernel in kernels}) == 4


def test_fresh_initializer_is_serializable():
    initializer = unseeded(keras.initializers.RandomNormal(stddev=0.3))
    copy = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert copy.get_config() == initializer.get_config()
    assert unseeded(copy) is copy


def test_every_name_makes_an_initializer():
    assert all(isinstance(get_initializer(name, 1.0), keras.initializers.Initializer) for name in INITIALIZERS)


def test_importing_every_module_draws_no_random_numbers():
    code = """
import importlib, pkgutil, random
import keras, numpy, tensorflow, tensor2keras
from keras.src.backend.common import global_state
random.seed(1)
numpy.random.seed(1)
before = random.getstate(), repr(numpy.random.get_state())
for module in pkgutil.walk_packages(tensor2keras.__path__, "tensor2keras."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        assert (random.getstate(), repr(numpy.random.get_state())) == before, module.name
        assert global_state.get_global_attribute("global_seed_generator") is None, module.name
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
