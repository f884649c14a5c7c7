"""The norms against T2T's own values (1e-5)."""

import numpy as np
import pytest

from tensor2keras.layers import normalization
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test

CASES = {
    "layer_norm": {"norm_type": "layer"},
    "layer_norm_constant_input": {"norm_type": "layer"},
    "l2_norm": {"norm_type": "l2"},
    "noam_norm": {"norm_type": "noam"},
    "apply_norm_layer": {},
    "apply_norm_l2": {},
    "apply_norm_noam": {},
    "apply_norm_none": {},
}


@pytest.mark.parametrize("name", CASES)
def test_norm_equals_t2t(golden, name):
    args, inputs, (expected,), variables = golden_case(golden, name)
    layer = normalization.get_norm(args.get("norm_type", CASES[name].get("norm_type")), args.get("epsilon", 1e-6))
    layer.build(inputs["x"].shape)
    assign(layer, variables)
    assert_close(layer(inputs["x"]), expected)


@pytest.mark.parametrize("name", ["group_norm", "group_norm_g4", "apply_norm_group"])
def test_group_norm_equals_t2t(golden, name):
    args, inputs, (expected,), variables = golden_case(golden, name)
    layer = normalization.GroupNorm(args.get("num_groups", 8))
    layer.build(inputs["x"].shape)
    assign(layer, {f"group_norm/{key}": value for key, value in variables.items()})  # T2T opens no scope here
    assert_close(layer(inputs["x"]), expected)


@pytest.mark.parametrize("norm_type", ["layer", "group", "batch", "l2", "noam", "none"])
def test_norm_is_a_keras_layer(norm_type):
    x = np.random.default_rng(0).normal(size=(2, 5, 16)).astype("float32")
    run_layer_test(normalization.get_norm(norm_type), x)


def test_layer_norm_has_mean_0_and_variance_1():
    x = np.random.default_rng(0).normal(3.0, 7.0, size=(4, 6, 64)).astype("float32")
    y = np.asarray(normalization.LayerNorm()(x))
    np.testing.assert_allclose(y.mean(-1), 0.0, atol=1e-6)
    np.testing.assert_allclose(y.var(-1), 1.0, atol=1e-5)


def test_layer_norm_of_float16_does_not_overflow():
    x = np.full((1, 2, 8), 600.0, "float16") * np.array([1, -1] * 4, "float16")  # 600 ** 2 is beyond float16
    y = normalization.LayerNorm(dtype="mixed_float16")(x)
    assert_close(y, np.sign(x), 1e-3)


def test_unknown_norm_type_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown norm_type 'layers'; known: layer, group"):
        normalization.get_norm("layers")


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="10 channels cannot be divided into groups=8"):
        normalization.GroupNorm().build((None, None, 10))
