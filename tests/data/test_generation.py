"""Locks, and one stream of samples dealt out to splits."""

import threading

import pytest

from tensor2keras.data import generation


def test_distribute_reads_its_samples_once():
    parts = generation.distribute(iter(range(10)), {"train": 2, "validation": 1, "test": 1})
    assert {split: list(part) for split, part in parts.items()} == {
        "train": [0, 1, 4, 5, 8, 9],
        "validation": [2, 6],
        "test": [3, 7],
    }


def test_one_process_at_a_time_generates(tmp_path):
    entered = threading.Event()

    def wait_for_the_lock():
        with generation.lock(tmp_path):
            entered.set()

    with generation.lock(tmp_path):
        thread = threading.Thread(target=wait_for_the_lock)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    thread.join()


def attempt(folder, sources, error=None):
    """Creates a vocabulary unless it is there, then fails; returns the text of the vocabulary before that."""
    path = folder / "vocab"
    with generation.removed_on_failure(folder, [path, folder / "former"], sources):
        if not path.exists():
            path.write_text(sources)
        found = path.read_text()
        if error:
            raise error
    return found


def test_a_failed_block_leaves_nothing_it_has_created(tmp_path):
    (tmp_path / "former").touch()
    with pytest.raises(ZeroDivisionError):
        attempt(tmp_path, "old", ZeroDivisionError())
    assert [path.name for path in tmp_path.iterdir()] == ["former"]


@pytest.mark.parametrize(("sources", "found"), [("old", "old"), ("new", "new")])
def test_an_interrupted_block_is_continued_from_the_same_sources_only(tmp_path, sources, found):
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path, "old", KeyboardInterrupt())
    assert attempt(tmp_path, sources) == found
    assert [path.name for path in tmp_path.iterdir()] == ["vocab"]


def test_what_an_interrupted_block_has_left_is_removed_by_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path, "old", KeyboardInterrupt())
    with pytest.raises(ZeroDivisionError):
        attempt(tmp_path, "old", ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []
