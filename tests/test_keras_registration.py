"""Saved models load in a process that has imported `tensor2keras` alone."""

import os
import subprocess
import sys

import keras
import pytest

from tensor2keras import _keras_registration, registry
from tests.models import zoo


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model's file, and the names of all classes that this package registers, a line each."""
    _keras_registration.register_all()
    folder = tmp_path_factory.mktemp("saved")
    zoo.make("text_cnn").save(folder / "model.keras")
    registered = keras.saving.get_custom_objects().items()
    ours = (name for name, kind in registered if kind.__module__.startswith("tensor2keras."))  # not those of tests
    (folder / "names.txt").write_text("\n".join(ours))
    return folder


@pytest.mark.parametrize(
    ("backend", "imports"), [("tensorflow", "import keras, tensor2keras"), ("jax", "import tensor2keras, keras")]
)
def test_a_fresh_process_finds_every_class(saved, backend, imports):
    code = f"""
{imports}, sys
assert not any(name.startswith("tensor2keras.models") for name in sys.modules)
names = open({str(saved / "names.txt")!r}).read().split("\\n")
assert len(names) > 150
model = keras.saving.load_model({str(saved / "model.keras")!r})
assert type(model).__name__ == "TextCNN"
missing = [name for name in names if keras.saving.get_registered_object(name) is None]
assert not missing, missing
assert keras.saving.get_registered_object("tensor2keras>NoSuchClass") is None
"""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_model_is_registered():
    _keras_registration.register_all()
    ours = [kind for name in registry.models if (kind := registry.models[name]).__module__.startswith("tensor2keras.")]
    assert len(ours) >= 30
    for kind in ours:
        assert keras.saving.get_registered_object(keras.saving.get_registered_name(kind)) is kind
