"""Text written by CTC: the loss against all alignments counted out."""

import itertools

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.modality.modality import CTCSymbol, connectionist

VOCABULARY = 4


def logits_of(rows, positions, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, positions, VOCABULARY)).astype("float32")


def read(path):
    """What a path of symbols says: repetitions, then blanks left out."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def counted(logits, text):
    """Minus the log-probability of all paths [positions] that say `text`."""
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    paths = itertools.product(range(VOCABULARY), repeat=len(logits))
    found = [sum(log_probs[i, s] for i, s in enumerate(path)) for path in paths if read(path) == text]
    return -np.log(np.sum(np.exp(found)))


def loss(logits, targets):
    return ops.convert_to_numpy(connectionist(ops.convert_to_tensor(logits), ops.convert_to_tensor(targets)))


def test_loss_counts_every_alignment():
    logits, texts = logits_of(3, 5), [(1, 2), (3, 3), (2,)]
    targets = np.array([[1, 2, 0], [3, 3, 0], [2, 0, 0]], "int32")
    found = loss(logits, targets)
    assert found.shape == targets.shape
    np.testing.assert_allclose(
        found.sum(axis=1), [counted(*pair) for pair in zip(logits, texts, strict=True)], rtol=1e-4
    )
    np.testing.assert_array_equal(found[targets == 0], 0)
    np.testing.assert_allclose(found[0, 0], found[0, 1])


def test_hidden_positions_cost_nothing():
    logits, targets = logits_of(2, 7), np.array([[1, 2, 0], [3, 0, 0]], "int32")
    padding = np.array([[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1]], "float32")
    hidden = CTCSymbol(VOCABULARY, 8).hide_padding(ops.convert_to_tensor(logits), ops.convert_to_tensor(padding))
    found = loss(hidden, targets).sum(axis=1)
    np.testing.assert_allclose(found, [counted(logits[0, :4], (1, 2)), counted(logits[1, :5], (3,))], rtol=1e-4)


@pytest.mark.parametrize("text", [[1, 2, 3], [1, 1, 0]])
def test_a_text_longer_than_the_audio_does_not_count(text):
    np.testing.assert_array_equal(loss(logits_of(1, 2), np.array([text], "int32")), 0)


def test_a_row_without_text_does_not_count():
    np.testing.assert_array_equal(loss(logits_of(1, 3), np.zeros((1, 2), "int32")), 0)
