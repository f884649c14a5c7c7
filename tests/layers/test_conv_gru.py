"""Convolutional GRUs against T2T's own values (1e-5)."""

import numpy as np

from tensor2keras.layers import conv_gru
from tests.layers.layer_test_case import (
    assert_close,
    check_convolution,
    golden_case,
    run_causality_test,
    run_layer_test,
)


def test_conv_gru_equals_t2t(golden):
    check_convolution(golden, "conv_gru", conv_gru.ConvGRU)


def test_saturating_sigmoid_equals_t2t(golden):
    _, inputs, (expected,), _ = golden_case(golden, "saturating_sigmoid")
    assert_close(conv_gru.saturating_sigmoid(inputs["x"]), expected)


def test_is_a_keras_layer_and_left_padding_is_causal():
    run_causality_test(conv_gru.ConvGRU(6, 3, "LEFT"), (2, 9, 6))


def test_the_diagonal_unit_is_a_keras_layer():
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    state, cost = run_layer_test(conv_gru.DiagonalConvGRU(6, 3), x)
    assert tuple(state.shape) == x.shape
    assert float(cost) >= 0
