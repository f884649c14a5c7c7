"""Bits a dimension of images: exact, computed again with numpy in float64 (1e-5)."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import logistic_mixture
from tensor2keras.metrics.images import mixture_nats
from tests.metrics.updates import evaluate, evaluate_compiled

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (4, 3, 5, 3)).astype("int32")
IMAGES[0, 0, :, 0], IMAGES[0, 1, :, 1] = 0, 255  # the ends have the mass of all that lies beyond


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def categorical_bits(images, logits):
    """-log2 p of each value."""
    chosen = np.take_along_axis(softmax(logits.astype("float64")), images[..., None], -1)
    return -np.log2(chosen[..., 0])


def mixture_bits(images, predictions):
    """-log2 p of each pixel, a loop over pixels and components."""
    predictions = predictions.astype("float64")
    mixtures = predictions.shape[-1] // 10
    bits = np.zeros(images.shape[:-1])
    for index in np.ndindex(bits.shape):
        weights, rest = predictions[index][:mixtures], predictions[index][mixtures:].reshape(3, mixtures, 3)
        x = images[index] / 127.5 - 1
        total = 0.0
        for weight, mean, log_scale, (a, b, c) in zip(softmax(weights), *rest[:2], np.tanh(rest[2]), strict=True):
            centre = mean + np.array([0, a * x[0], b * x[0] + c * x[1]])
            scale = np.exp(np.maximum(log_scale, -7))
            above = np.where(images[index] == 255, 1.0, sigmoid((x + 1 / 255 - centre) / scale))
            below = np.where(images[index] == 0, 0.0, sigmoid((x - 1 / 255 - centre) / scale))
            total += weight * np.prod(above - below)
        bits[index] = -np.log2(total)
    return bits


def test_bits_of_a_softmax():
    logits = RANDOM.normal(size=(*IMAGES.shape, 256)).astype("float32") * 3
    expected = categorical_bits(IMAGES, logits).mean()
    assert evaluate("bits_per_dim", (IMAGES, logits)) == pytest.approx(expected, rel=1e-5)


def test_bits_of_a_mixture():
    predictions = RANDOM.normal(size=(*IMAGES.shape[:-1], 50)).astype("float32")
    expected = mixture_bits(IMAGES, predictions).sum() / IMAGES.size
    assert evaluate("bits_per_dim", (IMAGES, predictions)) == pytest.approx(expected, rel=1e-5)


def test_eight_bits_of_knowing_nothing():
    assert evaluate("bits_per_dim", (IMAGES, np.zeros((*IMAGES.shape, 256), "float32"))) == pytest.approx(8, rel=1e-5)


def test_all_blues_together_are_as_probable_as_their_red_and_green():
    colours = np.stack([np.full(256, 7), np.full(256, 0), np.arange(256)], -1)[None, None].astype("int32")

    def sum_over_blue(seed):
        predictions = np.random.default_rng(0).normal(size=(1, 1, 1, 2 * 10)).astype("float32")
        blue = np.random.default_rng(seed).normal(size=(4, 2))  # of each component: mean, scale and dependences
        predictions[..., [4, 7]], predictions[..., [10, 13]] = blue[:2]
        predictions[..., [15, 18]], predictions[..., [16, 19]] = blue[2:]
        tiled = np.broadcast_to(predictions, (1, 1, 256, 20))
        return float(ops.sum(ops.exp(-mixture_nats(ops.convert_to_tensor(colours), ops.convert_to_tensor(tiled)))))

    assert sum_over_blue(1) == pytest.approx(sum_over_blue(2), rel=1e-5)


def test_improbable_pixels_stay_finite():
    predictions = np.zeros((1, 1, 1, 10), "float32")
    predictions[..., 1:4], predictions[..., 4:7] = 1.0, -7.0  # certain of white
    grey = np.full((1, 1, 1, 3), 10, "int32")
    value = evaluate("bits_per_dim", (grey, predictions))
    assert value == pytest.approx(((1 - (10 / 127.5 - 1)) * np.exp(7) - np.exp(7) / 255) / np.log(2), rel=1e-3)


def test_it_agrees_with_the_training_loss():
    predictions = RANDOM.normal(size=(*IMAGES.shape[:-1], 100)).astype("float32")
    nats = float(ops.mean(logistic_mixture.loss(ops.convert_to_tensor(predictions), ops.convert_to_tensor(IMAGES))))
    assert evaluate("bits_per_dim", (IMAGES, predictions)) == pytest.approx(nats / np.log(2), rel=1e-5)
    assert evaluate("disc_mol_neg_log_perplexity", (IMAGES, predictions)) == pytest.approx(-nats, rel=1e-5)


def test_batches_count_by_their_size_and_rows_of_weight_zero_do_not():
    logits = RANDOM.normal(size=(*IMAGES.shape, 256)).astype("float32")
    weights = np.ones(IMAGES.shape, "float32")
    weights[3] = 0
    whole = evaluate("bits_per_dim", (IMAGES[:3], logits[:3]))
    assert evaluate("bits_per_dim", (IMAGES, logits, weights)) == pytest.approx(whole, rel=1e-6)
    parts = (IMAGES[:1], logits[:1]), (IMAGES[1:3], logits[1:3])
    assert evaluate_compiled("bits_per_dim", *parts) == pytest.approx(whole, rel=1e-6)


def test_predictions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"neither logits .* nor a mixture"):
        evaluate("bits_per_dim", (IMAGES, np.zeros((*IMAGES.shape[:-1], 25), "float32")))
