"""A backend that is missing is named with the command that installs it; `test_lazy` tests that imports are quiet."""

import os
import subprocess
import sys

import pytest

MISSING = "Keras's backend is {} (KERAS_BACKEND or ~/.keras/keras.json), which is not installed: pip install {}"


@pytest.mark.parametrize(
    ("backend", "line"),
    [
        ("jax", MISSING.format("jax", '"tensor2keras[jax]"')),
        ("torch", MISSING.format("torch", '"tensor2keras[torch]"')),
        ("jxa", "KERAS_BACKEND=jxa is unknown; choose tensorflow, jax, torch"),
    ],
)
def test_a_missing_backend_is_one_line_in_commands_and_the_last_line_in_python(backend, line):
    code = """
import sys
from tensor2keras.cli import common

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in ("jax", "torch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
print(common.run("prog", "", lambda flags: None, lambda args: common.registry_listing("model"), []))
from tensor2keras.layers import MultiHeadAttention
"""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert (done.stdout, lines[0]) == ("2\n", f"prog: {line}")
    assert lines[1].startswith("Traceback")  # of the import, in which nothing else is said first
    assert lines[-1] == f"tensor2keras._import_hooks.MissingBackendError: {line}"
