"""The one class that all metrics of the table are."""

import difflib
from typing import Any

import keras
from keras import ops

from tensor2keras.metrics import (  # noqa: F401  (they fill the table)
    connectionist,
    images,
    regression,
    sequences,
    tokens,
)
from tensor2keras.metrics.table import TABLE


@keras.saving.register_keras_serializable("tensor2keras")
class StreamingMetric(keras.metrics.Metric):
    """A metric of the table, summed over batches.

    Args:
        metric: name in the table.
        name: name in logs; `metric` by default.
        dtype: of the sums; float32 by default.

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

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch.

        Args:
            y_true: targets: ids [batch, length] or labels [batch], or real values.
            y_pred: logits [batch, length, vocab] or [batch, vocab], with or without axes of size 1 before the last; or
                real values. Logits may be longer or shorter than y_true; the shorter is filled with zeros.
            sample_weight: y_true's shape. Only its sign counts: positions of weight 0 are left out. None leaves out
                id 0 of sequences, and nothing of anything else.
        """
        sums = self._definition.statistics(y_true, y_pred, sample_weight)
        self.sums.assign_add(ops.stack([ops.cast(value, self.sums.dtype) for value in sums]))

    def result(self) -> Any:
        return self._definition.finish(ops.convert_to_tensor(self.sums))

    def get_config(self) -> dict:
        return {"metric": self.metric, "name": self.name, "dtype": self.dtype}


def get(name: str) -> StreamingMetric:
    """A new metric by its T2T name; KeyError with the closest names if there is none."""
    return StreamingMetric(name)


def names() -> list[str]:
    """The names in the table."""
    return sorted(TABLE)
