"""Waiting for numbered files that another process writes: checkpoints, or translations of checkpoints."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

POLL_SECONDS = 10


def numbered_files(
    find: Callable[[], Iterable[tuple[int, Path]]], min_steps: int = 0, wait_minutes: float = 0
) -> Iterator[tuple[int, Path]]:
    """Yields (step, path) of the files that exist, the lowest step first, then of new ones as they appear.

    Args:
        find: lists (step, path) of the files there are.
        min_steps: lower steps are left out.
        wait_minutes: ends when no new file has appeared for so long.
    """
    deadline = time.monotonic() + 60 * wait_minutes
    while True:
        if new := min((file for file in find() if file[0] >= min_steps), default=None):
            yield new
            min_steps, deadline = new[0] + 1, time.monotonic() + 60 * wait_minutes
        elif (left := deadline - time.monotonic()) > 0:
            time.sleep(min(POLL_SECONDS, left))
        else:
            return
