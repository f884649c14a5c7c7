"""Every registered model, small, on the backend at hand: it trains, saves, loads, decodes; and PyTorch is tried."""

import hashlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.models.t2t_model import T2TModel
from tests.helpers import fewer_on_jax
from tests.models import zoo

TEXT = [name for name, small in zoo.ZOO.items() if small.problem["features"]["targets"]["modality"] == "symbol"]
AUTOREGRESSIVE = [name for name in TEXT if "neural_gpu" not in name]
CACHED = [name for name in TEXT if registry.models[name].decode_step is not T2TModel.decode_step]
CACHED.remove("transformer_scorer")  # it does not decode
FAMILIES = {  # one model of each that decodes in a way of its own, and how
    "byte_net": {},
    "imagetransformer": {"sampling_method": "argmax"},
    "lstm_seq2seq_attention": {},
    "slice_net": {},
    "text_cnn": {},
    "transformer": {"beam_size": 3, "top_beams": 3},
    "transformer_memory": {},
    "transformer_moe": {},
    "universal_transformer": {},
}

RATES = {"basic_fc_relu": 1e-3, "slice_net": 0.01, "transformer_regressor": 1e-3}  # of training
SEES_IMAGES = ("image", "img", "resnet", "revnet", "shake_shake", "xception")
EMBEDDED = [name for name in sorted(zoo.ZOO) if not name.startswith(SEES_IMAGES)]  # their bodies take embedded features
# Of each model's weights file as version 0.1.0 wrote it.
WEIGHTS_LAYOUT = json.loads((Path(__file__).parent / "weights_layout.json").read_text())


def weights_layout(file) -> str:
    """A hash of the paths and shapes of the model's weights in a `.keras` file."""
    found = []
    with zipfile.ZipFile(file) as archive, h5py.File(archive.open("model.weights.h5")) as weights:
        weights.visititems(lambda path, x: found.append(f"{path} {x.shape}") if isinstance(x, h5py.Dataset) else None)
    found = sorted(line for line in found if not line.startswith("optimizer/"))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


def unknown_lengths(data):
    """TensorFlow's specifications of nested arrays, without batch size and lengths; pictures have their sizes."""
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda x: tf.TensorSpec([None] * 2 if x.ndim == 2 else [None, *x.shape[1:]], x.dtype), data
    )


def train(model, batch, weights, eagerly, steps=8):
    """The losses of training steps; TensorFlow's graph, if it makes one, is made without knowing the lengths."""
    data = (batch, batch["targets"], weights)
    if keras.backend.backend() != "tensorflow":
        return [model.train_on_batch(*data) for _ in range(steps)]
    import tensorflow as tf

    signature = unknown_lengths(data)
    batches = tf.data.Dataset.from_generator(lambda: itertools.repeat(data, steps), output_signature=signature)
    model.run_eagerly = eagerly
    return model.fit(batches, steps_per_epoch=1, epochs=steps, verbose=0).history["loss"]


@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_it_trains_saves_loads_and_decodes(name, tmp_path):
    keras.utils.set_random_seed(0)
    model, batch = zoo.make(name), zoo.batch(name)
    # The optimizer with the fewest operations: tracing and compiling the step is most of the test.
    model.compile(optimizer=keras.optimizers.SGD(RATES.get(name, 0.1)))
    model.optimizer.build(model.trainable_variables)  # or the step is traced twice
    weights = np.full(batch["targets"].shape, 1 / batch["targets"].size, "float32")
    # Tracing a step takes longer than dozens of them: one model of each family trains in a graph.
    losses = train(model, batch, weights, eagerly=name not in FAMILIES)
    assert np.all(np.isfinite(losses))
    assert losses[-1] < losses[0]

    model.save(tmp_path / "model.keras")
    # Keras names what lies in a list by its class: a class that is renamed breaks every earlier checkpoint.
    assert weights_layout(tmp_path / "model.keras") == WEIGHTS_LAYOUT[name]
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    y = ops.convert_to_numpy(model(batch))
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(batch)), y, rtol=1e-5, atol=1e-6)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        graph = tf.function(loaded, input_signature=[unknown_lengths(batch)])
        np.testing.assert_allclose(graph(batch), y, rtol=1e-4, atol=1e-5)

    features = dict(batch) if "inputs" not in batch or name == "transformer_scorer" else {"inputs": batch["inputs"]}
    decoded = loaded.infer(features, **({"decode_length": 3} if name in TEXT else {}))
    assert ops.shape(decoded["outputs"])[0] == 3


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel is TensorFlow's")
@pytest.mark.parametrize("name", ["attention_lm", "text_cnn"])
def test_a_loaded_model_that_was_never_called_is_exported_without_a_signature(name, tmp_path):
    import tensorflow as tf

    model, batch = zoo.make(name), zoo.batch(name)
    model.save(tmp_path / "model.keras")
    keras.saving.load_model(tmp_path / "model.keras").export(tmp_path / "exported", verbose=False)
    batch = {feature: values[:2] for feature, values in batch.items()}  # any batch size and length will do
    if name == "attention_lm":
        batch["targets"] = batch["targets"][:, :4]
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(batch), ops.convert_to_numpy(model(batch)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", fewer_on_jax(EMBEDDED, [name for name in EMBEDDED if name in FAMILIES]))
def test_the_body_alone_works_on_embedded_features(name):
    small = zoo.ZOO[name]
    model = registry.model(name, registry.hparams(small.hparams_set, overrides=small.overrides))
    random = np.random.default_rng(0)
    features = {
        feature: random.normal(size=(2, length, model.hparams.hidden_size)).astype("float32")
        for feature, length in (("inputs", 6), ("targets", 5))
    }
    outputs = ops.convert_to_numpy(model(features))
    assert outputs.shape[0] == 2
    assert np.all(np.isfinite(outputs))
    others = {feature: -value for feature, value in features.items()}
    assert np.abs(ops.convert_to_numpy(model(others)) - outputs).max() > 1e-3


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_targets_are_not_seen_before_their_time(name):
    model, batch = zoo.make(name), zoo.batch(name)
    changed = {**batch, "targets": batch["targets"].copy()}
    changed["targets"][:, 4] = 1 + batch["targets"][:, 4] % 18
    before, after = (ops.convert_to_numpy(model(features)) for features in (batch, changed))
    np.testing.assert_allclose(after[:, :5], before[:, :5], atol=1e-5)
    assert np.abs(after[:, 5:] - before[:, 5:]).max() > 1e-5


TEXTS = {name: (name, small) for name, small in zoo.ZOO.items() if not name.startswith(SEES_IMAGES)}
TEXTS = {**TEXTS, **zoo.PADDED}
del TEXTS["basic_fc_relu"]  # its inputs have one shape
FEW_TEXTS = ["slice_net", "text_cnn", "transformer_encoder", *zoo.PADDED]


@pytest.mark.parametrize("case", fewer_on_jax(sorted(TEXTS), FEW_TEXTS))
def test_neither_padding_nor_a_longer_text_beside_it_changes_the_outputs_of_a_text(case):
    name, small = TEXTS[case]
    model = zoo.make_random(name, small)
    length, longer = (31, 40) if name == "byte_net" else (4, 7)  # byte_net pads to 50 and 100
    alone = {feature: values[:1] for feature, values in zoo.batch_of(small.problem, length=length).items()}
    texts = [feature for feature, spec in small.problem["features"].items() if spec["modality"] == "symbol"]
    for feature in texts:
        alone[feature][:, -1] = 1  # EOS
    room = ((0, 0), (0, longer - length))
    padded = {feature: np.pad(values, room) if feature in texts else values for feature, values in alone.items()}
    other = zoo.batch_of(small.problem, seed=1, length=longer)
    beside = {feature: np.concatenate([values, other[feature]]) for feature, values in padded.items()}
    expected, *found = (ops.convert_to_numpy(model(features))[0] for features in (alone, padded, beside))
    counted = length if "targets" in texts else None  # the text's own positions
    for outputs in found:
        np.testing.assert_allclose(outputs[:counted], expected[:counted], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["lstm_seq2seq_attention", "slice_net", "transformer"])
def test_longer_texts_in_the_batch_do_not_change_what_a_text_is_decoded_to(name):
    model, problem = zoo.make_random(name), zoo.ZOO[name].problem
    alone = zoo.batch_of(problem, length=4)["inputs"]
    longer = zoo.batch_of(problem, seed=1, length=7)["inputs"]
    beside = np.concatenate([np.pad(alone, ((0, 0), (0, 3))), longer])
    expected, found = (
        ops.convert_to_numpy(model.infer({"inputs": inputs}, beam_size=1, decode_length=2)["outputs"])
        for inputs in (alone, beside)
    )
    assert expected.shape[1] > 1
    for ids, other in zip(expected, found, strict=False):
        ends = np.flatnonzero(ids == 1)
        length = ends[0] + 1 if len(ends) else len(ids)  # what follows EOS has no meaning
        np.testing.assert_array_equal(other[:length], ids[:length])


def never_padding(kind, **methods):
    """The class with other methods, whose `decode_step` gives the id 0, which is padding, no chance."""

    def decode_step(self, ids, position, cache):
        logits, cache = methods.get("decode_step", kind.decode_step)(self, ids, position, cache)
        return ops.where(ops.arange(logits.shape[-1]) == 0, -1e9, logits), cache

    return type(f"NeverPadding{kind.__name__}", (kind,), {**methods, "decode_step": decode_step})


@pytest.mark.parametrize("name", fewer_on_jax(CACHED, [name for name in CACHED if name in FAMILIES]))
def test_decoding_with_a_cache_equals_running_the_whole_model_again(name):
    model = zoo.make_random(name)
    whole = {"init_cache": T2TModel.init_cache, "decode_step": T2TModel.decode_step}
    networks = [never_padding(type(model), **methods)(model.hparams) for methods in ({}, whole)]
    for network in networks:
        network.build()
        network.set_weights(model.get_weights())
    batch = zoo.batch(name)
    features = {"inputs": batch["inputs"]} if "inputs" in batch else {"targets": batch["targets"]}
    next(iter(features.values()))[1, 4:] = 0  # one is shorter
    greedy = [{}] if name in FAMILIES else []  # the cache is the same: one model of each family tells
    for settings in (*greedy, {"beam_size": 3, "top_beams": 3}):
        found = [network.infer(features, decode_length=5, **settings) for network in networks]
        outputs, scores = ([ops.convert_to_numpy(found[i][key]) for i in (0, 1)] for key in ("outputs", "scores"))
        np.testing.assert_array_equal(*outputs)
        np.testing.assert_allclose(*scores, rtol=1e-4)


@pytest.mark.xla
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA is a choice on TensorFlow alone")
@pytest.mark.parametrize("name", FAMILIES)
def test_xla_decodes_what_the_graph_decodes(name):
    model, batch = zoo.make_random(name), zoo.batch(name)
    features = {"inputs": batch["inputs"]} if "inputs" in batch else {"targets": batch["targets"]}
    settings = {**FAMILIES[name], **({"decode_length": 3} if name in TEXT else {})}
    with_xla, without = (model.infer(features, jit_compile=jit_compile, **settings) for jit_compile in (True, False))
    np.testing.assert_array_equal(*(ops.convert_to_numpy(found["outputs"]) for found in (with_xla, without)))
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(found["scores"]) for found in (with_xla, without)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough")
def test_every_model_on_pytorch():
    command = [sys.executable, "-m", "pytest", "-q", "-x", __file__, "-k", "trains"]
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:]
