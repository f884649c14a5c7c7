"""Xception for small and large images."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert.t2t import t2t_variables
from tensor2keras.models.xception import squared
from tests.models import zoo


def model_of(size):
    problem = zoo.classified_images()
    problem["features"]["inputs"]["shape"] = (size, size, 3)
    hparams = registry.hparams("xception_tiny", problem, {"hidden_size": 16, "num_hidden_layers": 1})
    model = registry.model("xception", hparams)
    model.build()
    return model


@pytest.mark.parametrize(("size", "positions"), [(32, 16), (224, 7)])
def test_large_images_enter_by_strides(size, positions):
    model = model_of(size)
    images = np.random.default_rng(0).normal(size=(1, size, size, 3)).astype("float32")
    outputs = ops.convert_to_numpy(model.body({"inputs": images}))
    assert outputs.shape == (1, positions, positions, 40)
    images[:, -1, -1] = 0  # the far corner is seen by the last position, not by the first
    change = np.abs(ops.convert_to_numpy(model.body({"inputs": images})) - outputs).max(axis=-1)[0]
    assert change[-1, -1] > 1e-5
    assert change[0, 0] < 1e-6


def test_the_entry_flow_has_t2ts_scopes():
    names = {"/".join(name.split("/")[2:5]) for name in t2t_variables(model_of(224)) if "entry" in name}
    scopes = {f"xception/xception_entry/{name}" for name in ("conv0", "conv1", "block0", "block1", "block2")}
    assert names == scopes


def test_positions_become_a_square():
    x = np.arange(360, dtype="float32").reshape(2, 3, 12, 5)
    np.testing.assert_array_equal(ops.convert_to_numpy(squared(x)), x.reshape(2, 6, 6, 5))
    with pytest.raises(ValueError, match="3 x 5 positions make no square"):
        squared(np.zeros((2, 3, 5, 5), "float32"))
