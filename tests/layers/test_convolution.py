"""Convolutions against T2T's own values (1e-5)."""

import numpy as np
import pytest

from tensor2keras.layers import convolution
from tests.layers.layer_test_case import assert_close, assign, check_convolution, golden_case, run_causality_test

SEQUENCES = [f"conv1d_k3_{d}{padding}" for d in ("", "d2_") for padding in ("LEFT", "SAME", "VALID")]
IMAGES = [f"conv_3x{width}_{padding}" for width in (1, 3) for padding in ("LEFT", "SAME", "VALID")]
SEPARABLE = [f"separable_conv_3x1_{d}{padding}" for d in ("", "d2_") for padding in ("LEFT", "SAME", "VALID")]


@pytest.mark.parametrize("name", [*SEQUENCES, *IMAGES, "conv_3x3_stride2_SAME"])
def test_convolution_equals_t2t(golden, name):
    check_convolution(golden, name, convolution.conv)


@pytest.mark.parametrize("name", SEPARABLE)
def test_separable_convolution_equals_t2t(golden, name):
    check_convolution(golden, name, lambda **args: convolution.conv(separable=True, **args))


@pytest.mark.parametrize("separability", [-2, 0, 2, 3])
def test_subseparable_convolution_equals_t2t(golden, separability):
    check_convolution(golden, f"subseparable_conv_sep{separability}", convolution.SubseparableConv, prefix="conv/")


def test_conv_hidden_relu_equals_t2t(golden):
    args, inputs, (expected,), variables = golden_case(golden, "conv_hidden_relu")
    layer = convolution.ConvHiddenRelu(
        args["output_size"],
        args["hidden_size"],
        kernel_size=args["kernel_size"][0],
        second_kernel_size=args["second_kernel_size"][0],
    )
    x = inputs["inputs"][:, :, 0]
    layer.build(x.shape)
    assign(layer, {key: np.squeeze(value, 1) if value.ndim == 4 else value for key, value in variables.items()})
    assert_close(layer(x), expected[:, :, 0])


def test_sepconv_relu_sepconv_equals_t2t(golden):
    args, inputs, (expected,), variables = golden_case(golden, "sepconv_relu_sepconv")
    layer = convolution.ConvHiddenRelu(
        args["output_size"],
        args["filter_size"],
        kernel_size=args["first_kernel_size"][0],
        second_kernel_size=args["second_kernel_size"][0],
        padding="LEFT",
        separable=True,
        name="sepconv_relu_sepconv",
    )
    layer.build(inputs["inputs"].shape)
    assign(layer, {key: np.squeeze(value, 1) if value.ndim == 4 else value for key, value in variables.items()})
    assert_close(layer(inputs["inputs"], inputs["nonpadding_mask"]), expected)


@pytest.mark.parametrize("name", ["pool_MAX_SAME", "pool_MAX_LEFT", "pool_AVG_SAME", "pool_AVG_LEFT"])
def test_pool_equals_t2t(golden, name):
    args, inputs, (expected,), _ = golden_case(golden, name)
    y = convolution.pool(inputs["inputs"], args["window_size"], args["pooling_type"], args["padding"], args["strides"])
    assert_close(y, expected)


def test_strided_steps_equal_t2t(golden):
    args, inputs, (expected, *_), variables = golden_case(golden, "conv_stride2_multistep")
    x = inputs["x"]
    for i in range(args["nbr_steps"]):
        layer = convolution.conv(args["output_filters"], (2, 2), strides=2, activation="relu", name=f"conv{i}")
        layer.build(x.shape)
        own = {key.removeprefix("conv_stride2_multistep/"): value for key, value in variables.items()}
        assign(layer, {key: value for key, value in own.items() if key.startswith(layer.name)})
        x = layer(x)
    assert_close(x, expected)


LAYERS = {
    "sequence": (lambda: convolution.conv(6, 3, "LEFT", dilation_rate=2), (2, 9, 6)),
    "separable sequence": (lambda: convolution.conv(6, 3, "LEFT", separable=True), (2, 9, 6)),
    "image": (lambda: convolution.conv(6, (3, 5), "LEFT"), (2, 9, 7, 6)),
    "separable image": (lambda: convolution.conv(6, (3, 5), "LEFT", separable=True), (2, 9, 7, 6)),
    "subseparable": (lambda: convolution.SubseparableConv(6, 3, "LEFT", 2), (2, 9, 6)),
    "two convolutions": (lambda: convolution.ConvHiddenRelu(6, 16, 3, 5, "LEFT"), (2, 9, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_is_a_keras_layer_and_left_padding_is_causal(name):
    make, shape = LAYERS[name]
    run_causality_test(make(), shape)


def test_left_padding_is_causal_along_both_axes_of_an_image():
    layer, x = convolution.conv(6, (3, 5), "LEFT"), np.random.default_rng(0).normal(size=(2, 9, 7, 6))
    changed = x.copy()
    changed[:, :, 4:] += 1.0
    assert_close(layer(changed)[:, :, :4], layer(x)[:, :, :4])


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="unknown padding 'RIGHT'; known: LEFT, SAME, VALID"):
        convolution.conv(6, 3, "RIGHT")
    with pytest.raises(ValueError, match="padding='LEFT' needs odd sizes, not kernel_size=4"):
        convolution.conv(6, 4, "LEFT")
    with pytest.raises(ValueError, match="filters=6 cannot be divided into separability=4 groups"):
        convolution.SubseparableConv(6, 3, separability=4)
    with pytest.raises(ValueError, match="unknown pooling_type 'AVR'; known: MAX, AVG"):
        convolution.pool(np.zeros((1, 4, 4, 1), "float32"), (3, 3), "AVR", "SAME")
