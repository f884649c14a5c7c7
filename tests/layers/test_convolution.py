"""Convolutions and their blocks against T2T's own values (1e-5)."""

import numpy as np
import pytest

from tensor2keras.layers import convolution
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test

SEQUENCES = [f"conv1d_k3_{d}{padding}" for d in ("", "d2_") for padding in ("LEFT", "SAME", "VALID")]
IMAGES = [f"conv_3x{width}_{padding}" for width in (1, 3) for padding in ("LEFT", "SAME", "VALID")]
SEPARABLE = [f"separable_conv_3x1_{d}{padding}" for d in ("", "d2_") for padding in ("LEFT", "SAME", "VALID")]


def check(golden, name, make, prefix=""):
    args, inputs, expected, variables = golden_case(golden, name)
    layer = make(**args)
    layer.build(next(iter(inputs.values())).shape)
    assign(layer, {prefix + key: value for key, value in variables.items()})
    assert_close(layer(*inputs.values()), expected[0])


@pytest.mark.parametrize("name", [*SEQUENCES, *IMAGES, "conv_3x3_stride2_SAME"])
def test_convolution_equals_t2t(golden, name):
    check(golden, name, convolution.Conv)


@pytest.mark.parametrize("name", SEPARABLE)
def test_separable_convolution_equals_t2t(golden, name):
    check(golden, name, convolution.SeparableConv)


@pytest.mark.parametrize("separability", [-2, 0, 2, 3])
def test_subseparable_convolution_equals_t2t(golden, separability):
    name = f"subseparable_conv_sep{separability}"
    check(golden, name, convolution.SubseparableConv, prefix="subseparable_conv/")  # T2T opens no scope here


@pytest.mark.parametrize("name", ["conv_block", "conv_block_masked", "conv1d_block", "separable_conv_block"])
def test_block_equals_t2t(golden, name):
    kind = "separable" if name.startswith("separable") else "conv"
    check(golden, name, lambda **args: convolution.ConvBlock(convolution=kind, **args))


@pytest.mark.parametrize(("name", "make"), [("conv_gru", convolution.ConvGRU), ("conv_lstm", convolution.ConvLSTM)])
def test_recurrent_cell_equals_t2t(golden, name, make):
    check(golden, name, make)


@pytest.mark.parametrize("name", ["pool_MAX_SAME", "pool_MAX_LEFT", "pool_AVG_SAME", "pool_AVG_LEFT"])
def test_pool_equals_t2t(golden, name):
    args, inputs, (expected,), _ = golden_case(golden, name)
    y = convolution.pool(
        inputs["inputs"], args["window_size"], args["pooling_type"], args["padding"], args["strides"]
    )
    assert_close(y, expected)


@pytest.mark.parametrize("kind", ["MAX", "AVR"])
def test_global_pool_equals_t2t(golden, kind):
    _, inputs, (expected,), _ = golden_case(golden, f"global_pool_1d_{kind}")
    y = convolution.global_pool_1d(inputs["inputs"], kind, inputs["mask"])
    if kind == "AVR":  # T2T divides [batch, channels] by [batch, 1, 1]; the mean of row i is expected[i, i]
        expected = expected[np.arange(2), np.arange(2)]
    assert_close(y, expected)


def test_saturating_sigmoid_equals_t2t(golden):
    _, inputs, (expected,), _ = golden_case(golden, "saturating_sigmoid")
    assert_close(convolution.saturating_sigmoid(inputs["x"]), expected)


def test_strided_steps_equal_t2t(golden):
    args, inputs, (expected, *_), variables = golden_case(golden, "conv_stride2_multistep")
    x = inputs["x"]
    for i in range(args["nbr_steps"]):
        layer = convolution.Conv(
            args["output_filters"],
            (2, 2),
            strides=(2, 2),
            padding="VALID",
            activation="relu",
            name=f"conv{i}_single",
        )
        layer.build(x.shape)
        assign(layer, {key.removeprefix("conv_stride2_multistep/"): value for key, value in variables.items() if f"conv{i}_" in key})
        x = layer(x)
    assert_close(x, expected)


LAYERS = {
    "sequence": (lambda: convolution.Conv(6, 3, padding="LEFT", dilation_rate=2), (2, 9, 6)),
    "image": (lambda: convolution.Conv(6, (3, 5), padding="LEFT"), (2, 9, 7, 6)),
    "separable": (lambda: convolution.SeparableConv(6, 3, padding="LEFT"), (2, 9, 6)),
    "subseparable": (lambda: convolution.SubseparableConv(6, 3, 2, padding="LEFT"), (2, 9, 6)),
    "block": (lambda: convolution.ConvBlock(6, [(1, 3), (2, 3)], padding="LEFT"), (2, 9, 6)),
    "separable block": (lambda: convolution.ConvBlock(6, [(1, 3)], "separable", padding="LEFT"), (2, 9, 6)),
    "subseparable block": (
        lambda: convolution.ConvBlock(6, [(1, 3), (1, 3)], padding="LEFT", separabilities=[2, 3]),
        (2, 9, 6),
    ),
    "gru": (lambda: convolution.ConvGRU(6, 3, padding="LEFT"), (2, 9, 6)),
    "lstm": (lambda: convolution.ConvLSTM(6, 3, padding="LEFT"), (2, 9, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_is_a_keras_layer_and_left_padding_is_causal(name):
    make, shape = LAYERS[name]
    layer, x = make(), np.random.default_rng(0).normal(size=shape).astype("float32")
    y = run_layer_test(layer, x)
    assert tuple(y.shape) == shape
    assert tuple(layer.compute_output_shape(shape)) == shape
    changed = x.copy()
    changed[:, 5:] += 1.0
    assert_close(layer(changed)[:, :5], y[:, :5])


def test_t2ts_names_in_a_subseparable_block():
    layer = convolution.ConvBlock(6, [(1, 3), (1, 3)], separabilities=[2, 3])
    layer.build((None, None, 6))
    paths = [variable.path.replace("subseparable_conv_0/", "").replace("subseparable_conv_1/", "") for variable in layer.weights]
    assert "conv_block/part_1/conv_block_0_single/kernel" in paths
    assert "conv_block/conv2d/kernel" in paths
    assert "conv_block/part_2/conv_block_1_single/kernel" in paths
    assert "conv_block/conv2d_1/kernel" in paths


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="unknown padding 'RIGHT'; known: LEFT, SAME, VALID"):
        convolution.Conv(6, 3, padding="RIGHT")
    with pytest.raises(ValueError, match="padding='LEFT' needs odd kernel sizes, not kernel_size=\\(4, 1\\)"):
        convolution.Conv(6, 4, padding="LEFT")
    with pytest.raises(ValueError, match="filters=6 must be divisible by separability=4"):
        convolution.SubseparableConv(6, 3, 4)
    with pytest.raises(ValueError, match="unknown convolution 'dense'; known: conv, separable"):
        convolution.ConvBlock(6, [(1, 3)], "dense")
    with pytest.raises(ValueError, match="unknown kind 'AVR' of pooling; known: MAX, AVG"):
        convolution.pool(np.zeros((1, 4, 4, 1), "float32"), 3, "AVR")
