"""Greedy decoding and sampling from languages of known probabilities."""

import numpy as np
import pytest

from tensor2keras.decoding import infer
from tensor2keras.decoding.sampling import make_sampler
from tests.decoding.toy import EOS, TableModel, token_log_probs

VOCAB, LENGTH = 6, 4
ONE_INPUT = {"inputs": np.zeros((1, 1), "int32")}


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    table = np.random.default_rng(1).normal(scale=1.5, size=(LENGTH, VOCAB, VOCAB)).astype("float32")
    table[:2, :, EOS] = -30.0
    return table


@pytest.fixture(scope="module")
def model(table) -> TableModel:
    return TableModel(LENGTH, VOCAB).set(table)


def draw(logits, n: int = 4000, **settings) -> np.ndarray:
    """Frequencies of the tokens drawn n times."""
    logits = np.tile(np.asarray(logits, "float32"), (n, 1))
    uniforms = np.random.default_rng(0).random(n, dtype="float32")
    ids = np.asarray(make_sampler("random", **settings)(logits, uniforms))
    return np.bincount(ids, minlength=logits.shape[1]) / n


def test_greedy_takes_the_likeliest_token_and_scores_up_to_the_end(model, table):
    found = infer(model, ONE_INPUT, decode_length=LENGTH - 1)
    expected = []
    for position in range(np.shape(found["outputs"])[1]):
        expected.append(int(np.argmax(table[position, expected[-1] if expected else 0])))
    np.testing.assert_array_equal(np.asarray(found["outputs"])[0], expected)
    counted = expected[: expected.index(EOS) + 1] if EOS in expected else expected
    assert np.asarray(found["scores"])[0] == pytest.approx(sum(token_log_probs(table, counted)), abs=1e-5)


def test_greedy_ends_when_every_row_has_ended():
    table = np.zeros((10, VOCAB, VOCAB), "float32")
    table[1, :, EOS] = 5.0
    found = infer(TableModel(10, VOCAB).set(table), {"inputs": np.zeros((3, 1))}, decode_length=9)
    np.testing.assert_array_equal(np.asarray(found["outputs"]), [[0, EOS]] * 3)


def test_frequencies_are_the_probabilities():
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    np.testing.assert_allclose(draw(logits), [0.5, 0.3, 0.15, 0.05], atol=0.03)  # 4000 draws: 3 standard deviations


def test_temperature_sharpens_and_flattens():
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    for temperature in (0.5, 2.0):
        wanted = probabilities ** (1 / temperature)
        np.testing.assert_allclose(
            draw(np.log(probabilities), temperature=temperature), wanted / wanted.sum(), atol=0.03
        )


def test_top_k_draws_among_the_k_best_only():
    np.testing.assert_allclose(draw(np.log([0.15, 0.5, 0.05, 0.3]), top_k=2), [0, 0.625, 0, 0.375], atol=0.03)


def test_top_p_draws_among_the_fewest_that_hold_the_mass():
    probabilities = np.log([0.15, 0.5, 0.05, 0.3])
    np.testing.assert_allclose(draw(probabilities, top_p=0.7), [0, 0.625, 0, 0.375], atol=0.03)
    assert draw(probabilities, top_p=0.49)[1] == 1.0


def test_impossible_tokens_are_never_drawn():
    logits = np.full(1000, -1e9)
    logits[::7] = 0.0
    frequencies = draw(logits)
    assert frequencies[::7].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("settings", [{"temperature": 1e-4}, {"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-6}])
def test_no_randomness_left_equals_greedy(model, settings):
    greedy = infer(model, ONE_INPUT, decode_length=LENGTH - 1)
    drawn = infer(model, ONE_INPUT, decode_length=LENGTH - 1, sampling_method="random", seed=5, **settings)
    np.testing.assert_array_equal(np.asarray(drawn["outputs"]), np.asarray(greedy["outputs"]))


def test_equal_seeds_draw_equal_tokens(model):
    def sample(seed):
        return np.asarray(
            infer(model, {"inputs": np.zeros((32, 1))}, 1, sampling_method="random", seed=seed)["outputs"]
        )

    np.testing.assert_array_equal(sample(3), sample(3))
    assert (sample(3) != sample(4)).any()
    assert (sample(None) != sample(None)).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "beam"}, "sampling_method='beam' is unknown; known: argmax, random"),
        ({"temperature": -1.0}, "temperature=-1.0"),
        ({"top_k": -2}, "top_k=-2"),
        ({"top_p": 0.0}, "top_p=0.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_sampler(**settings)
