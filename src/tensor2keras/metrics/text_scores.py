"""Scores of decoded texts against reference texts, by name.

A scorer is a module that `SCORERS` names and that is imported on first use. It has

    require(**options)                       raises ValueError saying what to install, if its library is missing
    score(outputs, references, **options)    returns a `TextScore` of two lists of texts of the same length

Only "bleu" has options.
"""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

SCORERS = {
    "accuracy": "tensor2keras.metrics.label_accuracy",
    "bleu": "tensor2keras.metrics.bleu",
    "rouge": "tensor2keras.metrics.rouge",
    "wer": "tensor2keras.metrics.error_rates",
}


class TextScore(NamedTuple):
    """The result of a scorer."""

    figures: dict[str, float]  # by name
    report: str  # one line or several, with all that is needed to reproduce the figures


def require_library(module: str, message: str, extra: str = "eval") -> Any:
    """Imports and returns a module; ValueError with `message` and the extra to install if it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(f"{message}: pip install 'tensor2keras[{extra}]'") from None


def scorer(name: str, **options: Any) -> ModuleType:
    """Returns the module of a scorer whose library is installed.

    Args:
        name: the scorer.
        **options: those that `score` will be called with.

    Raises:
        KeyError: unknown scorer; the known ones are named.
        ValueError: its library is not installed.
    """
    if name not in SCORERS:
        raise KeyError(f"unknown text score {name!r}; known: {', '.join(SCORERS)}")
    module = importlib.import_module(SCORERS[name])
    module.require(**options)
    return module


def score(name: str, outputs: Sequence[str], references: Sequence[str], **options: Any) -> TextScore:
    """Returns the texts' score by the scorer `name`; ValueError unless there are as many references as outputs."""
    if len(outputs) != len(references):
        raise ValueError(f"{len(references)} references for {len(outputs)} decoded texts")
    return scorer(name, **options).score(outputs, references, **options)
