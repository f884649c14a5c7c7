"""Recurrence in depth with units that do something simple; whole models equal T2T's in `tests/golden`."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.depth_recurrence import Recurrence, RecurrenceOptions
from tensor2keras.layers.residual import ResidualOptions
from tests.layers.layer_test_case import assert_close

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
QUIET = {"add_position_timing_signal": False, "add_step_timing_signal": False}  # units see the state alone


class Double(keras.layers.Layer):
    """Twice its input."""

    def build(self, x_shape):
        self.built = True

    def call(self, x):
        return 2.0 * x


def recurrence(**options):
    layer = Recurrence(
        lambda name, with_feed_forward: Double(name=name),
        4,
        RecurrenceOptions(**{**QUIET, **options}),
        ResidualOptions(preprocess="none"),
        zero_padding=False,
        kernel_initializer="zeros",
    )
    layer.build(X.shape)
    return layer


def run(layer, x=X):
    return ops.convert_to_numpy(layer(x, apply=lambda unit, state, step: unit(state)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_each_step_takes_the_last_ones_output():
    assert_close(run(recurrence(num_rec_steps=3)), 8 * X)
    assert_close(run(recurrence(num_rec_steps=2, num_inrecurrence_layers=2)), 16 * X)


def test_plain_layers_before_and_after():
    options = {"num_rec_steps": 1, "num_mixedin_layers": 2}
    assert_close(run(recurrence(mix_with_transformer="before_ut", **options)), 8 * X)
    assert_close(run(recurrence(mix_with_transformer="before_ut,after_ut", **options)), 32 * X)


def test_skip_mixes_each_step_with_the_inputs_by_a_gate():
    """Kernels of zero: the gate is the sigmoid of its bias."""
    gate, expected = sigmoid(-0.5), X
    for _ in range(2):
        expected = X * (1 - gate) + 2 * expected * gate
    assert_close(run(recurrence(recurrence_type="skip", num_rec_steps=2, transform_bias_init=-0.5)), expected)


def test_positions_that_halt_at_once_give_one_steps_output_and_cost_its_ponder_time():
    layer = recurrence(recurrence_type="act", act_max_steps=5, act_halting_bias_init=50.0, act_loss_weight=0.1)
    assert_close(run(layer), 2 * X)
    assert float(sum(layer.losses)) == pytest.approx(0.1 * (1 + 1))  # one update, remainder 1


def test_halting_probabilities_weigh_the_steps_and_sum_to_one():
    """With p = 0.4 at every step: weights 0.4 and 0.4, and the remainder of 0.2 at the third."""
    logit = float(np.log(0.4 / 0.6))
    layer = recurrence(recurrence_type="act", act_max_steps=5, act_halting_bias_init=logit, act_loss_weight=1.0)
    # each step's weighted state is added to what the others left, as in T2T
    expected = np.zeros_like(X)
    for weight, state in ((0.4, 2 * X), (0.4, 4 * X), (0.2, 8 * X)):
        expected = weight * state + (1 - weight) * expected
    assert_close(run(layer), expected, 1e-4)
    assert float(sum(layer.losses)) == pytest.approx(3 + 0.2, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recurrence_type": "gru", "add_step_timing_signal": True}, "set add_step_timing_signal=False"),
        ({"recurrence_type": "skip", "gates_inputs": "x"}, "gates_inputs='x' must be letters of s"),
        ({"act_type": "always"}, "unknown act_type 'always'; known: basic, global"),
    ],
)
def test_options_that_cannot_be_built_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RecurrenceOptions(**{**QUIET, **options})
