"""YellowFin; its updates equal T2T's in `test_golden.py`."""

import numpy as np

from tensor2keras import optimizers
from tests.optimizers.steps import updates, variables_of


def test_the_first_update_has_the_given_rate():
    moved = updates(optimizers.YellowFin(0.1, momentum=0.9), variables_of([1.0, 2.0]), [[3.0, -1.0]])[0]
    np.testing.assert_allclose(moved, [-0.3, 0.1], rtol=1e-6)


def test_the_rate_is_tuned_to_the_curvature():
    """From a rate far too small for it, the bottom of a bowl is found."""
    variables = variables_of([1.0])
    optimizer = optimizers.YellowFin(1e-4)
    for _ in range(200):
        updates(optimizer, variables, [4.0 * variables[0].numpy()])
    assert abs(float(variables[0].numpy()[0])) < 0.05  # at the first rate it would be 0.92
