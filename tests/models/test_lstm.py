"""LSTMs; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest

from tensor2keras import registry
from tests.models import zoo
from tests.models.tiny import run, symbol_problem

SIZES = {"hidden_size": 16, "attention_layer_size": 12}


def tiny_lstm(name, hparams_set="lstm_attention", problem=None, **overrides):
    model = registry.model(name, registry.hparams(hparams_set, problem or symbol_problem(), {**SIZES, **overrides}))
    model.build()
    return model


@pytest.mark.parametrize(
    ("name", "overrides", "width"),
    [
        ("lstm_seq2seq", {}, 16),
        ("lstm_seq2seq_bidirectional_encoder", {}, 32),
        ("lstm_seq2seq_attention", {}, 12),
        ("lstm_seq2seq_attention", {"num_heads": 2}, 16),
        ("lstm_seq2seq_attention", {"output_attention": False}, 16),
        ("lstm_seq2seq_attention_bidirectional_encoder", {}, 12),
        ("lstm_seq2seq_attention_bidirectional_encoder", {"output_attention": False}, 32),
    ],
)
def test_the_softmax_is_as_wide_as_what_the_decoder_gives(name, overrides, width):
    model = tiny_lstm(name, **overrides)
    (softmax,) = [variable for variable in model.variables if "softmax" in variable.path]
    assert tuple(softmax.shape) == (20, width)
    batch = zoo.batch("lstm_seq2seq")
    logits = run(model, batch)
    assert logits.shape == (3, 6, 20)
    alone = run(model, {feature: ids[1:2] for feature, ids in batch.items()})
    np.testing.assert_allclose(alone[0], logits[1], rtol=1e-5, atol=1e-5)


def test_a_language_model_needs_no_encoder():
    model = tiny_lstm("lstm_seq2seq", problem=symbol_problem(inputs=False))
    assert not any("encoder" in variable.path for variable in model.variables)
    prompt = {"targets": np.array([[3, 4]], "int32")}
    outputs = np.asarray(model.infer(prompt, decode_length=3)["outputs"])
    assert outputs.shape[0] == 1
    logits = run(model, {"targets": np.array([[3, 4, 0]], "int32")})
    assert outputs[0, 0] == logits[0, 2].argmax()  # what follows the prompt


@pytest.mark.parametrize(
    ("name", "mask_padding"),
    [
        ("lstm_seq2seq", False),
        ("lstm_seq2seq_attention_bidirectional_encoder", False),
        ("lstm_seq2seq_attention_bidirectional_encoder", True),
    ],
)
def test_padding_of_inputs_does_not_reach_the_last_state(name, mask_padding):
    model, batch = tiny_lstm(name, mask_padding=mask_padding), zoo.batch("lstm_seq2seq")
    padded = {**batch, "inputs": np.pad(batch["inputs"], ((0, 0), (0, 3)))}
    difference = np.abs(run(model, padded) - run(model, batch)).max()
    # without mask_padding attention reads the zeros of padding, as in T2T
    assert (difference < 1e-5) == (name == "lstm_seq2seq" or mask_padding)


def test_areas_with_padding_are_not_attended_to():
    model, batch = tiny_lstm("lstm_seq2seq_attention", "lstm_area_attention_base"), zoo.batch("lstm_seq2seq")
    padded = {**batch, "inputs": np.pad(batch["inputs"], ((0, 0), (0, 3)))}
    np.testing.assert_allclose(run(model, padded), run(model, batch), atol=1e-5)
    assert np.abs(run(model, batch) - run(plain_twin(model), batch)).max() > 1e-3


def plain_twin(model):
    """A model with the same weights that attends to single positions."""
    twin = registry.model(model.name, registry.hparams("lstm_luong_attention_multi", model.problem, SIZES))
    twin.build()
    twin.set_weights(model.get_weights())
    return twin


def test_the_weights_that_make_keys_of_areas_have_their_names():
    model = tiny_lstm("lstm_seq2seq_attention", "lstm_area_attention_base", area_key_mode="concat")
    paths = [variable.path for variable in model.variables if "decoder_encoder" in variable.path]
    names = {path.split("decoder_encoder/")[1] for path in paths}
    assert names == {
        "area_height_emb",
        "area_width_emb",
        *(f"{d}/{w}" for d in ("dense", "dense_1") for w in ("kernel", "bias")),
    }
    assert all("lstm_seq2seq_attention/decoder_encoder/" in path for path in paths)


@pytest.mark.parametrize(
    ("name", "hparams_set", "overrides", "message"),
    [
        (
            "lstm_seq2seq",
            "lstm_seq2seq",
            {"initializer": "orthogonal"},
            "hparams.initializer='orthogonal' is not supported by lstm_seq2seq; allowed: normal",
        ),
        (
            "lstm_seq2seq_attention",
            "lstm_attention",
            {"max_area_width": 2},
            "unknown area_value_mode='none'; known: sum",
        ),
        (
            "lstm_seq2seq_attention",
            "lstm_attention",
            {"attention_mechanism": "dot"},
            "hparams.attention_mechanism='dot' is not supported by lstm_seq2seq_attention; allowed: bahdanau, luong",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(name, hparams_set, overrides, message):
    with pytest.raises(ValueError, match=message):
        registry.model(name, registry.hparams(hparams_set, symbol_problem(), overrides))


def test_problems_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="lstm_encoder needs targets of modality class_label"):
        tiny_lstm("lstm_encoder")
    with pytest.raises(ValueError, match="lstm_seq2seq_attention needs inputs of modality symbol"):
        tiny_lstm("lstm_seq2seq_attention", problem=symbol_problem(inputs=False))
