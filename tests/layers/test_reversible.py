"""Reversible blocks; RevNet's own, with moving averages, is in `tests/models/test_revnet.py`."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.layers.reversible import ReversibleBlock
from tests.gradients import gradients
from tests.layers.layer_test_case import assert_close, run_layer_test

RANDOM = np.random.default_rng(0)
X1, X2 = RANDOM.normal(size=(2, 3, 4)).astype("float32")


@pytest.fixture
def block():
    layer = ReversibleBlock([tuple(keras.layers.Dense(4, activation="tanh") for _ in "fg") for _ in range(2)])
    layer.build((3, 4))
    return layer


def by_hand(block, x1, x2):
    """y1 = x1 + f(x2), y2 = x2 + g(y1), pair after pair."""
    for f, g in zip(block.functions[::2], block.functions[1::2], strict=True):
        x1 = x1 + f(x2)
        x2 = x2 + g(x1)
    return x1, x2


@pytest.mark.parametrize("training", [False, True])
def test_outputs_follow_the_equations(block, training):
    for found, expected in zip(block(X1, X2, training=training), by_hand(block, X1, X2), strict=True):
        assert_close(found, expected, 1e-6)


def test_gradients_of_inputs_and_weights_are_those_of_the_equations(block):
    inputs = [keras.Variable(X1, name="x1"), keras.Variable(X2, name="x2")]
    upstream = [ops.convert_to_tensor(RANDOM.normal(size=(3, 4)).astype("float32")) for _ in range(2)]

    def loss(call):
        values = call(*(ops.convert_to_tensor(x) for x in inputs))
        return sum(ops.sum(y * weights) for y, weights in zip(values, upstream, strict=True))

    variables = [*inputs, *block.trainable_variables]
    found = gradients(lambda: loss(lambda *x: block(*x, training=True)), variables)
    expected = gradients(lambda: loss(lambda *x: by_hand(block, *x)), variables)
    assert len(found) == 2 + 4 * 2
    for variable, one, other in zip(variables, found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6, err_msg=variable.path)
        assert np.abs(other).max() > 1e-3


def test_variables_lie_in_t2ts_scopes(block):
    assert {variable.path.rsplit("/", 2)[0] for variable in block.weights} == {
        f"revblock/revlayer_{i}/{name}" for i in range(2) for name in "fg"
    }


def test_it_is_a_keras_layer():
    x1, x2 = RANDOM.normal(size=(2, 2, 5, 4)).astype("float32")
    run_layer_test(ReversibleBlock([(keras.layers.Dense(4), LayerNorm())]), x1, x2)
