"""Training from beginning to end (T2T's `bin/t2t_trainer.py` and `utils/trainer_lib.py`) on `model.fit`."""

import copy
import math
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tensor2keras import registry
from tensor2keras.backend import sync_variables
from tensor2keras.hparams import HParams
from tensor2keras.metrics import language_model
from tensor2keras.training import callbacks, checkpoints, loading, pictures, strategy
from tensor2keras.training.metrics_log import Events, MetricsFile

SCHEDULES = {
    "continuous_train_and_eval": "train, evaluating every local_eval_frequency steps",
    "train_and_evaluate": "the same",
    "train": "train without evaluating",
    "evaluate": "evaluate the newest checkpoint on the validation split",
    "evaluate_on_train_data": "evaluate it on the train split",
    "test": "evaluate it on the test split",
}
_EVALUATED_SPLIT = {"evaluate": "validation", "evaluate_on_train_data": "train", "test": "test"}
_REPORTED_BATCHES = 50  # enough for two digits of the share of padding, in well under a second


def train_and_evaluate(
    problem: Any,
    model: str,
    hparams: HParams | str,
    output_dir: str | Path,
    *,
    train_steps: int = 250_000,
    eval_steps: int = 100,
    eval_every: int = 1000,
    save_checkpoints_steps: int | None = None,
    save_checkpoints_secs: int = 0,
    keep_checkpoint_max: int = 20,
    random_seed: int | None = None,
    warm_start_from: str | Path | None = None,
    early_stopping_steps: int | None = None,
    early_stopping_metric: str = "loss",
    early_stopping_delta: float = 0.1,
    early_stopping_minimize: bool = True,
    eval_use_test_set: bool = False,
    worker_gpu: int = 1,
    locally_shard_to_cpu: bool = False,
    schedule: str = "continuous_train_and_eval",
    log_steps: int = 100,
    xla: bool | None = None,
    hparams_set: str | None = None,
    flags: Sequence[str] = (),
) -> dict[str, float]:
    """Trains a model on a problem, evaluating now and then, and returns the last evaluation.

    Called again with the same `output_dir` it goes on at the last checkpoint, with the same weights, optimizer state,
    dropout seeds and order of the data: the losses are those of a run that was never interrupted.

    Args:
        problem: a Problem whose data have been generated, or a problem's name.
        model: registered name of the model.
        hparams: the hyperparameters, or the name of a set.
        output_dir: where everything is written (`checkpoints.py` has the layout); made if needed.
        train_steps: updates from the beginning of training, those before a resume included.
        eval_steps: batches of an evaluation; 0 or less takes the whole split.
        eval_every: steps between evaluations (T2T's `local_eval_frequency`).
        save_checkpoints_steps: steps between checkpoints; None: `eval_every`, unless `save_checkpoints_secs` is given.
            Every evaluated step is saved as well.
        save_checkpoints_secs: seconds between checkpoints; 0: count steps instead.
        keep_checkpoint_max: how many of the newest checkpoints stay; the best stays too. 0 keeps all.
        random_seed: decides initial weights, dropout and the order of the data; None is 0, or the resumed run's.
        warm_start_from: a checkpoint or a run's directory, ours or Tensor2Tensor's, whose weights a new run begins
            with.
        early_stopping_steps: stop when the metric has not improved for so many steps; None: never.
        early_stopping_metric, early_stopping_delta, early_stopping_minimize: which metric, the smallest change that
            counts, and whether smaller is better.
        eval_use_test_set: evaluate on "test" instead of "validation".
        worker_gpu: devices to train on; `batch_size` counts tokens a device.
        locally_shard_to_cpu: take logical CPU devices for them.
        schedule: one of `SCHEDULES`.
        log_steps: steps between two lines of progress.
        xla: compile the step with XLA; None: on accelerators, not on CPUs (where it costs more than it saves).
        hparams_set: name of the set, recorded in `hparams.json`; known when `hparams` is a name.
        flags: the command's flags, recorded in `flags.txt`.

    Returns:
        The metrics of the last evaluation by T2T's names, and "step".

    Raises:
        ValueError: an unknown schedule, or an `output_dir` of a run with other settings; the differences are named.
        NonFiniteLossError: the loss became NaN or infinite; the checkpoints before that are kept.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; the step has been saved.
    """
    began = time.monotonic()
    if schedule not in SCHEDULES:
        raise ValueError(f"unknown schedule {schedule!r}; known: {', '.join(SCHEDULES)}")
    output_dir = Path(output_dir).expanduser()
    if schedule in _EVALUATED_SPLIT:
        split = _EVALUATED_SPLIT[schedule]
        return evaluate_checkpoint(output_dir, problem, split=split, eval_steps=eval_steps)
    problem = registry.problem(problem) if isinstance(problem, str) else problem
    if isinstance(hparams, str):
        hparams_set, hparams = hparams, registry.hparams(hparams, problem)
    hparams = _with_train_steps(hparams, train_steps)
    seed = loading.write_run(output_dir, model, hparams, random_seed=random_seed, hparams_set=hparams_set, flags=flags)

    # All variables are made in the strategy's scope, before `fit`: one trace instead of two.
    list(registry.models)  # imported before the seed is set: what they make on import draws numbers too
    keras.utils.set_random_seed(seed)
    devices = strategy.make_strategy(worker_gpu, locally_shard_to_cpu)
    with strategy.scope(devices):
        network = registry.model(model, hparams)
        network.compile(jit_compile=use_xla(xla, devices))
        network.build()
        network.optimizer.build(network.trainable_variables)

    start_step = checkpoints.restore(network, output_dir)
    if start_step == 0 and warm_start_from:
        print(f"warm start: weights of {loading.load_weights(network, warm_start_from)}")

    replicas = max(worker_gpu, 1)
    train_data = problem.dataset("train", hparams, num_replicas=replicas, seed=seed, start_step=start_step)
    split = "test" if eval_use_test_set else "validation"
    metrics_file = MetricsFile(output_dir / "metrics.csv", hparams.problem.get("eval_metrics", ()), start_step)
    tokens_per_step = _describe(network, train_data, output_dir, devices, start_step, train_steps)
    _report_lengths(problem, hparams)
    _report_weight_decay(hparams)

    eval_events, train_events = Events(output_dir / "eval"), Events(output_dir / "train")

    def save(step: int) -> None:
        callbacks.check_finite(network, step)
        checkpoints.save(network, output_dir, step, keep_checkpoint_max)

    text_figures = TextFigures(problem)

    def evaluate(step: int) -> None:
        data = problem.dataset(split, hparams, num_replicas=replicas)
        values = _evaluate(network, data, eval_steps, devices)
        values |= text_figures(data, eval_steps, values)
        metrics_file.append(step, split, values)
        eval_events.write(step, values, prefix=f"metrics-{problem.name}/")
        is_best = callbacks.save_best(output_dir, step, values)
        print(f"step {step}  {split}  {_line(values)}{'  (best)' if is_best else ''}", flush=True)

    evaluating = schedule != "train"
    early_stopping = callbacks.EarlyStopping(
        early_stopping_metric, early_stopping_delta, early_stopping_steps, early_stopping_minimize, metrics_file, split
    )
    evaluated = {row["step"] for row in metrics_file.of_split(split)}
    due = start_step > 0 and (start_step % eval_every == 0 or start_step >= train_steps)
    if evaluating and due and start_step not in evaluated:
        evaluate(start_step)  # the run was killed between a checkpoint and its evaluation
    stop_reason = early_stopping() if evaluating else None
    if start_step >= train_steps or stop_reason:
        print(stop_reason or f"{output_dir} is trained already: step {start_step} of train_steps={train_steps}")
        return _last_evaluation(metrics_file, split, start_step)

    saver = callbacks.SaveAndEvaluate(
        start_step,
        train_steps,
        save,
        evaluate if evaluating else None,
        early_stopping,
        save_steps=save_checkpoints_steps or (0 if save_checkpoints_secs else eval_every),
        save_secs=save_checkpoints_secs,
        eval_steps=eval_every,
    )
    progress = callbacks.Progress(
        start_step, train_steps, log_steps, tokens_per_step, metrics_file, train_events, lambda: _learning_rate(network)
    )
    samples = [pictures.Pictures(start_step, eval_every, eval_events)] if pictures.draws_pictures(network) else []
    with callbacks.stop_on_signals() as stop_requested:
        print(f"ready after {time.monotonic() - began:.1f} s; the first step traces the model", flush=True)
        try:
            network.fit(
                strategy.distributable(train_data, devices),
                steps_per_epoch=train_steps - start_step,
                verbose=0,
                shuffle=False,  # the data set is in order already
                callbacks=[
                    callbacks.StopOnNaN(start_step),
                    progress,
                    saver,
                    *samples,
                    callbacks.StopOnSignal(start_step, stop_requested),
                ],
            )
        except callbacks.NonFiniteLossError as error:
            raise callbacks.NonFiniteLossError(f"{error}. {_last_good(output_dir)}") from None
        if stop_requested.is_set() and saver.step < train_steps:
            if saver.saved_step != saver.step:
                save(saver.step)
            raise KeyboardInterrupt(
                f"stopped at step {saver.step}, which is saved; the same command goes on from there"
            )
    newest, best = checkpoints.latest(output_dir), checkpoints.best(output_dir)
    print(f"done: {output_dir}; newest checkpoint {newest.name}, best {best.name}")
    return _last_evaluation(metrics_file, split, saver.step)


def evaluate_checkpoint(
    output_dir: str | Path,
    problem: Any,
    checkpoint_path: str | Path | None = None,
    *,
    split: str = "validation",
    eval_steps: int = 100,
) -> dict[str, float]:
    """The metrics of a checkpoint on a split, by T2T's names, and its "step".

    Args:
        output_dir: the run's directory.
        problem: a Problem whose data have been generated, or a problem's name.
        checkpoint_path: a checkpoint; None or "latest": the newest, "best": the best.
        split: "validation", "test" or "train".
        eval_steps: batches to take; 0 or less takes the whole split.

    Raises:
        FileNotFoundError: no run, no checkpoint or no data.
    """
    problem = registry.problem(problem) if isinstance(problem, str) else problem
    path = loading.checkpoint_file(output_dir, checkpoint_path)
    network = loading.load_model(output_dir, path)
    network.compile(jit_compile=use_xla(None, None))
    data = problem.dataset(split, network.hparams, shuffle=False, repeat=False)
    values = _evaluate(network, data, eval_steps, None)
    return {"step": checkpoints.step_of(path), **values, **TextFigures(problem)(data, eval_steps, values)}


class TextFigures:
    """A language model's perplexity by word and bits by character, besides its `neg_log_perplexity`.

    Args:
        problem: the Problem; for any other than a language model on text there are no figures.
    """

    def __init__(self, problem: Any):
        features = problem.get_hparams()["features"]
        is_text = "inputs" not in features and features.get("targets", {}).get("modality") == "symbol"
        self._encoder = problem.get_feature_encoders().get("targets") if is_text else None
        self._units: language_model.Units | None = None  # of the split, which is the same at every evaluation

    def __call__(self, data: Any, eval_steps: int, values: dict[str, float]) -> dict[str, float]:
        """The figures of `values`, measured on the first `eval_steps` batches (0: all) of `data`."""
        if self._encoder is None or "neg_log_perplexity" not in values:
            return {}
        if self._units is None:
            batches = data.take(eval_steps) if eval_steps > 0 else data
            rows = (row for _, targets, _ in batches.as_numpy_iterator() for row in targets)
            self._units = language_model.count_units(self._encoder, rows)
        return language_model.figures(values["neg_log_perplexity"], self._units)


def use_xla(xla: bool | None, devices: Any) -> bool:
    """Whether to compile with XLA: as asked, else on one accelerator but not on CPUs; JAX always compiles."""
    if xla is not None:
        return xla
    return keras.backend.backend() == "jax" or (devices is None and strategy.on_accelerator())


def _with_train_steps(hparams: HParams, train_steps: int) -> HParams:
    """A copy that also says how long training is, which some learning-rate schedules ask."""
    hparams = copy.deepcopy(hparams)
    if "train_steps" in hparams:
        hparams.set_hparam("train_steps", train_steps)
    else:
        hparams.add_hparam("train_steps", train_steps)
    return hparams


def _evaluate(network: keras.Model, data: Any, eval_steps: int, devices: Any) -> dict[str, float]:
    data = data.take(eval_steps) if eval_steps > 0 else data
    with warnings.catch_warnings():  # the number of batches is not known beforehand
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        values = network.evaluate(strategy.distributable(data, devices), verbose=0, return_dict=True)
    sync_variables(network)
    return {"loss": float(values.pop("loss")), **{name: float(value) for name, value in values.items()}}


def _describe(
    network: keras.Model, data: Any, output_dir: Path, devices: Any, start_step: int, train_steps: int
) -> float | None:
    """Prints what is about to happen; returns the real tokens (inputs and targets) of a mean batch, None if none."""
    from tensor2keras.data.batching.reports import padding_report

    report = padding_report(data, _REPORTED_BATCHES)
    name = loading.full_problem_name(network.hparams.problem)
    count = sum(math.prod(variable.shape) for variable in network.trainable_variables)
    start = f"goes on at step {start_step}" if start_step else "starts at step 0"
    print(f"model      {network.name}, {count:,} parameters; {start} of {train_steps}")
    print(f"devices    {strategy.describe(devices)}")
    print(f"batches    {report}")
    print(f"written to {output_dir}: checkpoints/, metrics.csv, train/ and eval/ (tensorboard --logdir {output_dir})")
    source = "" if pictures.draws_pictures(network) else " --decode_from_file=FILE"
    print(f"to decode  t2t-decoder --problem={name} --output_dir={output_dir}{source}", flush=True)
    return report.positions * report.non_padding / report.batches if report.positions else None


def _report_lengths(problem: Any, hparams: HParams) -> None:
    """Prints how many examples are cut or left out as too long, if there are any."""
    from tensor2keras.data.batching.reports import length_report

    if hasattr(problem, "example_spec") and (too_long := length_report(problem, "train", hparams)):
        print(f"too long   {too_long}", flush=True)


def _report_weight_decay(hparams: HParams) -> None:
    """Warns of some sets' weight decay, made when T2T still divided it by each variable's size (until January 2018)."""
    if (hparams.get("weight_decay") or 0) >= 1:
        print(
            f"careful    weight_decay={hparams.weight_decay} pulls every weight towards 0 and may keep the model from "
            "learning; weight_decay=0 leaves it off",
            flush=True,
        )


def _learning_rate(network: keras.Model) -> float:
    sync_variables(network)
    return float(keras.ops.convert_to_numpy(network.optimizer.learning_rate))


def _line(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in values.items())


def _last_evaluation(metrics_file: MetricsFile, split: str, step: int) -> dict[str, float]:
    rows = metrics_file.of_split(split)
    return {name: value for name, value in rows[-1].items() if name != "split"} if rows else {"step": step}


def _last_good(output_dir: Path) -> str:
    saved = checkpoints.list_checkpoints(output_dir)
    return (
        f"The last good checkpoint is step {saved[-1][0]} in {output_dir}" if saved else "No checkpoint had been saved"
    )
