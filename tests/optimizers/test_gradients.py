"""What happens to gradients before an optimizer applies them: weight decay, noise, clipping."""

import keras
import numpy as np
import pytest

from tensor2keras import optimizers
from tests.optimizers.steps import hparams_with, updates, variables_of


def test_weight_noise_moves_only_variables_of_a_body():
    other = keras.Variable(np.zeros((50, 50), "float32"), name="table")
    with keras.name_scope("model"), keras.name_scope("body"):
        body = keras.Variable(np.zeros((50, 50), "float32"), name="kernel")
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", weight_noise=3.0))
    moved = updates(optimizer, [body, other], [np.zeros((50, 50))] * 2)
    assert not moved[1].any()
    scale = 0.001 * 3.0 * 0.01
    assert abs(moved[0]).max() <= 2 * scale * (1 + 1e-5)  # truncated at two standard deviations
    assert 0.8 < moved[0].std() / scale < 1.0


def test_the_config_of_a_users_subclass_has_its_arguments():
    class Scaled(optimizers.GradientTransforms, keras.optimizers.Lion):
        def __init__(self, learning_rate=0.1, factor=1.0, **kwargs):
            super().__init__(learning_rate, **kwargs)
            self.factor = factor

    config = Scaled(factor=3.0, l2=0.5, beta_1=0.8).get_config()
    assert {name: config[name] for name in ("factor", "l2", "weight_noise", "beta_1")} == {
        "factor": 3.0, "l2": 0.5, "weight_noise": 0.0, "beta_1": 0.8,
    }  # fmt: skip
    assert Scaled.from_config(config).get_config() == config


def test_clipping_takes_the_norm_of_all_gradients_with_weight_decay():
    """SGD at rate 0.01 moves by 0.01 * gradient: here gradient + 0.5 * variable, clipped to norm 1."""
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", clip_grad_norm=1.0, weight_decay=0.5))
    moved = updates(optimizer, variables_of([[2.0]], [[0.0]]), [[[2.0]], [[4.0]]])
    np.testing.assert_allclose(moved, [[[-0.01 * 3 / 5]], [[-0.01 * 4 / 5]]], rtol=1e-4)


def test_weight_decay_spares_biases():
    weight, bias = keras.Variable(np.ones((2,), "float32"), name="scale"), keras.Variable(np.ones((2,)), name="bias")
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", weight_decay=0.5))
    moved = updates(optimizer, [weight, bias], [np.zeros(2), np.zeros(2)])
    np.testing.assert_allclose(moved, [[-0.005, -0.005], [0.0, 0.0]], rtol=1e-4)


def test_gradient_noise_has_the_asked_scale_and_changes_every_step():
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", grad_noise_scale=2.0))
    variables, gradient = variables_of(np.zeros((100, 100))), [np.zeros((100, 100))]
    first, second = updates(optimizer, variables, gradient)[0], updates(optimizer, variables, gradient)[0]
    assert abs(first).max() <= 0.01 * 2.0 * 2.0 + 1e-6  # truncated at two standard deviations
    assert 0.8 < first.std() / (0.01 * 2.0) < 1.0
    assert np.abs(first - second).max() > 0.01


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="sparse gradients are TensorFlow's")
def test_sparse_gradients_equal_dense_ones():
    import tensorflow as tf

    dense = np.zeros((5, 2), "float32")
    dense[1], dense[3] = 3.0, 1.0
    sparse = tf.IndexedSlices(tf.constant([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]]), tf.constant([1, 3, 1]), (5, 2))
    for name in ("adafactor", "adam"):
        optimizer, twin = (optimizers.from_hparams(hparams_with(optimizer=name, weight_decay=0.1)) for _ in range(2))
        variables, twins = variables_of(np.ones((5, 2))), variables_of(np.ones((5, 2)))
        optimizer.build(variables)
        optimizer.apply([sparse])
        updates(twin, twins, [dense])
        np.testing.assert_array_equal(variables[0].numpy(), twins[0].numpy())
