"""The same model file trains on every backend to the same loss curve."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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
    model.compile()
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
