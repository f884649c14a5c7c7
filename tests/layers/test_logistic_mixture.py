"""The discretized mixture of logistics against T2T's own values (1e-4: sigmoids in float32), and draws against it."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import logistic_mixture
from tests.layers.layer_test_case import assert_close, golden_case


def test_parameters_equal_t2ts(golden):
    _, inputs, expected, _ = golden_case(golden, "split_to_discretized_mix_logistic_params")
    for ours, theirs in zip(logistic_mixture.split_parameters(inputs["inputs"]), expected, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["discretized_mix_logistic_loss", "discretized_mix_logistic_loss_edges"])
def test_likelihood_equals_t2ts(golden, name):
    _, inputs, (expected,), _ = golden_case(golden, name)
    assert_close(logistic_mixture.negative_log_likelihood(inputs["pred"], inputs["labels"]), expected, 1e-4)


def test_loss_equals_t2ts(golden):
    _, inputs, (per_pixel, counts), _ = golden_case(golden, "dml_loss_nosum")
    losses = logistic_mixture.loss(inputs["pred"], inputs["labels"])
    assert losses.shape == inputs["labels"].shape
    assert_close(ops.sum(losses, axis=-1), 3 * per_pixel, 1e-4)
    assert (counts == 1).all()
    _, inputs, (total, count), _ = golden_case(golden, "dml_loss")
    assert_close(ops.mean(logistic_mixture.loss(inputs["pred"], inputs["labels"])), total / count, 1e-4)


def test_symmetric_reals_equal_t2ts(golden):
    _, inputs, (expected,), _ = golden_case(golden, "convert_rgb_to_symmetric_real")
    assert_close(logistic_mixture.to_real(inputs["x"]), expected)


def mixture(draws):
    """One narrow mixture of two components, as often as it is drawn from: [draws, 20]."""
    predictions = np.zeros(20, "float32")
    predictions[:2] = [1.0, 0.0]
    predictions[2:8] = [-0.9, 0.2, 0.1, 0.3, -0.4, 0.95]  # means, a component after the other
    predictions[8:14] = [-5.0, -4.0, -4.5, -5.0, -4.0, -4.0]
    predictions[14:20] = [0.8, -0.5, 0.4, -0.2, 0.6, 0.1]
    return np.broadcast_to(predictions, (draws, 20))


def test_colours_are_drawn_as_often_as_they_are_probable():
    draws = 200_000
    uniforms = np.random.default_rng(0).random((draws, 4), dtype="float32")
    drawn = ops.convert_to_numpy(logistic_mixture.sample(mixture(draws), uniforms))
    assert drawn.min() >= 0
    assert drawn.max() <= 255
    # The mean information of the drawn colours is the distribution's entropy: equal to that of how often they come.
    reds = np.bincount(drawn[:, 0], minlength=256) / draws
    components = np.array([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
    edges = (np.arange(257) - 0.5) / 127.5 - 1
    edges[0], edges[-1] = -np.inf, np.inf
    cdf = 1 / (1 + np.exp(-(edges[:, None] - [-0.9, 0.3]) / np.exp(-5.0)))
    np.testing.assert_allclose(reds, np.diff(cdf, axis=0) @ components, atol=0.005)
    top, counts = np.unique(drawn, axis=0, return_counts=True)
    most = np.argsort(-counts)[:5]
    nats = logistic_mixture.negative_log_likelihood(mixture(5), logistic_mixture.to_real(top[most]))
    np.testing.assert_allclose(counts[most] / draws, np.exp(-ops.convert_to_numpy(nats)), rtol=0.15)


def test_no_temperature_takes_the_likeliest_component():
    uniforms = np.random.default_rng(0).random((9, 4), dtype="float32")
    drawn = ops.convert_to_numpy(logistic_mixture.sample(mixture(9), uniforms, temperature=0.0))
    assert (drawn == drawn[0]).all()
    red = round((-0.9 + 1) * 127.5)
    green = 0.2 + np.tanh(0.8) * (red / 127.5 - 1)
    assert drawn[0, 0] == red
    assert drawn[0, 1] == round((green + 1) * 127.5)
