"""Kinds of self-attention of the Image Transformer: Keras's promises, steps against all at once, causality."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import image
from tensor2keras.layers.attention.local_2d import block_order
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.feed_forward import DenseReluDenseOptions
from tensor2keras.layers.residual import ResidualOptions
from tests.layers.layer_test_case import assert_close, run_layer_test, to_json

ROWS, COLUMNS = 4, 3
ATTENTION = AttentionOptions(hidden_size=8, num_heads=2, key_size=8, value_size=8)
SETTINGS = {
    "block_length": 3,
    "block_width": 2,
    "gap_size": 1,
    "num_memory_blocks": 1,
    "query_shape": (2, 2),
    "memory_flange": (2, 2),
}
CAUSAL = sorted(set(image.SELF_ATTENTION) - set(image.NOT_CAUSAL))


def make(kind):
    layer = image.self_attention(kind, ATTENTION, SETTINGS).make()
    layer.build((None, ROWS * COLUMNS, 8))
    return layer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def order_of(kind):
    return block_order((ROWS, COLUMNS), SETTINGS["query_shape"] if kind == "local_2d" else None)


@pytest.mark.parametrize("kind", sorted(set(image.SELF_ATTENTION) - {"local_2d"}))
def test_it_is_a_keras_layer(kind):
    assert run_layer_test(make(kind), normal(2, ROWS * COLUMNS, 8)).shape == (2, ROWS * COLUMNS, 8)


def test_two_dimensions_survive_json():
    layer, x = make("local_2d"), normal(2, ROWS * COLUMNS, 8)
    copy = keras.saving.deserialize_keras_object(to_json(keras.saving.serialize_keras_object(layer)))
    copy.set_weights(layer.get_weights())
    assert_close(copy(x, columns=COLUMNS), layer(x, columns=COLUMNS))


@pytest.mark.parametrize("kind", CAUSAL)
def test_steps_equal_the_whole_image(kind):
    layer, x = make(kind), normal(2, ROWS * COLUMNS, 8)
    expected, order = layer(x, columns=COLUMNS), order_of(kind)
    cache = layer.init_cache(2, order)
    for step, place in enumerate(order.order.tolist()):
        position = ops.convert_to_tensor(step, "int32")
        y, cache = layer.step(ops.convert_to_tensor(x[:, place : place + 1]), position, cache, order)
        assert_close(y[:, 0], expected[:, place])


@pytest.mark.parametrize("kind", CAUSAL)
def test_no_place_attends_to_one_decoded_later(kind):
    layer, x, order = make(kind), normal(2, ROWS * COLUMNS, 8), order_of(kind).order
    expected = layer(x, columns=COLUMNS)
    x[:, order[7:]] += 1.0
    earlier = order[:7].tolist()
    assert_close(ops.take(layer(x, columns=COLUMNS), earlier, axis=1), ops.take(expected, earlier, axis=1))


def test_a_layer_with_an_encoded_image_is_a_keras_layer():
    layer = image.ImageTransformerLayer(
        image.self_attention("global", ATTENTION, {}),
        DenseReluDenseOptions(hidden_size=8, filter_size=16),
        ResidualOptions(),
        ATTENTION,
    )
    x, memory = normal(2, 6, 8), normal(2, 5, 8, seed=1)
    layer.build(x.shape)
    assert layer(x, memory=memory).shape == (2, 6, 8)
    copy = keras.saving.deserialize_keras_object(to_json(keras.saving.serialize_keras_object(layer)))
    copy.set_weights(layer.get_weights())
    assert [variable.path for variable in copy.weights] == [variable.path for variable in layer.weights]
    assert_close(copy(x, memory=memory), layer(x, memory=memory))


def test_unknown_kinds_and_odd_sizes_are_refused():
    with pytest.raises(ValueError, match="unknown dec_attention_type 'none'; known: dilated, global"):
        image.self_attention("none", ATTENTION, {})
    with pytest.raises(ValueError, match="hidden_size=8 and num_heads=1 must be even to be halved"):
        image.LocalGlobalAttention(AttentionOptions(hidden_size=8, num_heads=1), 4)
