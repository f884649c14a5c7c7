"""Attention biases against T2T's own values (1e-5), and what they mean."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import bias as biases
from tests.layers.layer_test_case import assert_close, golden_case

BIASES = {
    "attention_bias_lower_triangle": biases.causal_bias,
    "attention_bias_local_2_0": biases.local_bias,
    "attention_bias_local_1_2": biases.local_bias,
    "attention_bias_local_-1_0": biases.local_bias,
    "attention_bias_proximal": biases.proximal_bias,
    "attention_bias_ignore_padding": lambda memory_padding: biases.ignore_padding_bias(memory_padding),
    "attention_bias_to_padding": lambda attention_bias: biases.bias_to_padding(attention_bias),
    "attention_bias_same_segment": lambda query_segment_id, memory_segment_id: biases.same_segment_bias(
        query_segment_id, memory_segment_id
    ),
    "attention_bias_prepend_inputs_full_attention": biases.prepend_inputs_full_bias,
    "embedding_to_padding": lambda emb: biases.embedding_padding(emb),
}


@pytest.mark.parametrize("name", BIASES)
def test_bias_equals_t2t(golden, name):
    args, inputs, (expected,), _ = golden_case(golden, name)
    assert_close(BIASES[name](**args, **inputs), expected)


def test_batch_bias_equals_t2t(golden):
    _, inputs, (expected,), _ = golden_case(golden, "attention_bias_batch")
    coordinates = inputs["batch_coordinates_q"], inputs["batch_coordinates_k"]
    assert_close(biases.batch_bias(*coordinates, lambda distance: ops.minimum(1.0, ops.abs(distance))), expected)


@pytest.mark.parametrize(
    ("whole", "row"),
    [(biases.causal_bias, biases.causal_bias_of), (biases.proximal_bias, biases.proximal_bias_of)],
)
def test_a_bias_of_one_query_is_its_row(whole, row):
    expected = whole(6)
    for position in range(6):
        actual = row(ops.convert_to_tensor(position, "int32"), 6)
        assert actual.shape == (1, 1, 1, 6)
        assert_close(actual, expected[:, :, position : position + 1])


def test_the_masked_logit_stands_where_the_mask_is_true():
    masked = np.array([[True, False], [False, True]])
    expected = [[biases.MASKED_LOGIT, 0], [0, biases.MASKED_LOGIT]]
    for given in (masked, masked.astype("float32")):
        bias = biases.mask_bias(ops.convert_to_tensor(given))
        assert ops.dtype(bias) == "float32"
        np.testing.assert_array_equal(ops.convert_to_numpy(bias), expected)
