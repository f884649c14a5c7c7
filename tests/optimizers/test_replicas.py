"""Two replicas make the same updates as one, clipping included (in a process of its own, with its own devices)."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")

PROGRAM = """
import sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from tensor2keras import optimizers
from tensor2keras.models.common_hparams import basic_params1

def train(strategy, name):
    hparams = basic_params1().override(
        optimizer=name, clip_grad_norm=0.1, weight_decay=0.01, learning_rate_schedule="constant",
        learning_rate_constant=0.1, optimizer_multistep_accumulate_steps=2,
    )
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (32, 4)), rng.normal(size=(32, 1)).astype("float32")
    with strategy.scope():
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Embedding(20, 3), keras.layers.Flatten(), keras.layers.Dense(1)]
        )
        model.compile(optimizers.from_hparams(hparams), keras.losses.MeanSquaredError(reduction="sum"))
        model.optimizer.build(model.trainable_variables)
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return np.concatenate([value.ravel() for value in model.get_weights()])

results = {}
for name in sys.argv[2:]:
    results[name + "_1"] = train(tf.distribute.get_strategy(), name)
    results[name + "_2"] = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), name)
np.savez(sys.argv[1], **results)
"""


@pytest.mark.slow
def test_two_replicas_equal_one(tmp_path):
    names = ["adam", "adafactor", "multistep_adam", "yellow_fin", "momentum"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", PROGRAM, tmp_path / "results.npz", *names], check=True, env=environment)
    results = np.load(tmp_path / "results.npz")
    for name in names:
        np.testing.assert_allclose(results[f"{name}_2"], results[f"{name}_1"], atol=2e-6, rtol=1e-5, err_msg=name)
