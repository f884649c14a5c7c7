import keras
import pytest

from tensor2keras.training import strategy


def test_one_device_needs_no_strategy():
    assert strategy.make_strategy(1) is None
    assert strategy.describe(None).endswith(f"one device ({keras.backend.backend()})")
    with strategy.scope(None):
        pass


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_more_devices_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="worker_gpu=64, but 0 GPU devices are visible; --locally_shard_to_cpu"):
        strategy.make_strategy(64)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_cpu_cannot_be_split_once_tensorflow_runs():
    keras.ops.zeros(1)
    with pytest.raises(ValueError, match="TensorFlow is already running in this process"):
        strategy.make_strategy(64, on_cpu=True)
