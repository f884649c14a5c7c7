"""Every registered model, small, on the backend at hand: it trains, saves, loads, decodes; and PyTorch is tried."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from tests.models import zoo

TEXT = [name for name, small in zoo.ZOO.items() if small.problem["features"]["targets"]["modality"] == "symbol"]


@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_it_trains_saves_loads_and_decodes(name, tmp_path):
    keras.utils.set_random_seed(0)
    model, batch = zoo.make(name), zoo.batch(name)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    targets = batch["targets"]
    weights = np.full(targets.shape, 1 / targets.size, "float32")
    losses = [model.train_on_batch(batch, targets, sample_weight=weights) for _ in range(8)]
    assert np.all(np.isfinite(losses))
    assert losses[-1] < losses[0]

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(batch)), ops.convert_to_numpy(model(batch)), rtol=1e-5, atol=1e-6
    )

    features = dict(batch) if "inputs" not in batch or name == "transformer_scorer" else {"inputs": batch["inputs"]}
    decoded = loaded.infer(features, decode_length=3)
    assert ops.shape(decoded["outputs"])[0] == 3


@pytest.mark.parametrize("name", TEXT)
def test_targets_are_not_seen_before_their_time(name):
    model, batch = zoo.make(name), zoo.batch(name)
    changed = {**batch, "targets": batch["targets"].copy()}
    changed["targets"][:, 4] = 1 + batch["targets"][:, 4] % 18
    before, after = (ops.convert_to_numpy(model(features)) for features in (batch, changed))
    np.testing.assert_allclose(after[:, :5], before[:, :5], atol=1e-5)
    assert np.abs(after[:, 5:] - before[:, 5:]).max() > 1e-5


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_every_model_on_pytorch():
    if keras.backend.backend() == "torch":
        return
    command = [sys.executable, "-m", "pytest", "-q", "-x", __file__, "-k", "trains"]
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:]
