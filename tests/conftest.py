"""Fixtures: where the golden values and the real data lie, and one seed for every test."""

import os
import sys
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("T2K_SHARED", Path(__file__).resolve().parents[2] / "shared"))
GOLDEN = Path(os.environ.get("T2K_GOLDEN", SHARED / "golden"))


@pytest.fixture(autouse=True)
def _seed():
    """The same random numbers in every test, whatever ran before it; Keras is not imported for tests without it."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


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
