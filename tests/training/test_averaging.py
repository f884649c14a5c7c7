import numpy as np
import pytest

from tensor2keras.training import averaging, checkpoints
from tests.training.tiny import build, fill


def test_average_of_three(tmp_path):
    model, paths = build(), []
    for step in (1, 2, 6):
        fill(model, float(step))
        paths.append(checkpoints.save_weights(model, tmp_path, step))
    path = averaging.write_average(paths, tmp_path / "avg", 6)
    checkpoints.load_weights(model, path)
    for i, variable in enumerate(model.trainable_variables):
        np.testing.assert_allclose(variable, np.full(variable.shape, 3.0 + i), atol=1e-6)


def test_checkpoints_of_different_models_are_refused(tmp_path):
    import h5py

    path = checkpoints.save_weights(build(), tmp_path, 1)
    other = checkpoints.save_weights(build(), tmp_path, 2)
    with h5py.File(other, "r+") as file:
        del file[averaging.weight_names(file)[0]]
    with pytest.raises(ValueError, match="are checkpoints of different models"):
        averaging.write_average([path, other], tmp_path / "avg", 2)
