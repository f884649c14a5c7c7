"""Modalities of real values: projections in T2T's scopes, and their losses."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.layers.modality import losses, real


def test_projections():
    layer = real.Real(2, 8)
    layer.build()
    assert {v.path for v in layer.variables if v.path.endswith("kernel")} == {
        "real_modality/real/bottom/kernel",
        "real_modality/targets_bottom/real/bottom/kernel",
        "real_modality/real/top/kernel",
    }
    x = np.array([[[1.0, -2.0]]], "float32")
    for embed, projection in (
        (layer.bottom, layer.input_projection),
        (layer.targets_bottom, layer.target_projection),
    ):
        expected = x @ ops.convert_to_numpy(projection.kernel)
        np.testing.assert_allclose(ops.convert_to_numpy(embed(x)), expected, rtol=1e-5)
    assert layer.top(layer.bottom(x)).shape == (1, 1, 2)


@pytest.mark.parametrize(
    ("name", "loss"),
    [("real", losses.squared_error), ("real_l2", losses.squared_error), ("real_log_poisson", losses.log_poisson)],
)
def test_losses(name, loss):
    assert registry.modality(name).loss is loss
