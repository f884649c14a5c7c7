"""Every registered model is written under T2T's names and read back exactly."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.convert import load_t2t_weights, names, save_t2t_checkpoint
from tests.models import zoo


def test_no_model_is_left_out():
    assert sorted(zoo.ZOO) == sorted(zoo.package_models())


@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_names_are_distinct_and_the_round_trip_is_exact(name, tmp_path):
    model = zoo.make(name)
    assert len({names.canonical_name(variable.path) for variable in model.weights}) == len(model.weights)
    random = np.random.default_rng(0)
    before = {variable.path: random.normal(size=variable.shape).astype(variable.dtype) for variable in model.weights}
    for variable in model.weights:
        variable.assign(before[variable.path])
    save_t2t_checkpoint(model, tmp_path / "model.ckpt-7", step=7)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    report = load_t2t_weights(model, tmp_path)
    assert len(report.loaded) == len(before)
    assert report.unused == []
    for variable in model.weights:
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), before[variable.path], err_msg=variable.path)
