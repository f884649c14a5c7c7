"""Losses: T2T's values (1e-5), small ones by hand, CTC against all alignments counted out."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.modality import losses
from tests.helpers import load_case

VOCABULARY = 4


def values(loss, logits, targets, smoothing=0.0):
    return ops.convert_to_numpy(loss(ops.convert_to_tensor(logits), ops.convert_to_tensor(targets), smoothing))


@pytest.mark.parametrize(("name", "smoothing"), [("c1", 0.0), ("c0.9", 0.1), ("c0.5", 0.5)])
def test_cross_entropy_equals_t2t(golden, name, smoothing):
    arrays, _ = load_case(golden / "layers", f"smoothing_cross_entropy_{name}")
    logits, labels = arrays["in/logits"][:, :, 0, 0], arrays["in/labels"][:, :, 0, 0]
    (expected,) = (value for key, value in arrays.items() if key.startswith("out/"))
    actual = values(losses.cross_entropy, logits, labels, smoothing)
    np.testing.assert_allclose(actual, expected[:, :, 0, 0], rtol=1e-5, atol=1e-6)


def test_cross_entropy_is_float32_under_bfloat16():
    logits = ops.cast(np.random.default_rng(0).normal(size=(2, 5)), "bfloat16")
    assert keras.backend.standardize_dtype(losses.cross_entropy(logits, np.array([1, 2]), 0.1).dtype) == "float32"


@pytest.mark.parametrize(
    ("loss", "logits", "targets", "expected"),
    [
        (losses.one_hot_cross_entropy, [[0.0, np.log(3)]], [[1.0, 0.0]], [np.log(4)]),
        (losses.sigmoid_cross_entropy, [[0.0, np.log(3)]], [[1.0, 0.0]], [(np.log(2) + np.log(4)) / 2]),
        (losses.squared_error, [[1.0, 3.0]], [[0.5, 5.0]], [[0.25, 4.0]]),
        (losses.log_poisson, [[np.log(2), 0.0]], [[3.0, 5.0]], [[2 - 3 * np.log(2), 1.0]]),
    ],
)
def test_small_losses(loss, logits, targets, expected):
    actual = values(loss, np.array(logits, "float32"), np.array(targets, "float32"))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


# CTC


def logits_of(rows, positions, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, positions, VOCABULARY)).astype("float32")


def read(path):
    """The text of a path of symbols: repetitions collapsed, then blanks removed."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def counted(logits, text):
    """Minus the log-probability of all paths [positions] that read as `text`."""
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    paths = itertools.product(range(VOCABULARY), repeat=len(logits))
    found = [sum(log_probs[i, s] for i, s in enumerate(path)) for path in paths if read(path) == text]
    return -np.log(np.sum(np.exp(found)))


def test_ctc_counts_every_alignment():
    logits, texts = logits_of(3, 5), [(1, 2), (3, 3), (2,)]
    targets = np.array([[1, 2, 0], [3, 3, 0], [2, 0, 0]], "int32")
    found = values(losses.ctc, logits, targets)
    assert found.shape == targets.shape
    np.testing.assert_allclose(
        found.sum(axis=1), [counted(*pair) for pair in zip(logits, texts, strict=True)], rtol=1e-4
    )
    np.testing.assert_array_equal(found[targets == 0], 0)
    np.testing.assert_allclose(found[0, 0], found[0, 1])


@pytest.mark.parametrize("text", [[1, 2, 3], [1, 1, 0]])
def test_ctc_of_a_text_longer_than_the_audio_is_0(text):
    np.testing.assert_array_equal(values(losses.ctc, logits_of(1, 2), np.array([text], "int32")), 0)


def test_ctc_of_a_row_without_text_is_0():
    np.testing.assert_array_equal(values(losses.ctc, logits_of(1, 3), np.zeros((1, 2), "int32")), 0)


def test_masked_positions_cost_ctc_nothing():
    logits, targets = logits_of(2, 7), np.array([[1, 2, 0], [3, 0, 0]], "int32")
    masked = logits.copy()
    masked[0, 4:, 0] = masked[1, 5:, 0] = 0
    masked[0, 4:, 1:] = masked[1, 5:, 1:] = losses.MASKED_LOGIT
    found = values(losses.ctc, masked, targets).sum(axis=1)
    np.testing.assert_allclose(found, [counted(logits[0, :4], (1, 2)), counted(logits[1, :5], (3,))], rtol=1e-4)
