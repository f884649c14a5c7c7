"""Metrics of the table as `keras.metrics.Metric`."""

import difflib
from typing import Any

import keras
from keras import ops

from tensor2keras.metrics import ctc, images, regression, sequences, tokens  # noqa: F401  (they fill the table)
from tensor2keras.metrics.table import TABLE
from tensor2keras.types import Tensor


@keras.saving.register_keras_serializable("tensor2keras")
class StreamingMetric(keras.metrics.Metric):
    """A metric of the table, summed over batches.

    Args:
        metric: name in the table.
        name: name in logs; `metric` by default.
        dtype: dtype of the sums; float32 by default.

    Raises:
        KeyError: unknown metric, with the closest names.
    """

    def __init__(self, metric: str, name: str | None = None, dtype: str | None = None):
        if metric not in TABLE:
            close = difflib.get_close_matches(metric, TABLE, n=4, cutoff=0.5) or sorted(TABLE)
            raise KeyError(f"unknown metric {metric!r}; did you mean {', '.join(close)}?")
        super().__init__(name=name or metric, dtype=dtype)
        self.metric = metric
        self._definition = TABLE[metric]
        self.sums = self.add_variable(shape=(self._definition.size,), initializer="zeros", name="sums")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Adds a batch.

        Args:
            y_true: targets: ids [batch, length] or labels [batch], or real values.
            y_pred: logits [batch, length, vocab] or [batch, vocab], with or without axes of size 1 before the last; or
                real values. Logits may be longer or shorter than y_true; the shorter is filled with zeros.
            sample_weight: of y_true's shape. Positions of weight 0 are left out, all others count alike. None leaves
                out id 0 of sequences, and no other targets.
        """
        sums = self._definition.statistics(y_true, y_pred, sample_weight)
        self.sums.assign_add(ops.stack([ops.cast(value, self.sums.dtype) for value in sums]))

    @property
    def is_slow(self) -> bool:
        """Whether the metric costs too much to be computed at every step of training."""
        return self._definition.is_slow

    def result(self) -> Tensor:
        return self._definition.finish(ops.convert_to_tensor(self.sums))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "metric": self.metric}


def get(name: str) -> StreamingMetric:
    """Returns a new metric by its T2T name; KeyError with the closest names if there is none."""
    return StreamingMetric(name)


def names() -> list[str]:
    """Returns the names in the table, sorted."""
    return sorted(TABLE)
