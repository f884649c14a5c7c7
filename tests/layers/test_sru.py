"""Simple recurrent units against a plain loop over steps."""

import numpy as np
from keras import ops

from tensor2keras.layers.sru import SRU
from tests.layers.layer_test_case import assert_close, run_layer_test

X = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")


def sru(num_layers=2):
    layer = SRU(4, num_layers)
    layer.build(X.shape)
    random = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(random.normal(scale=0.5, size=variable.shape))
    return layer


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_layers_equal_a_loop_over_steps():
    layer, expected = sru(), X
    for projection in layer.projections:
        kernel, bias = ops.convert_to_numpy(projection.kernel), ops.convert_to_numpy(projection.bias)
        c, outputs = np.zeros((2, 4)), []
        for t in range(X.shape[1]):
            y, f, r = np.split(expected[:, t] @ kernel + bias, 3, axis=-1)
            f, r = sigmoid(f), sigmoid(r)
            c = f * c + (1 - f) * y
            outputs.append(r * c + (1 - r) * expected[:, t])
        expected = np.stack(outputs, axis=1)
    assert_close(layer(X), expected, 1e-5)


def test_steps_equal_the_whole_sequence():
    layer = sru()
    expected, cache = layer(X), layer.init_cache(2)
    for t in range(X.shape[1]):
        y, cache = layer.step(ops.convert_to_tensor(X[:, t : t + 1]), cache)
        assert_close(y[:, 0], expected[:, t], 1e-5)


def test_is_a_keras_layer():
    run_layer_test(sru(1), X)
