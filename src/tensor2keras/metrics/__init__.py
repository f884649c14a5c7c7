"""Metrics under T2T's names: `get(name)` returns a `keras.metrics.Metric`; `metrics.corpus` scores whole corpora.

Example:
    >>> metric = get("accuracy")
    >>> metric.update_state(targets, logits, sample_weight=weights)
    >>> float(metric.result())
"""

import importlib
from typing import Any

_HOME = {"StreamingMetric": "streaming", "get": "streaming", "names": "streaming", "register": "table"}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:  # `metrics.corpus` alone must not load Keras
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
