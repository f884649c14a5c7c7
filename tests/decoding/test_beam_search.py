"""Beam search against exhaustive search over languages of known probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tensor2keras.decoding import infer
from tensor2keras.decoding.beam_search import length_penalty
from tests.decoding.toy import EOS, TableModel, best_sequences, token_log_probs

VOCAB, LENGTH = 4, 3
EVERYTHING = VOCAB**LENGTH  # a beam that never has to drop a hypothesis
ONE_INPUT = {"inputs": np.zeros((1, 1), "int32")}
tables = arrays("float32", (LENGTH, VOCAB, VOCAB), elements=st.floats(-5, 5, width=32))


@pytest.fixture(scope="module")
def model() -> TableModel:
    return TableModel(LENGTH, VOCAB)


def random_table(seed: int = 0, length: int = LENGTH, vocab: int = VOCAB, spread: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=spread, size=(length, vocab, vocab)).astype("float32")


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@given(table=tables)
@settings(max_examples=25)
def test_beam_as_wide_as_the_language_finds_the_best_sequences(model, table, alpha):
    found = infer(model.set(table), ONE_INPUT, LENGTH - 1, beam_size=EVERYTHING, top_beams=5, alpha=alpha)
    expected = best_sequences(table, LENGTH, alpha)[:5]
    np.testing.assert_allclose(np.asarray(found["scores"])[0], [score for score, _ in expected], atol=2e-5, rtol=1e-5)
    for ids, score in zip(np.asarray(found["outputs"])[0], np.asarray(found["scores"])[0], strict=True):
        sequence = tuple(ids[: list(ids).index(EOS) + 1])  # equal scores may come in any order
        assert sum(token_log_probs(table, sequence)) / ((5 + len(sequence)) / 6) ** alpha == pytest.approx(
            score, abs=2e-5, rel=1e-5
        )
        assert not ids[len(sequence) :].any()


def test_the_best_comes_first_and_sequences_differ(model):
    found = infer(model.set(random_table()), ONE_INPUT, LENGTH - 1, beam_size=EVERYTHING, top_beams=5)
    outputs, scores = np.asarray(found["outputs"])[0], np.asarray(found["scores"])[0]
    assert (np.diff(scores) <= 0).all()
    assert len({tuple(ids) for ids in outputs}) == 5


def test_one_result_has_no_beam_dimension(model):
    model.set(random_table())
    found, beams = (infer(model, ONE_INPUT, LENGTH - 1, beam_size=4, top_beams=beams) for beams in (1, 4))
    ids, best = np.asarray(found["outputs"]), np.asarray(beams["outputs"])[:, 0]
    np.testing.assert_array_equal(ids, best[:, : ids.shape[1]])
    assert not best[:, ids.shape[1] :].any()
    np.testing.assert_allclose(np.asarray(found["scores"]), np.asarray(beams["scores"])[:, 0], rtol=1e-6)


def test_each_input_of_a_batch_gets_its_own_beams(model):
    model.set(random_table(3))
    batch = np.array([[0], [1], [2]], "int32")  # the toy language is sharper for larger inputs
    together = infer(model, {"inputs": batch}, LENGTH - 1, beam_size=4, top_beams=4)
    for row in range(3):
        alone = infer(model, {"inputs": batch[row : row + 1]}, LENGTH - 1, beam_size=4, top_beams=4)
        np.testing.assert_allclose(np.asarray(together["scores"])[row], np.asarray(alone["scores"])[0], rtol=1e-5)
        width = np.shape(alone["outputs"])[-1]
        np.testing.assert_array_equal(np.asarray(together["outputs"])[row, :, :width], np.asarray(alone["outputs"])[0])


def test_unfinished_hypotheses_score_their_log_probability_without_penalty(model):
    table = random_table(4)
    table[:, :, EOS] = -1e9
    found = infer(model.set(table), ONE_INPUT, LENGTH - 1, beam_size=EVERYTHING, alpha=0.6)
    ids = np.asarray(found["outputs"])[0]
    assert len(ids) == LENGTH
    assert np.asarray(found["scores"])[0] == pytest.approx(sum(token_log_probs(table, ids)), abs=1e-5)


def test_search_ends_as_soon_as_the_best_cannot_be_overtaken():
    table = np.zeros((40, VOCAB, VOCAB), "float32")
    table[2:, :, EOS] = 20.0  # a certain end at the third token
    table[:2, :, EOS] = -20.0
    found = infer(TableModel(40, VOCAB).set(table), ONE_INPUT, 39, beam_size=4)
    assert np.shape(found["outputs"]) == (1, 3)
    assert np.asarray(found["outputs"])[0, 2] == EOS


def test_input_whose_best_hypothesis_ended_waits_for_the_others():
    table = np.zeros((8, VOCAB, VOCAB), "float32")
    table[..., EOS] = 2.0
    model = TableModel(8, VOCAB).set(table)
    certain = infer(model, {"inputs": np.array([[3]])}, 7, beam_size=4)
    assert np.shape(certain["outputs"])[1] == 1
    both = infer(
        model, {"inputs": np.array([[3], [-3]])}, 7, beam_size=4
    )  # for the second, EOS is the unlikeliest token
    assert np.shape(both["outputs"])[1] == 8
    np.testing.assert_array_equal(np.asarray(both["outputs"])[0], [EOS] + [0] * 7)


def test_vocabulary_smaller_than_two_beams():
    table = random_table(5, length=4, vocab=3)
    found = infer(TableModel(4, 3).set(table), ONE_INPUT, 3, beam_size=2)
    assert np.isfinite(np.asarray(found["scores"])).all()


@pytest.mark.parametrize(
    ("length", "alpha", "value"), [(1, 0.6, 1.0), (7, 1.0, 2.0), (13, 0.5, 3**0.5), (99, 0.0, 1.0)]
)
def test_length_penalty(length, alpha, value):
    assert float(length_penalty(length, alpha)) == pytest.approx(value, rel=1e-6)


def test_more_results_than_beams_are_refused(model):
    with pytest.raises(ValueError, match=r"top_beams=5 must be .* beam_size=4"):
        infer(model, ONE_INPUT, beam_size=4, top_beams=5)
