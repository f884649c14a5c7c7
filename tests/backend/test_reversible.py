"""Reversible chains have the values and gradients of plain ones."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import backend
from tests.gradients import gradients


def function(x, weights):
    """A nonlinear function, and an auxiliary value."""
    matrix, shift = weights
    return ops.tanh(ops.matmul(x, matrix) + shift), [ops.mean(x)]


@pytest.mark.parametrize("pairs", [1, 3])
def test_reversible_has_the_gradients_of_the_plain_chain(pairs):
    random = np.random.default_rng(0)
    inputs = [keras.Variable(random.normal(size=(2, 3))) for _ in range(2)]
    weights = [[keras.Variable(random.normal(size=size)) for size in ((3, 3), (3,))] for _ in range(2 * pairs)]

    def values():
        return [ops.convert_to_tensor(x) for x in inputs], [[ops.convert_to_tensor(w) for w in g] for g in weights]

    def reversible():
        (x1, x2), groups = values()
        y1, y2, _ = backend.reversible_chain(x1, x2, [function] * len(groups), groups)
        return ops.sum(y1 * y1) + ops.sum(ops.sin(y2))

    def plain():
        (x1, x2), groups = values()
        for f, g in zip(groups[::2], groups[1::2], strict=True):
            x1 = x1 + function(x2, f)[0]
            x2 = x2 + function(x1, g)[0]
        return ops.sum(x1 * x1) + ops.sum(ops.sin(x2))

    variables = [*inputs, *(variable for group in weights for variable in group)]
    assert float(reversible()) == pytest.approx(float(plain()), rel=1e-5)
    for found, expected in zip(gradients(reversible, variables), gradients(plain, variables), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_reversible_returns_auxiliary_values():
    x = ops.ones((2, 3))
    group = [ops.zeros((3, 3)), ops.zeros((3,))]
    _, _, aux = backend.reversible_chain(x, 2 * x, [function, function], [group, group])
    assert [[float(value) for value in values] for values in aux] == [[2.0], [1.0]]
