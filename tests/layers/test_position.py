"""Position signals against T2T's own values (1e-5), and what they mean."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import position
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test

FUNCTIONS = {
    "get_timing_signal_1d_7_8": position.get_timing_signal_1d,
    "get_timing_signal_1d_7_9": position.get_timing_signal_1d,
    "get_timing_signal_1d_5_2": position.get_timing_signal_1d,
    "get_timing_signal_1d_20_32_min_timescale_max_timescale": position.get_timing_signal_1d,
    "get_timing_signal_1d_6_8_start_index": position.get_timing_signal_1d,
    "add_timing_signal_1d": position.add_timing_signal_1d,
    "add_timing_signal_1d_given_position": position.add_timing_signal_1d_given_position,
    "add_timing_signal_nd_2d": position.add_timing_signal_nd,
    "add_timing_signal_nd_3d": position.add_timing_signal_nd,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signal_equals_t2t(golden, name):
    args, inputs, (expected,), _ = golden_case(golden, name)
    assert_close(FUNCTIONS[name](**inputs, **args), expected)


def test_positional_embedding_equals_t2t(golden):
    args, inputs, (expected,), variables = golden_case(golden, "add_positional_embedding")
    layer = position.PositionalEmbedding(args["max_length"], name=args["name"])
    layer.build(inputs["x"].shape)
    assign(layer, {f"{key}/table": value for key, value in variables.items()})
    assert_close(layer(inputs["x"]), expected)


def test_positional_embedding_nd_equals_t2t(golden):
    args, inputs, (expected,), variables = golden_case(golden, "add_positional_embedding_nd")
    layer = position.PositionalEmbeddingND(args["max_length"], prefix=args["name"])
    layer.build(inputs["x"].shape)
    assign(layer, {f"table/{key}": value for key, value in variables.items()})
    assert_close(layer(inputs["x"]), expected)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("layer", [position.PositionalEmbedding(5), position.PositionalEmbedding(3)])
def test_positional_embedding_is_a_keras_layer(layer):
    run_layer_test(layer, normal(2, 5, 8))


def test_positional_embedding_nd_is_a_keras_layer():
    run_layer_test(position.PositionalEmbeddingND(5, prefix="pe"), normal(2, 4, 5, 8), known_lengths=(4, 5))


def test_an_image_larger_than_the_tables_is_refused():
    with pytest.raises(ValueError, match=r"axis 2 of shape .* is longer than max_length=4"):
        position.PositionalEmbeddingND(4, prefix="pe").build((None, 4, 5, 8))


def test_one_position_at_a_time_equals_all_at_once():
    x, layer = normal(2, 6, 8), position.PositionalEmbedding(6)
    for add in (position.add_timing_signal_1d, layer):
        steps = [add(ops.convert_to_tensor(x[:, i : i + 1]), start_index=i) for i in range(6)]
        assert_close(ops.concatenate(steps, axis=1), add(ops.convert_to_tensor(x)))


def test_given_positions_look_up_their_own_vectors():
    layer = position.PositionalEmbedding(4)
    y = layer(np.zeros((1, 4, 8), "float32"), np.array([[2, 0, 0, 3]]))
    table = ops.convert_to_numpy(layer.table)
    assert_close(y[0], table[[2, 0, 0, 3]])


def test_positions_beyond_the_table_add_nothing():
    x, layer = normal(1, 5, 8), position.PositionalEmbedding(3)
    y = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(y[:, 3:], x[:, 3:])
    assert (y[:, :3] != x[:, :3]).all()


def test_positions_from_features_divide_the_channels():
    x = ops.zeros((1, 3, 8))
    depth = ops.convert_to_tensor([[0, 5, 1]])
    y = position.add_timing_signals_from_features(x, {"depth": depth}, "depth,")
    assert_close(y[..., :4], position.timing_signal(depth, 4))
    assert_close(y[..., 4:], position.timing_signal(ops.arange(3), 4)[None])


def test_an_absent_feature_is_named():
    with pytest.raises(KeyError, match="depth"):
        position.add_timing_signals_from_features(ops.zeros((1, 3, 8)), {}, "depth")


def test_signal_is_the_papers():
    signal = ops.convert_to_numpy(position.get_timing_signal_1d(3, 4))[0]
    timescales = np.array([1.0, 1e4])
    for row, vector in enumerate(signal):
        np.testing.assert_allclose(vector, [*np.sin(row / timescales), *np.cos(row / timescales)], atol=1e-7)
