"""Convolutions with padding by the kernel alone, and with dropout of their smallest weights."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.fixed_padding import FixedPaddingConv2D, TargetedConv2D, smallest_units, smallest_weights
from tests.layers.layer_test_case import run_layer_test


def test_zeros_are_put_on_both_sides_whatever_the_size_is():
    layer = FixedPaddingConv2D(1, 3, strides=2, kernel_initializer="ones")
    found = ops.convert_to_numpy(layer(ops.ones((1, 4, 4, 1))))[0, :, :, 0]
    np.testing.assert_allclose(found, [[4, 6], [6, 9]])  # TensorFlow's own "same" pads below and to the right
    assert len(layer.weights) == 1


def test_without_strides_the_size_is_kept():
    layer, plain = FixedPaddingConv2D(2, 7), keras.layers.Conv2D(2, 7, padding="same", use_bias=False)
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 3)).astype("float32")
    for convolution in (layer, plain):
        convolution.build(x.shape)
    plain.kernel.assign(layer.weights[0])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(plain(x)), rtol=1e-5, atol=1e-5)


KERNEL = np.array([[1.0, -6.0], [-2.0, 5.0], [3.0, -4.0], [-4.0, 3.0]], "float32").reshape(2, 2, 1, 2)


def test_which_weights_and_which_channels_are_the_smallest():
    weights = ops.convert_to_numpy(smallest_weights(ops.convert_to_tensor(KERNEL), 1))
    np.testing.assert_array_equal(weights.reshape(4, 2), [[1, 0], [1, 0], [0, 1], [0, 1]])
    units = ops.convert_to_numpy(smallest_units(ops.convert_to_tensor(KERNEL), 0))
    np.testing.assert_array_equal(units.reshape(4, 2), [[1, 0]] * 4)


def targeted(**options):
    layer = TargetedConv2D(2, 2, **options)
    layer.build((None, 4, 4, 1))
    layer.weights[0].assign(KERNEL)
    return layer


def test_outside_training_the_smallest_are_left_out():
    layer = targeted(target="weight", targeting_rate=0.5, keep_prob=0.5)
    pruned = ops.convert_to_numpy(layer.weights_now(training=False)).reshape(4, 2)
    np.testing.assert_array_equal(pruned, [[0, -6], [0, 5], [3, 0], [-4, 0]])


def test_in_training_targeted_weights_are_dropped_at_random():
    keras.utils.set_random_seed(0)
    layer = targeted(target="weight", targeting_rate=0.25, keep_prob=0.5)
    drawn = np.array([ops.convert_to_numpy(layer.weights_now(training=True)).reshape(4, 2) for _ in range(40)])
    np.testing.assert_array_equal(drawn[:, 2:, 0], np.broadcast_to([3, -4], (40, 2)))  # the largest stay
    assert set(drawn[:, 0, 0]) == {0.0, 2.0}
    assert 8 < (drawn[:, 0, 0] == 0).sum() < 32


@pytest.mark.parametrize("training", [False, True])
def test_with_keep_prob_1_nothing_is_dropped(training):
    layer = targeted(target="unit", targeting_rate=0.0, keep_prob=1.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.weights_now(training)), KERNEL)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("kind", [FixedPaddingConv2D, TargetedConv2D])
def test_it_is_a_keras_layer(kind, strides):
    x = np.random.default_rng(0).normal(size=(2, 6, 7, 3)).astype("float32")
    layer = kind(4, 3, strides=strides)
    y = run_layer_test(layer, x)
    assert tuple(layer.compute_output_shape(x.shape)) == tuple(y.shape)
