import keras
import pytest

from tensor2keras import registry
from tensor2keras.backend import memory
from tests.models.tiny import symbol_problem, tiny_hparams

MB = 10**6


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Files of a machine with 1,000 MB of memory available and no control group."""
    for name in ("_MACHINE", "_LIMIT", "_USE"):
        monkeypatch.setattr(memory, name, tmp_path / name)
    (tmp_path / "_MACHINE").write_text(f"MemTotal: 1 kB\nMemAvailable:   {1000 * MB // 1024} kB\n")
    return tmp_path


def test_available_memory_is_that_of_the_machine_or_of_the_control_group(machine):
    assert memory.available() == pytest.approx(1000 * MB, abs=1024)
    (machine / "_LIMIT").write_text("max\n")
    (machine / "_USE").write_text(f"{100 * MB}\n")
    assert memory.available() == pytest.approx(1000 * MB, abs=1024)
    (machine / "_LIMIT").write_text(f"{300 * MB}\n")
    assert memory.available() == 200 * MB
    (machine / "_MACHINE").unlink()
    assert memory.available() is None


@pytest.mark.parametrize(("dtype", "fits"), [("float32", 83), ("bfloat16", 166), ("int8", 333)])
def test_a_variable_larger_than_the_memory_is_refused_before_it_is_made(machine, monkeypatch, dtype, fits):
    made = []
    monkeypatch.setattr(keras.layers.Layer, "add_weight", lambda layer, *args, **kwargs: made.append(layer))
    original, layer = keras.layers.Layer.add_weight, keras.layers.Dense(1, name="wide")
    with memory.within_memory():
        layer.add_weight(shape=(MB - 1000, fits), dtype=dtype, name="kernel")
        layer.add_weight((MB - 1000, fits), None, dtype)
        message = rf"kernel of the layer wide has the shape \[1000000, {fits + 1}\]: making it takes 1\.0 GB of"
        with pytest.raises(MemoryError, match=message):
            layer.add_weight(shape=(MB, fits + 1), dtype=dtype, name="kernel")
    assert made == [layer, layer]
    assert keras.layers.Layer.add_weight is original


def test_small_variables_and_unknown_memory_are_not_checked(machine):
    (machine / "_MACHINE").write_text("MemAvailable: 0 kB\n")
    with memory.within_memory():
        dense = keras.layers.Dense(4)
        dense.build((1, 4))
        assert dense.kernel.shape == (4, 4)


@pytest.mark.parametrize("size", ["hidden_size", "filter_size"])
def test_a_model_that_does_not_fit_is_refused(machine, size):
    model = registry.model("transformer", tiny_hparams(problem=symbol_problem(), **{size: 2**24}))
    with pytest.raises(MemoryError, match=r"and 1\.0 GB are available"):
        model.build()
