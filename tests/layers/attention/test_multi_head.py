"""Attention biases and multi-head attention against T2T's own values (1e-5), and what they mean."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import multi_head as attention
from tests.helpers import load_case


def case(golden, name):
    arrays, _ = load_case(golden / "layers", name)
    inputs = {key[3:]: value for key, value in arrays.items() if key.startswith("in/")}
    outputs = [arrays[key] for key in sorted(arrays) if key.startswith("out/")]
    variables = {key[4:]: value for key, value in arrays.items() if key.startswith("var/")}
    args = json.loads((golden / "layers" / "index.json").read_text())[name]["args"]
    return args, inputs, outputs[0], variables


def assert_close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=tolerance, atol=tolerance)


BIASES = {
    "attention_bias_lower_triangle": lambda length: attention.causal_bias(length),
    "attention_bias_local_2_0": attention.local_bias,
    "attention_bias_local_1_2": attention.local_bias,
    "attention_bias_local_-1_0": attention.local_bias,
    "attention_bias_proximal": attention.proximal_bias,
    "attention_bias_ignore_padding": lambda memory_padding: attention.ignore_padding_bias(memory_padding),
    "attention_bias_to_padding": lambda attention_bias: attention.bias_to_padding(attention_bias),
    "attention_bias_same_segment": lambda query_segment_id, memory_segment_id: attention.same_segment_bias(
        query_segment_id, memory_segment_id
    ),
    "attention_bias_prepend_inputs_full_attention": attention.prepend_inputs_full_bias,
    "embedding_to_padding": lambda emb: attention.embedding_padding(emb),
    "dot_product_attention": attention.dot_product_attention,
    "dot_product_attention_nobias": attention.dot_product_attention,
}


@pytest.mark.parametrize("name", BIASES)
def test_function_equals_t2t(golden, name):
    args, inputs, expected, _ = case(golden, name)
    tensors = {key: ops.convert_to_tensor(value) for key, value in inputs.items()}
    assert_close(BIASES[name](**args, **tensors), expected)


def test_batch_bias_equals_t2t(golden):
    _, inputs, expected, _ = case(golden, "attention_bias_batch")
    actual = attention.batch_bias(
        ops.convert_to_tensor(inputs["batch_coordinates_q"]),
        ops.convert_to_tensor(inputs["batch_coordinates_k"]),
        lambda distance: ops.minimum(1.0, ops.abs(distance)),
    )
    assert_close(actual, expected)


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
    args, inputs, expected, variables = case(golden, name)
    layer = attention.MultiHeadAttention(
        args["output_depth"],
        args["num_heads"],
        key_size=args["total_key_depth"],
        value_size=args["total_value_depth"],
        **options,
    )
    query, memory = inputs["query_antecedent"], inputs.get("memory_antecedent")
    layer.build(query.shape, None if memory is None else memory.shape)
    for variable in layer.weights:
        variable.assign(variables["layer/" + variable.path].reshape(variable.shape))
    assert_close(layer(query, memory, inputs["bias"]), expected)


def self_attention(**options):
    layer = attention.MultiHeadAttention(8, 2, **options)
    layer.build((None, None, 8))
    return layer


def random_input(length=6, batch=3):
    return np.random.default_rng(0).normal(size=(batch, length, 8)).astype("float32")


@pytest.mark.parametrize("options", [{}, {"variables_3d": True}])
def test_steps_with_a_cache_equal_causal_attention(options):
    layer, x = self_attention(**options), random_input(6)
    expected = layer(x, bias=attention.causal_bias(6))
    cache = layer.init_cache(3, 8)  # two positions more than are used
    for position in range(6):
        later = attention.causal_bias(8)[:, :, position : position + 1]
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


def test_hard_attention_looks_at_few_keys():
    weights = ops.softmax(ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 9))), axis=-1)
    hard = ops.convert_to_numpy(attention.hard_weights(weights, k=3))
    assert ((hard > 0).sum(-1) == 2).all()  # the k-th itself is subtracted to 0, as in T2T
    np.testing.assert_allclose(hard.sum(-1), 1.0, rtol=1e-5)


def test_hard_attention_with_fewer_keys_than_k_changes_nothing():
    weights = ops.softmax(ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 5))), axis=-1)
    assert_close(attention.hard_weights(weights, k=8), ops.convert_to_numpy(weights))


def test_broadcast_dropout_shares_its_mask():
    dropped = attention.broadcast_dropout(0.5, 4, (0, 1), seed=3)(np.ones((3, 2, 8, 8), "float32"), training=True)
    dropped = ops.convert_to_numpy(dropped)
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert (dropped == dropped[:1, :1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, "key_size=8 must be divisible by num_heads=3"),
        ({"num_heads": 2, "value_size": 7}, "value_size=7 must be divisible by num_heads=2"),
        ({"num_heads": 2, "attention_type": "dot"}, "unknown attention_type 'dot'; known: dot_product"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        attention.MultiHeadAttention(8, **options)


def test_config_round_trip():
    layer = self_attention(dropout=0.1, dropout_broadcast_dims=(0, 1), key_size=16)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert keras.saving.deserialize_keras_object(config).get_config() == layer.get_config()
