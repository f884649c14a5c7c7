"""When training is saved, evaluated and stopped early; the best checkpoint; durations."""

import signal
import threading

import keras
import numpy as np
import pytest

from tensor2keras.training import TrainOptions, callbacks, checkpoints


def rows(*values, metric="loss"):
    """An evaluation every 10 steps."""
    return [{"step": 10 * i, "split": "validation", metric: value} for i, value in enumerate(values, start=1)]


def reason(evaluations, **options):
    settings = {f"early_stopping_{name}": value for name, value in {"steps": 20, "delta": 0.1, **options}.items()}
    return callbacks.early_stopping_reason(evaluations, TrainOptions(**settings))


@pytest.mark.parametrize(
    ("values", "options", "stops"),
    [
        ((3.0, 2.0, 1.0, 0.0), {}, False),
        ((3.0, 2.0, 1.95, 1.91), {}, True),  # two evaluations without a change of more than 0.1
        ((3.0, 2.0, 1.95, 1.89), {}, False),  # small changes add up
        ((3.0, 2.0, 1.95), {}, False),
        ((3.0, 2.0, 1.95, 1.91), {"delta": 0.0}, False),
        ((0.1, 0.2, 0.4, 0.8), {}, True),
        ((0.1, 0.3, 0.5, 0.8), {"minimize": False}, False),
        ((3.0, 3.0, 3.0), {"steps": None}, False),
        ((), {}, False),
        ((np.nan, 3.0, 2.0), {}, False),
        ((3.0, np.nan, 2.0), {}, False),
        ((3.0, np.nan, -np.inf), {}, True),
        ((-np.inf, 3.0, 2.0), {}, False),
    ],
)
def test_training_stops_when_the_metric_no_longer_improves(values, options, stops):
    assert bool(reason(rows(*values), **options)) == stops


def test_reason_names_the_best_step():
    expected = "early stopping: accuracy has not improved by more than 0.1 since step 20 (0.5)"
    evaluations = rows(0.2, 0.5, 0.5, 0.4, metric="accuracy")
    assert reason(evaluations, metric="metrics-problem/accuracy", minimize=False) == expected


def test_evaluations_that_were_never_finite_are_a_reason():
    assert reason(rows(np.nan, np.inf, np.nan)) == "early stopping: loss has not been finite in any evaluation"


def test_unknown_metric_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown eval_early_stopping_metric 'bleu'; evaluations have: loss"):
        reason(rows(3.0), metric="bleu")


def test_best_checkpoint_has_the_highest_neg_log_perplexity(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    figures = [(10, 5.0, -3.0), (20, 1.0, -4.0), (30, 9.0, -2.0)]
    found = [
        callbacks.save_best(tmp_path, step, {"loss": loss, "neg_log_perplexity": value})
        for step, loss, value in figures
    ]
    assert found == [True, False, True]
    assert checkpoints.best_record(tmp_path) == {"step": 30, "metric": "neg_log_perplexity", "value": -2.0}


@pytest.mark.parametrize("old_record", ["", '{"step": 5, "metric": "loss", "value": NaN}'])
def test_a_value_that_is_not_finite_is_never_the_best(tmp_path, old_record):
    (tmp_path / "checkpoints").mkdir()
    if old_record:
        (tmp_path / "checkpoints/best.json").write_text(old_record)
    found = [callbacks.save_best(tmp_path, i, {"loss": loss}) for i, loss in enumerate([np.nan, 3.0, np.nan, -np.inf])]
    assert found == [False, True, False, False]
    assert checkpoints.best_record(tmp_path) == {"step": 1, "metric": "loss", "value": 3.0}
    assert not callbacks.save_best(tmp_path, 9, {"loss": np.nan, "neg_log_perplexity": -1.0})


@pytest.mark.parametrize(
    ("losses", "good"),
    [
        ([], 40),
        ([3.0], 40),
        ([3.0, np.nan], 15),
        ([3.0, np.nan, 2.0], 40),
        ([np.nan, np.inf], None),
        ([np.nan, 2.0], 40),
    ],
)
def test_the_last_good_step_is_before_evaluations_ceased_to_be_finite(losses, good):
    evaluations = [{**row, "perplexity": np.inf} for row in rows(*losses)]
    assert callbacks.last_good_step([10, 15, 20, 40], evaluations) == good


@pytest.mark.parametrize(("seconds", "text"), [(3725, "1:02:05"), (59.9, "0:00:59"), (360000, "100:00:00")])
def test_durations(seconds, text):
    assert callbacks.duration(seconds) == text


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def stops_after(callback, model, count, loss=1.0):
    """Tells the callback of `count` updates; whether it has stopped training."""
    callback.set_model(model)
    model.stop_training = False
    for i in range(count):
        callback.on_train_batch_begin(i)
        callback.on_train_batch_end(i, {"loss": loss})
    return model.stop_training


@pytest.mark.parametrize(
    ("options", "saved", "evaluated"),
    [
        ({"save_checkpoints_steps": 2, "eval_every": 4}, [6, 8, 10, 11], [8, 11]),
        ({"save_checkpoints_steps": 100, "eval_every": 3}, [6, 9, 11], [6, 9, 11]),
        ({"save_checkpoints_steps": 100, "eval_every": 100}, [11], [11]),
        ({"save_checkpoints_steps": 0, "eval_every": 0}, [11], []),
    ],
)
def test_saved_before_each_evaluation_and_at_the_end(model, options, saved, evaluated):
    done = []
    callback = callbacks.SaveAndEvaluate(
        5,
        TrainOptions(train_steps=11, **options),
        save=lambda step: done.append(("save", step)),
        evaluate=lambda step: done.append(("evaluate", step)),
        reason_to_stop=lambda: None,
    )
    assert not stops_after(callback, model, 6)
    assert [step for what, step in done if what == "save"] == saved
    assert [step for what, step in done if what == "evaluate"] == evaluated
    for step in evaluated:
        assert done.index(("save", step)) < done.index(("evaluate", step))
    assert callback.saved_step == 11


def test_a_reason_to_stop_is_reported_and_ends_training(model):
    reports, options = [], TrainOptions(train_steps=9, eval_every=2)
    arguments = (lambda step: None, lambda step: None, lambda: "enough", reports.append)
    assert not stops_after(callbacks.SaveAndEvaluate(0, options, *arguments), model, 1)
    assert stops_after(callbacks.SaveAndEvaluate(0, options, *arguments), model, 2)
    assert reports == ["enough"]


def test_a_loss_that_is_no_number_stops_with_the_step(model):
    with pytest.raises(callbacks.NonFiniteLossError, match=r"loss is nan at step 8; lower the learning rate"):
        stops_after(callbacks.StopOnNaN(7), model, 1, loss=float("nan"))


def test_weights_that_are_no_numbers_are_named(model):
    model.add(keras.layers.BatchNormalization())
    callbacks.check_finite(model, 3)
    model.layers[1].moving_mean.assign([np.nan])
    with pytest.raises(callbacks.NonFiniteLossError, match=r"moving_mean is not finite after step 3"):
        callbacks.check_finite(model, 3)
    model.layers[0].kernel.assign(np.array([[1.0], [np.inf]]))
    with pytest.raises(callbacks.NonFiniteLossError, match=r"dense.*/kernel is not finite after step 3"):
        callbacks.check_finite(model, 3)


def test_a_requested_stop_ends_training_after_the_step(model):
    requested = threading.Event()
    callback = callbacks.StopOnSignal(0, requested)
    assert not stops_after(callback, model, 1)
    requested.set()
    assert stops_after(callback, model, 1)


def test_the_first_signal_asks_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGTERM)
    with callbacks.stop_on_signals() as requested:
        assert not requested.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert requested.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
