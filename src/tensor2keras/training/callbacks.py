"""Callbacks of `model.fit`: reports, checkpoints, evaluations, early stopping and an orderly stop on Ctrl-C.

One call of `fit` is one Keras epoch; steps count all updates, those before a resume included.
"""

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tensor2keras.backend import sync_variables
from tensor2keras.training import checkpoints
from tensor2keras.training.metrics_log import Events, MetricsFile
from tensor2keras.training.options import TrainOptions
from tensor2keras.training.report import Report, log


class NonFiniteLossError(FloatingPointError):
    """The loss is NaN or infinite."""


class StepCallback(keras.callbacks.Callback):
    """A callback with `step`, the number of updates made so far.

    Args:
        start_step: updates made before this call of `fit`.
    """

    def __init__(self, start_step: int):
        super().__init__()
        self.step = start_step

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Counts the update and calls `on_step`."""
        self.step += 1
        self.on_step(logs or {})

    def on_step(self, logs: dict[str, float]) -> None:
        """Called after each update; `logs["loss"]` is the mean since the last report or evaluation."""


class StopOnNaN(StepCallback):
    """Raises `NonFiniteLossError` at the first loss that is not finite; must come before callbacks that save."""

    def on_step(self, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["loss"]):
            raise NonFiniteLossError(
                f"the loss is {logs['loss']} at step {self.step}; lower the learning rate "
                "(--hp_learning_rate_constant), warm up longer (--hp_learning_rate_warmup_steps) or clip gradients "
                "(--hp_clip_grad_norm=1.0)"
            )


class Progress(StepCallback):
    """Reports every `log_steps` steps: a line, a row of `metrics.csv` and TensorBoard scalars. Shows a progress bar.

    Args:
        start_step: updates made before this call of `fit`.
        options: `train_steps` and `log_steps` are read; a report's loss is the mean over `log_steps` steps.
        tokens_per_step: non-padding tokens of a mean batch, or None.
        metrics_file: the run's `metrics.csv`.
        events: TensorBoard events of training.
        report: called with each line, and with `transient=True` for the progress bar.
    """

    def __init__(
        self,
        start_step: int,
        options: TrainOptions,
        tokens_per_step: float | None,
        metrics_file: MetricsFile,
        events: Events,
        report: Report = log,
    ):
        super().__init__(start_step)
        self._start_step, self._train_steps, self._log_steps = start_step, options.train_steps, options.log_steps
        self._tokens_per_step = tokens_per_step or 0.0
        self._file, self._events, self._print = metrics_file, events, report
        self._has_bar = sys.stdout.isatty()
        self._shown = 0.0
        self._seconds, self._timed_steps = 0.0, 0  # of training alone, without evaluation, saving and the first step

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Starts the clock of a step."""
        self._began = time.perf_counter()

    def on_step(self, logs: dict[str, float]) -> None:
        now = time.perf_counter()
        if self.step == self._start_step + 1:
            self._print(f"first step took {now - self._began:.1f} s, tracing included; loss {logs['loss']:.4f}")
        else:
            self._seconds += now - self._began
            self._timed_steps += 1
        if self._log_steps and (self.step % self._log_steps == 0 or self.step == self._train_steps):
            self._report(logs["loss"])
        elif self._has_bar and now - self._shown > 0.5:
            self._shown = now
            self._print(self._line(logs["loss"]), transient=True)

    def _report(self, loss: float) -> None:
        speed = self._timed_steps / self._seconds if self._seconds else 0.0
        values = {"loss": loss, "learning_rate": learning_rate(self.model)}
        if speed:
            values["steps_per_second"] = speed
            if self._tokens_per_step:
                values["tokens_per_second"] = speed * self._tokens_per_step
        self._file.append(self.step, "train", values)
        self._events.write(self.step, values)
        self._print(self._line(loss))
        self._seconds, self._timed_steps = 0.0, 0
        reset_loss(self.model)

    def _line(self, loss: float) -> str:
        done = 20 * self.step // self._train_steps
        parts = [f"step {self.step}/{self._train_steps}", f"[{'=' * done}{'.' * (20 - done)}]", f"loss {loss:.4f}"]
        parts.append(f"lr {learning_rate(self.model):.3g}")
        if self._seconds:
            speed = self._timed_steps / self._seconds
            if self._tokens_per_step:
                parts.append(f"{speed * self._tokens_per_step:.0f} tokens/s")
            parts += [f"{speed:.2f} steps/s", f"ETA {duration((self._train_steps - self.step) / speed)}"]
        return "  ".join(parts)


class SaveAndEvaluate(StepCallback):
    """Saves checkpoints and evaluates, always saving first, so that every evaluated model is on disk.

    The last step is always saved, and evaluated if any step is.

    Args:
        start_step: updates made before this call of `fit`.
        options: when to save and when to evaluate.
        save: called with the step.
        evaluate: called with the step; None for no evaluation.
        reason_to_stop: called after an evaluation; returns a reason to stop early, or None.
        report: called with that reason.
    """

    def __init__(
        self,
        start_step: int,
        options: TrainOptions,
        save: Callable[[int], None],
        evaluate: Callable[[int], None] | None,
        reason_to_stop: Callable[[], str | None],
        report: Report = log,
    ):
        super().__init__(start_step)
        self._options, self._save, self._evaluate = options, save, evaluate
        self._reason_to_stop, self._report = reason_to_stop, report
        self._last_save = time.monotonic()
        self.saved_step = start_step

    def on_step(self, logs: dict[str, float]) -> None:
        options = self._options
        is_last = self.step == options.train_steps
        evaluate = self._evaluate is not None and options.evaluates_at(self.step)
        by_steps = options.save_steps and self.step % options.save_steps == 0
        seconds = options.save_checkpoints_secs
        by_time = seconds and time.monotonic() - self._last_save >= seconds
        if is_last or evaluate or by_steps or by_time:
            sync_variables(self.model)
            self._save(self.step)
            self.saved_step, self._last_save = self.step, time.monotonic()
        if evaluate:
            self._evaluate(self.step)
            reset_loss(self.model)  # evaluation uses the same running mean
            if reason := self._reason_to_stop():
                self._report(reason)
                self.model.stop_training = True


class StopOnSignal(StepCallback):
    """Stops training after the running step if a signal was received.

    Args:
        start_step: updates made before this call of `fit`.
        stop_requested: the event that `stop_on_signals` sets.
    """

    def __init__(self, start_step: int, stop_requested: threading.Event):
        super().__init__(start_step)
        self._stop_requested = stop_requested

    def on_step(self, logs: dict[str, float]) -> None:
        if self._stop_requested.is_set():
            sync_variables(self.model)
            self.model.stop_training = True


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yields an event that the first Ctrl-C or SIGTERM sets, to stop after the running step; the second interrupts."""
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


def early_stopping_reason(evaluations: Sequence[Mapping[str, Any]], options: TrainOptions) -> str | None:
    """Returns why training should stop (T2T's rule), or None.

    Training should stop when `early_stopping_metric` has not improved by more than `early_stopping_delta` for
    `early_stopping_steps` steps.

    Args:
        evaluations: "step" and metrics of each evaluation, oldest first, those before a resume included.
        options: metric, delta, patience and direction of early stopping.

    Raises:
        ValueError: the evaluations have no such metric.
    """
    if not options.early_stopping_steps or not evaluations:
        return None
    metric, delta = options.early_stopping_metric.rpartition("/")[2], options.early_stopping_delta
    sign = 1 if options.early_stopping_minimize else -1
    if metric not in evaluations[-1]:
        known = ", ".join(name for name in evaluations[-1] if name not in ("step", "split"))
        raise ValueError(f"unknown eval_early_stopping_metric {metric!r}; evaluations have: {known}")
    best, best_step = math.inf, 0
    for row in evaluations:
        value = sign * row.get(metric, math.nan)
        if math.isfinite(value) and value < best - delta:
            best, best_step = value, row["step"]
    if evaluations[-1]["step"] - best_step < options.early_stopping_steps:
        return None
    if best == math.inf:
        return f"early stopping: {metric} has not been finite in any evaluation"
    return f"early stopping: {metric} has not improved by more than {delta} since step {best_step} ({sign * best:.4g})"


def reset_loss(model: keras.Model) -> None:
    """Starts a new mean of the training loss."""
    sync_variables(model)
    for metric in model.metrics:
        if metric.name == "loss":
            metric.reset_state()


def learning_rate(model: keras.Model) -> float:
    """Returns the current learning rate of a model's optimizer."""
    sync_variables(model)
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def check_finite(model: keras.Model, step: int) -> None:
    """Raises NonFiniteLossError if a weight is not finite: such a checkpoint must not replace a good one."""
    for variable in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(variable.value)).all():
            raise NonFiniteLossError(
                f"{variable.path} is not finite after step {step}; lower the learning rate "
                "(--hp_learning_rate_constant) or clip gradients (--hp_clip_grad_norm=1.0)"
            )


def duration(seconds: float) -> str:
    """Returns seconds as hours, minutes and seconds: `3725` -> `1:02:05`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def is_finite(evaluation: Mapping[str, Any]) -> bool:
    """Returns whether loss and `neg_log_perplexity` of an evaluation are finite; other metrics may overflow."""
    return all(math.isfinite(evaluation.get(name, 0.0)) for name in ("loss", "neg_log_perplexity"))


def last_good_step(steps: Iterable[int], evaluations: Sequence[Mapping[str, Any]]) -> int | None:
    """Returns the newest saved step before evaluations ceased to be finite; None if there is none.

    Args:
        steps: steps with a checkpoint.
        evaluations: "step" and metrics of each evaluation, oldest first.
    """
    limit = math.inf
    for row in reversed(evaluations):
        if is_finite(row):
            break
        limit = row["step"]
    return max((step for step in steps if step < limit), default=None)


def save_best(output_dir: str | Path, step: int, values: dict[str, float]) -> bool:
    """Marks the checkpoint of `step` as the best if it is: highest neg_log_perplexity, otherwise lowest loss.

    A value that is not finite is never the best.
    """
    metric, sign = ("neg_log_perplexity", -1) if "neg_log_perplexity" in values else ("loss", 1)
    record = checkpoints.best_record(output_dir)
    is_better = record is None or record["metric"] != metric or sign * values[metric] < sign * record["value"]
    is_best = is_finite(values) and is_better
    if is_best:
        checkpoints.mark_best(output_dir, step, metric, values[metric])
    return is_best
