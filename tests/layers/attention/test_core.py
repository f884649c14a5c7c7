"""Dot-product attention: T2T's own values (1e-5), values by hand, dtypes and rows in which every key is masked."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import core
from tests.layers.layer_test_case import assert_close, golden_case, run_layer_test

LOGITS = np.random.default_rng(0).normal(scale=4, size=(2, 3, 5, 7))
KEYS = np.broadcast_to(np.eye(7), (2, 3, 7, 7))  # so that q k^T is q


def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", ["dot_product_attention", "dot_product_attention_nobias"])
def test_dot_product_attention_equals_t2t(golden, name):
    args, inputs, (expected,), _ = golden_case(golden, name)
    assert_close(core.dot_product_attention(**args, **inputs), expected)
    assert_close(core.DotProductAttention()(**args, **inputs), expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float16", 1e-3)])
def test_weights_are_the_softmax_in_the_dtype_of_the_queries(dtype, tolerance):
    bias = np.where(np.arange(7) < 4, 0.0, -1e9).astype("float32")
    q, k = (ops.convert_to_tensor(x.astype(dtype)) for x in (LOGITS, KEYS))
    weights = core.attention_weights(q, k, bias)
    assert ops.dtype(weights) == dtype
    expected = softmax(np.where(bias == 0, LOGITS, -np.inf))
    np.testing.assert_allclose(ops.convert_to_numpy(weights).astype("float64"), expected, atol=tolerance)
    np.testing.assert_array_equal(ops.convert_to_numpy(weights)[..., 4:], 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_query_whose_keys_are_all_masked_has_equal_weights_in_half_precision(dtype):
    """-1e9 is infinite in float16: a softmax there would give not-a-number."""
    q, k = ops.cast(LOGITS, dtype), ops.cast(KEYS, dtype)
    weights = core.attention_weights(q, k, np.full(LOGITS.shape, -1e9, "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(weights, "float32")), 1 / 7, rtol=4e-3)


def test_extra_logits_are_added_to_the_products():
    q, k, v = normal(2, 2, 4, 8), normal(2, 2, 5, 8, seed=1), normal(2, 2, 5, 3, seed=2)
    extra, bias = normal(4, 5, seed=3), normal(2, 1, 1, 5, seed=4)
    expected = softmax(q @ k.swapaxes(-1, -2) + extra + bias) @ v
    q, k, v, extra = map(ops.convert_to_tensor, (q, k, v, extra))
    assert_close(core.dot_product_attention(q, k, v, bias, extra_logits=extra), expected)


def test_blocks_before_the_heads_make_no_difference():
    q, k, v = (normal(2, 3, 2, 5, 4, seed=i) for i in range(3))
    whole = core.dot_product_attention(*map(ops.convert_to_tensor, (q, k, v)))
    for block in range(3):
        part = core.dot_product_attention(*(ops.convert_to_tensor(x[:, block]) for x in (q, k, v)))
        assert_close(whole[:, block], part)


def test_heads_are_split_and_combined():
    x = normal(2, 5, 6)
    heads = core.split_heads(ops.convert_to_tensor(x), 3)
    assert_close(heads[:, 1], x[:, :, 2:4])
    assert_close(core.combine_heads(heads), x)


def test_dot_product_attention_is_a_keras_layer():
    q, k, v = normal(2, 2, 4, 8), normal(2, 2, 5, 8, seed=1), normal(2, 2, 5, 3, seed=2)
    layer = core.DotProductAttention(dropout=0.1, dropout_broadcast_dims=(0,), hard_attention_k=3)
    assert run_layer_test(layer, q, k, v, known_lengths=(2,)).shape == (2, 2, 4, 3)


def test_dropout_is_on_the_weights_and_in_training_only():
    layer = core.DotProductAttention(dropout=0.5, dropout_broadcast_dims=(1,))
    v = np.broadcast_to(np.eye(64, dtype="float32"), (2, 2, 64, 64))  # the output is the weights
    zeros = np.zeros((2, 2, 64, 64), "float32")
    assert_close(layer(zeros, zeros, v), np.full(v.shape, 1 / 64))
    dropped = ops.convert_to_numpy(layer(zeros, zeros, v, training=True)) * 64
    np.testing.assert_allclose(np.unique(dropped), [0, 2], atol=1e-5)
    np.testing.assert_array_equal(dropped[:, 0], dropped[:, 1])
    assert (dropped[0] != dropped[1]).any()


def test_gumbel_noise_changes_the_keys_of_hard_attention():
    q, k, v = (normal(2, 2, 6, 4, seed=i) for i in range(3))
    plain = core.DotProductAttention(hard_attention_k=2)
    noisy = core.DotProductAttention(hard_attention_k=2, gumbel_noise_weight=1.0)
    np.testing.assert_array_equal(plain(q, k, v), plain(q, k, v))
    assert (ops.convert_to_numpy(noisy(q, k, v)) != ops.convert_to_numpy(noisy(q, k, v))).any()


def test_hard_attention_looks_at_few_keys():
    weights = ops.softmax(ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 9))), axis=-1)
    hard = ops.convert_to_numpy(core.hard_weights(weights, k=3))
    assert ((hard > 0).sum(-1) == 2).all()  # the k-th itself is subtracted to 0, as in T2T
    np.testing.assert_allclose(hard.sum(-1), 1.0, rtol=1e-5)


def test_hard_attention_with_fewer_keys_than_k_changes_nothing():
    weights = ops.softmax(ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 5))), axis=-1)
    assert_close(core.hard_weights(weights, k=8), ops.convert_to_numpy(weights))
