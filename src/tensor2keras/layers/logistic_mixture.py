"""A pixel's colour as a mixture of discretized logistic distributions (Salimans et al. 2017, PixelCNN++,
https://arxiv.org/abs/1701.05517, section 2.1 and 2.2).

Each mixture component has a mean and a scale a channel; the means of green and blue are shifted by the channels before
them. A value's probability is the logistic's mass on the interval of width 2 / 255 around it; 0 and 255 take what lies
beyond.

Shapes: predictions [..., 10 * mixtures]; colours [..., 3], int 0 to 255 or real -1 to 1.
"""

import math
from typing import Any, NamedTuple

from keras import ops

CHANNELS = 3
PARAMETERS = 10  # a mixture component's: a weight, three means, three scales, three dependences on channels before
MIN_LOG_SCALE = -7.0


class Mixture(NamedTuple):
    """Parameters of the mixture at each pixel."""

    logits: Any  # [..., mixtures], of the components
    means: Any  # [..., mixtures, 3]
    log_scales: Any  # [..., mixtures, 3], at least MIN_LOG_SCALE
    dependences: Any  # [..., mixtures, 3], -1 to 1: of green on red, of blue on red, of blue on green


def split_parameters(predictions: Any) -> Mixture:
    """The mixture that a network's output [..., 10 * mixtures] stands for.

    Reference:
        T2T `split_to_discretized_mix_logistic_params`.
    """
    predictions = ops.cast(predictions, "float32")
    mixtures = predictions.shape[-1] // PARAMETERS
    shape = (*ops.shape(predictions)[:-1], mixtures, CHANNELS)

    def part(i: int) -> Any:
        start = mixtures * (1 + CHANNELS * i)
        return ops.reshape(predictions[..., start : start + mixtures * CHANNELS], shape)

    return Mixture(predictions[..., :mixtures], part(0), ops.maximum(part(1), MIN_LOG_SCALE), ops.tanh(part(2)))


def to_real(colours: Any) -> Any:
    """Intensities 0 to 255 as float32 -1 to 1."""
    return ops.cast(colours, "float32") / 127.5 - 1.0


def negative_log_likelihood(predictions: Any, colours: Any) -> Any:
    """Nats of each pixel.

    Args:
        predictions: [..., 10 * mixtures].
        colours: real, -1 to 1, [..., 3].

    Returns:
        float32 [...].

    Reference:
        T2T `discretized_mix_logistic_loss`.
    """
    mixture = split_parameters(predictions)
    x = ops.cast(colours, "float32")[..., None, :]  # [..., 1, 3]
    centred = x - _shifted_means(mixture, x[..., 0], x[..., 1])
    inverse_scale = ops.exp(-mixture.log_scales)
    upper, lower = inverse_scale * (centred + 1.0 / 255.0), inverse_scale * (centred - 1.0 / 255.0)
    mass = ops.sigmoid(upper) - ops.sigmoid(lower)
    middle = inverse_scale * centred  # where the mass is too small to be a difference: density times width
    density = middle - mixture.log_scales - 2.0 * ops.softplus(middle) - math.log(127.5)
    inside = ops.where(mass > 1e-5, ops.log(ops.maximum(mass, 1e-12)), density)
    log_mass = ops.where(x > 0.999, -ops.softplus(lower), inside)
    log_mass = ops.where(x < -0.999, upper - ops.softplus(upper), log_mass)
    return -ops.logsumexp(ops.sum(log_mass, axis=-1) + ops.log_softmax(mixture.logits, axis=-1), axis=-1)


def _shifted_means(mixture: Mixture, red: Any, green: Any) -> Any:
    """[..., mixtures, 3]: the means given the channels before, each [..., mixtures or 1]."""
    means, dependences = mixture.means, mixture.dependences
    return ops.stack(
        [
            means[..., 0],
            means[..., 1] + dependences[..., 0] * red,
            means[..., 2] + dependences[..., 1] * red + dependences[..., 2] * green,
        ],
        axis=-1,
    )


def loss(predictions: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """Nats of each pixel shared out evenly to its channels.

    Args:
        predictions: [batch, height, width, 10 * mixtures].
        targets: int, [batch, height, width, 3].
        label_smoothing: not used.

    Returns:
        float32 [batch, height, width, 3].

    Reference:
        T2T `dml_loss`.
    """
    nats = negative_log_likelihood(predictions, to_real(targets))
    return ops.broadcast_to(nats[..., None] / CHANNELS, ops.shape(targets))


def sample(predictions: Any, uniforms: Any, temperature: float = 1.0) -> Any:
    """Draws a colour a pixel, a channel at a time, each given those drawn before.

    T2T's `sample_from_discretized_mix_logistic` returns real numbers and conditions green on the real red; here every
    channel is an intensity before the next is drawn, so that colours follow the distribution of the loss.

    Args:
        predictions: [..., 10 * mixtures].
        uniforms: [..., 4] in [0, 1): one chooses the component, three the channels.
        temperature: sharpens (below 1) the choice of the component and the scales; 0 takes the likeliest component's
            means.

    Returns:
        int32 [..., 3], 0 to 255.
    """
    mixture = split_parameters(predictions)
    uniforms = ops.clip(ops.cast(uniforms, "float32"), 1e-5, 1.0 - 1e-5)
    chosen = _draw(mixture.logits, uniforms[..., 0], temperature)
    select = ops.one_hot(chosen, mixture.logits.shape[-1], dtype="float32")[..., None]  # [..., mixtures, 1]
    means, log_scales, dependences = (ops.sum(part * select, axis=-2) for part in mixture[1:])
    noise = ops.log(uniforms[..., 1:]) - ops.log1p(-uniforms[..., 1:])  # standard logistic, [..., 3]
    drawn = means + temperature * ops.exp(log_scales) * noise

    def intensity(x: Any) -> Any:
        return ops.clip(ops.round((x + 1.0) * 127.5), 0.0, 255.0)

    red = intensity(drawn[..., 0])
    green = intensity(drawn[..., 1] + dependences[..., 0] * to_real(red))
    blue = intensity(drawn[..., 2] + dependences[..., 1] * to_real(red) + dependences[..., 2] * to_real(green))
    return ops.cast(ops.stack([red, green, blue], axis=-1), "int32")


def _draw(logits: Any, uniform: Any, temperature: float) -> Any:
    """A component [...] by the inverse of the cumulated probability."""
    if not temperature:
        return ops.argmax(logits, axis=-1)
    cumulated = ops.cumsum(ops.softmax(logits / temperature, axis=-1), axis=-1)
    behind = ops.sum(ops.cast(cumulated <= uniform[..., None], "int32"), axis=-1)
    return ops.minimum(behind, logits.shape[-1] - 1)
