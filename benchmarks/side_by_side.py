"""Times several competitors in turn, each in a process of its own, so that their threads do not compete."""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

Round = Callable[[], tuple[float, int]]  # trains some steps; returns (fewest CPU seconds a step so far, parameters)


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


def repeat(step: Callable[[], object], steps: int, parameters: int) -> Round:
    """Returns a round of `steps` calls of `step`."""
    fewest = float("inf")

    def run() -> tuple[float, int]:
        nonlocal fewest
        start = time.process_time()
        for _ in range(steps):
            step()
        fewest = min(fewest, (time.process_time() - start) / steps)
        return fewest, parameters

    return run


def limit_tensorflow_threads(threads: int | None) -> None:
    """Limits TensorFlow to `threads` threads, if given; called before its first operation."""
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def report(results: dict[str, tuple[float, list[float], Any]], steps: int, unit: str, per_step: int) -> None:
    """Prints a table of training speeds, and of two competitors the ratio.

    Args:
        results: what `compare` returned for competitors whose function is a `Round`.
        steps: steps a round.
        unit: what is counted, as "images".
        per_step: units a step.
    """
    heading = f"{unit}/s"
    print(f"{'':<13} {heading:>9} {'(median)':>9} {'step':>8} {'CPU time':>9} {'parameters':>11} {'first round':>12}")
    figures = {}
    for name, (first, seconds, (cpu, parameters)) in results.items():
        fastest, median = min(seconds) / steps, statistics.median(seconds) / steps
        figures[name] = fastest, median, cpu
        print(
            f"{name:<13} {per_step / fastest:9.1f} {per_step / median:9.1f} {fastest:6.2f} s {cpu:7.2f} s "
            f"{parameters:11,} {first:10.1f} s"
        )
    if len(figures) == 2:
        fastest, median, cpu = (peers / ours for ours, peers in zip(*figures.values(), strict=True))
        print(f"{'times PyTorch':<13} {fastest:9.2f} {median:9.2f} {'':8} {cpu:7.2f}")
