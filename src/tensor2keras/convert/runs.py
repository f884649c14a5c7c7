"""Opening of Tensor2Tensor output directories: hyperparameters, vocabulary and newest checkpoint."""

import os
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from absl import logging

from tensor2keras import files, registry
from tensor2keras.convert import sources
from tensor2keras.convert.t2t import Report, load_t2t_weights
from tensor2keras.hparams import HParams

# Hyperparameters of early versions: old name -> new name.
_RENAMED = {"residual_dropout": "layer_prepostprocess_dropout"}
# The flags that are read from a run's directory. They say what it was trained on; none is a place to write to.
_DESCRIBING = ("problem", "problems", "model", "hparams_set", "data_dir", "tmp_dir", "t2t_usr_dir")
_VOCABULARY = re.compile(r"vocab\.(?P<problem>\w+?)\.\d+(\.\w+)?$")


@dataclass
class T2TRun:
    """The contents of a T2T directory."""

    model: keras.Model
    problem: Any  # a Problem, or the plain dict that was given in its place
    report: Report
    model_name: str
    step: int


def is_t2t_run(path: str | os.PathLike) -> bool:
    """Returns whether a path is a T2T directory with a checkpoint, or the prefix of one of its checkpoints."""
    try:
        prefix = sources.resolve(path)
    except FileNotFoundError:
        return False
    return Path(f"{prefix}.index").is_file()


def load_t2t_model(
    source: str | os.PathLike, problem: Any = None, data_dir: str | os.PathLike | None = None, **kwargs: Any
) -> keras.Model:
    """Returns the model of a T2T directory with its newest weights, ready for `infer`; logs the report.

    Arguments and exceptions are those of `open_t2t_run`.
    """
    run = open_t2t_run(source, problem, data_dir, **kwargs)
    logging.info("%s: %s", source, run.report)
    return run.model


def open_t2t_run(
    source: str | os.PathLike,
    problem: Any = None,
    data_dir: str | os.PathLike | None = None,
    *,
    model: str | None = None,
    hparams_set: str | None = None,
    overrides: str | Mapping[str, Any] | None = None,
    strict: bool = True,
) -> T2TRun:
    """Opens an output directory of T2T.

    `hparams.json` has the hyperparameters: those unknown to this library are kept and reported, those missing in the
    file take the values of T2T's `basic_params1`. `mask_padding` is False: T2T's outputs depend on padding. Problem and
    model are those of `flags.txt` if it exists. Otherwise the model is the variables' first scope, and the problem is
    the one whose vocabulary is in the directory and has the size of the checkpoint's symbol tables.

    Args:
        source: the directory, or the prefix of one of its checkpoints.
        problem: a Problem, its name, or the plain dict of `Problem.get_hparams`.
        data_dir: directory of the vocabulary; by default `source` if there is one in it, else that of `flags.txt`.
        model: registered name.
        hparams_set: a set that has every name the model reads; by default that of `flags.txt`, or one of the model's.
        overrides: hyperparameters to change, "a=1,b=2" or a mapping.
        strict: as for `load_t2t_weights`.

    Raises:
        FileNotFoundError: no directory, checkpoint, `hparams.json` or vocabulary there.
        KeyError: unknown problem or model.
        ValueError: problem or model cannot be determined; the weights do not fit.
    """
    prefix = sources.resolve(source)
    folder = prefix.parent
    shapes = sources.variable_shapes(prefix)
    flags = read_flags(folder) | ({"hparams_set": hparams_set} if hparams_set else {})
    report = Report()
    model_name = model or flags.get("model") or _scope(shapes, prefix)
    hparams = HParams(_hyperparameters(folder, model_name, flags, report))
    if overrides:
        hparams.override(overrides)

    if data_dir is None:
        data_dir = folder if any(folder.glob("vocab.*")) else flags.get("data_dir")
    if problem is None:
        problem = flags.get("problem") or flags.get("problems") or _problem_of_vocabulary(folder, shapes)
    if isinstance(problem, str):
        report.notes.append(f"problem {problem}, vocabulary in {data_dir}")
        problem = registry.problem(problem, data_dir=data_dir)
    registry.set_problem(hparams, problem)

    network = registry.model_of_file(model_name, hparams, folder / "hparams.json", with_overrides=bool(overrides))
    found = load_t2t_weights(network, prefix, strict=strict)
    found.notes = report.notes
    return T2TRun(network, problem, found, model_name, _step(prefix))


def _hyperparameters(folder: Path, model: str, flags: Mapping[str, str], report: Report) -> dict[str, Any]:
    """Returns the values of `hparams.json`, completed by those of a registered set."""
    path = folder / "hparams.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: T2T writes it beside its checkpoints")
    saved = files.read_json(path)
    if not isinstance(saved, dict):
        raise ValueError(f"{path} holds {reprlib.repr(saved)}, not an object of hyperparameters")
    result = registry.hparams(_set_of(model, flags))
    result.override({name: value for name, value in registry.hparams("basic_1").items() if name in result})
    as_in_t2t(result)
    unknown = {}
    saved = {_RENAMED.get(name, name): value for name, value in saved.items()}
    for name, value in saved.items():
        if name not in result:
            unknown[name] = value
        elif name != "problem":
            try:
                result.set_hparam(name, value)
            except ValueError:  # the hyperparameter had another type in older versions
                with result.ignore_type():
                    result[name] = value
    if unknown:
        report.notes.append("hyperparameters without effect: " + ", ".join(f"{k}={v!r}" for k, v in unknown.items()))
    if missing := set(result) - set(saved) - {"problem", "mask_padding"}:
        report.notes.append(f"{len(missing)} hyperparameters missing in hparams.json are at T2T's default")
    return result.to_dict() | unknown


def as_in_t2t(hparams: HParams) -> HParams:
    """Sets the hyperparameters that T2T does not have so that a model computes what T2T's does, and returns them."""
    if "mask_padding" in hparams:
        hparams.mask_padding = False
    return hparams


def _set_of(model: str, flags: Mapping[str, str]) -> str:
    """Returns a hyperparameter set with all names the model reads: that of the flags, or one of the model's sets."""
    if "hparams_set" in flags:
        return flags["hparams_set"]
    own = registry.sets_of(model)
    if not own:
        raise ValueError(f"model {model!r} has no hyperparameter set registered in {registry.models[model].__module__}")
    return min(own, key=lambda name: ("base" not in name, len(name), name))


def read_flags(folder: str | os.PathLike) -> dict[str, str]:
    """Returns the flags recorded in a run's directory, T2T's or ours, by name: those of `_DESCRIBING` that are set."""
    flags = {}
    for file in (Path(folder, "flags.txt"), Path(folder, "flags_t2t.txt")):
        if file.is_file():
            for line in files.read_lines(file):
                flag, _, value = line.strip().lstrip("-").partition("=")
                if value and (name := flag.replace("-", "_")) in _DESCRIBING:
                    flags[name] = value
    return flags


def _scope(shapes: Mapping[str, Any], prefix: Path) -> str:
    """Returns the model's name, which is the first scope of its variables."""
    scopes = {name.partition("/")[0] for name in shapes if "/body/" in name and not name.startswith("training/")}
    known = sorted(scope for scope in scopes if scope in registry.models)
    if len(known) != 1:
        raise ValueError(
            f"cannot tell the model of {prefix} (scopes: {', '.join(sorted(scopes)) or 'none'}); give its name"
        )
    return known[0]


def _problem_of_vocabulary(folder: Path, shapes: Mapping[str, Any]) -> str:
    """Returns the problem whose vocabulary is in the folder and has the size of the checkpoint's symbol tables."""
    sizes = {int(match[1]) for name in shapes if (match := re.search(r"symbol_modality_(\d+)_", name))}
    found = []
    for path in sorted(folder.glob("vocab.*")):
        match = _VOCABULARY.match(path.name)
        if match and match["problem"] in registry.problems:
            encoders = registry.problem(match["problem"], data_dir=folder).get_feature_encoders()
            found.append((match["problem"], {encoder.vocab_size for encoder in encoders.values()}))
    fitting = [problem for problem, entries in found if entries == sizes]
    if len(fitting) != 1:
        there = ", ".join(f"{problem} ({min(entries)} entries)" for problem, entries in found) or "none"
        raise ValueError(
            f"cannot tell the problem of {folder}: no flags.txt names it, and of the vocabularies there ({there}) "
            f"{'several have' if fitting else 'none has'} the checkpoint's size {sorted(sizes)}; give problem"
        )
    return fitting[0]


def _step(prefix: Path) -> int:
    """Returns the step of a checkpoint: its `global_step`, else the number in its name."""
    step = sources.read_variables(prefix, lambda name: name == "global_step")[1].get("global_step")
    match = re.search(r"-(\d+)$", prefix.name)
    return int(step) if step is not None else int(match[1]) if match else 0
