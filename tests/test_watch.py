"""Waiting for numbered files: order, lower bound, files that appear later."""

from pathlib import Path

import pytest

from tensor2keras import watch


@pytest.fixture
def clock(monkeypatch):
    """A clock that sleeping moves; `clock.events` are called as their time comes."""

    class Clock:
        def __init__(self):
            self.now, self.events = 0.0, {}

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds
            for time in [time for time in self.events if time <= self.now]:
                self.events.pop(time)()

    clock = Clock()
    monkeypatch.setattr(watch, "time", clock)
    return clock


def steps(found, **kwargs):
    return [step for step, _ in watch.numbered_files(lambda: [(step, Path(str(step))) for step in found], **kwargs)]


def test_lowest_step_first_and_none_below_the_bound(clock):
    assert steps([30, 2, 10]) == [2, 10, 30]
    assert steps([30, 2, 10], min_steps=3) == [10, 30]
    assert steps([]) == []
    assert clock.now == 0  # no waiting unless asked for


def test_each_new_file_prolongs_the_wait(clock):
    found = [1]
    clock.events = {50: lambda: found.append(2), 100: lambda: found.append(3), 200: lambda: found.append(4)}
    assert steps(found, wait_minutes=1) == [1, 2, 3]
    assert clock.now == 160
