"""Directories and network of problems under test."""

from pathlib import Path

import pytest

from tensor2keras.data import sources


@pytest.fixture
def raw(tmp_path) -> Path:
    """The folder that `dirs` gives as tmp_dir."""
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


@pytest.fixture
def dirs(tmp_path, raw) -> dict[str, str]:
    """The arguments of a problem."""
    return {"data_dir": str(tmp_path / "data"), "tmp_dir": str(raw)}


@pytest.fixture
def no_network(monkeypatch) -> None:
    """No web server answers."""
    monkeypatch.setattr(sources, "network_reachable", lambda *args, **kwargs: False)
