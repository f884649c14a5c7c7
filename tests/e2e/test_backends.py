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

# Trains the Transformer on real batches for 5 steps, without dropout and from weights that numpy draws.
CODE = """
import json, sys
import keras, numpy as np
from tensor2keras import registry

problem = registry.problem("translate_ende_numbers", data_dir=sys.argv[1])
problem.generate_data()
overrides = ("hidden_size=32,filter_size=64,batch_size=512,learning_rate_warmup_steps=4,layer_prepostprocess_dropout=0,"
             "attention_dropout=0,relu_dropout=0,optimizer=" + sys.argv[2])
hparams = registry.hparams("transformer_tiny", problem, overrides)
model = registry.model("transformer", hparams)
model.compile()
model.build()
random = np.random.default_rng(0)
for weight in model.weights:
    if len(weight.shape) > 1:
        weight.assign(random.normal(0, weight.shape[0] ** -0.5, weight.shape))
losses = []
for features, targets, weights in problem.dataset("train", hparams, seed=1).take(5).as_numpy_iterator():
    losses.append(float(model.train_on_batch(features, targets, weights)))
    model.reset_metrics()
print(json.dumps(losses))
"""


def losses(backend: str, optimizer: str, data_dir: Path) -> list[float]:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", CODE, str(data_dir), optimizer]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("optimizer", ["adam", "Adafactor"])
def test_jax_has_the_loss_curve_of_tensorflow(optimizer, tmp_path_factory):
    data_dir = tmp_path_factory.getbasetemp() / "numbers"
    expected = losses("tensorflow", optimizer, data_dir)
    assert expected[-1] < expected[0]
    np.testing.assert_allclose(losses("jax", optimizer, data_dir), expected, atol=1e-4)
