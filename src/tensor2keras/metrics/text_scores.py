"""Scores of decoded texts against reference texts, by name: what t2t-decoder prints and t2t-eval lists.

A scorer lies in a module of its own, which `SCORERS` names and which is loaded when it is asked for. It has

    require()                           ValueError saying what to install, if its library is missing
    score(outputs, references)          a `TextScore` of two lists of texts of the same length
"""

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

SCORERS = {
    "accuracy": "tensor2keras.metrics.label_accuracy",
    "bleu": "tensor2keras.metrics.bleu",
    "rouge": "tensor2keras.metrics.rouge",
    "wer": "tensor2keras.metrics.error_rates",
}


class TextScore(NamedTuple):
    """`figures` by name, and the one line that reports them with all that is needed to repeat them."""

    figures: dict[str, float]
    line: str


def scorer(name: str) -> Any:
    """The module of a scorer, its library at hand.

    Raises:
        KeyError: no such scorer, naming those there are.
        ValueError: its library is not installed.
    """
    if name not in SCORERS:
        raise KeyError(f"unknown text score {name!r}; known: {', '.join(SCORERS)}")
    module = importlib.import_module(SCORERS[name])
    module.require()
    return module


def score(name: str, outputs: Sequence[str], references: Sequence[str]) -> TextScore:
    """The texts' score by the scorer of that name; ValueError unless there are as many references as outputs."""
    if len(outputs) != len(references):
        raise ValueError(f"{len(references)} references for {len(outputs)} decoded texts")
    return scorer(name).score(outputs, references)
