"""Loading of a Tensor2Tensor checkpoint's variables and training state into a model, and writing of one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from tensor2keras.convert import names, slots
from tensor2keras.convert.sources import Source, describe, read_variables, write_checkpoint


@dataclass
class Report:
    """The outcome of loading, by variable."""

    loaded: dict[str, str] = field(default_factory=dict)  # our path -> T2T's name
    missing: list[str] = field(default_factory=list)  # our variables that the source does not have
    unused: list[str] = field(default_factory=list)  # the source's variables that the model does not have
    mismatched: list[str] = field(default_factory=list)  # name, shape there, shape here
    notes: list[str] = field(default_factory=list)  # hyperparameters without effect, the vocabulary found, ...

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} variables loaded", *self.notes]
        for title in ("missing", "unused", "mismatched"):
            entries = getattr(self, title)
            if entries:
                lines += [f"{len(entries)} {title}:", *(f"  {entry}" for entry in entries)]
        return "\n".join(lines)


def load_t2t_weights(model: keras.Model, source: Source, strict: bool = True, optimizer_state: bool = False) -> Report:
    """Loads the variables of a T2T checkpoint into a model.

    When this raises, no variable has been changed. Names are compared in the form of `names.canonical_name`, so that
    checkpoints of all versions of T2T fit; shards of an embedding (`weights_0`, `weights_1`, ...) are joined, fused
    projections (`qkv_transform`) split, and the kernel of a 1x1 convolution becomes that of a dense layer.

    Args:
        model: a built or buildable model of this library.
        source: a checkpoint's prefix, a folder with a `checkpoint` file, an `.npz` file or `{variable name: array}`.
        strict: whether a missing or misshapen variable is an error; otherwise it is only reported.
        optimizer_state: whether `model.optimizer` (Adam or Adafactor; the model must be compiled) takes over its slots
            and the step, so that training continues where T2T's ended.

    Returns:
        A `Report`.

    Raises:
        FileNotFoundError: no such source.
        ValueError: the file is damaged; `strict` and a variable does not fit (the message names file, variables and
            both shapes); `optimizer_state` and the source has none.
    """
    if not model.built:
        model.build(None)
    weights, state = read_variables(source, lambda name: optimizer_state or not slots.is_training_state(name))
    report = Report()
    if getattr(model, "mask_padding", False):
        report.notes.append("mask_padding=True: outputs of padded texts differ from T2T's, which depend on padding")
    assignments = _match(model, weights, report)
    if strict and (report.missing or report.mismatched):
        wrong = [_listed(report.mismatched, "of another shape"), _listed(report.missing, "missing")]
        raise ValueError(
            f"{describe(source)} does not fit the model {model.name!r}, nothing was loaded: "
            + "; ".join(part for part in wrong if part)
        )
    if optimizer_state:
        assignments += slots.assignments(model, state, describe(source))
    for variable, array in assignments:
        variable.assign(array)
    return report


def _match(
    model: keras.Model, weights: dict[str, np.ndarray], report: Report
) -> list[tuple[keras.Variable, np.ndarray]]:
    """Returns (variable, value) pairs for the model's variables; those without a counterpart go into the report."""
    wanted = {names.canonical_name(variable.path): variable for variable in model.weights}
    found: dict[str, tuple[str, np.ndarray]] = {}
    for name, array in names.join_shards(weights).items():
        canonical = names.canonical_name(name.removesuffix("_*"))
        if canonical in found:
            raise ValueError(f"{name} and {found[canonical][0]} are the same variable to tensor2keras")
        found[canonical] = name, array
    found = names.split_fused(found, {name: tuple(variable.shape) for name, variable in wanted.items()})
    # a vocabulary of another size changes the modality's name: report another shape, not a missing variable
    by_kind = {names.without_sizes(name): name for name in found if name not in wanted}
    assignments = []
    for canonical, variable in wanted.items():
        key = canonical if canonical in found else by_kind.get(names.without_sizes(canonical))
        name, array = found.pop(key, (None, None))
        shape = tuple(variable.shape)
        if array is None:
            report.missing.append(f"{variable.path} {shape}")
        elif _without_ones(array.shape) != _without_ones(shape):
            report.mismatched.append(f"{name}: {array.shape} in the source, {shape} in the model")
        else:
            report.loaded[variable.path] = name
            assignments.append((variable, array.reshape(shape)))
    report.unused = [f"{name} {array.shape}" for name, array in found.values()]
    return assignments


def save_t2t_checkpoint(model: keras.Model, prefix: str | os.PathLike, step: int | None = None) -> Path:
    """Writes the model's weights as a TensorFlow 1 checkpoint with T2T's variable names, sharded as T2T shards.

    Args:
        model: a built model.
        prefix: as `model.ckpt-1000`; `PREFIX.index`, `PREFIX.data-00000-of-00001` and `checkpoint`, which names it as
            the folder's newest, are written.
        step: T2T's `global_step`; by default the step of the model's optimizer, or 0 without one.

    Returns:
        The prefix.

    Raises:
        ValueError: the model is not built.
    """
    if not model.built:
        raise ValueError(f"model {model.name!r} has no weights yet: build it first")
    if step is None:
        optimizer = getattr(model, "optimizer", None)
        step = int(optimizer.iterations.numpy()) if optimizer is not None else 0
    return write_checkpoint({**t2t_variables(model), "global_step": np.asarray(step, "int64")}, prefix)


def t2t_variables(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns the model's weights under T2T's names and in its shapes, symbol tables sharded."""
    shards = model.hparams.get("symbol_modality_num_shards") or 1
    body = getattr(model, "t2t_body", "body")
    arrays: dict[str, np.ndarray] = {}
    for variable in model.weights:
        name = names.t2t_name(variable.path).replace("/body/", f"/{body}/" if body else "/", 1)
        array = names.t2t_array(name, keras.ops.convert_to_numpy(variable))
        arrays |= names.split_shards(name, array, shards)
    return arrays


def _listed(entries: Sequence[str], what: str, most: int = 5) -> str:
    if not entries:
        return ""
    more = f" and {len(entries) - most} more" if len(entries) > most else ""
    return f"{len(entries)} {what} ({', '.join(entries[:most])}{more})"


def _without_ones(shape: tuple) -> tuple:
    """Returns the shape without axes of size 1: the kernel [1, 1, in, out] of a 1x1 convolution is a dense one."""
    return tuple(size for size in shape if size != 1)
