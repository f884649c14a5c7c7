"""Pooling over the positions of sequences."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import pooling

X = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32") - 3.0  # below the value of padding
PADDING = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]], "float32")


def test_lengths_end_with_the_last_real_position():
    inside = np.array([[0, 1, 0, 1]], "float32")
    assert ops.convert_to_numpy(pooling.lengths(np.concatenate([PADDING, inside]))).tolist() == [4, 2, 0, 3]


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (pooling.mean, lambda x: x.mean(axis=0)),
        (pooling.maximum, lambda x: x.max(axis=0)),
        (pooling.last, lambda x: x[-1]),
    ],
)
def test_pools_leave_out_padding(pool, expected):
    found = ops.convert_to_numpy(pool(X, PADDING))
    np.testing.assert_allclose(found[0], expected(X[0]), rtol=1e-5)
    np.testing.assert_allclose(found[1], expected(X[1, :2]), rtol=1e-5)
    assert np.all(np.isfinite(found[2]))
    np.testing.assert_allclose(ops.convert_to_numpy(pool(X))[1], expected(X[1]), rtol=1e-5)


def test_pictures_are_pooled_over_both_axes():
    x = X.reshape(3, 2, 2, 5)
    np.testing.assert_allclose(ops.convert_to_numpy(pooling.mean(x)), X.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(pooling.maximum(x)), X.max(axis=1), rtol=1e-5)
