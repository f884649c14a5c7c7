"""What a run says about itself on disk (`hparams.json`, `flags.txt`), and the model read back from there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from tensor2keras import convert, files, registry
from tensor2keras.hparams import HParams
from tensor2keras.training import checkpoints

_NOT_COMPARED = ("train_steps", "hparams_set")  # a run may be prolonged, and only values matter


def write_run(
    output_dir: str | Path,
    model: str,
    hparams: HParams,
    *,
    random_seed: int | None = None,
    hparams_set: str | None = None,
    flags: Sequence[str] = (),
) -> int:
    """Writes `hparams.json` ({"model", "hparams_set", "random_seed", "hparams"}) and `flags.txt`.

    A run with checkpoints must be the same one; until then it may be described anew.

    Args:
        output_dir: the run's directory, made if needed.
        model: registered name.
        hparams: all values, the problem's among them.
        random_seed: None: that of the run that is there, else 0.
        hparams_set: the name they came from, for the reader.
        flags: lines of the command, for `--flagfile`.

    Returns:
        The random seed.

    Raises:
        ValueError: the directory holds a run of another model, problem, seed or hparams; each difference is named.
    """
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    path = output_dir / "hparams.json"
    old = read_run(output_dir) if path.exists() and checkpoints.list_checkpoints(output_dir) else None
    if random_seed is None:
        random_seed = (old or {}).get("random_seed", 0)
    run = {"model": model, "hparams_set": hparams_set, "random_seed": random_seed, "hparams": hparams.to_dict()}
    run = json.loads(json.dumps(run))  # tuples become lists, as in the file
    if old and (found := differences(old, run)):
        raise ValueError(
            f"{output_dir} holds another run: {'; '.join(found)}. Take a new --output_dir "
            f"(--warm_start_from={output_dir} starts from its weights), or give the same settings to go on with it"
        )
    files.write_text(path, json.dumps(run, indent=2, sort_keys=True) + "\n")
    if flags:
        files.write_text(output_dir / "flags.txt", "".join(f"{flag}\n" for flag in flags))
    return random_seed


def read_run(output_dir: str | Path) -> dict[str, Any]:
    """The content of `hparams.json`: {"model", "hparams_set", "random_seed", "hparams"}.

    Raises:
        FileNotFoundError: no training run in this directory.
    """
    path = Path(output_dir).expanduser() / "hparams.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: {output_dir} is not the output_dir of a training run")
    run = json.loads(path.read_text())
    if "hparams" not in run:
        raise ValueError(
            f'{path} was not written by tensor2keras: it has no "hparams"; t2t-convert makes a run of a T2T directory'
        )
    return run


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two runs' descriptions, as "name: old value, now new value"."""
    old_values, new_values = (_flat({**run, **run["hparams"], "hparams": {}}) for run in (old, new))
    names = sorted({*old_values, *new_values} - set(_NOT_COMPARED))
    missing = "(not set)"
    return [
        f"{name}: {old_values.get(name, missing)!r}, now {new_values.get(name, missing)!r}"
        for name in names
        if old_values.get(name, missing) != new_values.get(name, missing)
    ]


def load_model(
    output_dir: str | Path | None = None,
    checkpoint_path: str | Path | None = None,
    overrides: str | Mapping[str, Any] | None = None,
    problem: Any = None,
) -> keras.Model:
    """The trained model of a run, ready for `infer` or `evaluate` (after `compile`).

    Args:
        output_dir: the run's directory; None: found from `checkpoint_path`.
        checkpoint_path: a checkpoint's file, its name without `.weights.h5`, a directory (its newest), "best", or
            "latest" (as None).
        overrides: hyperparameters to change, "a=1,b=2" or a mapping.
        problem: replaces the problem that the run was trained on (a Problem, a name or a plain dict).

    Returns:
        A built `keras.Model` with the checkpoint's weights.

    Raises:
        FileNotFoundError: no run or no checkpoint there.
        ValueError: the checkpoint does not fit the model.
    """
    if output_dir is None and checkpoint_path is None:
        raise ValueError("load_model needs an output_dir or a checkpoint_path")
    if output_dir is None:
        path = checkpoints.resolve(checkpoint_path)
        output_dir = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    output_dir = Path(output_dir).expanduser()
    run = read_run(output_dir)
    hparams = HParams(run["hparams"])
    if overrides:
        hparams.override(overrides)
    if problem is not None:
        registry.set_problem(hparams, problem)
    model = registry.model(run["model"], hparams)
    model.build()
    checkpoints.load_weights(model, checkpoint_file(output_dir, checkpoint_path))
    return model


def load_weights(model: keras.Model, path: str | Path) -> Path:
    """Loads one of our checkpoints or a Tensor2Tensor one (a prefix, or a directory) into a built model.

    Returns and raises what `checkpoints.load_weights` and `convert.load_t2t_weights` do.
    """
    if not convert.is_t2t_run(path):
        return checkpoints.load_weights(model, path)
    convert.load_t2t_weights(model, path)
    return Path(path)


def checkpoint_file(output_dir: str | Path, checkpoint_path: str | Path | None = None) -> Path:
    """The weights file meant: the newest of `output_dir` (None, "latest"), the best ("best"), or that of a path."""
    if checkpoint_path in (None, "", "latest"):
        return checkpoints.latest(output_dir)
    if checkpoint_path == "best":
        return checkpoints.best(output_dir)
    return checkpoints.resolve(checkpoint_path)


def full_problem_name(problem: Mapping[str, Any]) -> str:
    """The name to look a problem up by, with its suffixes."""
    suffixes = ("_rev" if problem.get("was_reversed") else "", "_copy" if problem.get("was_copy") else "")
    return problem["name"] + "".join(suffixes)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"problem": {"name": 1}} -> {"problem.name": 1}."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
