"""Adam and its variants; their updates equal T2T's in `test_golden.py`."""

import numpy as np
import pytest

from tensor2keras import optimizers
from tests.optimizers.steps import hparams_with, updates, variables_of


def test_weight_decay_does_not_depend_on_the_learning_rate():
    for rate in (0.1, 0.001):
        moved = updates(optimizers.AdamW(rate, decay=0.25), variables_of([2.0, -4.0]), [[0.0, 0.0]])[0]
        np.testing.assert_allclose(moved, [-0.5, 1.0], rtol=1e-6)


def test_several_steps_are_one_step_of_their_mean_gradient():
    gradients = [np.array([1.0, -3.0]), np.array([3.0, 1.0])]
    several, one = optimizers.MultistepAdam(0.1, accumulate_steps=2), optimizers.MultistepAdam(0.1)
    variables, twins = variables_of([0.0, 0.0]), variables_of([0.0, 0.0])
    for _ in range(2):
        np.testing.assert_array_equal(updates(several, variables, [gradients[0]])[0], 0.0)
        expected = updates(one, twins, [np.mean(gradients, axis=0)])[0]
        np.testing.assert_allclose(updates(several, variables, [gradients[1]])[0], expected, rtol=1e-6)


def test_an_update_needs_at_least_one_step():
    with pytest.raises(ValueError, match="accumulate_steps=0 must be at least 1"):
        optimizers.MultistepAdam(accumulate_steps=0)


def test_amsgrad_does_not_forget_a_large_gradient():
    large_then_small = [[100.0]] + [[1.0]] * 30
    lengths = {}
    for name in ("adam", "amsgrad"):
        optimizer = optimizers.from_hparams(hparams_with(optimizer=name, optimizer_adam_beta2=0.5))
        variables = variables_of([0.0])
        lengths[name] = [abs(updates(optimizer, variables, [gradient])[0][0]) for gradient in large_then_small][-1]
    assert lengths["amsgrad"] < 0.1 * lengths["adam"]
