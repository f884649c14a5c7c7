"""The table of metrics by T2T's names.

A metric is a function from a batch to a few sums, and a function from the sums over all batches to the figure. So the
figure does not depend on how the examples were cut into batches or spread over replicas. (T2T averages BLEU, ROUGE and
regression errors over batches; on one batch the two are equal.)
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keras import ops


class Definition(NamedTuple):
    """A metric: `statistics(y_true, y_pred, sample_weight)` gives `size` sums, `finish(sums)` the figure."""

    statistics: Callable[[Any, Any, Any], Sequence[Any]]
    size: int
    finish: Callable[[Any], Any]


TABLE: dict[str, Definition] = {}


def ratio(sums: Any) -> Any:
    """The first sum over the second; 0 before anything was counted."""
    return ops.divide_no_nan(sums[0], sums[1])


def register(*names: str, size: int = 2, finish: Callable[[Any], Any] = ratio) -> Callable:
    """A decorator that enters a `statistics` function in the table, two sums and their ratio unless told otherwise."""

    def add(statistics: Callable) -> Callable:
        for name in names:
            TABLE[name] = Definition(statistics, size, finish)
        return statistics

    return add
