"""The color of a pixel under a mixture of discretized logistic distributions (Salimans et al. 2017, PixelCNN++,
https://arxiv.org/abs/1701.05517, sections 2.1 and 2.2).

Each mixture component has a mean and a scale per channel; the means of green and blue depend linearly on the channels
before them. The probability of a value is the mass of the logistic on the interval of width 2 / 255 around it; 0 and
255 include the tails.

Shapes: predictions [..., 10 * mixtures]; colors [..., 3], int 0 to 255 or real -1 to 1.
"""

import math
from typing import NamedTuple

from keras import ops

from tensor2keras.types import Tensor

CHANNELS = 3
PARAMETERS = 10  # of a mixture component: a logit, three means, three log-scales, three coefficients between channels
MIN_LOG_SCALE = -7.0


class Mixture(NamedTuple):
    """Parameters of the mixture at each pixel."""

    logits: Tensor  # [..., mixtures], of the components
    means: Tensor  # [..., mixtures, 3]
    log_scales: Tensor  # [..., mixtures, 3], at least MIN_LOG_SCALE
    coefficients: Tensor  # [..., mixtures, 3], -1 to 1: of green on red, of blue on red, of blue on green


def split_parameters(predictions: Tensor) -> Mixture:
    """Returns the mixture whose parameters are a network's output [..., 10 * mixtures].

    Reference:
        T2T `split_to_discretized_mix_logistic_params`.
    """
    predictions = ops.cast(predictions, "float32")
    mixtures = predictions.shape[-1] // PARAMETERS
    shape = (*ops.shape(predictions)[:-1], mixtures, CHANNELS)

    def part(i: int) -> Tensor:
        start = mixtures * (1 + CHANNELS * i)
        return ops.reshape(predictions[..., start : start + mixtures * CHANNELS], shape)

    return Mixture(predictions[..., :mixtures], part(0), ops.maximum(part(1), MIN_LOG_SCALE), ops.tanh(part(2)))


def to_real(colors: Tensor) -> Tensor:
    """Maps intensities 0 to 255 to float32 -1 to 1."""
    return ops.cast(colors, "float32") / 127.5 - 1.0


def negative_log_likelihood(predictions: Tensor, colors: Tensor) -> Tensor:
    """Returns the negative log-likelihood of each pixel, in nats. T2T `discretized_mix_logistic_loss`.

    Args:
        predictions: [..., 10 * mixtures].
        colors: real, -1 to 1, [..., 3].

    Returns:
        float32 [...].
    """
    mixture = split_parameters(predictions)
    x = ops.cast(colors, "float32")[..., None, :]  # [..., 1, 3]
    centered = x - _shifted_means(mixture, x[..., 0], x[..., 1])
    inverse_scale = ops.exp(-mixture.log_scales)
    upper, lower = inverse_scale * (centered + 1.0 / 255.0), inverse_scale * (centered - 1.0 / 255.0)
    mass = ops.sigmoid(upper) - ops.sigmoid(lower)
    middle = inverse_scale * centered  # where the mass is too small for a difference: density times width
    density = middle - mixture.log_scales - 2.0 * ops.softplus(middle) - math.log(127.5)
    inside = ops.where(mass > 1e-5, ops.log(ops.maximum(mass, 1e-12)), density)
    log_mass = ops.where(x > 0.999, -ops.softplus(lower), inside)
    log_mass = ops.where(x < -0.999, upper - ops.softplus(upper), log_mass)
    return -ops.logsumexp(ops.sum(log_mass, axis=-1) + ops.log_softmax(mixture.logits, axis=-1), axis=-1)


def _shifted_means(mixture: Mixture, red: Tensor, green: Tensor) -> Tensor:
    """Returns the means [..., mixtures, 3] given the channels before them, each [..., mixtures or 1]."""
    means, coefficients = mixture.means, mixture.coefficients
    return ops.stack(
        [
            means[..., 0],
            means[..., 1] + coefficients[..., 0] * red,
            means[..., 2] + coefficients[..., 1] * red + coefficients[..., 2] * green,
        ],
        axis=-1,
    )


def loss(predictions: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns the negative log-likelihood of each pixel, divided evenly among its channels. T2T `dml_loss`.

    Args:
        predictions: [batch, height, width, 10 * mixtures].
        targets: int [batch, height, width, 3].
        label_smoothing: ignored.

    Returns:
        float32 [batch, height, width, 3].
    """
    nats = negative_log_likelihood(predictions, to_real(targets))
    return ops.broadcast_to(nats[..., None] / CHANNELS, ops.shape(targets))


def sample(predictions: Tensor, uniforms: Tensor, temperature: float = 1.0) -> Tensor:
    """Samples a color for each pixel, channel by channel, each given the previous ones.

    T2T's `sample_from_discretized_mix_logistic` returns real numbers and conditions green on the real red; here each
    channel is rounded to an intensity before the next is sampled, so that colors follow the distribution of the loss.

    Args:
        predictions: [..., 10 * mixtures].
        uniforms: [..., 4] in [0, 1): one selects the component, three the channels.
        temperature: below 1, sharpens the choice of the component and the scales; 0 takes the means of the most likely
            component.

    Returns:
        int32 [..., 3], 0 to 255.
    """
    mixture = split_parameters(predictions)
    uniforms = ops.clip(ops.cast(uniforms, "float32"), 1e-5, 1.0 - 1e-5)
    chosen = _draw(mixture.logits, uniforms[..., 0], temperature)
    select = ops.one_hot(chosen, mixture.logits.shape[-1], dtype="float32")[..., None]  # [..., mixtures, 1]
    means, log_scales, coefficients = (ops.sum(part * select, axis=-2) for part in mixture[1:])
    noise = ops.log(uniforms[..., 1:]) - ops.log1p(-uniforms[..., 1:])  # standard logistic, [..., 3]
    drawn = means + temperature * ops.exp(log_scales) * noise

    def intensity(x: Tensor) -> Tensor:
        return ops.clip(ops.round((x + 1.0) * 127.5), 0.0, 255.0)

    red = intensity(drawn[..., 0])
    green = intensity(drawn[..., 1] + coefficients[..., 0] * to_real(red))
    blue = intensity(drawn[..., 2] + coefficients[..., 1] * to_real(red) + coefficients[..., 2] * to_real(green))
    return ops.cast(ops.stack([red, green, blue], axis=-1), "int32")


def _draw(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """Draws a component [...] by inverting the cumulative distribution."""
    if not temperature:
        return ops.argmax(logits, axis=-1)
    cumulative = ops.cumsum(ops.softmax(logits / temperature, axis=-1), axis=-1)
    below = ops.sum(ops.cast(cumulative <= uniform[..., None], "int32"), axis=-1)
    return ops.minimum(below, logits.shape[-1] - 1)
