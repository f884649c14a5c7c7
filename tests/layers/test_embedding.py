"""The symbol embedding: padding, scale, tying, dense gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.embedding import SymbolEmbedding, TableEmbedding
from tests.layers.layer_test_case import run_layer_test


def embedding(**kwargs):
    layer = SymbolEmbedding(10, 4, **kwargs)
    layer.build()
    return layer


def test_ids_become_scaled_rows_and_padding_becomes_zero():
    layer = embedding(scale=2.0)
    table = ops.convert_to_numpy(layer.table)
    vectors = ops.convert_to_numpy(layer(np.array([[3, 0, 9]])))
    np.testing.assert_allclose(vectors, [[2 * table[3], 0 * table[0], 2 * table[9]]], rtol=1e-6)


def test_logits_use_the_unscaled_table_with_row_0():
    layer = embedding(scale=2.0)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    expected = x @ ops.convert_to_numpy(layer.table).T
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.logits(ops.convert_to_tensor(x))), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("layer", [SymbolEmbedding(10, 4, scale=2.0), TableEmbedding(10, 4, initializer="zeros")])
def test_what_keras_promises_of_a_layer(layer):
    run_layer_test(layer, np.array([[3, 0, 9], [1, 1, 2]], "int32"))


def test_initial_values_have_the_standard_deviation_of_the_paper():
    layer = SymbolEmbedding(2000, 64)
    layer.build()
    assert np.std(ops.convert_to_numpy(layer.table)) == pytest.approx(64**-0.5, rel=0.02)


def test_symbol_dropout_hides_symbols_in_training_only():
    layer = embedding(symbol_dropout=0.5)
    ids = np.full((4, 100), 3)
    hidden = ops.convert_to_numpy(ops.all(ops.equal(layer(ids, training=True), 0), axis=-1))
    assert 0.3 < hidden.mean() < 0.7
    assert not ops.convert_to_numpy(ops.all(ops.equal(layer(ids), 0), axis=-1)).any()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="IndexedSlices are TensorFlow's")
@pytest.mark.parametrize("make", [lambda: embedding(), lambda: TableEmbedding(10, 4)])
def test_gradient_is_a_dense_tensor(make):
    import tensorflow as tf

    layer = make()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([[3, 3, 1]])))
    (gradient,) = tape.gradient(total, layer.trainable_variables)
    assert isinstance(gradient, tf.Tensor)
    np.testing.assert_allclose(gradient[3], 2.0)
