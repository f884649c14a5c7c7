"""Metrics of image models: bits per dimension, that is for each channel of a pixel.

Shapes: targets [batch, height, width, channels], int 0 to 255. Predictions are logits [batch, height, width, channels,
256] or the parameters of a mixture of discretized logistics [batch, height, width, 10 * mixtures].
"""

import math

from keras import ops

from tensor2keras.metrics.table import Sums, ratio, register
from tensor2keras.metrics.tokens import mask_like
from tensor2keras.types import Tensor


def nats(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the negative log-probability of each target, float32 [batch, height, width, channels].

    A mixture gives probabilities of whole pixels, whose nats are divided evenly among the channels.

    Raises:
        ValueError: predictions of another shape.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.cast(ops.convert_to_tensor(y_pred), "float32")
    if len(y_pred.shape) == len(y_true.shape) + 1:
        at_targets = ops.take_along_axis(y_pred, ops.cast(y_true, "int32")[..., None], axis=-1)
        return ops.logsumexp(y_pred, axis=-1) - ops.squeeze(at_targets, axis=-1)
    if len(y_pred.shape) != len(y_true.shape) or y_pred.shape[-1] % 10 or y_true.shape[-1] != 3:
        raise ValueError(
            f"predictions {tuple(y_pred.shape)} are neither logits [..., channels, 256] nor a mixture [..., 10 * "
            f"mixtures] for targets {tuple(y_true.shape)}"
        )
    return ops.broadcast_to(mixture_nats(y_true, y_pred)[..., None] / 3.0, ops.shape(y_true))


def mixture_nats(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the negative log-probability of each pixel [..., 3] under a mixture [..., 10 * mixtures]: float32 [...].

    The logistic's mass between a and b < a is sigmoid(a) sigmoid(-b) (1 - exp(b - a)), whose log is exact where a
    difference of sigmoids is not (the training loss approximates it there).

    Reference:
        Salimans et al. 2017, https://arxiv.org/abs/1701.05517, equation 2.
    """
    mixtures = y_pred.shape[-1] // 10
    x = (ops.cast(y_true, "float32") / 127.5 - 1.0)[..., None, :]  # [..., 1, 3]

    def part(i: int) -> Tensor:
        start = mixtures * (1 + 3 * i)
        return ops.reshape(y_pred[..., start : start + 3 * mixtures], (*ops.shape(y_pred)[:-1], mixtures, 3))

    means, log_scales, dependence = part(0), ops.maximum(part(1), -7.0), ops.tanh(part(2))
    red, green = x[..., 0], x[..., 1]
    shift = ops.stack(
        [
            ops.zeros_like(dependence[..., 0]),
            dependence[..., 0] * red,
            dependence[..., 1] * red + dependence[..., 2] * green,
        ],
        axis=-1,
    )
    centred, inverse_scale = x - means - shift, ops.exp(-log_scales)
    above, below = inverse_scale * (centred + 1.0 / 255.0), inverse_scale * (centred - 1.0 / 255.0)
    up_to, from_on = -ops.softplus(-above), -ops.softplus(below)  # logs of the mass below and above
    log_mass = up_to + from_on + ops.log(-ops.expm1(-inverse_scale * (2.0 / 255.0)))
    log_mass = ops.where(x < -0.999, up_to, ops.where(x > 0.999, from_on, log_mass))
    return -ops.logsumexp(ops.sum(log_mass, axis=-1) + ops.log_softmax(y_pred[..., :mixtures], axis=-1), axis=-1)


def _weighted(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns the sum of nats and the number of values; without weights every value counts, because 0 is a colour."""
    ones = ops.ones_like(ops.convert_to_tensor(y_true), dtype="float32")
    mask = ones if sample_weight is None else mask_like(ones, sample_weight)
    return ops.sum(nats(y_true, y_pred) * mask), ops.sum(mask)


@register("bits_per_dim", finish=lambda sums: ratio(sums) / math.log(2.0))
def bits_per_dim(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """Bits per channel of a pixel: nats / ln 2 / (height * width * channels)."""
    return _weighted(y_true, y_pred, sample_weight)


@register("disc_mol_neg_log_perplexity", finish=lambda sums: -ratio(sums))
def disc_mol_neg_log_perplexity(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """Mean log-probability per channel of a pixel under a mixture of logistics (T2T's `dmol_neg_log_perplexity`)."""
    return _weighted(y_true, y_pred, sample_weight)
