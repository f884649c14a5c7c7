"""A model on arrays of one's own: it trains, and each mistake is answered with one line."""

import re

import keras
import numpy as np
import pytest

from tensor2keras import registry
from tests.models.tiny import VOCABULARY, features, tiny_model

SMALL = {"hidden_size": 8, "filter_size": 8, "num_heads": 2, "num_hidden_layers": 1}


def model_of_ids(**sizes):
    """A model on arrays of ids, compiled for few steps."""
    model = registry.model("transformer", registry.hparams("transformer_tiny", overrides=SMALL, **sizes))
    model.compile(keras.optimizers.Adam(0.02), run_eagerly=keras.backend.backend() == "tensorflow")
    return model


def test_vocabulary_sizes_make_a_model_on_arrays_of_ids():
    model = model_of_ids(inputs_vocab_size=VOCABULARY, targets_vocab_size=VOCABULARY + 1)
    assert [model.vocab_size(name) for name in ("inputs", "targets")] == [VOCABULARY, VOCABULARY + 1]
    x = features(8)
    y = x["targets"]
    history = model.fit(x, y, batch_size=8, epochs=4, verbose=0).history
    assert set(history) == {"loss", "accuracy", "accuracy_per_sequence", "neg_log_perplexity"}
    assert history["loss"][-1] < history["loss"][0]
    assert len(model.fit(x, batch_size=4, verbose=0).history["loss"]) == 1  # the targets are features
    assert model(x).shape == (*y.shape, VOCABULARY + 1)
    assert model.infer({"inputs": x["inputs"]}, decode_length=2, jit_compile=False)["outputs"].shape[0] == 8


def test_the_size_of_the_targets_alone_makes_a_language_model():
    assert not model_of_ids(targets_vocab_size=np.int64(9)).has_inputs


INPUTS, TARGETS = features(2)["inputs"], features(2)["targets"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (INPUTS, "transformer takes a dict of features, {'inputs': ..., 'targets': ...}, not an array of shape [2, 6]"),
        ({"input": INPUTS, "targets": TARGETS}, "transformer needs the feature 'inputs'; 'input' should be named so"),
        ({}, "transformer needs the feature 'inputs'; there are none"),
        (
            {"inputs": INPUTS, "target": TARGETS},
            "transformer needs the feature 'targets'; 'target' should be named so; the model shifts them right itself: "
            "fit({'inputs': x, 'targets': y}, y)",
        ),
        (
            {"inputs": INPUTS},
            "transformer needs the feature 'targets'; there are 'inputs'; the model shifts them right itself: "
            "fit({'inputs': x, 'targets': y}, y)",
        ),
        (
            {"inputs": INPUTS[:, :, None, None], "targets": TARGETS},
            "inputs must be ids [batch, length], not an array of shape [2, 6, 1, 1]",
        ),
        ({"inputs": INPUTS * 0 + 20, "targets": TARGETS}, "inputs has the id 20; the vocabulary has 20: 0 to 19"),
        ({"inputs": INPUTS, "targets": TARGETS * 0 - 1}, "targets has the id -1; the vocabulary has 20: 0 to 19"),
        (
            {"inputs": [[1, 2], [3]], "targets": TARGETS},
            "features['inputs'] has rows of several lengths; pad them with 0",
        ),
        ({"inputs": "ab", "targets": TARGETS}, "features['inputs'] must be an array, not str"),
        ({"inputs": INPUTS + 0.5, "targets": TARGETS}, f"inputs must be integers; {INPUTS[0, 0]}.5 is not an id"),
    ],
)  # fmt: skip
def test_wrong_features_are_one_line(given, line):
    model = tiny_model()
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        model(given)


@pytest.mark.parametrize(
    ("given", "y", "line"),
    [
        (INPUTS, TARGETS, "transformer takes a dict of features, .*, not an array of shape"),
        ({"inputs": INPUTS}, TARGETS, "transformer needs the feature 'targets'; there are 'inputs'; the model shifts"),
        ({"inputs": INPUTS, "targets": TARGETS}, TARGETS + 20, "targets has the id"),
        ({"inputs": INPUTS, "targets": TARGETS}, TARGETS[:, 1:], "the feature targets has the shape .*, and y "),
    ],
)
def test_fit_answers_them_too(given, y, line):
    model = model_of_ids(inputs_vocab_size=VOCABULARY, targets_vocab_size=VOCABULARY)
    with pytest.raises(ValueError, match=f"^{line}"):
        model.fit(given, y, verbose=0)


def test_a_model_without_a_problem_says_how_to_make_one_on_ids():
    model = registry.model("transformer", registry.hparams("transformer_tiny", overrides=SMALL))
    line = (
        r"^transformer was made without a problem and takes embedded features \[batch, length, 8\], not \w+ of shape "
    )
    with pytest.raises(ValueError, match=line + r".*inputs_vocab_size=N, targets_vocab_size=M"):
        model.fit(features(2), TARGETS)
    with pytest.raises(ValueError, match="no vocabulary to decode into"):
        model.infer({"inputs": INPUTS})


@pytest.mark.parametrize(
    ("problem", "sizes", "line"),
    [
        ({}, {}, r"problem=\{\} is not a problem: give a Problem, a registered name or a dict such as"),
        ({"features": {"inputs": 20}}, {}, "is not a problem"),
        (np.zeros(3), {}, r"problem=array\(.* is not a problem"),
        (None, {"inputs_vocab_size": 20}, "targets_vocab_size=None must be an integer of at least 2"),
        (None, {"targets_vocab_size": 1}, "targets_vocab_size=1 must be"),
        ({"features": {}}, {"targets_vocab_size": 9}, "a problem has its vocabulary sizes"),
    ],
)
def test_what_is_no_problem_is_one_line(problem, sizes, line):
    with pytest.raises(ValueError, match=line):
        registry.hparams("transformer_tiny", problem, **sizes)
