"""t2t-trainer as a user runs it: real problem, real model, a kill that nothing announces."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tensor2keras.cli import evaluate, trainer
from tensor2keras.training import checkpoints, load_model
from tests.training.tiny import losses, rows_of

SRC = Path(__file__).resolve().parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC)}
pytestmark = pytest.mark.slow


def command(data_dir, output_dir, *flags):
    return [
        "--generate-data",
        "--problem=algorithmic_reverse_binary40_test",
        "--model=transformer",
        "--hparams-set=transformer_tiny",
        f"--data-dir={data_dir}",
        f"--output-dir={output_dir}",
        "--hp_batch_size=256",
        "--hp_max_length=64",
        "--hp_hidden_size",
        "16",
        "--hp_num_hidden_layers=1",
        "--log_step_count_steps=1",
        "--save_checkpoints_steps=3",
        "--random_seed=3",
        *flags,
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("train")


def train_until_killed(data_dir, output_dir, step):
    """Starts t2t-trainer and kills it with SIGKILL once metrics.csv has `step` steps."""
    argv = [sys.executable, "-m", "tensor2keras.cli.trainer", *command(data_dir, output_dir, "--train_steps=100000")]
    process = subprocess.Popen(argv, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (output_dir / "metrics.csv").exists() or len(losses(output_dir)) < step:
        assert process.poll() is None, "t2t-trainer ended by itself"
        assert time.monotonic() < deadline, "t2t-trainer has not come so far"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(folder):
    """A run of 8 steps that nothing interrupted."""
    assert trainer.main(command(folder / "data", folder / "whole", "--train_steps=8", "--eval_steps=1")) == 0
    return folder / "whole"


def test_killed_run_resumes_at_last_saved_step(folder, whole, capsys):
    """The losses are those of a run that was never killed: same weights, optimizer state, dropout and data."""
    train_until_killed(folder / "data", folder / "killed", step=4)
    saved = checkpoints.list_checkpoints(folder / "killed")[-1][0]
    steps = str(saved + 5)
    finish = ["--train_steps", steps, "--schedule=train"]
    assert trainer.main(command(folder / "data", folder / "killed", *finish)) == 0
    assert f"resumes at step {saved} of {steps}" in capsys.readouterr().out
    assert trainer.main(command(folder / "data", whole, *finish)) == 0  # longer, if the kill came late
    killed = losses(folder / "killed")
    assert len(killed) == int(steps)
    np.testing.assert_allclose(killed, losses(whole)[: int(steps)], rtol=1e-6)


def test_other_hparams_in_the_same_directory_are_refused(folder, whole, capsys):
    assert trainer.main(command(folder / "data", whole, "--train_steps=50", "--hparams=num_heads=2")) == 2
    error = capsys.readouterr().err
    assert "num_heads: 4, now 2" in error
    assert "Traceback" not in error


def test_two_devices_have_the_losses_of_one(folder, whole):
    """The same global batches on one device and split over two, unevenly padded, gradients clipped: 1e-5.

    Without sample weights, too, which the model then computes on each replica.
    """
    dropout = "dropout=0.0,layer_prepostprocess_dropout=0.0,attention_dropout=0.0,relu_dropout=0.0"
    code = f"""
from pathlib import Path
from tensor2keras import registry, training
problem = registry.problem("algorithmic_reverse_binary40_test", data_dir={str(folder / "data")!r})
dataset = problem.dataset
problem.dataset = lambda split, hparams, **kwargs: dataset(split, hparams, **{{**kwargs, "num_replicas": 2}})
small = "batch_size=300,max_length=64,hidden_size=16,filter_size=32,num_hidden_layers=1,clip_grad_norm=0.1"
hparams = registry.hparams("transformer_tiny", problem, f"{{small}},{dropout},learning_rate_warmup_steps=10")
for replicas in (2, 1):
    options = training.TrainOptions(train_steps=6, eval_every=6, eval_steps=2, log_steps=1, worker_gpu=replicas,
        locally_shard_to_cpu=replicas > 1)
    training.train_and_evaluate(problem, "transformer", hparams, Path({str(folder)!r}) / str(replicas), options)

import keras, numpy as np, tensorflow as tf
ids = np.random.default_rng(0).integers(2, 9, (16, 5))
hparams = registry.hparams("transformer_test", inputs_vocab_size=9, targets_vocab_size=9, overrides={dropout!r})
for strategy in (tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), tf.distribute.get_strategy()):
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = registry.model("transformer", hparams)
        model.compile()
    history = model.fit({{"inputs": ids, "targets": ids}}, ids, batch_size=8, shuffle=False, verbose=0)
    print("arrays", history.history["loss"][0])
"""
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(losses(folder / "2"), losses(folder / "1"), atol=1e-5)
    np.testing.assert_allclose(*(rows_of(folder / name, "validation") for name in "21"), atol=1e-5)
    two, one = (float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("arrays "))
    assert two == pytest.approx(one, rel=1e-5)


def test_the_run_can_be_loaded_and_evaluated(whole, capsys):
    model = load_model(whole)
    assert model.hparams.problem["name"] == "algorithmic_reverse_binary40_test"
    capsys.readouterr()
    assert evaluate.main([f"--output_dir={whole}", "--eval_steps=1"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    values = dict(zip(header.split(), map(float, row.split()), strict=True))
    assert {"accuracy", "accuracy_top5", "accuracy_per_sequence", "neg_log_perplexity"} <= set(values)
    assert 0 < values["loss"] < 5
