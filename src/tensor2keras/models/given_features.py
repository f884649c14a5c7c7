"""Checks of the features that a model is given: one line for each mistake, before a backend fails over a shape."""

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from tensor2keras.types import Features, Shape

_IDS = ("symbol", "symbol_weights_all", "ctc_symbol", "symbol_one_hot")  # modalities of ids [batch, length]
_ARRAYS = "registry.hparams(NAME, inputs_vocab_size=N, targets_vocab_size=M) makes hyperparameters for arrays of ids"


def check_features(model: keras.Model, features: Features) -> None:
    """Raises ValueError for features that a model cannot read.

    Args:
        model: a T2TModel.
        features: what the model is called on: tensors, arrays or lists of numbers by name. Ids are compared with the
            vocabulary if they are in a NumPy array.
    """
    known = model.problem["features"] if model.problem is not None else {"inputs": {}, "targets": {}}
    if not isinstance(features, Mapping):
        wanted = ", ".join(f"{name!r}: ..." for name in known)
        raise ValueError(f"{model.name} takes a dict of features, {{{wanted}}}, not {_described(features)}")
    given = {name: value for name, value in features.items() if value is not None}
    needs_inputs = model.problem is not None and "inputs" in known and model.prepend_mode == "none"  # or in the targets
    if needs_inputs and "inputs" not in given:
        raise ValueError(missing(model, "inputs", given))
    unknown = set(given) - set(known)
    for name in known:
        if name in given:
            _check_feature(model, name, given[name], known[name].get("modality"))
        elif difflib.get_close_matches(name, unknown):
            raise ValueError(missing(model, name, given))


def missing(model: keras.Model, name: str, given: Features) -> str:
    """Returns a line about a feature that is not there, with those that are."""
    close = difflib.get_close_matches(name, given, n=1)
    there = f"{close[0]!r} should be named so" if close else f"there are {', '.join(map(repr, given)) or 'none'}"
    shifted = "; the model shifts them right itself: fit({'inputs': x, 'targets': y}, y)" if name == "targets" else ""
    return f"{model.name} needs the feature {name!r}; {there}{shifted}"


@contextlib.contextmanager
def targets_named_if_missing(model: keras.Model, features: Any) -> Iterator[None]:
    """Raises ValueError instead of the KeyError of a model that reads targets which the features do not have."""
    try:
        yield
    except KeyError as error:
        if not isinstance(features, Mapping) or "targets" in features or "targets" not in str(error):
            raise
        raise ValueError(missing(model, "targets", features)) from None


def check_targets(model: keras.Model, features: Any, targets: Any) -> None:
    """Raises ValueError for ids of targets that are not in the vocabulary, or of another shape than the feature's."""
    if model.problem is None or "targets" not in model.problem["features"]:
        return
    _check_range(model, "targets", targets)
    shapes = [np.shape(value) for value in (features.get("targets"), targets) if isinstance(value, np.ndarray)]
    if len(shapes) == 2 and model.problem["features"]["targets"].get("modality") in _IDS and shapes[0] != shapes[1]:
        raise ValueError(
            f"the feature targets has the shape {list(shapes[0])}, and y {list(shapes[1])}; they are the same ids"
        )


def _check_feature(model: keras.Model, name: str, value: Any, modality: str | None) -> None:
    shape = _shape(name, value)
    if model.problem is None and shape is not None and len(shape) < 3:
        raise ValueError(
            f"{model.name} was made without a problem and takes embedded features [batch, length, {model.hidden_size}]"
            f", not {name} of shape {list(shape)}; {_ARRAYS}"
        )
    if modality in _IDS and shape is not None and len(shape) != 2:
        raise ValueError(f"{name} must be ids [batch, length], not {_described(value)}")
    if modality in _IDS and isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.any(value % 1):
        raise ValueError(f"{name} must be integers; {value[value % 1 != 0][0]} is not an id")
    _check_range(model, name, value)


def _shape(name: str, value: Any) -> Shape | None:
    """Returns a feature's shape; None for a tensor of unknown rank."""
    if isinstance(value, list | tuple):
        try:
            return np.shape(value)
        except ValueError:
            raise ValueError(f"features[{name!r}] has rows of several lengths; pad them with 0") from None
    if not hasattr(value, "shape"):
        raise ValueError(f"features[{name!r}] must be an array, not {_described(value)}")
    return None if getattr(value.shape, "rank", 0) is None else tuple(value.shape)


def _check_range(model: keras.Model, name: str, value: Any) -> None:
    """Raises ValueError for integers in an array that are not in the feature's vocabulary."""
    size = model.symbols(name) if model.problem is not None else None
    if not size or not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or not value.size:
        return
    lowest, highest = value.min(), value.max()
    if lowest < 0 or highest >= size:
        wrong = lowest if lowest < 0 else highest
        raise ValueError(f"{name} has the id {wrong}; the vocabulary has {size}: 0 to {size - 1}")


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"an array of shape {list(shape)}"
