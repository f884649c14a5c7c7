"""Which classes a classifier takes for which: the confusion matrix as numbers, as a table and as a picture."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

CELL = 24  # pixels


def confusion_matrix(network: keras.Model, batches: Iterable[tuple[Any, Any, Any]], num_classes: int) -> np.ndarray:
    """How many examples of each class (row) were taken for each class (column), [classes, classes] int.

    Args:
        network: a compiled model with logits [batch, classes], or with axes of size 1 between.
        batches: (features, labels [batch], weights [batch]); rows of weight 0 do not count.
        num_classes: how many classes there are.
    """
    counts = np.zeros((num_classes, num_classes), int)
    for features, labels, weights in batches:
        logits = np.asarray(network.predict_on_batch(features))
        predicted = logits.reshape(len(logits), -1, logits.shape[-1])[:, 0, :num_classes].argmax(-1)
        real = np.asarray(weights) > 0
        np.add.at(counts, (np.asarray(labels)[real], predicted[real]), 1)
    return counts


def table(counts: np.ndarray, labels: Sequence[str]) -> str:
    """The matrix as text, a class a line, with the share of each class that was found."""
    width = max(len(str(counts.max())), *map(len, labels), len("100.0%"))
    lines = [
        " " * width + "  taken for  " + "  ".join(f"{label:>{width}}" for label in labels) + f"  {'found':>{width}}"
    ]
    for label, row in zip(labels, counts, strict=True):
        cells = "  ".join(f"{count:>{width}}" for count in row)
        share = row[labels.index(label)] / max(row.sum(), 1)
        lines.append(f"{label:>{width}}{'':13}{cells}  {share:>{width}.1%}")
    return "\n".join(lines)


def picture(counts: np.ndarray) -> np.ndarray:
    """The matrix as an image [height, width, 3] uint8: a row a class, the darker the larger its share."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colors = 255 - shares[..., None] * np.array([247, 181, 100])  # white to dark blue
    return np.kron(colors, np.ones((CELL, CELL, 1))).round().astype("uint8")
