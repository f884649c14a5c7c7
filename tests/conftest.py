"""Fixtures: where the golden values and the real data lie."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("T2K_SHARED", Path(__file__).resolve().parents[2] / "shared"))
GOLDEN = Path(os.environ.get("T2K_GOLDEN", SHARED / "golden"))


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
