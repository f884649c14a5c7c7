"""Blocks of convolutions against T2T's own values (1e-5)."""

import pytest

from tensor2keras.layers.conv_block import ConvBlock
from tests.layers.layer_test_case import check_convolution, run_causality_test


@pytest.mark.parametrize("name", ["conv_block", "conv_block_masked", "conv1d_block", "separable_conv_block"])
def test_block_equals_t2t(golden, name):
    check_convolution(golden, name, lambda **args: ConvBlock(separable=name.startswith("separable"), **args))


LAYERS = {
    "block": lambda: ConvBlock(6, [(1, 3), (2, 3)], "LEFT"),
    "separable block": lambda: ConvBlock(6, [(1, 3)], "LEFT", separable=True),
    "subseparable block": lambda: ConvBlock(6, [(1, 3), (1, 3)], "LEFT", separabilities=[2, 3]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_is_a_keras_layer_and_left_padding_is_causal(name):
    run_causality_test(LAYERS[name](), (2, 9, 6))
