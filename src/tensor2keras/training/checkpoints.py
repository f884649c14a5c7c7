"""Numbered checkpoints of a training run.

Layout, under one run's `output_dir`:

    checkpoints/model.ckpt-1000.weights.h5   weights at step 1000, in Keras's format; the newest N, and the best
    checkpoints/best.json                    {"step", "metric", "value"} of the best evaluation so far
    backup/model.ckpt-1000.state.npz         the rest of the training state: optimizer variables and dropout seeds

A numbered file holds weights only (the optimizer would make it up to three times as large); the state is kept for the
newest step alone. Everything is written to a temporary name and renamed, the weights before the state. A run killed at
any moment resumes at the newest step for which both exist.
"""

import json
import math
import re
import reprlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from absl import logging

from tensor2keras import files
from tensor2keras import watch as watching
from tensor2keras.convert import sources

_STEP = re.compile(r"model\.ckpt-(\d+)\.weights\.h5$")
_SUFFIX = ".weights.h5"


def save(model: keras.Model, output_dir: str | Path, step: int, keep_max: int = 20) -> Path:
    """Writes the checkpoint of `step`, removes those older than the newest `keep_max`, and returns the weights' path.

    Args:
        model: a compiled model whose optimizer is built.
        output_dir: the run's directory.
        step: number of updates made.
        keep_max: numbered checkpoints to keep, the best one not counted; 0 keeps all.
    """
    path = save_weights(model, output_dir, step)
    backup = Path(output_dir, "backup")
    state = backup / f"model.ckpt-{step}.state.npz"
    with files.atomic_path(state) as temporary:
        np.savez(temporary, **_training_state(model))
    for old in backup.iterdir():
        if old != state:
            old.unlink(missing_ok=True)
    prune(output_dir, keep_max)
    return path


def save_weights(model: keras.Model, output_dir: str | Path, step: int) -> Path:
    """Writes the weights of `step` without a training state and returns the path."""
    path = Path(output_dir, "checkpoints", f"model.ckpt-{step}{_SUFFIX}")
    with files.atomic_path(path) as temporary:
        keras.saving.save_weights(model, str(temporary), objects_to_skip=_not_weights(model))
    return path


def watch(output_dir: str | Path, min_steps: int = 0, wait_minutes: float = 0) -> Iterator[tuple[int, Path]]:
    """Yields (step, path of the weights) of each checkpoint, oldest first, then of new ones.

    Args:
        output_dir: the run's directory.
        min_steps: lower steps are left out.
        wait_minutes: ends when no new checkpoint has appeared for so long.
    """
    return watching.numbered_files(lambda: list_checkpoints(output_dir), min_steps, wait_minutes)


def list_checkpoints(output_dir: str | Path) -> list[tuple[int, Path]]:
    """Returns (step, path of the weights) of every numbered checkpoint, oldest first."""
    found = []
    for path in Path(output_dir, "checkpoints").glob(f"*{_SUFFIX}"):
        if match := _STEP.match(path.name):
            found.append((int(match[1]), path))
    return sorted(found)


def latest(output_dir: str | Path) -> Path:
    """Returns the newest numbered checkpoint; raises FileNotFoundError if there is none."""
    found = list_checkpoints(output_dir)
    if not found:
        raise FileNotFoundError(
            f"no checkpoint in {Path(output_dir, 'checkpoints')}: train first, or check --output_dir"
        )
    return found[-1][1]


def best(output_dir: str | Path) -> Path:
    """Returns the checkpoint with the best evaluation; warns and returns the newest one if there is none."""
    if record := best_record(output_dir):
        path = Path(output_dir, "checkpoints", f"model.ckpt-{record['step']}{_SUFFIX}")
        if path.exists():
            return path
    newest = latest(output_dir)
    logging.warning("%s has no best checkpoint (no evaluation with finite values): %s is used", output_dir, newest.name)
    return newest


def best_record(output_dir: str | Path) -> dict[str, Any] | None:
    """Returns `{"step", "metric", "value"}` of the best evaluation; None without one (or with NaN, as of 0.1.0).

    Raises:
        ValueError: the file is damaged.
    """
    path = Path(output_dir, "checkpoints", "best.json")
    if not path.exists():
        return None
    record = files.read_json(path)
    fits = isinstance(record, dict) and isinstance(record.get("step"), int)
    if not fits or not isinstance(record.get("value"), int | float):
        raise ValueError(f"{path} does not name the best checkpoint: it holds {reprlib.repr(record)}")
    return record if math.isfinite(record["value"]) else None


def mark_best(output_dir: str | Path, step: int, metric: str, value: float) -> None:
    """Records that the checkpoint of `step` is the best so far, so that it is kept; ValueError if `value` is NaN."""
    text = json.dumps({"step": step, "metric": metric, "value": value}, allow_nan=False)
    files.write_text(Path(output_dir, "checkpoints", "best.json"), text)


def prune(output_dir: str | Path, keep_max: int) -> None:
    """Removes numbered checkpoints except the newest `keep_max` (0: all) and the best, and leftovers of killed runs."""
    for leftover in Path(output_dir, "checkpoints").glob("tmp.*"):
        leftover.unlink(missing_ok=True)
    if keep_max > 0:
        kept = (best_record(output_dir) or {}).get("step")
        for step, path in list_checkpoints(output_dir)[:-keep_max]:
            if step != kept:
                path.unlink(missing_ok=True)


def step_of(path: str | Path) -> int | None:
    """Returns the step in a checkpoint's name, or None."""
    match = _STEP.search(str(path))
    return int(match[1]) if match else None


def resolve(path: str | Path, output_dir: str | Path | None = None) -> Path:
    """Returns a weights file by its path, with or without `.weights.h5`, or by a run's directory or its `checkpoints`.

    Args:
        path: the checkpoint; a relative path is looked up in `output_dir` too.
        output_dir: a run's directory.

    Raises:
        FileNotFoundError: there is no such checkpoint; the message lists the steps there are.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return latest(path.parent if path.name == "checkpoints" else path)
    places = [path, Path(path.parent, "checkpoints", path.name)]
    if output_dir is not None:  # joined to an absolute path it is ignored
        places += [Path(output_dir, path), Path(output_dir, "checkpoints", path)]
    for place in places:
        for candidate in (place, Path(f"{place}{_SUFFIX}")):
            if candidate.is_file():
                return candidate
    run = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    if output_dir is not None and not path.is_absolute():
        run = output_dir
    steps = ", ".join(str(step) for step, _ in list_checkpoints(run)) or "none"
    raise FileNotFoundError(f"no checkpoint {path}; steps saved in {run}: {steps}")


def load_weights(model: keras.Model, path: str | Path) -> Path:
    """Loads the weights in `resolve(path)` into a built model, not into its optimizer; returns the file's path.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the file belongs to a model with other layers or shapes.
    """
    path = resolve(path)
    try:
        keras.saving.load_weights(model, str(path), objects_to_skip=_not_weights(model))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"checkpoint {path} does not fit this model: {_reason(model, path, error)}") from error
    return path


def _reason(model: keras.Model, path: Path, error: Exception) -> str:
    """Returns why weights cannot be loaded; Keras reports a layer without variables where a shape differs."""
    try:
        found = _shapes(path)
    except OSError as damage:  # not an HDF5 file, or cut off
        return " ".join(str(damage).split())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"expected{_SUFFIX}")
        keras.saving.save_weights(model, str(file), objects_to_skip=_not_weights(model))
        expected = _shapes(file)
    names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if not names:
        return " ".join(str(error).split())
    lines = [
        f"{name} is {found.get(name, 'missing')} in the file and {expected.get(name, 'missing')} in the model"
        for name in names
    ]
    more = f"; and {len(lines) - 3} more" if len(lines) > 3 else ""
    return "; ".join(lines[:3]) + more


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the variables in a weights file, by name."""
    shapes = {}

    def collect(name: str, entry: Any) -> None:
        if hasattr(entry, "shape"):
            shapes[name.replace("/vars/", "/")] = tuple(entry.shape)

    with h5py.File(path) as file:
        file.visititems(collect)
    return shapes


def restore(model: keras.Model, output_dir: str | Path) -> int:
    """Restores weights, optimizer state and dropout seeds from the newest complete checkpoint; returns its step.

    Returns 0, and changes nothing, when the run has no checkpoint yet.

    Raises:
        ValueError: checkpoints without a training state, or a state of another optimizer.
    """
    saved = list_checkpoints(output_dir)
    for step, path in reversed(saved):
        state = Path(output_dir, "backup", f"model.ckpt-{step}.state.npz")
        if state.exists():
            load_weights(model, path)
            _restore_training_state(model, state)
            return step
    if saved:
        raise ValueError(
            f"{output_dir} has checkpoints but no optimizer state in backup/ for any of them; to start from such "
            f"weights give a new --output_dir and --warm_start_from={saved[-1][1]}"
        )
    return 0


def seed_variables(model: keras.Model) -> list[keras.Variable]:
    """Returns the states of the model's random generators (dropout masks), which `model.weights` leaves out."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.non_trainable_variables if id(variable) not in weights]


def _not_weights(model: keras.Model) -> list[Any]:
    """Returns the parts of a compiled model that Keras would store in addition to the weights."""
    return [part for part in (getattr(model, "optimizer", None), *model.metrics) if part is not None]


def _training_state(model: keras.Model) -> dict[str, np.ndarray]:
    groups = {"optimizer": model.optimizer.variables, "seed": seed_variables(model)}
    return {
        f"{group}/{i}": keras.ops.convert_to_numpy(variable.value)
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }


def _restore_training_state(model: keras.Model, path: Path) -> None:
    groups = {"optimizer": model.optimizer.variables, "seed": seed_variables(model)}
    state = sources.read_npz(path)
    wanted = {f"{group}/{i}": v for group, variables in groups.items() for i, v in enumerate(variables)}
    if set(wanted) != set(state):
        raise ValueError(f"{path} holds {len(state)} optimizer and seed variables, the model has {len(wanted)}")
    for name, variable in wanted.items():
        if state[name].shape != tuple(variable.shape):
            raise ValueError(f"{path}: {name} has shape {state[name].shape}, the model's is {tuple(variable.shape)}")
        variable.assign(state[name])
