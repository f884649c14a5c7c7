"""Training on `model.fit`, evaluation, checkpoints, and models loaded from an output directory."""

import importlib
from typing import Any

_HOME = {
    "TrainOptions": "options",
    "evaluate_checkpoint": "evaluation",
    "load_model": "loading",
    "open_run": "loading",
    "train_and_evaluate": "trainer",
}
_MODULES = ("checkpoints", "trainer")

__all__ = ["TrainOptions", "checkpoints", "evaluate_checkpoint", "load_model", "open_run", "train_and_evaluate"]


def __getattr__(name: str) -> Any:  # importing `training.options` alone loads no Keras
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
