"""Models that hear: a Transformer and an LSTM that write letter after letter, and an encoder that writes by CTC."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.models.tiny import tiny_hparams

SIZES = {
    "batch_size": 16,
    "ffn_layer": "dense_relu_dense",
    "learning_rate_constant": 0.3,
    "learning_rate_warmup_steps": 20,
}
LETTERS = 4


def speech_problem(targets="symbol", **values):
    features = {"inputs": {"modality": "speech_recognition", "vocab_size": None}}
    return {"name": "tiny", "features": {**features, "targets": {"modality": targets, "vocab_size": 8}}, **values}


def make(name, targets="symbol", extra=None, **overrides):
    hparams = tiny_hparams("transformer_librispeech", speech_problem(targets), **{**SIZES, **overrides})
    return registry.model(name, hparams.extend(**(extra or {})))


def utterances(count, seed=0):
    """Frames in which each letter (2 to 5) sounds in bins of its own for eight frames, and the texts."""
    random = np.random.default_rng(seed)
    targets = np.zeros((count, 3), "int32")
    frames = np.zeros((count, 32, 80, 3), "float32")
    for text, sound in zip(targets, frames, strict=True):
        length = random.integers(1, 4)
        text[:length] = random.integers(2, 2 + LETTERS, length)
        sound[: 8 * length] = 0.1 * random.normal(size=(8 * length, 80, 3))
        for i, letter in enumerate(text[:length]):
            sound[8 * i : 8 * i + 6, 20 * (letter - 2) : 20 * (letter - 1)] += 2
    return {"inputs": frames, "targets": targets}


def weights(targets):
    real = (targets != 0).astype("float32")
    return real / real.sum()


@pytest.mark.parametrize(("name", "targets"), [("transformer", "symbol"), ("transformer_encoder", "ctc_symbol")])
def test_build_makes_every_variable(name, targets, tmp_path):
    model = make(name, targets)
    model.build()
    count = len(model.variables)
    batch = utterances(2)
    logits = model(batch)
    assert len(model.variables) == count
    assert logits.shape == ((2, 3, 8) if name == "transformer" else (2, 9, 8))
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(copy(batch)), ops.convert_to_numpy(logits), rtol=1e-5, atol=1e-5)


def test_the_transformer_decodes_by_steps_what_it_decodes_whole():
    model = make("transformer")
    model.build()
    batch = utterances(3)
    fast = model.infer({"inputs": batch["inputs"]}, decode_length=4)["outputs"]
    slow = np.zeros((3, fast.shape[1] + 1), "int32")
    for i in range(fast.shape[1]):
        logits = ops.convert_to_numpy(model({"inputs": batch["inputs"], "targets": slow}))
        slow[:, i] = logits[:, i].argmax(-1)
    for ours, wanted in zip(np.asarray(fast), slow[:, :-1], strict=True):
        ends = np.flatnonzero(wanted == 1)
        end = ends[0] + 1 if len(ends) else len(wanted)
        np.testing.assert_array_equal(ours[:end], wanted[:end])


def test_an_lstm_with_attention_hears():
    sizes = {"hidden_size": 16, "attention_layer_size": 12, "dropout": 0.0}
    model = registry.model("lstm_seq2seq_attention", registry.hparams("lstm_asr_v1", speech_problem(), sizes))
    model.compile(keras.optimizers.Adam(0.01))
    model.build()
    model.optimizer.build(model.trainable_variables)
    count = len(model.trainable_variables)
    batch = utterances(4)
    data = (batch, batch["targets"], weights(batch["targets"]))
    losses = [float(model.train_on_batch(*data)) for _ in range(8)]
    assert len(model.trainable_variables) == count
    assert losses[-1] < losses[0]
    found = model.infer({"inputs": batch["inputs"]}, decode_length=4, beam_size=2)
    assert found["outputs"].shape[0] == 4


def test_waveforms_are_decoded_up_to_their_frames():
    model = make("transformer", extra={"audio_preproc_in_bottom": True})
    model.build()
    waveforms = np.random.default_rng(0).normal(size=(1, 3200)).astype("float32")
    outputs = np.asarray(model.infer({"inputs": waveforms}, decode_length=5)["outputs"])
    assert outputs.shape[1] <= 20 + 5
    logits = ops.convert_to_numpy(model({"inputs": waveforms, "targets": np.zeros_like(outputs)}))
    assert outputs[0, 0] == logits[0, 0].argmax()


def test_the_encoder_learns_to_write():
    model = make("transformer_encoder", "ctc_symbol", extra={"audio_mask_padding": True})
    model.compile(keras.optimizers.Adam(0.01))
    model.build()
    model.optimizer.build(model.trainable_variables)
    batch = utterances(4)
    data = (batch, batch["targets"], weights(batch["targets"]))
    losses = [float(model.train_on_batch(*data)) for _ in range(120)]
    assert losses[-1] < 0.1 * losses[0]
    found = model.infer({"inputs": batch["inputs"]})
    assert found["outputs"].shape == (4, 9)
    assert found["scores"].shape == (4,)
    np.testing.assert_array_equal(np.asarray(found["outputs"])[:, :3], batch["targets"])


def test_what_ctc_writes_does_not_depend_on_padding():
    model = make("transformer_encoder", "ctc_symbol", extra={"audio_mask_padding": True})
    model.build()
    batch = utterances(2)
    longer = {"inputs": np.pad(batch["inputs"], ((0, 0), (0, 32), (0, 0), (0, 0))), "targets": batch["targets"]}
    short, long = (ops.convert_to_numpy(model(features)) for features in (batch, longer))
    np.testing.assert_allclose(long[:, :8], short[:, :8], atol=1e-4)
    assert (long[:, 8:].argmax(-1) == 0).all()


@pytest.mark.parametrize(
    ("name", "targets", "message"),
    [
        ("transformer", "ctc_symbol", "no output for each position of its inputs"),
        ("transformer_encoder", "symbol", "needs targets of modality ctc_symbol or class_label"),
    ],
)
def test_targets_that_a_model_cannot_write_are_refused(name, targets, message):
    with pytest.raises(ValueError, match=message):
        make(name, targets)
