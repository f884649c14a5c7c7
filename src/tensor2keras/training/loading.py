"""A training run on disk: its description (`hparams.json`, `flags.txt`), and its model, problem and weights."""

import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tensor2keras import convert, files, registry
from tensor2keras.convert import sources
from tensor2keras.hparams import HParams
from tensor2keras.training import checkpoints

_NOT_COMPARED = ("train_steps", "hparams_set")  # a run may be extended, and only the values of a set matter


class OpenedRun(NamedTuple):
    """A trained model with its problem."""

    model: keras.Model  # built, with the checkpoint's weights
    problem: Any  # a Problem
    weights: Path  # the checkpoint's file


def open_run(
    output_dir: str | Path | None = None,
    checkpoint_path: str | Path | None = None,
    *,
    problem: str | None = None,
    data_dir: str | Path | None = None,
    tmp_dir: str | Path | None = None,
    model: str | None = None,
    hparams_set: str | None = None,
    overrides: str | Mapping[str, Any] | None = None,
) -> OpenedRun:
    """Loads the model of a run, ours or Tensor2Tensor's, and the problem it was trained on.

    Arguments that are None are read from the run's `hparams.json` and `flags.txt`.

    Args:
        output_dir: the run's directory.
        checkpoint_path: a checkpoint, "best" or "latest"; None is "latest".
        problem: name of the problem; one that differs from the run's replaces it in the model's hyperparameters.
        data_dir, tmp_dir: the problem's directories.
        model, hparams_set: registered names, which must be the run's. Weights outside of any run need both, and
            `problem`.
        overrides: hyperparameters to change, "a=1,b=2" or a mapping.

    Raises:
        FileNotFoundError: no run or no checkpoint there.
        ValueError: weights without a run and without all three names; a model or set that is not the run's; weights
            that do not fit the model.
    """
    if source := t2t_source(output_dir, checkpoint_path):
        opened = convert.open_t2t_run(source, problem, data_dir, model=model, overrides=overrides)
        return OpenedRun(opened.model, opened.problem, Path(f"{sources.resolve(source)}.index"))
    run_dir = find_run(output_dir, checkpoint_path)
    if run_dir is None:
        if not (problem and model and hparams_set):
            raise ValueError(f"{checkpoint_path} is outside of a run: give its problem, model and hparams_set")
        found = registry.problem(problem, data_dir=data_dir, tmp_dir=tmp_dir)
        hparams = registry.hparams(hparams_set, problem=found)
        if convert.is_t2t_run(checkpoint_path):
            convert.as_in_t2t(hparams)
        network = registry.model(model, hparams.override(overrides))
        network.build()
        load_weights(network, checkpoint_path)
        return OpenedRun(network, found, checkpoints.resolve(checkpoint_path))
    check_same_run(run_dir, model, hparams_set)
    found = run_problem(run_dir, problem, data_dir, tmp_dir)
    replacement = found if problem and problem != trained_on(run_dir) else None
    network = load_model(run_dir, checkpoint_path, overrides, replacement)
    return OpenedRun(network, found, checkpoint_file(run_dir, checkpoint_path))


def find_run(output_dir: str | Path | None, checkpoint_path: str | Path | None = None) -> Path | None:
    """Returns the directory with the run's `hparams.json`: `output_dir` or that of the checkpoint; None if neither is.

    Raises:
        ValueError: neither argument is given.
        FileNotFoundError: no checkpoint is given and `output_dir` is no run.
    """
    candidates = [Path(output_dir).expanduser()] if output_dir else []
    if checkpoint_path and checkpoint_path not in ("best", "latest"):
        candidates += list(Path(checkpoint_path).expanduser().parents)[:2]
    for folder in candidates:
        if (folder / "hparams.json").is_file():
            return folder
    if not checkpoint_path:
        if not output_dir:
            raise ValueError("an output_dir or a checkpoint_path is needed")
        raise FileNotFoundError(f"{output_dir} has no hparams.json: it is not the --output_dir of a training run")
    return None


def t2t_source(output_dir: str | Path | None, checkpoint_path: str | Path | None = None) -> str | Path | None:
    """Returns the Tensor2Tensor run among the two: a checkpoint's prefix or a directory with T2T's hparams.json."""
    path = checkpoint_path if checkpoint_path not in (None, "", "best", "latest") else output_dir
    if not path or not convert.is_t2t_run(path):
        return None
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return path if (folder / "hparams.json").is_file() else None


def run_problem(
    output_dir: str | Path,
    name: str | None = None,
    data_dir: str | Path | None = None,
    tmp_dir: str | Path | None = None,
) -> Any:
    """Returns the Problem that a run was trained on, or the one called `name`.

    Args:
        output_dir: the run's directory.
        name: a problem's name; None: the run's.
        data_dir, tmp_dir: its directories; None: those recorded in `flags.txt`.

    Raises:
        ValueError: the run records no problem, and no name is given.
    """
    name = name or trained_on(output_dir)
    recorded = convert.read_flags(output_dir)
    return registry.problem(
        name, data_dir=data_dir or recorded.get("data_dir"), tmp_dir=tmp_dir or recorded.get("tmp_dir")
    )


def check_same_run(output_dir: str | Path, model: str | None = None, hparams_set: str | None = None) -> None:
    """Raises ValueError if a model or hparams set that is given is not the run's."""
    run = read_run(output_dir)
    for name, given in (("model", model), ("hparams_set", hparams_set)):
        if given and run[name] and given != run[name]:
            raise ValueError(f"--{name}={given}, but {output_dir} was trained with --{name}={run[name]}")


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

    The description of a run that has checkpoints must not change; without checkpoints it is replaced.

    Args:
        output_dir: the run's directory, created if needed.
        model: registered name.
        hparams: all values, the problem's among them.
        random_seed: None: that of the run in `output_dir`, or 0.
        hparams_set: name of the set, for information.
        flags: the command's flags, one a line, for `--flagfile`.

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
            f"{output_dir} holds another run: {'; '.join(found)}. Give a new --output_dir "
            f"(--warm_start_from={output_dir} starts from its weights), or give the same settings to continue it"
        )
    files.write_text(path, json.dumps(run, indent=2, sort_keys=True) + "\n")
    if flags:
        files.write_text(output_dir / "flags.txt", "".join(f"{flag}\n" for flag in flags))
    return random_seed


def read_run(output_dir: str | Path) -> dict[str, Any]:
    """Returns the content of `hparams.json`: {"model", "hparams_set", "random_seed", "hparams"}.

    Raises:
        FileNotFoundError: no training run in this directory.
        ValueError: the file is Tensor2Tensor's, or not one of a run.
    """
    path = Path(output_dir).expanduser() / "hparams.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: {output_dir} is not the output_dir of a training run")
    run = files.read_json(path)
    if isinstance(run, dict) and run and "hparams" not in run:
        raise ValueError(
            f'{path} was not written by tensor2keras: it has no "hparams"; t2t-convert converts T2T directories'
        )
    _check_description(path, run)
    return {"hparams_set": None, **run}


def _check_description(path: Path, run: Any) -> None:
    """Raises ValueError unless this is the content of an `hparams.json`, which somebody else may have written."""
    if not isinstance(run, dict) or not run:
        raise ValueError(f"{path} does not describe a training run: it holds {reprlib.repr(run)}, not a JSON object")
    problem = run["hparams"].get("problem") if isinstance(run["hparams"], dict) else None
    name = problem.get("name") if isinstance(problem, dict) else None
    for key, fits, wanted in (
        ("model", isinstance(run.get("model"), str), "a name"),
        ("hparams_set", isinstance(run.get("hparams_set"), str | None), "a name or null"),
        ("random_seed", isinstance(run.get("random_seed", 0), int), "an integer"),
        ("hparams", isinstance(run["hparams"], dict), "an object"),
        ("hparams.problem", isinstance(problem, dict | None), "an object or null"),
        # a part of the names of files
        ("hparams.problem.name", name is None or (isinstance(name, str) and re.fullmatch(r"[\w-]+", name)), "a name"),
    ):
        if not fits:
            raise ValueError(f"{path} does not describe a training run: {key} must be {wanted}")


def check_still_described(output_dir: str | Path) -> None:
    """Raises ValueError if a directory has checkpoints but no `hparams.json`: their settings are not known."""
    path, saved = Path(output_dir, "hparams.json"), checkpoints.list_checkpoints(output_dir)
    if saved and not path.exists():
        raise ValueError(
            f"{path} is missing, so that the checkpoints beside it cannot be continued with the settings they were "
            f"trained with: restore it, or give a new --output_dir (--warm_start_from={saved[-1][1]} starts from the "
            "weights)"
        )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns the differences of two runs' descriptions, as "name: old value, now new value"."""
    old_values, new_values = (_flat({**run, **_values(run), "hparams": {}}) for run in (old, new))
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
    """Loads the trained model of a run, ready for `infer`, or for `evaluate` after `compile`.

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
    hparams = _recorded_hparams(output_dir, run)
    if overrides:
        hparams.override(overrides)
    if problem is not None:
        registry.set_problem(hparams, problem)
    model = registry.model_of_file(run["model"], hparams, output_dir / "hparams.json", with_overrides=bool(overrides))
    checkpoints.load_weights(model, checkpoint_file(output_dir, checkpoint_path))
    return model


def _recorded_hparams(output_dir: Path, run: Mapping[str, Any]) -> HParams:
    """Returns the hyperparameters of a run; ValueError for one whose type is not that in the run's set."""
    path = output_dir / "hparams.json"
    try:
        hparams = HParams(_values(run))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    if run["hparams_set"] in registry.hparams_sets:
        expected = registry.hparams(run["hparams_set"])
        for name, value in run["hparams"].items():
            if name in expected and name != "problem":
                try:
                    expected.set_hparam(name, value)
                except ValueError as error:
                    raise ValueError(f"{path}: {error}") from None
    return hparams


def load_weights(model: keras.Model, path: str | Path) -> Path:
    """Loads one of our checkpoints or a Tensor2Tensor one (a prefix, or a directory) into a built model.

    Returns and raises as `checkpoints.load_weights` and `convert.load_t2t_weights`.
    """
    if not convert.is_t2t_run(path):
        return checkpoints.load_weights(model, path)
    convert.load_t2t_weights(model, path)
    return Path(path)


def checkpoint_file(output_dir: str | Path, checkpoint_path: str | Path | None = None) -> Path:
    """Returns a weights file: the newest of `output_dir` (None, "latest"), the best ("best"), or that of a path."""
    if checkpoint_path in (None, "", "latest"):
        return checkpoints.latest(output_dir)
    if checkpoint_path == "best":
        return checkpoints.best(output_dir)
    return checkpoints.resolve(checkpoint_path, output_dir)


def full_problem_name(problem: Mapping[str, Any]) -> str:
    """Returns the registered name of a problem, with its suffixes."""
    suffixes = ("_rev" if problem.get("was_reversed") else "", "_copy" if problem.get("was_copy") else "")
    return problem["name"] + "".join(suffixes)


def _values(run: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a run's hparams; `mask_padding` is False in those that were recorded before it existed."""
    return {"mask_padding": False, **run["hparams"]}


def trained_on(output_dir: str | Path) -> str:
    """Returns the name of the problem that a run was trained on; ValueError if it records none."""
    known = read_run(output_dir)["hparams"].get("problem")
    if not known or not known.get("name"):
        raise ValueError(f"{output_dir} does not record its problem; give --problem")
    return full_problem_name(known)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns {"problem": {"name": 1}} as {"problem.name": 1}."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
