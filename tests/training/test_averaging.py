import h5py
import keras
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


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float16", "float32", "float64", "int8", "int32", "int64", "uint8", "uint32", "uint64"]
)
def test_mean_of_every_dtype(tmp_path, dtype):
    class OneWeight(keras.Model):
        def __init__(self):
            super().__init__()
            self.weight = self.add_weight(shape=(3,), dtype=dtype, initializer="zeros", trainable=False)
            self.scalar = self.add_weight(shape=(), dtype=dtype, initializer="zeros", trainable=False)
            self.built = True

    model, paths = OneWeight(), []
    stored = keras.ops.convert_to_numpy(model.weight).dtype  # JAX has no numbers of 64 bits
    for step, values in enumerate([[1, 2, 100], [2, 3, 100], [6, 3, 103]]):
        model.weight.assign(np.array(values, stored))
        model.scalar.assign(np.array(values[0], stored))
        paths.append(checkpoints.save_weights(model, tmp_path, step))
    checkpoints.load_weights(model, averaging.write_average(paths, tmp_path / "avg", 6))
    weight, scalar = (keras.ops.convert_to_numpy(variable) for variable in (model.weight, model.scalar))
    mean = [3, 8 / 3, 101] if "float" in dtype else [3, 3, 101]
    np.testing.assert_array_equal(weight, np.array(mean, "float64").astype(stored))
    assert scalar == 3


def test_arrays_of_other_files_or_kinds_are_refused(tmp_path):
    """An average is written over a copy of a checkpoint: an array in another file would be written there."""
    paths, outside = [checkpoints.save_weights(build(), tmp_path, step) for step in (1, 2)], tmp_path / "outside"
    outside.write_bytes(b"untouched data!!")

    def external(file):
        file.create_dataset("x", (4,), "float32", external=[(str(outside), 0, 16)])

    def virtual(file):
        layout = h5py.VirtualLayout((4,), "float32")
        layout[:] = h5py.VirtualSource(str(outside), "x", (4,))
        file.create_virtual_dataset("x", layout)

    def linked(file):
        file["x"] = h5py.ExternalLink(str(outside), "x")

    def text(file):
        file["x"] = "text"

    for add in (external, virtual, linked, text):
        for path in paths:
            with h5py.File(path, "r+") as file:
                add(file)
        with pytest.raises(ValueError, match="cannot be averaged: x is no array of numbers in it"):
            averaging.write_average(paths, tmp_path / "avg", 2)
        for path in paths:
            with h5py.File(path, "r+") as file:
                del file["x"]
    assert outside.read_bytes() == b"untouched data!!"
    assert not (tmp_path / "avg").exists()


def test_checkpoints_of_different_models_are_refused(tmp_path):
    path = checkpoints.save_weights(build(), tmp_path, 1)
    other = checkpoints.save_weights(build(), tmp_path, 2)
    with h5py.File(other, "r+") as file:
        del file[averaging.weight_names(file)[0]]
    with pytest.raises(ValueError, match="are checkpoints of different models"):
        averaging.write_average([path, other], tmp_path / "avg", 2)
