"""Metrics of real-valued targets: predictions are values, not logits.

Targets and predictions are [batch, ...], with or without further axes of size 1.
"""

from keras import ops

from tensor2keras.metrics.table import Sums, ratio, register
from tensor2keras.metrics.tokens import mask_like, match_ranks
from tensor2keras.types import Tensor


def _values(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    y_true, y_pred = match_ranks(y_true, y_pred, extra=0)
    targets, values = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    return targets, values, ops.ones_like(targets) if sample_weight is None else mask_like(targets, sample_weight)


@register("rmse", finish=lambda sums: ops.sqrt(ratio(sums)), prepare=_values)
@register("unpadded_mse", prepare=_values)
def squared_error(targets: Tensor, values: Tensor, mask: Tensor) -> Sums:
    """Squared error; `rmse` is the root of its mean (T2T's `padded_rmse`)."""
    return ops.sum(ops.square(values - targets) * mask), ops.sum(mask)


@register("mean_absolute_error", prepare=_values)
def absolute_error(targets: Tensor, values: Tensor, mask: Tensor) -> Sums:
    """Mean absolute error (T2T's `abs_error`)."""
    return ops.sum(ops.abs(values - targets) * mask), ops.sum(mask)


def _explained(sums: Tensor) -> Tensor:
    count, total, squares, residual = (sums[i] for i in range(4))
    return 1.0 - ops.divide_no_nan(residual, squares - ops.divide_no_nan(total * total, count))


@register("r_squared", size=4, finish=_explained, prepare=_values)
def variance_explained(targets: Tensor, values: Tensor, mask: Tensor) -> Sums:
    """Explained variance, R^2 (T2T's `padded_variance_explained`)."""
    parts = ops.ones_like(targets), targets, ops.square(targets), ops.square(values - targets)
    return [ops.sum(part * mask) for part in parts]


def _correlation(sums: Tensor) -> Tensor:
    count, sum_x, sum_y, sum_xx, sum_yy, sum_xy = (sums[i] for i in range(6))
    covariance = count * sum_xy - sum_x * sum_y
    variances = (count * sum_xx - sum_x * sum_x) * (count * sum_yy - sum_y * sum_y)
    return ops.divide_no_nan(covariance, ops.sqrt(ops.maximum(variances, 0.0)))


@register("pearson", size=6, finish=_correlation, prepare=_values)
def pearson_correlation(x: Tensor, y: Tensor, mask: Tensor) -> Sums:
    """Pearson's correlation coefficient."""
    return [ops.sum(part * mask) for part in (ops.ones_like(x), x, y, x * x, y * y, x * y)]


@register("two_class_accuracy", prepare=_values)
def two_class_accuracy(targets: Tensor, values: Tensor, mask: Tensor) -> Sums:
    """Share of 0/1 labels equal to the rounded probability of class 1."""
    return ops.sum(ops.cast(ops.round(values) == targets, "float32") * mask), ops.sum(mask)


@register("two_class_log_likelihood", prepare=_values)
def two_class_log_likelihood(targets: Tensor, values: Tensor, mask: Tensor) -> Sums:
    """Mean log-likelihood of 0/1 labels under the probability of class 1."""
    return ops.sum(ops.log(ops.where(targets == 1, values, 1.0 - values)) * mask), ops.sum(mask)
