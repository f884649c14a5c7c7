"""What happens while `model.fit` runs: reports, checkpoints, evaluations, early stopping and an orderly stop on Ctrl-C.

One run of `fit` is one Keras epoch; everything here counts updates ("steps") from the very beginning of training.
"""

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tensor2keras.backend import sync_variables
from tensor2keras.training import checkpoints
from tensor2keras.training.metrics_log import Events, MetricsFile


class NonFiniteLossError(FloatingPointError):
    """The loss is NaN or infinite."""


class StepCallback(keras.callbacks.Callback):
    """A callback that is told the step: the number of updates made, `start_step` included."""

    def __init__(self, start_step: int):
        super().__init__()
        self.step = start_step

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Calls `on_step`."""
        self.step += 1
        self.on_step(logs or {})

    def on_step(self, logs: dict[str, float]) -> None:
        """Called after each update; `logs["loss"]` is the mean since the last report or evaluation."""


class StopOnNaN(StepCallback):
    """Raises `NonFiniteLossError` at the first update whose loss is not a number; comes before whatever saves."""

    def on_step(self, logs: dict[str, float]) -> None:
        """Looks at the loss."""
        if not math.isfinite(logs["loss"]):
            raise NonFiniteLossError(
                f"the loss is {logs['loss']} at step {self.step}; lower the learning rate "
                "(--hp_learning_rate_constant), warm up longer (--hp_learning_rate_warmup_steps) or clip gradients "
                "(--hp_clip_grad_norm=1.0)"
            )


class Progress(StepCallback):
    """A progress bar on a terminal, and every `log_steps` steps a line, a row of `metrics.csv` and TensorBoard scalars.

    Args:
        start_step, train_steps: where this run begins and ends.
        log_steps: steps between two reports; a report's loss is the mean over these steps.
        tokens_per_step: real target tokens in a mean batch, or None.
        metrics_file, events: where reports go.
        learning_rate: called for the current rate.
    """

    def __init__(
        self,
        start_step: int,
        train_steps: int,
        log_steps: int,
        tokens_per_step: float | None,
        metrics_file: MetricsFile,
        events: Events,
        learning_rate: Callable[[], float],
    ):
        super().__init__(start_step)
        self._start_step, self._train_steps, self._log_steps = start_step, train_steps, log_steps
        self._tokens_per_step = tokens_per_step or 0.0
        self._file, self._events, self._learning_rate = metrics_file, events, learning_rate
        self._terminal = sys.stdout.isatty()
        self._shown = 0.0
        self._seconds, self._timed_steps = 0.0, 0  # training alone: evaluation and saving left out, and the first step

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Starts the clock of a step."""
        self._began = time.perf_counter()

    def on_step(self, logs: dict[str, float]) -> None:
        """Reports when it is time to."""
        now = time.perf_counter()
        if self.step == self._start_step + 1:
            print(f"first step took {now - self._began:.1f} s, tracing included; loss {logs['loss']:.4f}", flush=True)
        else:
            self._seconds += now - self._began
            self._timed_steps += 1
        if self.step % self._log_steps == 0 or self.step == self._train_steps:
            self._report(logs["loss"])
        elif self._terminal and now - self._shown > 0.5:
            self._shown = now
            print(f"\r{self._line(logs['loss'])}\x1b[K", end="", flush=True)

    def _report(self, loss: float) -> None:
        speed = self._timed_steps / self._seconds if self._seconds else 0.0
        values = {"loss": loss, "learning_rate": self._learning_rate()}
        if speed:
            values["steps_per_second"] = speed
            if self._tokens_per_step:
                values["tokens_per_second"] = speed * self._tokens_per_step
        self._file.append(self.step, "train", values)
        self._events.write(self.step, values)
        print(
            f"{chr(13) if self._terminal else ''}{self._line(loss)}{chr(27) + '[K' if self._terminal else ''}",
            flush=True,
        )
        self._seconds, self._timed_steps = 0.0, 0
        reset_loss(self.model)

    def _line(self, loss: float) -> str:
        done = 20 * self.step // self._train_steps
        parts = [f"step {self.step}/{self._train_steps}", f"[{'=' * done}{'.' * (20 - done)}]", f"loss {loss:.4f}"]
        parts.append(f"lr {self._learning_rate():.3g}")
        if self._seconds:
            speed = self._timed_steps / self._seconds
            if self._tokens_per_step:
                parts.append(f"{speed * self._tokens_per_step:.0f} tokens/s")
            parts += [f"{speed:.2f} steps/s", f"ETA {duration((self._train_steps - self.step) / speed)}"]
        return "  ".join(parts)


class SaveAndEvaluate(StepCallback):
    """Saves checkpoints and evaluates, the checkpoint first, so that every evaluation is one of a saved model.

    Args:
        start_step, train_steps: where this run begins and ends; the last step is always saved and evaluated.
        save: called with the step.
        evaluate: called with the step, or None for no evaluation.
        should_stop: called after an evaluation; a reason to stop early, or None.
        save_steps, save_secs: save at multiples of so many steps (0: never), or after so many seconds.
        eval_steps: evaluate at multiples of so many steps.
    """

    def __init__(
        self,
        start_step: int,
        train_steps: int,
        save: Callable[[int], None],
        evaluate: Callable[[int], None] | None,
        should_stop: Callable[[], str | None],
        save_steps: int,
        save_secs: float,
        eval_steps: int,
    ):
        super().__init__(start_step)
        self._train_steps, self._save, self._evaluate, self._should_stop = train_steps, save, evaluate, should_stop
        self._save_steps, self._save_secs, self._eval_steps = save_steps, save_secs, eval_steps
        self._last_save = time.monotonic()
        self.saved_step = start_step

    def on_step(self, logs: dict[str, float]) -> None:
        """Saves and evaluates when it is time to."""
        last = self.step == self._train_steps
        evaluate = self._evaluate is not None and (last or self.step % self._eval_steps == 0)
        by_steps = self._save_steps and self.step % self._save_steps == 0
        by_time = self._save_secs and time.monotonic() - self._last_save >= self._save_secs
        if last or evaluate or by_steps or by_time:
            sync_variables(self.model)
            self._save(self.step)
            self.saved_step, self._last_save = self.step, time.monotonic()
        if evaluate:
            self._evaluate(self.step)
            reset_loss(self.model)  # evaluation uses the same running mean
            if reason := self._should_stop():
                print(reason, flush=True)
                self.model.stop_training = True


class StopOnSignal(StepCallback):
    """Ends training after the running step once `stop_requested` is set."""

    def __init__(self, start_step: int, stop_requested: threading.Event):
        super().__init__(start_step)
        self._stop_requested = stop_requested

    def on_step(self, logs: dict[str, float]) -> None:
        """Looks whether a signal came."""
        if self._stop_requested.is_set():
            sync_variables(self.model)
            self.model.stop_training = True


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets, to end the step in order; the second one interrupts at once."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return

    def on_signal(number: int, frame: Any) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class EarlyStopping:
    """Stops when a metric of the evaluations has not improved by more than `delta` for `steps` steps (T2T's rule).

    Args:
        metric: name of the metric; what precedes a "/" ("metrics-problem/accuracy") is ignored.
        delta: smallest change that counts.
        steps: patience in training steps; None never stops.
        minimize: whether smaller is better.
        metrics_file: where the evaluations are, those before a resume included.
    """

    def __init__(
        self, metric: str, delta: float, steps: int | None, minimize: bool, metrics_file: MetricsFile, split: str
    ):
        self._metric, self._delta, self._steps = metric.rpartition("/")[2], delta, steps
        self._sign, self._file, self._split = (1 if minimize else -1), metrics_file, split

    def __call__(self) -> str | None:
        """The reason to stop, or None."""
        if not self._steps:
            return None
        rows = self._file.of_split(self._split)
        if rows and self._metric not in rows[-1]:
            known = ", ".join(name for name in rows[-1] if name not in ("step", "split"))
            raise ValueError(f"unknown eval_early_stopping_metric {self._metric!r}; evaluations have: {known}")
        best, best_step = math.inf, 0
        for row in rows:
            value = self._sign * row[self._metric]
            if value < best - self._delta:
                best, best_step = value, row["step"]
        if rows and rows[-1]["step"] - best_step >= self._steps:
            was = f"step {best_step} ({self._sign * best:.4g})"
            return f"early stopping: {self._metric} has not improved by more than {self._delta} since {was}"
        return None


def reset_loss(model: keras.Model) -> None:
    """Starts a new mean of the training loss."""
    sync_variables(model)
    for metric in model.metrics:
        if metric.name == "loss":
            metric.reset_state()


def check_finite(model: keras.Model, step: int) -> None:
    """Raises NonFiniteLossError if a weight is not finite: such a checkpoint must not replace a good one."""
    for variable in model.trainable_variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable.value)).all():
            raise NonFiniteLossError(
                f"{variable.path} is not finite after step {step}; lower the learning rate "
                "(--hp_learning_rate_constant) or clip gradients (--hp_clip_grad_norm=1.0)"
            )


def duration(seconds: float) -> str:
    """`3725` -> `1:02:05`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def save_best(output_dir: str | Path, step: int, values: dict[str, float]) -> bool:
    """Marks the checkpoint of `step` as the best if it is: highest neg_log_perplexity, else lowest loss."""
    metric, sign = ("neg_log_perplexity", -1) if "neg_log_perplexity" in values else ("loss", 1)
    record = checkpoints.best_record(output_dir)
    is_best = record is None or record["metric"] != metric or sign * values[metric] < sign * record["value"]
    if is_best:
        checkpoints.mark_best(output_dir, step, metric, values[metric])
    return is_best
