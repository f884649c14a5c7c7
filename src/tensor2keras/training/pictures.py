"""Images drawn by a model: grids, PNG files, and samples in TensorBoard during training."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tensor2keras import files
from tensor2keras.backend import sync_variables
from tensor2keras.training import callbacks
from tensor2keras.training.metrics_log import Events
from tensor2keras.types import Features

BORDER = 1  # pixels around an image of a grid
COMPLETIONS = 3  # of each image


def draws_pictures(model: Any) -> bool:
    """Returns whether `model.infer` generates images."""
    return hasattr(model, "image_shape")


def draw(model: keras.Model, count: int, seed: int | None = 0, inputs: np.ndarray | None = None) -> np.ndarray | None:
    """Draws images at random, at the temperature of the model's `sampling_temp`.

    Args:
        model: a model of images.
        count: number of images.
        seed: equal seeds draw equal images; None draws differently each time.
        inputs: images to condition on, for a model that needs them; class labels are taken in turn.

    Returns:
        Images [count, height, width, channels] uint8; None if the model needs `inputs` and has none.
    """
    features = {}
    if model.has_inputs:
        if model.problem["features"]["inputs"]["modality"] == "class_label":
            inputs = np.arange(count, dtype="int32") % model.vocab_size("inputs")
        if inputs is None:
            return None
        features["inputs"] = inputs
    return _infer(model, features, seed, num_samples=count)


def write_samples(
    model: keras.Model, problem: Any, split: str, path: str | Path, count: int = 16, seed: int | None = None
) -> dict[Path, int]:
    """Draws images and completions of a split's images, and writes each as a grid.

    Args:
        model: a model of images.
        problem: its Problem, whose data have been generated.
        split: the images to complete, and to condition on if the model needs images.
        path: file of the drawn images; its ending becomes `.png`. Completions are written to `NAME-completions.png`
            beside it: a row is an image of the split, its upper half and `COMPLETIONS` completions of that half.
        count: number of images.
        seed: equal seeds draw equal images; None draws differently each time.

    Returns:
        The files written, with the number of images in each; no completions if the split's images differ in size from
        those that the model draws.
    """
    path = Path(path).with_suffix(".png")
    features, _, _ = next(problem.dataset(split, model.hparams, shuffle=False, repeat=False).as_numpy_iterator())
    originals = np.asarray(features["targets"])[:count]
    inputs = features["inputs"][:count] if model.has_inputs else None
    drawn = draw(model, count, seed, inputs)
    write_png(path, grid(drawn))
    if originals.shape[1:] != model.image_shape:
        return {path: len(drawn)}
    beside = path.with_name(f"{path.stem}-completions.png")
    write_png(beside, grid(complete(model, originals, inputs, seed), columns=2 + COMPLETIONS))
    return {path: len(drawn), beside: len(originals)}


def complete(
    model: keras.Model, originals: np.ndarray, inputs: np.ndarray | None = None, seed: int | None = None
) -> np.ndarray:
    """Draws completions of the upper halves of images.

    Args:
        model: a model of images.
        originals: images [batch, height, width, channels].
        inputs: the model's inputs for each image, if it takes any.
        seed: equal seeds draw equal images.

    Returns:
        [batch * (2 + COMPLETIONS), height, width, channels] uint8: each image, its upper half, its completions.
    """
    rows = model.image_shape[0] // 2
    upper = originals[:, :rows]
    features = {"partial_targets": np.repeat(upper, COMPLETIONS, axis=0)}
    if inputs is not None:
        features["inputs"] = np.repeat(inputs, COMPLETIONS, axis=0)
    completed = _infer(model, features, seed).reshape(len(originals), COMPLETIONS, *model.image_shape)
    halves = np.pad(upper, ((0, 0), (0, model.image_shape[0] - rows), (0, 0), (0, 0)))
    cells = np.concatenate([originals[:, None], halves[:, None], completed], axis=1)
    return cells.reshape(-1, *model.image_shape).astype("uint8")


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Returns images [count, height, width, channels] side by side in rows, as one [height, width, channels] uint8.

    `columns` is about the square root of the count by default. Empty cells of the last row are black, as is the border.
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
    """Writes an image [height, width, 1 or 3] uint8 atomically."""
    import tensorflow as tf

    files.write_bytes(path, tf.io.encode_png(image).numpy())


class Pictures(callbacks.StepCallback):
    """Writes samples to TensorBoard, always drawn with the same seed.

    Args:
        start_step: updates made before this call of `fit`.
        every: steps between two pictures.
        events: TensorBoard events of evaluation.
        count: images a picture.
    """

    def __init__(self, start_step: int, every: int, events: Events, count: int = 9):
        super().__init__(start_step)
        self._every, self._events, self._count = every, events, count

    def on_step(self, logs: dict[str, float]) -> None:
        """Draws samples if they are due."""
        if self.step % self._every == 0:
            sync_variables(self.model)
            drawn = draw(self.model, self._count)
            if drawn is not None:
                self._events.write_image(self.step, "samples", grid(drawn))


def _infer(model: keras.Model, features: Features, seed: int | None, **kwargs: Any) -> np.ndarray:
    drawn = model.infer(features, sampling_method="random", seed=seed, **kwargs)["outputs"]
    return np.asarray(drawn).astype("uint8")
