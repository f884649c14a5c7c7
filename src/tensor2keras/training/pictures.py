"""Pictures a model of images draws: grids, PNG files, and samples in TensorBoard while it trains."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from tensor2keras import files
from tensor2keras.backend import sync_variables
from tensor2keras.training import callbacks
from tensor2keras.training.metrics_log import Events

BORDER = 1  # pixels around an image of a grid


def draws_pictures(model: Any) -> bool:
    """Whether `model.infer` draws images."""
    return hasattr(model, "image_shape")


def draw(model: Any, count: int, seed: int | None = 0) -> np.ndarray | None:
    """`count` images [count, height, width, channels] uint8, the classes in turn; None if the model needs inputs to go
    by that are not classes. They are drawn at random, at the temperature of the model's `sampling_temp`."""
    features = {}
    if model.has_inputs:
        if model.problem["features"]["inputs"]["modality"] != "class_label":
            return None
        features["inputs"] = np.arange(count, dtype="int32") % model.vocab_size("inputs")
    return np.asarray(model.infer(features, num_samples=count, sampling_method="random", seed=seed)["outputs"]).astype(
        "uint8"
    )


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Images [count, height, width, channels] side by side, row after row, as one [height, width, channels] uint8.

    `columns` is about the square root of the count by default. What is missing in the last row is black, as is the
    border.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    space = ((0, rows * columns - count), (BORDER, 0), (BORDER, 0), (0, 0))
    cells = np.pad(np.asarray(images, "uint8"), space)
    cells = cells.reshape(rows, columns, height + BORDER, width + BORDER, channels)
    picture = cells.transpose(0, 2, 1, 3, 4).reshape(rows * (height + BORDER), columns * (width + BORDER), channels)
    return np.pad(picture, ((0, BORDER), (0, BORDER), (0, 0)))


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Writes an image [height, width, 1 or 3] uint8, whole or not at all."""
    import tensorflow as tf

    files.write_bytes(path, tf.io.encode_png(image).numpy())


class Pictures(callbacks.StepCallback):
    """Shows samples in TensorBoard, always drawn with the same seed.

    Args:
        start_step: where this run of training begins.
        every: steps between two pictures.
        events: where they go.
        count: images a picture.
    """

    def __init__(self, start_step: int, every: int, events: Events, count: int = 9):
        super().__init__(start_step)
        self._every, self._events, self._count = every, events, count

    def on_step(self, logs: dict[str, float]) -> None:
        """Draws when it is time to."""
        if self.step % self._every == 0:
            sync_variables(self.model)
            images = draw(self.model, self._count)
            if images is not None:
                self._events.write_image(self.step, "samples", grid(images))
