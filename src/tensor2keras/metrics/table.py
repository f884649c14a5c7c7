"""The table of metrics by T2T's names.

A metric is a function from a batch to a few sums, and a function from the sums over all batches to the figure, which
therefore does not depend on how the examples are batched or spread over replicas. (T2T averages BLEU, ROUGE and
regression errors over batches; on one batch the two are equal.)
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from keras import ops

from tensor2keras.types import Tensor

Sums = Sequence[Tensor]  # scalars that are added up over batches


class Definition(NamedTuple):
    """A metric: `statistics(y_true, y_pred, sample_weight)` returns `size` sums, `finish(sums)` the figure.

    A metric `is_slow` if it costs too much to be computed at every step of training.
    """

    statistics: Callable[[Tensor, Tensor, Tensor | None], Sums]
    size: int
    finish: Callable[[Tensor], Tensor]
    is_slow: bool = False


TABLE: dict[str, Definition] = {}


def ratio(sums: Tensor) -> Tensor:
    """Returns the first sum divided by the second; 0 where nothing has been counted."""
    return ops.divide_no_nan(sums[0], sums[1])


def register(
    *names: str,
    size: int = 2,
    finish: Callable[[Tensor], Tensor] = ratio,
    prepare: Callable[[Tensor, Tensor, Tensor | None], Sequence[Tensor]] | None = None,
    is_slow: bool = False,
) -> Callable:
    """Returns a decorator that enters a `statistics` function in the table under `names`.

    Args:
        *names: of the metric; T2T has several for some.
        size: number of sums.
        finish: from the sums, [size] float32, to the figure; by default the ratio of two.
        prepare: from (y_true, y_pred, sample_weight) to the arguments of the function; None: these are its arguments.
        is_slow: whether it costs too much to be computed at every step of training.
    """

    def add(function: Callable) -> Callable:
        statistics = function if prepare is None else lambda *given: function(*prepare(*given))
        for name in names:
            TABLE[name] = Definition(statistics, size, finish, is_slow)
        return function

    return add
