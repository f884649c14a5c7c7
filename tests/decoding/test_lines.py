"""Output lines of texts and of a split: repetitions, beams, ids, audio, prepended inputs."""

from types import SimpleNamespace

import numpy as np
import pytest

from tensor2keras.decoding import lines
from tensor2keras.decoding.decode_hparams import decode_hparams
from tests.decoding.toy import EOS, TableModel, language_model_hparams, letters_problem

VOCAB = 8


@pytest.fixture(scope="module")
def counts() -> TableModel:
    """A language model that continues the alphabet up to "f"."""
    table = np.full((1, VOCAB, VOCAB), -9.0, "float32")
    for token in range(2, VOCAB - 1):
        table[0, token, token + 1] = 9.0
    table[0, VOCAB - 1, EOS] = 9.0
    table[0, 0, 2] = 9.0
    return TableModel(1, VOCAB, language_model_hparams(VOCAB)).set(table)


def decode(model, texts, settings):
    return lines.decode_lines(model, letters_problem("targets"), texts, decode_hparams(settings))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("beam_size=1", ["ef", "def"]),
        ("beam_size=1,num_decodes=2", ["ef", "ef", "def", "def"]),
        ("beam_size=1,identity_output=True", ["6 7", "5 6 7"]),
    ],
)
def test_a_line_is_the_best_output(counts, settings, expected):
    assert decode(counts, ["d", "c"], settings) == expected


def test_beams_and_scores_are_separated_by_tabs(counts):
    (line,) = decode(counts, ["d"], "beam_size=3,return_beams=True,write_beam_scores=True")
    columns = line.split("\t")
    assert columns[0] == "ef"
    scores = [float(score) for score in columns[1::2]]
    assert scores[0] == pytest.approx(0.0, abs=0.01)
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def split_of(*rows):
    """A problem whose split has these rows of features, in one batch."""
    features = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    batch = (features, features["targets"], np.ones(len(rows)))
    return SimpleNamespace(dataset=lambda split, hparams: SimpleNamespace(as_numpy_iterator=lambda: iter([batch])))


def test_examples_lose_their_padding_and_rows_without_content():
    rows = [{"inputs": ids, "targets": ids[::-1]} for ids in np.array([[2, 3, 0], [0, 0, 0], [4, 0, 0]])]
    examples = lines.dataset_examples(split_of(*rows), "test", {})
    assert [example["inputs"].tolist() for example in examples] == [[2, 3], [4]]
    assert [example["targets"].tolist() for example in examples] == [[0, 3, 2], [0, 0, 4]]
    assert len(lines.dataset_examples(split_of(*rows), "test", {}, limit=1)) == 1


def test_prepended_inputs_are_no_part_of_the_targets():
    row = {"inputs": np.array([2, 1]), "targets": np.array([2, 1, 0, 5, 6, 1])}
    (example,) = lines.dataset_examples(split_of(row), "test", {"prepend_mode": "prepend_inputs_masked_attention"})
    assert example["targets"].tolist() == [5, 6, 1]


def test_silent_frames_at_the_end_of_audio_are_padding():
    hparams = {"problem": {"features": {"inputs": {"modality": "speech_recognition"}}}}
    audio = np.zeros((5, 2, 1))
    audio[1:3] = 1.0
    (example,) = lines.dataset_examples(split_of({"inputs": audio, "targets": np.array([3])}), "test", hparams)
    assert example["inputs"].shape == (3, 2, 1)


def test_a_split_is_decoded_beside_its_text(counts):
    problem = split_of({"targets": np.array([5, EOS])}, {"targets": np.array([4, 5])})
    problem.get_feature_encoders = letters_problem("targets").get_feature_encoders
    decoded = lines.decode_split(counts, problem, "test", decode_hparams("beam_size=1"))
    assert decoded.features == {"targets": ["d", "cd"]}
    assert decoded.outputs[1] == "ef"
