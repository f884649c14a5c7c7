"""The Evolved Transformer's sublayers; its stacks as Keras layers are in `test_transformer.py`."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.evolved_transformer import (
    DecoderConvBranches,
    DenseLayers,
    EncoderConvBranches,
    EvolvedOptions,
    GatedLinearUnitSublayer,
)
from tensor2keras.layers.residual import ResidualOptions
from tests.layers.layer_test_case import assert_close

SIZES = EvolvedOptions(hidden_size=8)
PLAIN = ResidualOptions(preprocess="none", postprocess="a")  # x + f(x)
X = np.random.default_rng(0).normal(size=(2, 20, 8)).astype("float32")


def built(layer):
    layer.build(X.shape)
    random = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(random.normal(scale=0.3, size=variable.shape))
    return layer


def dense(layer, x):
    return x @ ops.convert_to_numpy(layer.kernel) + ops.convert_to_numpy(layer.bias)


def test_a_gated_linear_unit_is_a_projection_times_a_gate():
    layer = built(GatedLinearUnitSublayer(SIZES, PLAIN))
    gate = 1 / (1 + np.exp(-dense(layer.gates, X)))
    assert_close(layer(X), X + dense(layer.values, X) * gate, 1e-5)


def test_dense_layers_widen_four_times():
    layer = built(DenseLayers(SIZES, PLAIN, activation="relu"))
    wide = np.maximum(dense(layer.widen, X), 0)
    assert wide.shape[-1] == 4 * 8
    assert_close(layer(X), X + dense(layer.narrow, wide), 1e-4)


@pytest.mark.parametrize(("kind", "before", "after"), [(EncoderConvBranches, 5, 5), (DecoderConvBranches, 16, 0)])
def test_branches_see_as_far_as_their_convolutions(kind, before, after):
    """Kernels of 3 and 9 around the position in the encoder; of 11 and 7 up to it in the decoder."""
    layer, place = built(kind(SIZES, PLAIN)), 10
    y = ops.convert_to_numpy(layer(X))
    seen = []
    for i in range(X.shape[1]):
        changed = X.copy()
        changed[:, i] += 3.0
        difference = np.abs(ops.convert_to_numpy(layer(changed)) - y)[:, place].max()
        seen.append(difference > 1e-6)
    first, last = max(0, place - before), place + after
    assert seen == [first <= i <= last for i in range(X.shape[1])]


def test_padding_is_zero_for_the_branches():
    layer = built(EncoderConvBranches(SIZES, PLAIN))
    nonpadding = np.ones((2, 20), "float32")
    nonpadding[:, 12:] = 0
    other = X.copy()
    other[:, 12:] = 9.0
    y = ops.convert_to_numpy(layer(X, nonpadding))
    assert_close(layer(other, nonpadding)[:, :12], y[:, :12])
    assert np.abs(ops.convert_to_numpy(layer(X))[:, 10] - y[:, 10]).max() > 1e-4


def test_the_right_branch_adds_to_the_first_channels():
    layer = built(EncoderConvBranches(SIZES, ResidualOptions(preprocess="none", postprocess="none")))
    half = np.ones((2, 3, 4), "float32")
    found = ops.convert_to_numpy(layer._sum(ops.zeros((2, 3, 32)), ops.convert_to_tensor(half)))
    assert_close(found[..., :4], half)
    assert not found[..., 4:].any()
