"""Packages list their public names and import them on first use."""

import importlib
import os
import subprocess
import sys

import pytest

PACKAGES = ["tensor2keras", *(f"tensor2keras.{name}" for name in ("data", "decoding", "layers", "metrics", "training"))]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_its_public_names_and_has_them(name):
    package = importlib.import_module(name)
    assert dir(package) == sorted(package.__all__)
    assert len(set(package.__all__)) == len(package.__all__) > 1
    for public in package.__all__:
        found = getattr(package, public)
        assert getattr(found, "__module__", None) or found.__name__ == f"{name}.{public}"
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'NoSuchName'"):
        _ = package.NoSuchName


def test_importing_packages_loads_no_framework_and_writes_no_log_lines():
    code = f"""
import importlib, sys
for name in {PACKAGES}:
    importlib.import_module(name)
assert not {{"keras", "tensorflow", "jax"}} & set(sys.modules)
from tensor2keras.layers import MultiHeadAttention
assert MultiHeadAttention.__module__ == "tensor2keras.layers.attention.multi_head"
assert "keras" in sys.modules
import tensorflow
"""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
