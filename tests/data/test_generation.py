"""Locks, and one stream of samples dealt out to splits."""

import threading

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
