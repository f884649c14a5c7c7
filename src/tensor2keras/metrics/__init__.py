"""Metrics under T2T's names: `get(name)` returns a `keras.metrics.Metric`; `metrics.corpus` scores whole corpora.

Example:
    >>> metric = get("accuracy")
    >>> metric.update_state(targets, logits, sample_weight=weights)
    >>> float(metric.result())
"""

from tensor2keras import lazy

# `metrics.corpus` alone must not load Keras.
__all__, __getattr__, __dir__ = lazy.exports(
    __name__, {"streaming": ["StreamingMetric", "get", "names"], "table": ["register"]}, modules=["corpus"]
)
