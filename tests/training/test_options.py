import dataclasses

import pytest

from tensor2keras.training import TrainOptions


def test_unknown_schedule_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown schedule 'run_std_server'; known: continuous_train_and_eval"):
        TrainOptions(schedule="run_std_server")


@pytest.mark.parametrize("name", ["eval_every", "log_steps"])
def test_intervals_of_no_steps_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
        TrainOptions(**{name: 0})


def test_options_cannot_be_assigned():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainOptions().train_steps = 5


@pytest.mark.parametrize(
    ("options", "steps"),
    [({}, 1000), ({"save_checkpoints_secs": 60}, 0), ({"save_checkpoints_steps": 5, "save_checkpoints_secs": 60}, 5)],
)
def test_steps_between_checkpoints(options, steps):
    assert TrainOptions(**options).save_steps == steps


@pytest.mark.parametrize(("schedule", "evaluates"), [("train", False), ("continuous_train_and_eval", True)])
def test_schedule_decides_whether_training_evaluates(schedule, evaluates):
    assert TrainOptions(schedule=schedule).evaluates == evaluates
