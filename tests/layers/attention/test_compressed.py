"""Self-attention that takes less memory: what it computes, and that steps give the same."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.compressed import MemoryCompressedAttention, MemoryEfficientAttention
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tests.layers.layer_test_case import assert_close, run_layer_test


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def compressed(factor=3):
    layer = MemoryCompressedAttention(AttentionOptions(hidden_size=8, num_heads=2), factor)
    layer.build((None, None, 8))
    return layer


def efficient():
    layer = MemoryEfficientAttention(8, 2)
    layer.build((None, None, 8))
    for i, variable in enumerate(layer.weights):
        variable.assign(normal(*variable.shape, seed=i))
    return layer


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


def test_a_query_attends_to_the_first_position_and_the_blocks_before_it():
    layer, x = compressed(), normal(1, 8, 8)
    kernel, bias = (ops.convert_to_numpy(w) for w in layer.conv.weights)
    q, k, v, out = (
        ops.convert_to_numpy(getattr(layer.attention, f"{name}_projection").kernel)
        for name in ("query", "key", "value", "output")
    )
    blocks = [np.einsum("fc,fcd->d", x[0, i : i + 3], kernel[0]) + bias for i in (0, 3)]
    expected = np.zeros((8, 8))
    for position in range(8):
        memory = np.stack([x[0, 0], *blocks[: position // 3]])
        for head in (slice(0, 4), slice(4, 8)):
            query = (x[0, position] @ q)[head] / 2  # the root of a head's width
            weights = softmax((memory @ k)[:, head] @ query)
            expected[position] += (weights @ (memory @ v)[:, head]) @ out[head]
    assert_close(layer(x)[0], expected, 1e-4)


@pytest.mark.parametrize("make", [compressed, efficient])
def test_they_are_keras_layers(make):
    assert run_layer_test(make(), normal(2, 7, 8)).shape == (2, 7, 8)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_steps_equal_the_whole_sequence(length):
    layer, x = compressed(), normal(2, length, 8)
    expected = layer(x)
    cache = layer.init_cache(2, 7)
    for i in range(length):
        y, cache = layer.step(ops.convert_to_tensor(x[:, i : i + 1]), ops.convert_to_tensor(i, "int32"), cache)
        assert_close(y[:, 0], expected[:, i])


def test_a_factor_of_1_compresses_nothing():
    layer, x = compressed(1), normal(2, 5, 8)
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == x.shape
    for i in range(5):  # each position is seen by itself: by those that follow, not by those before
        changed = x.copy()
        changed[:, i] += 1.0
        difference = np.abs(ops.convert_to_numpy(layer(changed)) - y).max(axis=(0, 2))
        assert np.all(difference[:i] < 1e-6)
        assert np.all(difference[i + 1 :] > 1e-6)


def test_memory_efficient_attention_is_attention_to_normed_inputs():
    layer, x = efficient(), normal(1, 5, 8)
    wqkv, wo = ops.convert_to_numpy(layer.wqkv), ops.convert_to_numpy(layer.wo)
    scale, bias = ops.convert_to_numpy(layer.norm.scale), ops.convert_to_numpy(layer.norm.bias)
    normed = (x[0] - x[0].mean(-1, keepdims=True)) / np.sqrt(x[0].var(-1, keepdims=True) + 1e-6) * scale + bias
    expected = np.zeros((5, 8))
    for head in range(2):
        q, k, v = np.split(normed @ wqkv[head, 0], 3, axis=-1)
        for position in range(5):  # which attends to itself and earlier positions
            weights = softmax(k[: position + 1] @ q[position] / 2)
            expected[position] += weights @ v[: position + 1] @ wo[head, 0]
    later = np.triu(np.full((5, 5), -1e9, "float32"), 1)[None, None]
    assert_close(layer(x, bias=later)[0], expected, 1e-4)


def test_names_are_t2ts():
    conv, attention = "conv_elems_1d/conv2d", "multihead_attention"
    names = [f"{conv}/bias", f"{conv}/kernel", *(f"{attention}/{name}/kernel" for name in "kqv")]
    names.append(f"{attention}/output_transform/kernel")
    scope = "multihead_self_attention_reduced"
    assert {variable.path for variable in compressed().weights} == {f"{scope}/{name}" for name in names}


def test_sizes_that_cannot_be():
    with pytest.raises(ValueError, match="factor=0 must be 1 or more"):
        compressed(0)
    with pytest.raises(ValueError, match="num_heads=3 must divide hidden_size=8"):
        MemoryEfficientAttention(8, 3)
