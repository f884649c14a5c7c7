"""Early stopping by T2T's rule, the best checkpoint, and durations."""

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
    ],
)
def test_training_stops_when_the_metric_no_longer_improves(values, options, stops):
    assert bool(reason(rows(*values), **options)) == stops


def test_reason_names_the_best_step():
    expected = "early stopping: accuracy has not improved by more than 0.1 since step 20 (0.5)"
    evaluations = rows(0.2, 0.5, 0.5, 0.4, metric="accuracy")
    assert reason(evaluations, metric="metrics-problem/accuracy", minimize=False) == expected


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


@pytest.mark.parametrize(("seconds", "text"), [(3725, "1:02:05"), (59.9, "0:00:59"), (360000, "100:00:00")])
def test_durations(seconds, text):
    assert callbacks.duration(seconds) == text
