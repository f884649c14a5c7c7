"""Multi-head attention against T2T's own values (1e-5), and its cache."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias
from tensor2keras.layers.attention.multi_head import ATTENTION_TYPES, MultiHeadAttention
from tests.layers.layer_test_case import assert_close, golden_case, run_layer_test


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("multihead_attention_self", {}),
        ("multihead_attention_encdec", {}),
        ("multihead_attention_vars3d", {"variables_3d": True}),
        (
            "multihead_attention_self_conv3",
            {"query_filter_width": 3, "key_filter_width": 3, "filter_padding": "LEFT"},
        ),
    ],
)
def test_multi_head_attention_equals_t2t(golden, name, options):
    args, inputs, (expected,), variables = golden_case(golden, name)
    layer = MultiHeadAttention(
        args["output_depth"],
        args["num_heads"],
        key_size=args["total_key_depth"],
        value_size=args["total_value_depth"],
        **options,
    )
    query, memory = inputs["query_antecedent"], inputs.get("memory_antecedent")
    layer.build(query.shape, None if memory is None else memory.shape)
    for variable in layer.weights:
        variable.assign(variables[variable.path].reshape(variable.shape))
    assert_close(layer(query, memory, inputs["bias"]), expected)


def self_attention(**options):
    layer = MultiHeadAttention(8, 2, **options)
    layer.build((None, None, 8))
    return layer


def random_input(length=6, batch=3):
    return np.random.default_rng(0).normal(size=(batch, length, 8)).astype("float32")


@pytest.mark.parametrize("options", [{}, {"variables_3d": True}])
def test_steps_with_a_cache_equal_causal_attention(options):
    layer, x = self_attention(**options), random_input(6)
    expected = layer(x, bias=causal_bias(6))
    cache = layer.init_cache(3, 8)  # two positions more than are used
    for position in range(6):
        later = causal_bias(8)[:, :, position : position + 1]
        y, cache = layer.step(ops.convert_to_tensor(x[:, position : position + 1]), position, cache, later)
        assert_close(y[:, 0], ops.convert_to_numpy(expected)[:, position])


def test_projected_memory_attends_like_the_memory():
    layer, query, memory = self_attention(), random_input(1), random_input(5)
    keys, values = layer.project_memory(ops.convert_to_tensor(memory))
    assert_close(layer.attend_to_projected(ops.convert_to_tensor(query), keys, values), layer(query, memory))


def test_beams_share_the_projected_memory_of_their_input():
    layer, queries, memory = self_attention(), random_input(1, batch=6), random_input(5)
    keys, values = layer.project_memory(ops.convert_to_tensor(memory))
    expected = layer(queries, np.repeat(memory, 2, axis=0))
    assert_close(layer.attend_to_projected(ops.convert_to_tensor(queries), keys, values), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, "num_heads=3 must divide hidden_size=8"),
        ({"num_heads": 2, "value_size": 7}, "num_heads=2 must divide value_size=7"),
        ({"num_heads": 2, "attention_type": "dot"}, "unknown attention_type 'dot'; known: dot_product"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(8, **options)


OPTIONS = {
    "dot_product_area": {"max_area_width": 2},
    "dot_product_relative": {"max_relative_position": 3},
    "dot_product_relative_v2": {"max_relative_position": 3},
    "dot_product_unmasked_relative_v2": {"max_relative_position": 3},
    "masked_dilated_1d": {"block_length": 2, "memory_block_size": 2},
    "unmasked_dilated_1d": {"block_length": 2, "memory_block_size": 2},
    "local_unmasked": {"block_length": 4, "filter_width": 2},
}


@pytest.mark.parametrize("kind", ATTENTION_TYPES)
def test_every_attention_type_makes_a_keras_layer(kind):
    options = OPTIONS.get(kind, {"block_length": 4} if "local" in kind else {})
    layer = MultiHeadAttention(8, 2, dropout=0.1, attention_type=kind, attention_options=options)
    assert run_layer_test(layer, random_input(7), tolerance=1e-5).shape == (3, 7, 8)


def test_it_is_a_keras_layer_with_memory_and_bias():
    layer = MultiHeadAttention(8, 2, key_size=16, dropout=0.1, dropout_broadcast_dims=(0, 1), variables_3d=True)
    bias = np.random.default_rng(1).normal(size=(3, 1, 1, 5)).astype("float32")
    assert run_layer_test(layer, random_input(6), random_input(5), bias).shape == (3, 6, 8)
