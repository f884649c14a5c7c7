"""Training from beginning to end (T2T's `bin/t2t_trainer.py` and `utils/trainer_lib.py`) on `model.fit`."""

import copy
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.training import callbacks, checkpoints, evaluation, loading, pictures, strategy
from tensor2keras.training.metrics_log import Events, MetricsFile
from tensor2keras.training.options import EVALUATED_SPLITS, TrainOptions
from tensor2keras.training.report import Report, log

_REPORTED_BATCHES = 50  # enough for two digits of the share of padding, in well under a second


def train_and_evaluate(
    problem: Any,
    model: str,
    hparams: HParams | str,
    output_dir: str | Path,
    options: TrainOptions | None = None,
    *,
    hparams_set: str | None = None,
    flags: Sequence[str] = (),
    report: Report = log,
) -> dict[str, float]:
    """Trains a model on a problem, evaluating at intervals, and returns the last evaluation.

    Called again with the same `output_dir` it resumes at the last checkpoint, with the same weights, optimizer state,
    dropout seeds and order of the data: the losses are those of a run that was never interrupted.

    Args:
        problem: a Problem whose data have been generated, or a problem's name.
        model: registered name of the model.
        hparams: the hyperparameters, or the name of a set.
        output_dir: where everything is written (`checkpoints.py` has the layout); created if needed.
        options: how long and how to train; None: `TrainOptions()`.
        hparams_set: name of the set, recorded in `hparams.json`; known when `hparams` is a name.
        flags: the command's flags, recorded in `flags.txt`.
        report: called with each line of the report, and with `transient=True` for lines that the next one replaces.

    Returns:
        The metrics of the last evaluation by T2T's names, and "step".

    Raises:
        ValueError: an `output_dir` of a run with other settings (the differences are named), or of checkpoints without
            an `hparams.json`.
        MemoryError: a variable of the model does not fit into the memory.
        NonFiniteLossError: the loss became NaN or infinite; the checkpoints before that are kept.
        KeyboardInterrupt: Ctrl-C or SIGTERM was received; the step has been saved.

    Example:
        >>> options = training.TrainOptions(train_steps=1000, eval_every=200)
        >>> training.train_and_evaluate(problem, "transformer", "transformer_tiny", "~/t2t_train/numbers", options)
    """
    began = time.monotonic()
    options = options or TrainOptions()
    output_dir = Path(output_dir).expanduser()
    problem = registry.problem(problem) if isinstance(problem, str) else problem
    if split := EVALUATED_SPLITS.get(options.schedule):
        return evaluation.evaluate_checkpoint(output_dir, problem, split=split, eval_steps=options.eval_steps)
    if isinstance(hparams, str):
        hparams_set, hparams = hparams, registry.hparams(hparams, problem)
    loading.check_still_described(output_dir)
    hparams = _as_begun(output_dir, _with_train_steps(hparams, options.train_steps), report)
    seed = loading.write_run(
        output_dir, model, hparams, random_seed=options.random_seed, hparams_set=hparams_set, flags=flags
    )

    devices = strategy.make_strategy(options.worker_gpu, options.locally_shard_to_cpu)
    network = _build(model, hparams, options, devices, seed)
    start_step = _restore(network, output_dir, options, report)
    run = _Run(network, problem, output_dir, options, devices, start_step, report)
    train_data = problem.dataset("train", hparams, num_replicas=run.replicas, seed=seed, start_step=start_step)
    tokens_per_step = _describe(run, train_data)

    run.make_up_for_missed_evaluation()
    if reason := run.reason_not_to_train():
        report(reason)
        return run.last_evaluation(start_step)
    last_step = _fit(run, train_data, tokens_per_step, began)
    newest, best = checkpoints.latest(output_dir), checkpoints.best_record(output_dir)
    report(f"done: {output_dir}; newest checkpoint {newest.name}, best step {best['step'] if best else '(none)'}")
    return run.last_evaluation(last_step)


class _Run:
    """A run in progress, from `start_step` on: how its model is saved and evaluated, and where the figures go."""

    def __init__(
        self,
        network: keras.Model,
        problem: Any,
        output_dir: Path,
        options: TrainOptions,
        devices: Any,
        start_step: int,
        report: Report,
    ):
        self.network, self.problem, self.output_dir = network, problem, output_dir
        self.options, self.devices, self.start_step, self.report = options, devices, start_step, report
        self.replicas = max(options.worker_gpu, 1)
        eval_metrics = network.hparams.problem.get("eval_metrics", ())
        self.metrics_file = MetricsFile(output_dir / "metrics.csv", eval_metrics, start_step)
        self.train_events, self.eval_events = Events(output_dir / "train"), Events(output_dir / "eval")
        self._text_figures = evaluation.TextFigures(problem)

    def save(self, step: int) -> None:
        """Writes the checkpoint of `step`, unless a weight is not finite."""
        callbacks.check_finite(self.network, step)
        checkpoints.save(self.network, self.output_dir, step, self.options.keep_checkpoint_max)

    def evaluate(self, step: int) -> None:
        """Evaluates the model, records the metrics and marks the checkpoint of `step` if it is the best so far."""
        split, steps = self.options.eval_split, self.options.eval_steps
        data = self.problem.dataset(split, self.network.hparams, num_replicas=self.replicas)
        values = evaluation.metrics_on(self.network, data, steps, self.devices)
        values |= self._text_figures(data, steps, values)
        self.metrics_file.append(step, split, values)
        self.eval_events.write(step, values, prefix=f"metrics-{self.problem.name}/")
        is_best = callbacks.save_best(self.output_dir, step, values)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        mark = "  (best)" if is_best else "" if callbacks.is_finite(values) else "  (not finite: never the best)"
        self.report(f"step {step}  {split}  {figures}{mark}")

    def make_up_for_missed_evaluation(self) -> None:
        """Evaluates the resumed step if the run was killed between its checkpoint and its evaluation."""
        step = self.start_step
        due = step > 0 and self.options.evaluates_at(step)
        if due and step not in {row["step"] for row in self._evaluations()}:
            self.evaluate(step)

    def reason_to_stop(self) -> str | None:
        """Returns why the evaluations so far end training early, or None."""
        return callbacks.early_stopping_reason(self._evaluations(), self.options) if self.options.evaluates else None

    def reason_not_to_train(self) -> str | None:
        """Returns why the run is over before the first step of this process, or None."""
        if reason := self.reason_to_stop():
            return reason
        if self.start_step >= self.options.train_steps:
            step, train_steps = self.start_step, self.options.train_steps
            return f"{self.output_dir} is trained already: step {step} of train_steps={train_steps}"
        return None

    def last_evaluation(self, step: int) -> dict[str, float]:
        """Returns the metrics of the last evaluation and its step; `step` alone if there was none."""
        rows = self._evaluations()
        return {name: value for name, value in rows[-1].items() if name != "split"} if rows else {"step": step}

    def last_good(self) -> str:
        """Returns a sentence on the newest checkpoint whose weights and evaluation are finite."""
        steps = [step for step, _ in checkpoints.list_checkpoints(self.output_dir)]
        if not steps:
            return "No checkpoint had been saved"
        good = callbacks.last_good_step(steps, self._evaluations())
        if good is None:
            return f"No checkpoint in {self.output_dir} has an evaluation with finite values"
        return f"The last good checkpoint is step {good} in {self.output_dir}"

    def _evaluations(self) -> list[dict[str, Any]]:
        return self.metrics_file.of_split(self.options.eval_split)


def _with_train_steps(hparams: HParams, train_steps: int) -> HParams:
    """Returns a copy with the length of training, which some learning-rate schedules read."""
    hparams = copy.deepcopy(hparams)
    if "train_steps" in hparams:
        hparams.set_hparam("train_steps", train_steps)
    else:
        hparams.add_hparam("train_steps", train_steps)
    return hparams


def _as_begun(output_dir: Path, hparams: HParams, report: Report) -> HParams:
    """Returns hparams as the run in `output_dir` began with them: without `mask_padding`, if it did not exist then."""
    continues = hparams.get("mask_padding") and checkpoints.list_checkpoints(output_dir)
    if continues and "mask_padding" not in loading.read_run(output_dir)["hparams"]:
        report("continues  with mask_padding=False: this run began before the hyperparameter existed")
        hparams.mask_padding = False
    return hparams


def _build(model: str, hparams: HParams, options: TrainOptions, devices: Any, seed: int) -> keras.Model:
    """Returns the compiled model; all its variables exist before `fit`, so that the step is traced once, not twice."""
    list(registry.models)  # imported before the seed is set, so that random numbers on import do not change the weights
    keras.utils.set_random_seed(seed)
    with strategy.scope(devices):
        network = registry.model(model, hparams)
        network.compile(jit_compile=strategy.use_xla(options.xla, devices), training_metrics=False)
        network.build()
        network.optimizer.build(network.trainable_variables)
    return network


def _restore(network: keras.Model, output_dir: Path, options: TrainOptions, report: Report) -> int:
    """Loads the run's newest checkpoint, or the weights to start from, and returns the step."""
    start_step = checkpoints.restore(network, output_dir)
    if start_step == 0 and options.warm_start_from:
        report(f"warm start: weights of {loading.load_weights(network, options.warm_start_from)}")
    return start_step


def _describe(run: _Run, train_data: Any) -> float | None:
    """Reports model, devices and data; returns the non-padding tokens (inputs and targets) of a mean batch, or None."""
    from tensor2keras.data.batching.reports import length_report, padding_report

    network, hparams, output_dir = run.network, run.network.hparams, run.output_dir
    padding = padding_report(train_data, _REPORTED_BATCHES)
    count = sum(math.prod(variable.shape) for variable in network.trainable_variables)
    start = f"resumes at step {run.start_step}" if run.start_step else "starts at step 0"
    source = "" if pictures.generates_images(network) else " --decode_from_file=FILE"
    name = loading.full_problem_name(hparams.problem)
    run.report(f"model      {network.name}, {count:,} parameters; {start} of {run.options.train_steps}")
    run.report(f"devices    {strategy.describe(run.devices)}")
    run.report(f"batches    {padding}")
    run.report(
        f"written to {output_dir}: checkpoints/, metrics.csv, train/ and eval/ (tensorboard --logdir {output_dir})"
    )
    run.report(f"to decode  t2t-decoder --problem={name} --output_dir={output_dir}{source}")
    if too_long := length_report(run.problem, "train", hparams):
        run.report(f"too long   {too_long}")
    if (hparams.get("weight_decay") or 0) >= 1:
        # Sets of before January 2018, when T2T still divided it by each variable's size.
        run.report(
            f"careful    weight_decay={hparams.weight_decay} pulls every weight towards 0 and may keep the model from "
            "learning; weight_decay=0 turns it off"
        )
    return padding.positions * padding.non_padding / padding.batches if padding.positions else None


def _fit(run: _Run, train_data: Any, tokens_per_step: float | None, began: float) -> int:
    """Trains to the last step, saving and evaluating on the way, and returns the step that was reached."""
    options, start_step = run.options, run.start_step
    progress = callbacks.Progress(start_step, options, tokens_per_step, run.metrics_file, run.train_events, run.report)
    saver = callbacks.SaveAndEvaluate(
        start_step, options, run.save, run.evaluate if options.evaluates else None, run.reason_to_stop, run.report
    )
    samples = []
    if options.eval_every and pictures.generates_images(run.network):
        samples.append(pictures.Pictures(start_step, options.eval_every, run.eval_events))
    with callbacks.stop_on_signals() as stop_requested:
        run.report(f"ready after {time.monotonic() - began:.1f} s; the first step traces the model")
        stopper = callbacks.StopOnSignal(start_step, stop_requested)
        try:
            run.network.fit(
                strategy.distributable(train_data, run.devices),
                steps_per_epoch=options.train_steps - start_step,
                verbose=0,
                shuffle=False,  # the data set is in order already
                callbacks=[callbacks.StopOnNaN(start_step), progress, saver, *samples, stopper],
            )
        except callbacks.NonFiniteLossError as error:
            raise callbacks.NonFiniteLossError(f"{error}. {run.last_good()}") from None
        if stop_requested.is_set() and saver.step < options.train_steps:
            if saver.saved_step != saver.step:
                run.save(saver.step)
            raise KeyboardInterrupt(f"stopped at step {saver.step}, which is saved; the same command resumes there")
    return saver.step
