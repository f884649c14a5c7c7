"""The confusion matrix of a classifier."""

import numpy as np

from tensor2keras.training import confusion


class Parity:
    """Takes every example for the class of its number's parity."""

    def predict_on_batch(self, features):
        return np.eye(2)[features["inputs"][:, 0] % 2][:, None, None]


def test_counts_by_class_and_choice():
    inputs = np.array([[2], [3], [4], [5], [0]])
    batch = {"inputs": inputs}, np.array([0, 1, 1, 1, 0]), np.array([0.25, 0.25, 0.25, 0.25, 0.0])
    counts = confusion.confusion_matrix(Parity(), [batch, batch], 2)
    assert counts.tolist() == [[2, 0], [2, 4]]  # the row of weight 0 does not count


def test_table():
    lines = confusion.table(np.array([[2, 0], [2, 4]]), ["neg", "pos"]).splitlines()
    assert lines[0].split() == ["taken", "for", "neg", "pos", "found"]
    assert [line.split() for line in lines[1:]] == [["neg", "2", "0", "100.0%"], ["pos", "2", "4", "66.7%"]]
    assert len({len(line) for line in lines}) == 1


def test_picture_is_darkest_where_all_of_a_class_went():
    image = confusion.picture(np.array([[2, 0], [2, 4]]))
    assert image.shape == (2 * confusion.CELL, 2 * confusion.CELL, 3)
    assert image.dtype == np.uint8
    first, others = image[0, 0], (image[0, -1], image[-1, 0], image[-1, -1])
    assert image[0, -1].tolist() == [255, 255, 255]
    assert all(first.sum() < other.sum() for other in others)
