"""The same model file trains on every backend to the same loss curve, in Python and by the commands."""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.training import evaluation

SRC = Path(__file__).resolve().parents[2] / "src"
pytestmark = pytest.mark.slow

# Trains the Transformer with each optimizer: 5 steps on one real batch, no dropout, weights that numpy draws.
CODE = """
import json, sys
import keras, numpy as np
from tensor2keras import registry

problem = registry.problem("translate_ende_numbers", data_dir=sys.argv[1])
problem.generate_data()
overrides = ("hidden_size=32,filter_size=64,batch_size=512,learning_rate_warmup_steps=4,layer_prepostprocess_dropout=0,"
             "attention_dropout=0,relu_dropout=0,optimizer=")
curves = {}
for optimizer in sys.argv[2:]:
    hparams = registry.hparams("transformer_tiny", problem, overrides + optimizer)
    model = registry.model("transformer", hparams)
    model.compile(training_metrics=False)
    model.build()
    random = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, weight.shape[0] ** -0.5, weight.shape))
    batch = next(problem.dataset("train", hparams, seed=1).as_numpy_iterator())
    curves[optimizer] = []
    for _ in range(5):
        curves[optimizer].append(float(model.train_on_batch(*batch)))
        model.reset_metrics()
print(json.dumps(curves))
"""
OPTIMIZERS = ("adam", "Adafactor")


def curves(backend: str, data_dir: Path) -> dict[str, list[float]]:
    """The losses with each optimizer, of one process."""
    environment = {**os.environ, "PYTHONPATH": str(SRC), "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", CODE, str(data_dir), *OPTIMIZERS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_jax_has_the_loss_curves_of_tensorflow(tmp_path):
    expected, found = (curves(backend, tmp_path) for backend in ("tensorflow", "jax"))
    assert set(expected) == set(OPTIMIZERS)
    for optimizer, losses in expected.items():
        assert losses[-1] < losses[0]
        np.testing.assert_allclose(found[optimizer], losses, atol=1e-4, err_msg=optimizer)


# A training that is resumed, decoding and evaluation; prints each command's exit code.
COMMANDS = """
import sys
from tensor2keras.cli import decoder, evaluate, trainer

folder = sys.argv[1]
places = [f"--data_dir={folder}/data", f"--output_dir={folder}/run"]
train = [*places, f"--tmp_dir={folder}", "--problem=text2self_tmpdir_characters", "--generate_data", "--eval_steps=1",
         "--model=transformer", "--hparams_set=transformer_test", "--hp_batch_size=512",
         "--local_eval_frequency=2"]
decode = [*places, f"--decode_from_file={folder}/prompts.txt", f"--decode_to_file={folder}/out.txt",
          "--decode_hparams=beam_size=1,extra_length=3"]
for main, arguments in ((trainer, [*train, "--train_steps=2"]), (trainer, [*train, "--train_steps=4"]),
                        (decoder, decode), (evaluate, [*places, "--eval_steps=1"])):
    print("exit code", main.main(arguments), flush=True)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_commands_train_resume_decode_and_evaluate(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install 'tensor2keras[{backend}]'")
    for split, lines in (("train", 40), ("eval", 10)):
        (tmp_path / f"targets.{split}.txt").write_text("a dog runs\n" * lines)
    (tmp_path / "prompts.txt").write_text("a d\na dog r\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(SRC),
        "KERAS_BACKEND": backend,
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    command = [sys.executable, "-c", COMMANDS, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.count("exit code 0\n") == 4, done.stdout + done.stderr[-3000:]
    assert "resumes at step 2 of 4" in done.stdout
    assert f"({backend})" in done.stdout
    assert len((tmp_path / "out.txt").read_text().splitlines()) == 2
    rows = list(csv.DictReader((tmp_path / "run/metrics.csv").open()))
    losses = {int(row["step"]): float(row["loss"]) for row in rows if row["split"] == "validation"}
    assert set(losses) == {2, 4}
    problem = registry.problem("text2self_tmpdir_characters", data_dir=tmp_path / "data", tmp_dir=tmp_path)
    here = evaluation.evaluate_checkpoint(tmp_path / "run", problem, eval_steps=1)  # on the backend of this process
    assert here["step"] == 4
    assert here["loss"] == pytest.approx(losses[4], rel=1e-4)
