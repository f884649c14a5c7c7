"""Beam search and sampling over a model's cache (`infer`), and from texts to texts (`decode`)."""

import importlib
from typing import Any

_HOME = {"decode": "text", "infer": "search"}

__all__ = ["decode", "infer"]


def __getattr__(name: str) -> Any:  # importing `decoding.decode_hparams` alone loads no Keras
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
