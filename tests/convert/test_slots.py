"""Adam's and Adafactor's state from T2T's checkpoints: training goes on where T2T's ended."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.convert import load_t2t_weights
from tests.models.tiny import tiny_model

TABLE = "transformer/symbol_modality_20_16/shared/weights"
BIAS = "transformer/body/encoder/layer_0/ffn/conv1/bias"
KERNEL = "transformer/body/encoder/layer_0/ffn/conv1/kernel"


def compiled(**overrides):
    model = tiny_model(**overrides)
    model.compile()
    return model


def checkpoint_of(model, slots):
    """The model's weights as T2T names them, with slots `{suffix: function of a variable's shape -> array}`."""
    arrays = {"global_step": np.int64(41)}
    for variable in model.weights:
        value = ops.convert_to_numpy(variable)
        name = variable.path.replace("/dense_relu_dense", "")
        parts = {name: value}
        if name == TABLE:
            parts = {f"{TABLE}_{i}": part for i, part in enumerate(np.array_split(value, 16))}
        for part, array in parts.items():
            arrays[part] = array
            for suffix, slot in slots.items():
                if (made := slot(array.shape)) is not None:
                    arrays[f"training/{part}/{suffix}"] = made
    return arrays


def slots_of(model, path):
    index = [variable.path for variable in model.trainable_variables].index(path)
    return index, model.optimizer


def test_adam():
    model = compiled()
    random = np.random.default_rng(0)
    arrays = checkpoint_of(
        model, {"Adam": lambda shape: random.normal(size=shape), "Adam_1": lambda shape: random.uniform(size=shape)}
    )
    load_t2t_weights(model, arrays, optimizer_state=True)
    index, optimizer = slots_of(model, TABLE)
    assert int(optimizer.iterations) == 41
    for slot, suffix in ((optimizer._momentums, "Adam"), (optimizer._velocities, "Adam_1")):
        expected = np.concatenate([arrays[f"training/{TABLE}_{i}/{suffix}"] for i in range(16)])
        np.testing.assert_allclose(ops.convert_to_numpy(slot[index]), expected, rtol=1e-6)


def test_adafactor_with_momentum():
    model = compiled(optimizer="Adafactor", optimizer_adafactor_beta1=0.9)
    random = np.random.default_rng(0)
    arrays = checkpoint_of(
        model,
        {
            "Adafactor": lambda shape: random.normal(size=shape),
            "Adafactor_1": lambda shape: random.uniform(size=shape[:-1] if len(shape) > 1 else shape),
            "Adafactor_2": lambda shape: random.uniform(size=shape[:-2] + shape[-1:]) if len(shape) > 1 else None,
        },
    )
    load_t2t_weights(model, arrays, optimizer_state=True)
    index, optimizer = slots_of(model, TABLE)
    rows, columns = map(ops.convert_to_numpy, optimizer._moments[index])
    shards = [[arrays[f"training/{TABLE}_{i}/Adafactor_{n}"] for i in range(16)] for n in (1, 2)]
    np.testing.assert_allclose(rows, np.concatenate(shards[0]), rtol=1e-6)
    np.testing.assert_allclose(columns, np.mean(shards[1], axis=0), rtol=1e-6)
    index, _ = slots_of(model, BIAS.replace("/conv1", "/dense_relu_dense/conv1"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(optimizer._moments[index][0]), arrays[f"training/{BIAS}/Adafactor_1"], rtol=1e-6
    )


def test_what_cannot_be_taken_over_is_told_and_nothing_is_loaded():
    model = compiled()
    weights = checkpoint_of(model, {})
    weights[BIAS] = weights[BIAS] + 1
    with pytest.raises(ValueError, match=r"the given dict has no Adam state for transformer/.*; nothing was loaded"):
        load_t2t_weights(model, weights, optimizer_state=True)
    short = checkpoint_of(model, {"Adam": lambda shape: np.zeros(shape), "Adam_1": lambda shape: np.zeros(shape)})
    short[f"training/{KERNEL}/Adam"] = np.zeros((3, 3))
    short[BIAS] = short[BIAS] + 1
    with pytest.raises(ValueError, match=r"ffn/conv1/kernel/Adam: \(3, 3\) in the source, \(16, 24\)"):
        load_t2t_weights(model, short, optimizer_state=True)
    path = BIAS.replace("/conv1", "/dense_relu_dense/conv1")
    now = next(variable for variable in model.weights if variable.path == path)
    np.testing.assert_array_equal(ops.convert_to_numpy(now) + 1, weights[BIAS])
    with pytest.raises(ValueError, match="needs a compiled model"):
        load_t2t_weights(tiny_model(), weights, optimizer_state=True)
    with pytest.raises(ValueError, match=r"state of SGD cannot be taken over; .*Adam, Adafactor"):
        load_t2t_weights(compiled(optimizer="sgd"), weights, optimizer_state=True)


def test_the_real_checkpoint(shared):
    import tensorflow as tf

    from tensor2keras.convert import load_t2t_model

    model = load_t2t_model(shared / "t2t")
    model.compile()
    load_t2t_weights(model, shared / "t2t", optimizer_state=True)
    reader = tf.train.load_checkpoint(str(shared / "t2t"))
    path = "transformer/body/encoder/layer_1/self_attention/multihead_attention/q/kernel"
    index, optimizer = slots_of(model, path)
    for slot, suffix in ((optimizer._momentums, "Adam"), (optimizer._velocities, "Adam_1")):
        expected = reader.get_tensor(f"training/{path}/{suffix}")
        assert np.abs(expected).max() > 0
        np.testing.assert_array_equal(ops.convert_to_numpy(slot[index]), expected)
    assert int(optimizer.iterations) == 1
