"""Times several competitors turn by turn, each in a process of its own, so that one's threads do not slow another's."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any


def _serve(make: Callable[..., Callable[[], Any]], arguments: tuple, pipe: Any) -> None:
    run = make(*arguments)
    while pipe.recv():
        start = time.perf_counter()
        result = run()
        pipe.send((time.perf_counter() - start, result))


def compare(makers: dict[str, tuple], rounds: int) -> dict[str, tuple[float, list[float], Any]]:
    """Runs each competitor once to warm up, then all of them in turn, `rounds` times.

    Args:
        makers: name -> (make, *arguments), importable by name; `make(*arguments)` returns the function to time.
        rounds: timed turns of each.

    Returns:
        name -> (seconds of the first call, seconds of each turn, what the last call returned).
    """
    context = multiprocessing.get_context("spawn")
    pipes, first, seconds, results = {}, {}, {name: [] for name in makers}, {}
    for name, (make, *arguments) in makers.items():
        pipes[name], child = context.Pipe()
        context.Process(target=_serve, args=(make, tuple(arguments), child), daemon=True).start()
    for round_number in range(rounds + 1):
        for name, pipe in pipes.items():
            pipe.send(True)
            taken, results[name] = pipe.recv()
            if round_number:
                seconds[name].append(taken)
            else:
                first[name] = taken
    for pipe in pipes.values():
        pipe.send(False)
    return {name: (first[name], seconds[name], results[name]) for name in makers}
