"""Loads Tensor2Tensor's variables into a model.

A variable's name is derived from the layers it lies in: our layers carry T2T's scope names, so `variable.path` is T2T's
name up to the differences in `canonical_name`. No table of variables is kept.
"""

import re
from dataclasses import dataclass, field

import keras
import numpy as np

from tensor2keras.convert.sources import Source, read_variables

# Scopes that T2T opens or not depending on how many devices trained, and parts of our paths that T2T has no scope for.
_IGNORED_SCOPES = re.compile(r"parallel_\d+(_\d+)?|dense_relu_dense|group_norm|table")
_SHARD = re.compile(r"(?P<table>.*/weights)_(?P<number>\d+)")
# Training state that lies in checkpoints beside the model's variables.
_TRAINING_STATE = re.compile(
    r"^(global_step|training/.*|losses_avg/.*|train_stats/.*|.*beta[12]_power|.*/Adam(_\d)?|.*/Adafactor.*|.*/ExponentialMovingAverage)$"
)


@dataclass
class Report:
    """What became of each variable."""

    loaded: dict[str, str] = field(default_factory=dict)  # our path -> T2T's name
    missing: list[str] = field(default_factory=list)  # our variables that the source does not have
    unused: list[str] = field(default_factory=list)  # the source's variables that the model does not have
    mismatched: list[str] = field(default_factory=list)  # name, shape there, shape here

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} variables loaded"]
        for title in ("missing", "unused", "mismatched"):
            entries = getattr(self, title)
            if entries:
                lines += [f"{len(entries)} {title}:", *(f"  {entry}" for entry in entries)]
        return "\n".join(lines)


def load_t2t_weights(model: keras.Model, source: Source, strict: bool = True) -> Report:
    """Loads the variables of a T2T checkpoint into a model.

    Either all variables with a counterpart are loaded or, when this raises, none. Optimizer slots and other training
    state are skipped; shards of an embedding (`weights_0`, `weights_1`, ...) are joined.

    Args:
        model: a built or buildable model of this library.
        source: a checkpoint's prefix, a folder with a `checkpoint` file, an `.npz` file or `{variable name: array}`.
        strict: whether a missing, unused or misshapen variable is an error; otherwise it is only reported.

    Returns:
        A `Report`.

    Raises:
        FileNotFoundError: no such source.
        ValueError: `strict` and something does not fit; the message names the variables and both shapes.
    """
    if not model.built:
        model.build(None)
    available = _by_canonical_name(read_variables(source))
    report = Report()
    assignments = []
    for variable in model.weights:
        name, array = available.pop(canonical_name(variable.path), (None, None))
        if array is None:
            report.missing.append(f"{variable.path} {tuple(variable.shape)}")
        elif _without_ones(array.shape) != _without_ones(variable.shape):
            report.mismatched.append(f"{name}: {array.shape} in the source, {tuple(variable.shape)} in the model")
        else:
            report.loaded[variable.path] = name
            assignments.append((variable, array.reshape(variable.shape)))
    report.unused = [f"{name} {array.shape}" for name, array in available.values()]
    if strict and (report.missing or report.unused or report.mismatched):
        raise ValueError(f"the source does not fit the model {model.name!r}, nothing was loaded; {report}")
    for variable, array in assignments:
        variable.assign(array)
    return report


def canonical_name(name: str) -> str:
    """A variable's name without the scopes that come and go: both sides are compared in this form.

    Example:
        >>> canonical_name("transformer/parallel_0_3/transformer/transformer/body/encoder/layer_0/ffn/conv1/kernel")
        'transformer/body/encoder/layer_0/ffn/conv1/kernel'
    """
    scopes: list[str] = []
    for scope in name.split("/"):
        last = scopes[-1] if scopes else ""
        is_expert = last == "local_moe"  # its parallel_N are experts, not devices
        if scope != last and (is_expert or not _IGNORED_SCOPES.fullmatch(scope)):
            scopes.append(scope)
    return "/".join(scopes)


def _by_canonical_name(variables: dict[str, np.ndarray]) -> dict[str, tuple[str, np.ndarray]]:
    """{canonical name: (T2T's name, array)}, shards joined and training state left out."""
    shards: dict[str, dict[int, np.ndarray]] = {}
    found = {}
    for tensor, array in variables.items():
        name = tensor.removesuffix(":0")
        if _TRAINING_STATE.match(name):
            continue
        shard = _SHARD.fullmatch(name)
        if shard:
            shards.setdefault(shard["table"], {})[int(shard["number"])] = array
        else:
            found[canonical_name(name)] = (name, array)
    for table, parts in shards.items():
        found[canonical_name(table)] = (f"{table}_*", np.concatenate([parts[number] for number in sorted(parts)]))
    return found


def _without_ones(shape: tuple) -> tuple:
    """A 1x1 convolution's kernel [1, 1, in, out] is a dense one [in, out]."""
    return tuple(size for size in shape if size != 1)
