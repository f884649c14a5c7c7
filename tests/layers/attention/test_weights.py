"""The softmax of attention: values, dtypes and rows in which everything is hidden."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.weights import attention_weights, unchanged

LOGITS = np.random.default_rng(0).normal(scale=4, size=(2, 3, 5, 7))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float16", 1e-3)])
def test_weights_are_the_softmax_in_the_logits_dtype(dtype, tolerance):
    bias = np.where(np.arange(7) < 4, 0.0, -1e9).astype("float32")
    weights = attention_weights(ops.convert_to_tensor(LOGITS.astype(dtype)), bias)
    assert ops.dtype(weights) == dtype
    exponentials = np.exp(LOGITS) * (bias == 0)
    expected = exponentials / exponentials.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(ops.convert_to_numpy(weights).astype("float64"), expected, atol=tolerance)
    np.testing.assert_array_equal(ops.convert_to_numpy(weights)[..., 4:], 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_query_that_sees_nothing_has_equal_weights_in_half_precision(dtype):
    """-1e9 is infinite in float16: a softmax there would give not-a-number."""
    logits = ops.cast(LOGITS, dtype)
    weights = attention_weights(logits, np.full(LOGITS.shape, -1e9, "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(weights, "float32")), 1 / 7, rtol=4e-3)


def test_unchanged_gives_what_it_takes():
    weights = ops.ones((1, 2))
    assert unchanged(weights) is weights
