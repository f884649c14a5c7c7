"""Attention within experts: who attends to whom, with which weight, and the balancing loss."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.expert import LocalExpertAttention
from tests.layers.layer_test_case import assert_close, run_layer_test


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def made(**options):
    layer = LocalExpertAttention(8, **{"num_experts": 4, "k": 2, "key_size": 4, "value_size": 6, **options})
    layer.build((None, None, 8))
    layer.gating.w_gate.assign(normal(*layer.gating.w_gate.shape))
    return layer


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


def attention_within_experts(layer, x):
    """The outputs [length, width] for one sequence, position by position."""
    expected = np.zeros_like(x)
    logits = x @ numpy(layer.gating.w_gate)
    chosen = np.argsort(logits, axis=-1)[:, -layer.k :]
    for position, vector in enumerate(x):
        weights = softmax(logits[position, chosen[position]])
        for number, weight in zip(chosen[position], weights, strict=True):
            expert = layer.experts[number]
            q, k, v, out = (
                numpy(getattr(expert, f"{name}_projection").kernel) for name in ("query", "key", "value", "output")
            )
            seen = x[[i for i in range(position + 1) if number in chosen[i]]]
            attention = softmax(seen @ k @ (vector @ q) * expert.scale)
            expected[position] += weight * (attention @ (seen @ v) @ out)
    return expected


def test_a_position_attends_to_those_before_it_in_its_experts():
    layer, x = made(), normal(2, 9, 8)
    expected = np.stack([attention_within_experts(layer, sequence) for sequence in x])
    assert_close(layer(x), expected, 1e-4)


def test_parts_of_a_position_go_to_experts_separately():
    layer, x = made(expansion=3, expansion_size=5, key_size=0, value_size=0), normal(1, 4, 8)
    (kernel, bias), (last_kernel, last_bias) = (
        [numpy(w) for w in conv.weights] for conv in (layer.expand, layer.compress)
    )
    parts = np.einsum("lc,poc->lpo", x[0], kernel[0]) + bias  # [length, parts, width]
    attended = attention_within_experts(layer, parts.reshape(12, 5)).reshape(4, 3, 5)
    assert_close(layer(x)[0], np.einsum("lpo,poc->lc", attended, last_kernel[0]) + last_bias, 1e-4)


def test_balancing_loss_of_three_positions_to_one():
    layer = made(num_experts=2, k=1, loss_coef=0.02)
    layer.gating.w_gate.assign(np.eye(8, 2))
    x = np.eye(8, dtype="float32")[None, [0, 0, 0, 1]]
    layer(x)
    (loss,) = layer.losses
    assert_close(loss, 0.02 * (0.25 + 0.25))  # gates and loads (3, 1): of mean 2 and variance 1
    layer(x, nonpadding=np.array([[1, 0, 0, 1]], "float32"))
    assert_close(layer.losses[0], 0.0)  # (1, 1)


def test_noise_only_in_training():
    layer, x = made(), normal(2, 5, 8)
    np.testing.assert_array_equal(numpy(layer(x)), numpy(layer(x)))
    assert (numpy(layer(x, training=True)) != numpy(layer(x, training=True))).any()


@pytest.mark.parametrize("options", [{}, {"expansion": 2, "expansion_size": 6, "num_heads": 2}])
def test_steps_equal_the_whole_sequence(options):
    layer, x = made(**options), normal(2, 6, 8)
    expected = layer(x)
    cache = layer.init_cache(2, 8)
    assert {leaf.shape[0] for leaf in keras.tree.flatten(cache)} == {2}
    for i in range(6):
        y, cache = layer.step(ops.convert_to_tensor(x[:, i : i + 1]), ops.convert_to_tensor(i, "int32"), cache)
        assert_close(y[:, 0], expected[:, i])


@pytest.mark.parametrize("options", [{}, {"expansion": 2, "expansion_size": 6}])
def test_it_is_a_keras_layer(options):
    layer = made(k=4, **options)  # all: in bfloat16 a position may choose others
    assert run_layer_test(layer, normal(2, 5, 8)).shape == (2, 5, 8)


def test_names_are_t2ts():
    scope = "attention_local_experts"
    moe = f"{scope}/local_expert_attention/local_moe"
    names = {variable.path for variable in made(num_experts=2, expansion=2).weights}
    parts = ("q", "k", "v", "output_transform")
    experts = {f"{moe}/parallel_{i}/multihead_attention/{part}/kernel" for i in range(2) for part in parts}
    gating = {f"{moe}/noisy_top_k_gating/{name}" for name in ("w_gate", "w_noise")}
    convolutions = ("deconv_elems_1d/conv2d_transpose", "conv_elems_1d/conv2d")
    assert names == experts | gating | {
        f"{scope}/{name}/{part}" for name in convolutions for part in ("kernel", "bias")
    }


@pytest.mark.parametrize("k", [0, 5])
def test_k_must_be_a_number_of_experts(k):
    with pytest.raises(ValueError, match=f"k={k} must be from 1 to num_experts=4"):
        made(k=k)
