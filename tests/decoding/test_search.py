"""`infer`: compiled once, prompts, hyperparameters' defaults, and problems that need no search."""

import keras
import numpy as np
import pytest

from tensor2keras.decoding import infer
from tensor2keras.decoding.search import cache_lengths
from tests.decoding.toy import EOS, TableModel, language_model_hparams

VOCAB = 7
INPUTS = {"inputs": np.zeros((2, 3), "int32")}


def random_model(hparams=None, length: int = 12, seed: int = 0) -> TableModel:
    table = np.random.default_rng(seed).normal(size=(length, VOCAB, VOCAB)).astype("float32")
    return TableModel(length, VOCAB, hparams).set(table)


@pytest.mark.parametrize("settings", [{}, {"beam_size": 3}])
def test_second_call_does_not_trace_again(settings):
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch runs the loop as it stands")
    model = random_model()
    infer(model, INPUTS, decode_length=5, **settings)
    traces = model.traces
    infer(model, {"inputs": np.ones((2, 3), "int32")}, decode_length=7, **settings)  # another length, the same cache
    assert model.traces == traces


def test_weights_changed_after_compiling_are_seen():
    model = random_model()
    before = infer(model, INPUTS)["scores"]
    model.table.assign(model.table * 3)
    assert not np.allclose(np.asarray(infer(model, INPUTS)["scores"]), np.asarray(before))


def test_decode_length_is_added_to_the_inputs_length():
    model = random_model()
    table = keras.ops.convert_to_numpy(model.table).copy()
    table[..., EOS] = -1e9
    assert np.shape(infer(model.set(table), INPUTS, decode_length=5)["outputs"]) == (2, 8)


def test_static_length_does_not_change_the_result():
    model = random_model()
    short, long = (infer(model, INPUTS, 10, beam_size=3, max_length=length) for length in (13, 64))
    np.testing.assert_array_equal(np.asarray(short["outputs"]), np.asarray(long["outputs"]))
    with pytest.raises(ValueError, match="max_length=12 is shorter than the 13 tokens"):
        infer(model, INPUTS, 10, max_length=12)


@pytest.mark.parametrize("settings", [{}, {"beam_size": 3}, {"sampling_method": "random", "seed": 2}])
def test_outputs_longer_than_the_first_cache_are_decoded_to_the_end(settings):
    model = random_model()
    table = keras.ops.convert_to_numpy(model.table).copy()
    table[..., EOS] = -1e9
    outputs = np.asarray(infer(model.set(table), INPUTS, decode_length=80, **settings)["outputs"])
    assert cache_lengths(3, 96) == [32, 64, 96]
    assert outputs.shape == (2, 83)
    first = np.asarray(infer(model, INPUTS, decode_length=20, **settings)["outputs"])
    if "beam_size" not in settings:
        np.testing.assert_array_equal(outputs[:, :23], first)
    assert (outputs > 0).any(axis=0)[33:].any()


@pytest.mark.parametrize("settings", [{}, {"beam_size": 4}, {"beam_size": 4, "top_beams": 3}])
def test_prompts_of_different_lengths_are_continued_as_each_alone(settings):
    model = random_model(language_model_hparams(VOCAB))
    prompts = [[3], [2, 4, 5], [6, 6]]
    padded = np.array([prompt + [0] * (3 - len(prompt)) for prompt in prompts])
    together = infer(model, {"targets": padded}, 6, **settings)
    for row, prompt in enumerate(prompts):
        alone = infer(model, {"targets": np.array([prompt])}, 6 + 3 - len(prompt), **settings)
        ids, expected = np.asarray(together["outputs"])[row], np.asarray(alone["outputs"])[0]
        for one, other in zip(np.atleast_2d(ids), np.atleast_2d(expected), strict=True):
            end = min([*np.flatnonzero(other == EOS) + 1, len(other), len(one)])
            np.testing.assert_array_equal(one[:end], other[:end])
        np.testing.assert_allclose(np.asarray(together["scores"])[row], np.asarray(alone["scores"])[0], rtol=1e-4)


def test_end_of_sequence_inside_a_prompt_does_not_end_it():
    model = random_model(language_model_hparams(VOCAB))
    found = infer(model, {"targets": np.array([[4, EOS, 5]])}, 3)
    plain = infer(model, {"targets": np.array([[4, 4, 5]])}, 3)
    np.testing.assert_array_equal(np.asarray(found["outputs"]), np.asarray(plain["outputs"]))


def test_partial_targets_begin_the_outputs_of_a_translation():
    model = random_model()
    found = infer(model, {"inputs": np.zeros((1, 3)), "partial_targets": np.array([[5, 2]])}, 4)
    table = keras.ops.convert_to_numpy(model.table).copy()
    assert np.asarray(found["outputs"])[0, 0] == np.argmax(table[2, 2])


def test_sampling_settings_come_from_the_models_hparams():
    model = random_model({"sampling_method": "random", "sampling_temp": 1.0, "sampling_keep_top_k": -1})
    drawn = [np.asarray(infer(model, INPUTS, seed=seed)["outputs"]).tolist() for seed in range(4)]
    assert len({str(ids) for ids in drawn}) > 1
    greedy = infer(model, INPUTS, sampling_method="argmax")
    np.testing.assert_array_equal(np.asarray(greedy["outputs"]), np.asarray(infer(random_model(), INPUTS)["outputs"]))


def test_a_temperature_samples_and_does_not_go_with_a_beam():
    model = random_model()
    drawn = {str(np.asarray(infer(model, INPUTS, temperature=1.0, seed=seed)["outputs"])) for seed in range(4)}
    assert len(drawn) > 1
    with pytest.raises(ValueError, match="beam_size=4 and top_k=2 exclude each other"):
        infer(model, INPUTS, beam_size=4, top_k=2)


def test_no_token_to_decode_is_refused():
    with pytest.raises(ValueError, match="decode_length=-3 leaves no token to decode after inputs of length 3"):
        infer(random_model(), INPUTS, decode_length=-3)


class Classifier(keras.Model):
    """The class is the first input id."""

    def __init__(self):
        super().__init__()
        features = {"inputs": {"modality": "symbol"}, "targets": {"modality": "class_label", "vocab_size": 3}}
        self.hparams = {"problem": {"features": features}}
        self.built = True

    def call(self, features, training=False):
        return keras.ops.one_hot(features["inputs"][:, 0], 3)[:, None, :]  # [batch, 1, classes]


def test_class_labels_need_no_search():
    found = infer(Classifier(), {"inputs": np.array([[2, 5], [0, 1]])}, beam_size=4)
    np.testing.assert_array_equal(np.asarray(found["outputs"]), [2, 0])
    np.testing.assert_allclose(np.asarray(found["scores"]), [1 - np.log(np.e + 2)] * 2, rtol=1e-6)
    with pytest.raises(ValueError, match=r"temperature=0.8 has no effect: targets of modality class_label"):
        infer(Classifier(), {"inputs": np.array([[2, 5]])}, temperature=0.8)


def test_packed_features_are_refused():
    with pytest.raises(ValueError, match=r"packed features .targets_segmentation. cannot be decoded"):
        infer(random_model(), {**INPUTS, "targets_segmentation": np.ones((2, 3))})


def test_language_model_without_a_prompt_says_what_is_missing():
    with pytest.raises(ValueError, match="prompts as features\\['targets'\\]"):
        infer(random_model(language_model_hparams(VOCAB)), {"position": np.zeros((2, 3))})
