"""Batch normalization, scans of unknown length and look-ups have the values and gradients of plain Keras code."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import backend
from tests.gradients import gradients


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 3, 5)])
def test_batch_norm(shape):
    random = np.random.default_rng(0)
    x = random.normal(2.0, 3.0, shape).astype("float32")
    gamma, beta = random.normal(size=(2, 5)).astype("float32")
    y, mean, variance = map(
        ops.convert_to_numpy, backend.batch_norm(*map(ops.convert_to_tensor, (x, gamma, beta)), 1e-3)
    )
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(mean, x.mean(axes), rtol=1e-4)
    np.testing.assert_allclose(variance, x.var(axes), rtol=1e-4)
    expected = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-3) * gamma + beta
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_look_up_has_the_rows_and_a_dense_gradient(axis):
    values = np.arange(12.0, dtype="float32").reshape(4, 3)
    table = keras.Variable(np.moveaxis(values, 0, axis))
    ids = ops.convert_to_tensor([[3, 0, 3]])
    found = backend.look_up(table, ids, axis=axis)
    np.testing.assert_array_equal(np.moveaxis(found, (axis, axis + 1), (0, 1)), values[[[3, 0, 3]]])
    (gradient,) = gradients(lambda: ops.sum(backend.look_up(table, ids, axis=axis)), [table])
    np.testing.assert_array_equal(np.moveaxis(gradient, axis, 0), [[1] * 3, [0] * 3, [0] * 3, [2] * 3])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has sparse gradients")
def test_the_gradient_of_a_look_up_is_a_tensor_on_tensorflow():
    import tensorflow as tf

    table = keras.Variable(np.ones((4, 3), "float32"))
    with tf.GradientTape() as tape:
        total = ops.sum(backend.look_up(table, [1, 1]))
    assert isinstance(tape.gradient(total, table.value), tf.Tensor)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow's graphs have unknown lengths")
def test_scan_of_an_unknown_length_is_that_of_a_known_one():
    import tensorflow as tf

    def running_sums(x):
        def step(state, inputs):
            total, count = state
            now, factor = inputs
            return (total + factor * now, count + 1.0), (total, count * now)

        return backend.scan(step, (ops.zeros((2,)), ops.zeros((2,))), (x, 2.0 * x))

    x = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    found = tf.function(running_sums, input_signature=[tf.TensorSpec([None, 2])])(x)
    expected = running_sums(x)
    np.testing.assert_allclose(found[0][0], 2.0 * np.sum(x**2, axis=0), rtol=1e-5)
    for a, b in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
