import dataclasses

import pytest

from tensor2keras.training import TrainOptions
from tensor2keras.training.options import NOT_NEGATIVE


def test_unknown_schedule_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown schedule 'run_std_server'; known: continuous_train_and_eval"):
        TrainOptions(schedule="run_std_server")


@pytest.mark.parametrize("name", NOT_NEGATIVE)
def test_negative_numbers_are_refused_and_0_is_allowed(name):
    TrainOptions(**{name: 0})
    with pytest.raises(ValueError, match=f"{name}=-1 must not be negative"):
        TrainOptions(**{name: -1})


def test_options_cannot_be_assigned():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainOptions().train_steps = 5


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 1000),
        ({"eval_every": 50}, 50),
        ({"eval_every": 0}, 1000),
        ({"save_checkpoints_steps": 0}, 0),
        ({"save_checkpoints_secs": 60}, 0),
        ({"save_checkpoints_steps": 5, "save_checkpoints_secs": 60}, 5),
    ],
)
def test_steps_between_checkpoints(options, steps):
    assert TrainOptions(**options).save_steps == steps


@pytest.mark.parametrize(("schedule", "evaluates"), [("train", False), ("continuous_train_and_eval", True)])
def test_schedule_decides_whether_training_evaluates(schedule, evaluates):
    assert TrainOptions(schedule=schedule).evaluates == evaluates


@pytest.mark.parametrize(("eval_every", "steps"), [(4, [4, 8, 9]), (20, [9]), (0, [])])
def test_steps_that_are_evaluated(eval_every, steps):
    options = TrainOptions(train_steps=9, eval_every=eval_every)
    assert [step for step in range(1, 10) if options.evaluates_at(step)] == steps
