"""Relative attention against T2T's own values (1e-5)."""

import json

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias, causal_bias_of
from tensor2keras.layers.attention.relative import (
    RelativeAttention,
    RelativeAttentionV2,
    shift_to_distances,
    shift_to_keys,
)
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test

V2 = [
    (masked, limit, share, values)
    for masked in (True, False)
    for limit in (3, 7, 20)
    for share in (False, True)
    for values in (False, True)
]


def check(golden, name, layer):
    _, inputs, (expected,), variables = golden_case(golden, name)
    layer.build(inputs["q"].shape)
    assign(layer, variables)
    assert_close(layer(**inputs), expected)


@pytest.mark.parametrize("name", ["dot_product_attention_relative", "dot_product_attention_relative_maxpos20"])
def test_relative_attention_equals_t2t(golden, name):
    args = json.loads((golden / "layers" / "index.json").read_text())[name]["args"]
    check(golden, name, RelativeAttention(args["max_relative_position"]))


@pytest.mark.parametrize(("masked", "limit", "share", "values"), V2)
def test_relative_attention_v2_equals_t2t(golden, masked, limit, share, values):
    kind = "dot_product_self" if masked else "dot_product_unmasked_self"
    name = f"{kind}_attention_relative_v2_m{limit}_share{share:d}_values{values:d}"
    check(golden, name, RelativeAttentionV2(limit, share, values, masked=masked))


def test_a_reach_of_zero_is_refused():
    with pytest.raises(ValueError, match="max_relative_position=0 must be at least 1"):
        RelativeAttention(0)


LAYERS = {
    "clipped": lambda: RelativeAttention(3),
    "masked": lambda: RelativeAttentionV2(3, add_relative_to_values=True),
    "unmasked": lambda: RelativeAttentionV2(3, heads_share_relative_embedding=True, masked=False),
}


def random_layer(name):
    layer = LAYERS[name]()
    layer.build((None, 2, None, 8))
    return layer


def queries_keys_values(length=6):
    return np.random.default_rng(0).normal(size=(3, 2, 2, length, 8)).astype("float32")


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_a_keras_layer(name):
    q, k, v = queries_keys_values()
    assert run_layer_test(random_layer(name), q, k, v, known_lengths=(2,)).shape == q.shape


@pytest.mark.parametrize("name", LAYERS)
def test_steps_equal_the_whole_sequence(name):
    q, k, v = queries_keys_values()
    layer = random_layer(name)
    expected = layer(q, k, v, bias=causal_bias(6))
    for position in range(6):
        query = ops.convert_to_tensor(q[:, :, position : position + 1])
        y = layer(query, k, v, causal_bias_of(position, 6), query_position=position)
        assert_close(y[:, :, 0], expected[:, :, position])


@pytest.mark.parametrize("masked", [True, False])
def test_shifts_undo_each_other(masked):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype("float32")
    by_distance = shift_to_distances(ops.convert_to_tensor(x), masked)
    again = ops.convert_to_numpy(shift_to_keys(by_distance, masked))
    known = np.tril(np.ones((5, 5), bool)) if masked else np.ones((5, 5), bool)
    np.testing.assert_array_equal(again[..., known], x[..., known])
