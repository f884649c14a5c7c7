"""Metrics of real values equal numpy's."""

import numpy as np
import pytest

from tests.metrics.updates import evaluate, evaluate_compiled

RNG = np.random.default_rng(0)
TARGETS = RNG.normal(1.0, 2.0, 20).astype("float32")
VALUES = (TARGETS + RNG.normal(0.0, 0.5, 20)).astype("float32")
ERRORS = VALUES - TARGETS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", np.sqrt(np.mean(ERRORS**2))),
        ("unpadded_mse", np.mean(ERRORS**2)),
        ("mean_absolute_error", np.mean(np.abs(ERRORS))),
        ("r_squared", 1 - np.sum(ERRORS**2) / np.sum((TARGETS - TARGETS.mean()) ** 2)),
        ("pearson", np.corrcoef(TARGETS, VALUES)[0, 1]),
    ],
)
def test_figures_equal_numpys_over_any_batches(name, expected):
    outputs = VALUES.reshape(20, 1, 1, 1)
    assert evaluate(name, (TARGETS, outputs)) == pytest.approx(expected, rel=1e-4)
    batches = [(TARGETS[rows], outputs[rows]) for rows in (slice(13), slice(13, 20))]
    assert evaluate_compiled(name, *batches) == pytest.approx(expected, rel=1e-4)


def test_rows_of_weight_zero_are_left_out():
    weights = (np.arange(20) < 12).astype("float32")
    assert evaluate("unpadded_mse", (TARGETS, VALUES, weights)) == pytest.approx(np.mean(ERRORS[:12] ** 2), rel=1e-5)


def test_two_class_metrics_read_probabilities():
    labels, probabilities = np.array([0, 1, 1, 0]), np.array([[0.2], [0.9], [0.4], [0.3]])
    assert evaluate("two_class_accuracy", (labels, probabilities)) == 0.75
    expected = np.mean(np.log([0.8, 0.9, 0.4, 0.7]))
    assert evaluate("two_class_log_likelihood", (labels, probabilities)) == pytest.approx(expected, rel=1e-5)
