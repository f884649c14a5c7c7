"""Metrics of CTC models: edit distance and word error rate of greedy paths."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import metrics
from tensor2keras.metrics.ctc import ctc_greedy_path


def logits_of(*rows):
    """Logits whose best symbols are the rows."""
    return 5.0 * np.eye(120, dtype="float32")[np.array(rows)]


def letters(text, length):
    """Ids of characters, as ByteTextEncoder gives them, followed by 0."""
    return np.pad(np.array([ord(c) + 2 for c in text]), (0, length - len(text)))


def value(name, targets, logits, weights=None):
    metric = metrics.get(name)
    weights = (targets != 0).astype("float32") if weights is None else weights
    metric.update_state(targets, ops.convert_to_tensor(logits), sample_weight=weights)
    return float(metric.result())


def test_repetitions_and_blanks_are_not_emitted():
    ids, emitted = ctc_greedy_path(ops.convert_to_tensor(logits_of([0, 5, 5, 0, 5, 6, 0])))
    np.testing.assert_array_equal(ids, [[0, 5, 5, 0, 5, 6, 0]])
    np.testing.assert_array_equal(emitted, [[0, 1, 0, 0, 1, 1, 0]])


@pytest.mark.parametrize(
    ("path", "expected"),
    [([5, 5, 0, 6, 0, 0], 0.0), ([5, 0, 5, 6, 0, 0], 0.5), ([0, 0, 0, 0, 0, 0], 1.0), ([5, 7, 0, 0, 0, 0], 0.5)],
)
def test_edit_distance(path, expected):
    assert value("ctc_edit_distance", np.array([[5, 6, 0]]), logits_of(path)) == pytest.approx(expected)


def test_words():
    targets = np.stack([letters("ab c", 6)])
    path = [letters(char, 1)[0] for char in "aab  d"]
    assert value("ctc_word_error_rate", targets, logits_of(path)) == pytest.approx(0.5)


def test_rows_that_fill_a_batch_do_not_count():
    targets = np.array([[5, 6], [0, 0]])
    assert value("ctc_edit_distance", targets, logits_of([5, 6, 0], [9, 8, 7])) == 0


def test_targets_may_be_longer_than_the_positions():
    assert value("ctc_edit_distance", np.array([[5, 6, 7, 8]]), logits_of([5, 6])) == pytest.approx(0.5)
