"""Learning-rate schedules: what the golden values do not show."""

import keras
import pytest

from tensor2keras import optimizers
from tensor2keras.models.common_hparams import basic_params1
from tensor2keras.models.transformer.hparams import transformer_base


def test_the_first_rate_of_transformer_base_is_zero():
    assert float(optimizers.learning_rate_schedule(transformer_base())(0)) == 0.0


def test_spaces_do_not_matter():
    hparams = transformer_base().override(learning_rate_schedule=" constant * linear_warmup*")
    assert optimizers.learning_rate_schedule(hparams).factors == ["constant", "linear_warmup"]


def test_steps_of_accumulation_count_as_one_update():
    hparams = transformer_base()
    plain = optimizers.learning_rate_schedule(hparams)
    accumulated = optimizers.learning_rate_schedule(hparams.override(optimizer_multistep_accumulate_steps=4))
    assert float(accumulated(400)) == float(plain(100))


def test_cyclelinear10x_rises_and_falls_by_ten():
    settings = optimizers.Settings(legacy_decay="cyclelinear10x", legacy_rate=1.0, warmup_steps=100)
    schedule = optimizers.ComposedSchedule("legacy", settings)
    rates = [float(schedule(step)) for step in (200, 300, 400)]
    assert rates == pytest.approx([0.3, 3.3, 0.3], rel=1e-5)


def test_a_schedule_is_serializable():
    schedule = optimizers.learning_rate_schedule(transformer_base())
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert copy.get_config() == schedule.get_config()
    assert float(copy(123)) == float(schedule(123))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"learning_rate_schedule": "constant*linear_warmdown"},
            "unknown learning_rate_schedule factor.*linear_warmup",
        ),
        ({"learning_rate_decay_scheme": "cosin"}, "unknown learning_rate_decay_scheme 'cosin'.*cosine"),
        ({"learning_rate_decay_scheme": "piecewise"}, r"piecewise needs learning_rate_boundaries=\[\]"),
        (
            {"learning_rate_schedule": "single_cycle_cos_decay", "learning_rate_warmup_steps": 300_000},
            "needs train_steps > learning_rate_warmup_steps",
        ),
        ({"learning_rate_warmup_steps": -1}, "learning_rate_warmup_steps=-1 must be at least 0"),
        ({"learning_rate_decay_steps": 0}, "learning_rate_decay_steps=0 must be at least 1"),
        ({"learning_rate_cosine_cycle_steps": 0}, "learning_rate_cosine_cycle_steps=0 must be at least 1"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_made(overrides, message):
    with pytest.raises(ValueError, match=message):
        optimizers.learning_rate_schedule(basic_params1().override(overrides))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear_warmup", [1, 1, 1]),
        ("linear_warmup*rsqrt_decay", [1, 1, 0.5]),
        ("rsqrt_normalized_decay", [1, 1, 0.5]),
        ("exp_decay", [1, 1, 1]),
    ],
)
def test_a_warm_up_of_0_steps_is_none(schedule, expected):
    rates = optimizers.ComposedSchedule(schedule, optimizers.Settings(warmup_steps=0))
    assert [float(rates(step)) for step in (0, 1, 4)] == pytest.approx(expected)
