"""The devices a model is trained on: one, several GPUs, or logical CPU devices (`tf.distribute`).

`tf.distribute` works with the TensorFlow backend only; other backends train on one device.
"""

import contextlib
from typing import Any

import keras

from tensor2keras.backend import on_accelerator


def make_strategy(num_replicas: int = 1, on_cpu: bool = False) -> Any:
    """Returns a `tf.distribute.MirroredStrategy` over `num_replicas` devices, or None for a single one.

    Args:
        num_replicas: devices to use (`--worker_gpu`).
        on_cpu: split the CPU into so many logical devices (`--locally_shard_to_cpu`), which is possible only before
            TensorFlow has run its first operation in this process.

    Raises:
        ValueError: more devices than there are, or another backend than TensorFlow.
    """
    if num_replicas <= 1:
        return None
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"worker_gpu={num_replicas} needs the TensorFlow backend; KERAS_BACKEND={keras.backend.backend()} "
            "trains on one device"
        )
    import tensorflow as tf

    kind = "CPU" if on_cpu else "GPU"
    if on_cpu:
        _split_cpu(tf, num_replicas)
    devices = tf.config.list_logical_devices(kind)
    if len(devices) < num_replicas:
        hint = "" if on_cpu else "; --locally_shard_to_cpu uses CPU devices instead"
        raise ValueError(f"worker_gpu={num_replicas}, but {len(devices)} {kind} devices are visible{hint}")
    names = [device.name for device in devices[:num_replicas]]
    # CPU devices have no NCCL, the default way to sum gradients.
    reduce = tf.distribute.HierarchicalCopyAllReduce() if on_cpu else None
    return tf.distribute.MirroredStrategy(names, cross_device_ops=reduce)


def _split_cpu(tf: Any, count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or []) >= count:
        return
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise ValueError(
            f"the CPU cannot be split into {count} devices any more: TensorFlow is already running in this process"
        ) from error


def scope(strategy: Any) -> contextlib.AbstractContextManager:
    """Returns `strategy.scope()`, or an empty context for a single device."""
    return strategy.scope() if strategy is not None else contextlib.nullcontext()


def distributable(dataset: Any, strategy: Any) -> Any:
    """Returns the dataset with options that split each global batch by rows: every replica gets its share."""
    if strategy is None:
        return dataset
    import tensorflow as tf

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def use_xla(xla: bool | None, strategy: Any) -> bool:
    """Returns whether to compile with XLA: `xla`; if None, on one accelerator but not on CPUs, and always on JAX."""
    if xla is not None:
        return xla
    return keras.backend.backend() == "jax" or (strategy is None and on_accelerator())


def describe(strategy: Any) -> str:
    """Returns the devices in words, for the report at the start."""
    if strategy is not None:
        devices = strategy.extended.worker_devices
        return f"{len(devices)} x {devices[0].rpartition('device:')[2].partition(':')[0]}, MirroredStrategy"
    return f"{'accelerator' if on_accelerator() else 'CPU'}, one device ({keras.backend.backend()})"
