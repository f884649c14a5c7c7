"""The steps around a sublayer, against T2T's own values (1e-5) and by what they mean."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.residual import LayerPrepostprocess
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test


@pytest.mark.parametrize("sequence", ["none", "n", "a", "an", "da", "dan", "na", "z"])
def test_steps_equal_t2t(golden, sequence):
    args, inputs, (expected,), variables = golden_case(golden, f"layer_prepostprocess_{sequence}")
    layer = LayerPrepostprocess(
        sequence, norm_type=args["norm_type"], norm_epsilon=args["epsilon"], name=args["default_name"]
    )
    layer.build(inputs["x"].shape)
    assign(layer, variables)
    assert_close(layer(inputs["x"], inputs["previous_value"]), expected)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("sequence", ["dan", "z"])
def test_steps_are_a_keras_layer(sequence):
    run_layer_test(LayerPrepostprocess(sequence, dropout=0.5), normal(2, 5, 8), normal(2, 5, 8))


def test_gated_residual_starts_as_the_identity():
    previous = normal(2, 5, 8)
    assert_close(LayerPrepostprocess("z")(normal(2, 5, 8) + 1, previous), previous)


@pytest.mark.parametrize("broadcast_dims", [(1,), (-2,)])
def test_dropout_mask_is_shared_along_broadcast_dims(broadcast_dims):
    layer = LayerPrepostprocess("d", dropout=0.5, broadcast_dims=broadcast_dims)
    y = np.asarray(ops.convert_to_numpy(layer(np.ones((4, 6, 32), "float32"), training=True)))
    assert set(np.unique(y)) == {0.0, 2.0}
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert (y[0] != y[1]).any()


def test_no_dropout_outside_training_or_at_rate_0():
    x = normal(2, 5, 8)
    assert_close(LayerPrepostprocess("d", dropout=0.5)(x), x)
    assert_close(LayerPrepostprocess("d", dropout=0.0)(x, training=True), x)


def test_unknown_step_is_named():
    with pytest.raises(ValueError, match="unknown step 'q' in 'nq'; known: a, n, d, z"):
        LayerPrepostprocess("nq")


@pytest.mark.parametrize("sequence", ["a", "dan", "z"])
def test_missing_residual_is_named(sequence):
    with pytest.raises(ValueError, match=f"sequence='{sequence}' adds to a residual"):
        LayerPrepostprocess(sequence)(normal(2, 5, 8))
