import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tensor2keras import convert, training
from tensor2keras.training import checkpoints, evaluation
from tensor2keras.training.callbacks import NonFiniteLossError
from tensor2keras.training.report import log
from tests.training.tiny import TinyProblem, build, losses, rows_of, tiny_hparams

ROOT = Path(__file__).resolve().parents[2]


def train(output_dir, train_steps=6, problem=None, *, hparams=None, flags=(), report=log, **kwargs):
    options = training.TrainOptions(train_steps, **{"eval_every": 3, "log_steps": 1, "random_seed": 7, **kwargs})
    hparams = hparams or tiny_hparams()
    return training.train_and_evaluate(
        problem or TinyProblem(), "tiny_model", hparams, output_dir, options, flags=flags, report=report
    )


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    env = {**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, cwd=ROOT)


def test_run_writes_what_the_layout_says(tmp_path):
    result = train(tmp_path, flags=["--train_steps=6"])
    assert result["step"] == 6
    assert np.isfinite(result["loss"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "hparams.json", "flags.txt", "metrics.csv", "checkpoints", "backup", "train", "eval"
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {
        "model.ckpt-3.weights.h5", "model.ckpt-6.weights.h5", "best.json"
    }  # fmt: skip
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["model.ckpt-6.state.npz"]
    assert all(list((tmp_path / name).glob("events.out.tfevents.*")) for name in ("train", "eval"))
    assert json.loads((tmp_path / "hparams.json").read_text())["model"] == "tiny_model"
    assert [step for step, _ in rows_of(tmp_path, "train")] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in rows_of(tmp_path, "validation")] == [3, 6]


@pytest.mark.parametrize(("weight_decay", "warned"), [(0.0, False), (0.1, False), (3.0, True)])
def test_a_weight_decay_that_stops_learning_is_told(tmp_path, weight_decay, warned):
    lines = []
    train(tmp_path, 1, hparams=tiny_hparams().extend(weight_decay=weight_decay), report=lines.append)
    assert any("weight_decay=3.0 pulls every weight towards 0" in line for line in lines) == warned


def test_without_a_report_the_lines_are_logged_and_nothing_is_printed(tmp_path, capsys, caplog):
    with caplog.at_level("INFO", logger="absl"):
        train(tmp_path, 1)
    assert "step 1/1" in caplog.text
    assert capsys.readouterr().out == ""


def test_interrupted_run_has_the_losses_of_an_uninterrupted_one(tmp_path):
    """Weights, optimizer state, dropout masks and order of the data: exact, to the eight digits of metrics.csv."""
    train(tmp_path / "whole", 8)
    train(tmp_path / "parts", 3)
    train(tmp_path / "parts", 5)  # prolonging a run is no other run
    train(tmp_path / "parts", 8)
    np.testing.assert_array_equal(losses(tmp_path / "parts"), losses(tmp_path / "whole"))
    whole, parts = (training.load_model(tmp_path / name) for name in ("whole", "parts"))
    for a, b in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_run_killed_between_checkpoints_repeats_the_steps_lost(tmp_path):
    """A killed run leaves rows of steps that its checkpoint does not know, and half a line."""
    train(tmp_path / "whole", 8)
    train(tmp_path / "killed", 6)
    (tmp_path / "killed/checkpoints/model.ckpt-6.weights.h5").unlink()
    (tmp_path / "killed/backup/model.ckpt-6.state.npz").unlink()
    train(tmp_path / "at3", 3)
    (tmp_path / "at3/backup/model.ckpt-3.state.npz").rename(tmp_path / "killed/backup/model.ckpt-3.state.npz")
    with (tmp_path / "killed/metrics.csv").open("a") as file:
        file.write("7,train,2.1")
    train(tmp_path / "killed", 8)
    np.testing.assert_array_equal(losses(tmp_path / "killed"), losses(tmp_path / "whole"))
    assert [step for step, _ in rows_of(tmp_path / "killed", "validation")] == [3, 6, 8]


def test_evaluation_missed_by_a_kill_is_made_up_for(tmp_path):
    train(tmp_path, 6)
    table = tmp_path / "metrics.csv"
    table.write_text(
        "".join(line for line in table.read_text().splitlines(True) if not line.startswith("6,validation"))
    )
    train(tmp_path, 6)
    assert [step for step, _ in rows_of(tmp_path, "validation")] == [3, 6]


def test_different_hparams_in_the_same_directory_are_refused(tmp_path):
    train(tmp_path, 3)
    with pytest.raises(ValueError, match=r"dropout: 0\.2, now 0\.5.*--warm_start_from"):
        train(tmp_path, 6, hparams=tiny_hparams(dropout=0.5))
    assert checkpoints.latest(tmp_path).name == "model.ckpt-3.weights.h5"


def test_a_run_that_began_before_mask_padding_goes_on_without_it(tmp_path):
    train(tmp_path, 3)
    lines, hparams = [], tiny_hparams()
    hparams.add_hparam("mask_padding", True)
    train(tmp_path, 6, hparams=hparams, report=lambda line, **_: lines.append(line))
    assert any("mask_padding=False" in line for line in lines)
    assert training.load_model(tmp_path).hparams.mask_padding is False
    with pytest.raises(ValueError, match="mask_padding: False, now True"):  # the file has the value now
        train(tmp_path, 9, hparams=hparams)


def test_seed_of_the_run_is_kept_and_another_one_refused(tmp_path):
    train(tmp_path / "whole", 6)
    train(tmp_path / "parts", 3)
    with pytest.raises(ValueError, match="random_seed: 7, now 8"):
        train(tmp_path / "parts", 6, random_seed=8)
    train(tmp_path / "parts", 6, random_seed=None)
    np.testing.assert_array_equal(losses(tmp_path / "parts"), losses(tmp_path / "whole"))


def test_nan_stops_with_the_step_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(NonFiniteLossError, match=r"loss is nan at step 6; lower the learning rate.*step 3"):
        train(tmp_path, 9, hparams=tiny_hparams(nan_from=4))
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [3]


def test_a_first_evaluation_that_is_nan_is_not_the_best(tmp_path, monkeypatch):
    metrics_on = evaluation.metrics_on
    broken = iter([{"loss": float("nan")}, None, {"loss": float("nan")}])
    monkeypatch.setattr(evaluation, "metrics_on", lambda *given: next(broken) or metrics_on(*given))
    lines = []
    with pytest.raises(NonFiniteLossError, match=r"\. The last good checkpoint is step 4 in"):
        train(tmp_path, 9, hparams=tiny_hparams(nan_from=7), eval_every=2, report=lines.append)
    assert any("loss nan  (not finite: never the best)" in line for line in lines)
    assert checkpoints.best(tmp_path).name == "model.ckpt-4.weights.h5"


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    with pytest.raises(NonFiniteLossError, match=r"embedding.* not finite after step 3"):
        train(tmp_path, 9, hparams=tiny_hparams(nan_from=2))
    assert checkpoints.list_checkpoints(tmp_path) == []


@pytest.mark.parametrize(("minimize", "delta", "stopped_at"), [(True, 10.0, 6), (False, 0.0, 6), (True, 0.0, 9)])
def test_early_stopping(tmp_path, minimize, delta, stopped_at):
    """Stops 4 steps after the last change of more than `delta` in the right direction; the loss falls all the time."""
    result = train(
        tmp_path, 9, early_stopping_steps=3, early_stopping_delta=delta, early_stopping_minimize=minimize, eval_every=3
    )
    assert result["step"] == stopped_at


def test_early_stopping_of_an_unknown_metric_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"unknown eval_early_stopping_metric 'bleu'.*loss"):
        train(tmp_path, 3, early_stopping_steps=1, early_stopping_metric="bleu")


def test_newest_checkpoints_and_the_best_are_kept(tmp_path):
    train(tmp_path, 2, keep_checkpoint_max=2, eval_every=1)
    checkpoints.mark_best(tmp_path, 1, "loss", 0.0)  # never beaten
    train(tmp_path, 6, keep_checkpoint_max=2, eval_every=1)
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [1, 5, 6]
    assert checkpoints.best(tmp_path).name == "model.ckpt-1.weights.h5"


def test_saving_more_often_than_evaluating(tmp_path):
    train(tmp_path, 6, save_checkpoints_steps=2, eval_every=6)
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [2, 4, 6]
    assert [step for step, _ in rows_of(tmp_path, "validation")] == [6]


def test_warm_start_takes_weights_but_not_steps(tmp_path):
    train(tmp_path / "first", 30, eval_every=30)
    train(tmp_path / "second", 1, warm_start_from=tmp_path / "first")
    cold, warm = losses(tmp_path / "first"), losses(tmp_path / "second")
    assert len(warm) == 1
    assert warm[0] < cold[0] - 0.5


def test_warm_start_from_a_tensor2tensor_directory(tmp_path):
    train(tmp_path / "first", 30, eval_every=30)
    model = build()
    checkpoints.load_weights(model, tmp_path / "first")
    convert.save_t2t_checkpoint(model, tmp_path / "t2t" / "model.ckpt-30")
    train(tmp_path / "ours", 1, warm_start_from=tmp_path / "first")
    train(tmp_path / "theirs", 1, warm_start_from=tmp_path / "t2t")
    np.testing.assert_array_equal(losses(tmp_path / "theirs"), losses(tmp_path / "ours"))


def test_train_only_schedule_does_not_evaluate(tmp_path):
    assert train(tmp_path, 3, schedule="train") == {"step": 3}
    assert not rows_of(tmp_path, "validation")


def test_intervals_of_0_never_come(tmp_path):
    assert train(tmp_path, 3, eval_every=0, log_steps=0, save_checkpoints_steps=0) == {"step": 3}
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [3]
    assert not (tmp_path / "metrics.csv").exists() or not rows_of(tmp_path, "train")


def test_evaluate_schedule_gives_the_metrics_of_training(tmp_path):
    trained = train(tmp_path, 3)
    evaluated = train(tmp_path, 3, schedule="evaluate")
    assert evaluated["loss"] == pytest.approx(trained["loss"], abs=1e-6)
    assert train(tmp_path, 3, schedule="test")["loss"] != evaluated["loss"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_saves_the_step_and_says_how_to_go_on(tmp_path, monkeypatch, number):
    original = training.trainer.callbacks.Progress.on_step

    def interrupted(self, logs):
        original(self, logs)
        if self.step == 2:
            signal.raise_signal(number)

    monkeypatch.setattr(training.trainer.callbacks.Progress, "on_step", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stopped at step 2, which is saved; the same command"):
        train(tmp_path, 6)
    monkeypatch.undo()
    train(tmp_path, 6)
    train(tmp_path / "whole", 6)
    np.testing.assert_array_equal(losses(tmp_path), losses(tmp_path / "whole"))


@pytest.mark.slow
def test_two_replicas_have_the_losses_of_one_device(tmp_path):
    """The same global batches, padded unevenly: 1e-5."""
    code = f"""
from tests.training.test_trainer import *
class SameGlobalBatch(TinyProblem):
    def dataset(self, split, hparams, *, num_replicas=1, **kwargs):
        return super().dataset(split, hparams, num_replicas=2, **kwargs)
for replicas, name in ((2, "two"), (1, "one")):
    train(Path({str(tmp_path)!r}) / name, 5, SameGlobalBatch(), hparams=tiny_hparams(dropout=0.0), worker_gpu=replicas,
          locally_shard_to_cpu=replicas > 1, report=print)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), atol=1e-5)
    np.testing.assert_allclose(*(rows_of(tmp_path / name, "validation") for name in ("two", "one")), atol=1e-5)
    assert "2 x CPU, MirroredStrategy" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares TensorFlow with JAX")
def test_jax_has_the_losses_of_tensorflow(tmp_path):
    """Five steps from the same weights, without dropout: 1e-4."""
    hparams = {"dropout": 0.0}
    train(tmp_path / "start", 1, hparams=tiny_hparams(**hparams))
    code = f"""
from tests.training.test_trainer import *
folder = Path({str(tmp_path)!r})
train(folder / keras.backend.backend(), 5, hparams=tiny_hparams(**{hparams}), warm_start_from=folder / "start")
"""
    done = run_python(code, KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr
    train(tmp_path / "tensorflow", 5, hparams=tiny_hparams(**hparams), warm_start_from=tmp_path / "start")
    np.testing.assert_allclose(losses(tmp_path / "jax"), losses(tmp_path / "tensorflow"), atol=1e-4)
