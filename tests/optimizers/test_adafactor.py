"""Adafactor; its updates equal T2T's in `test_golden.py`."""

import keras
import numpy as np
import pytest

from tensor2keras import optimizers
from tests.optimizers.steps import hparams_with, updates, variables_of


def test_the_first_update_by_hand():
    """r and c are means of the squared gradient: for a gradient of rank one x is its sign, of rms 1."""
    gradient = np.outer([1.0, -2.0], [3.0, 1.0, -2.0])
    moved = updates(optimizers.Adafactor(0.1), variables_of(np.full((2, 3), 2.0)), [gradient])[0]
    np.testing.assert_allclose(moved, -0.1 * 2.0 * np.sign(gradient), rtol=1e-5)


def test_updates_are_clipped_by_their_rms():
    start, gradient = np.ones(4), np.array([1.0, -1.0, 1.0, 1.0])
    settings = {"learning_rate": 0.1, "multiply_by_parameter_scale": False, "decay_rate": 0.0}
    whole, halved = (
        updates(optimizers.Adafactor(clipping_threshold=threshold, **settings), variables_of(start), [gradient])[0]
        for threshold in (1.0, 0.5)
    )
    np.testing.assert_allclose(whole, -0.1 * gradient, rtol=1e-5)
    np.testing.assert_allclose(halved, 0.5 * whole, rtol=1e-5)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.01), (9999, 0.01), (39999, 0.005)])
def test_the_default_rate_falls_with_the_root_of_the_step(step, rate):
    schedule = optimizers.Adafactor()._learning_rate
    assert float(keras.ops.convert_to_numpy(schedule(step))) == pytest.approx(rate, rel=1e-5)


def test_adafactor_keeps_rows_and_columns_only():
    optimizer = optimizers.Adafactor()
    optimizer.build(variables_of(np.zeros((300, 200)), np.zeros((5, 30, 20)), np.zeros(7)))
    sizes = [tuple(variable.shape) for variable in optimizer.variables[1:]]
    assert sizes == [(300,), (200,), (5, 30), (5, 20), (7,)]


def test_unknown_adafactor_decay_type_lists_the_known():
    with pytest.raises(ValueError, match="unknown decay_type 'exp'; known: pow, adam"):
        optimizers.from_hparams(hparams_with(optimizer="adafactor", optimizer_adafactor_decay_type="exp"))
