"""Fixtures: where the golden values and the real data lie, and one seed for every test."""

import functools
import gc
import importlib.metadata
import os
import sys
from pathlib import Path

import hypothesis
import pytest

SHARED = Path(os.environ.get("T2K_SHARED", Path(__file__).resolve().parents[2] / "shared"))
GOLDEN = Path(os.environ.get("T2K_GOLDEN", SHARED / "golden"))

if os.environ.get("KERAS_BACKEND") == "jax":  # small programs that run once: compiling them is most of the time
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    if importlib.metadata.version("jaxlib").startswith("0.10."):  # XLA ends the process on a flag it does not know
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
    from jax._src.interpreters import mlir

    # One context for all programs instead of one for each: making them is a sixth of the time of tests.
    mlir.make_ir_context = functools.cache(mlir.make_ir_context)


# A busy machine fails no test.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items):
    """The README's commands, the longest tests, come first: at the end one process would run them alone."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


def pytest_collection_finish():
    """What was imported is never garbage, so the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(autouse=True, scope="session")
def _own_config(tmp_path_factory):
    """The commands record what they are given in a directory of the tests, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(autouse=True)
def _seed():
    """The same random numbers in every test, whatever ran before it; Keras is not imported for tests without it."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _forget_graphs():
    """TensorFlow keeps the gradient of each all_reduce, and so the graph of each train step: gigabytes in a suite."""
    yield
    if framework := sys.modules.get("tensorflow.python.framework.ops"):
        gradients = framework.gradient_registry._registry
        for name in [name for name in gradients if name.startswith("CustomGradient-")]:
            del gradients[name]


@pytest.fixture(autouse=True)
def _without_xla(request, monkeypatch):
    """TensorFlow's graphs are not compiled with XLA, which takes three times as long as tiny models are worth.

    Tests marked `xla` compile with it: each family of models once, and whatever is said of XLA itself.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow and not request.node.get_closest_marker("xla"):
        function = tensorflow.function
        monkeypatch.setattr(tensorflow, "function", lambda *args, jit_compile=None, **kw: function(*args, **kw))


def _existing(path: Path, variable: str) -> Path:
    if not path.is_dir():
        pytest.skip(f"{path.name}/ is not here; set {variable} to its path")
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data, checkpoints and golden values."""
    return _existing(SHARED, "T2K_SHARED")


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with Tensor2Tensor's own numbers."""
    return _existing(GOLDEN, "T2K_GOLDEN")
