"""The score "accuracy"."""

import pytest

from tensor2keras.metrics import label_accuracy, text_scores


def test_accuracy_of_labels():
    found = text_scores.score("accuracy", ["pos", "neg", "pos"], ["pos", "pos ", "neg"])
    assert found.report == "accuracy = 0.3333 (1 of 3 labels)"


def test_nothing_decoded_is_no_accuracy():
    assert label_accuracy.score([], []).figures == {"label_accuracy": 0.0}
    with pytest.raises(ValueError, match="shorter"):
        label_accuracy.score(["pos"], [])
