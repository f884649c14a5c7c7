"""The confusion matrix of a classifier: as counts, as a table and as a picture."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from tensor2keras.training.evaluation import take
from tensor2keras.types import Features

CELL = 24  # pixels


def matrix_of_split(network: keras.Model, problem: Any, split: str, steps: int = 0) -> np.ndarray:
    """Returns the confusion matrix [classes, classes] on the first `steps` batches (0: all) of a split.

    Args:
        network: a compiled classifier.
        problem: its Problem, whose data have been generated.
        split: "validation", "test" or "train".
        steps: batches to take; 0 or less takes all.

    Raises:
        ValueError: the problem's targets are not classes.
    """
    if problem.get_hparams()["features"]["targets"]["modality"] != "class_label":
        raise ValueError(f"--confusion_matrix needs classes as targets; those of {problem.name} are not")
    data = problem.dataset(split, network.hparams, shuffle=False, repeat=False)
    num_classes = problem.get_feature_encoders()["targets"].vocab_size
    return confusion_matrix(network, take(data, steps).as_numpy_iterator(), num_classes)


def confusion_matrix(
    network: keras.Model, batches: Iterable[tuple[Features, np.ndarray, np.ndarray]], num_classes: int
) -> np.ndarray:
    """Returns how many examples of each class (row) were predicted as each class (column), [classes, classes] int.

    Args:
        network: a compiled model with logits [batch, classes], or with axes of size 1 between.
        batches: (features, labels [batch], weights [batch]); rows of weight 0 do not count.
        num_classes: number of classes.
    """
    counts = np.zeros((num_classes, num_classes), int)
    for features, labels, weights in batches:
        logits = np.asarray(network.predict_on_batch(features))
        predicted = logits.reshape(len(logits), -1, logits.shape[-1])[:, 0, :num_classes].argmax(-1)
        real = np.asarray(weights) > 0
        np.add.at(counts, (np.asarray(labels)[real], predicted[real]), 1)
    return counts


def table(counts: np.ndarray, labels: Sequence[str]) -> str:
    """Returns the matrix as text, one line a class, with the share of each class that was found (its recall)."""
    width = max(len(str(counts.max())), *map(len, labels), len("100.0%"))
    lines = [
        " " * width + "  taken for  " + "  ".join(f"{label:>{width}}" for label in labels) + f"  {'found':>{width}}"
    ]
    for label, row, found in zip(labels, counts, counts.diagonal(), strict=True):
        cells = "  ".join(f"{count:>{width}}" for count in row)
        lines.append(f"{label:>{width}}{'':13}{cells}  {found / max(row.sum(), 1):>{width}.1%}")
    return "\n".join(lines)


def picture(counts: np.ndarray) -> np.ndarray:
    """Returns the matrix as an image [height, width, 3] uint8: one row a class, darker for a larger share of it."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colors = 255 - shares[..., None] * np.array([247, 181, 100])  # white to dark blue
    return np.kron(colors, np.ones((CELL, CELL, 1))).round().astype("uint8")
