"""What the record of the user's files notices, and what it need not read."""

import os

import pytest

from tensor2keras.data import generation, source_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "raw").mkdir()
    for name in ("a", "b"):
        (tmp_path / "raw" / name).write_text(name)
    return tmp_path / "raw"


def paths(folder):
    return [str(path) for path in folder.iterdir()]


def write_b(folder, text):
    (folder / "b").write_text(text)


def add_and_remove(folder):
    (folder / "c").touch()
    (folder / "a").unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda folder: None, []),
        (lambda folder: os.utime(folder / "b", (1, 1)), []),  # the same content
        (lambda folder: write_b(folder, "longer"), ["b has changed"]),
        (lambda folder: (write_b(folder, "B"), os.utime(folder / "b", (1, 1))), ["b has changed"]),
        (add_and_remove, ["a is gone", "c is new"]),
    ],
)
def test_differences(folder, change, expected):
    recorded = source_files.record(paths(folder), str(folder))
    change(folder)
    assert source_files.differences(recorded, paths(folder), str(folder)) == expected


def test_copies_elsewhere_are_compared_by_content(folder, tmp_path):
    recorded = source_files.record(paths(folder), str(folder))
    modified = os.stat(folder / "b").st_mtime_ns
    folder.rename(tmp_path / "moved")
    assert source_files.differences(recorded, paths(tmp_path / "moved"), str(tmp_path / "moved")) == []
    write_b(tmp_path / "moved", "B")
    os.utime(tmp_path / "moved" / "b", ns=(modified, modified))
    assert source_files.differences(recorded, paths(tmp_path / "moved"), str(tmp_path / "moved")) == ["b has changed"]


def test_untouched_files_are_not_read_again(folder, monkeypatch):
    recorded = source_files.record(paths(folder), str(folder))
    monkeypatch.delattr(generation, "file_hash")
    assert source_files.differences(recorded, paths(folder), str(folder)) == []
