"""MNIST and Fashion-MNIST (T2T's `mnist.py`): LeCun et al. 1998, and Xiao et al. 2017, https://arxiv.org/abs/1708.07747.

`tmp_dir` holds the four original files, `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-...`, plain or
`.gz`; Fashion-MNIST's, which have the same names, in the folder `fashion-mnist` or with T2T's prefix `fashion-`. Else
the tfds data set is used. The test images are the validation split.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tensor2keras import files, registry
from tensor2keras.data import image_files, sources
from tensor2keras.data.image_problem import Image2ClassProblem, image_generator
from tensor2keras.data.preprocessing import Features

variant = registry.problem_variants_of(__name__)

SIZE = 28
CLASSES = 10


def read_idx(path: str, dimensions: int) -> np.ndarray:
    """Returns the uint8 array in an IDX file, plain or `.gz`.

    Raises:
        ValueError: not an IDX file of that many dimensions, or one that is cut off or too long; naming the file.
    """
    content = files.read_bytes(path)
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        raise ValueError(f"{path}: not an IDX file of {dimensions}-dimensional uint8 data")
    shape = np.frombuffer(content[4:header], ">i4")
    if len(content) - header != np.prod(shape, dtype=np.int64):
        expected = " x ".join(map(str, shape))
        raise ValueError(f"{path}: {len(content) - header} bytes of data, its header says {expected}; is it whole?")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_images(images_path: str, labels_path: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images [n, 28, 28, 1] uint8 and labels [n] uint8.

    Raises:
        ValueError: images of another size, another number of labels, or a label out of range; naming the file.
    """
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape[1:] != (SIZE, SIZE):
        raise ValueError(f"{images_path}: images of {images.shape[1]} x {images.shape[2]}, expected {SIZE} x {SIZE}")
    if len(labels) != len(images):
        raise ValueError(f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path}")
    wrong = np.flatnonzero(labels >= CLASSES)
    if wrong.size:
        raise ValueError(f"{labels_path}, record {wrong[0]}: label {labels[wrong[0]]} is not in 0..{CLASSES - 1}")
    return images[..., None], labels


def tuning_part(rows: list, is_training: bool, parts: int) -> list:
    """Returns the last of `parts` equal parts of the rows, which is held out for tuning; for training the others."""
    middle = len(rows) - len(rows) // parts
    return rows[:middle] if is_training else rows[middle:]


class _Mnist(Image2ClassProblem):
    """Base class: reading of the original files or of tfds, and the labels."""

    builder: str  # in tfds
    prefixes: tuple[str, ...]  # of the files in tmp_dir
    tuning = False
    image_size = SIZE
    num_channels = 1
    num_classes = CLASSES
    is_small = True
    class_labels = tuple(map(str, range(CLASSES)))

    def generator(self, data_dir: str, tmp_dir: str, is_training: bool) -> Iterator[dict[str, Any]]:
        rows = list(self.read(data_dir, tmp_dir, is_training or self.tuning))
        if self.tuning:
            rows = tuning_part(rows, is_training, 12)
        return image_generator(*zip(*rows, strict=True))

    def read(self, data_dir: str, tmp_dir: str, training: bool) -> Iterator[tuple[np.ndarray, int]]:
        """Yields each training or test image and its label."""
        stem = "train" if training else "t10k"
        names = [f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"]
        for prefix in self.prefixes:
            files = [prefix + name for name in names]
            if any(sources.find_file(tmp_dir, name) for name in files):
                yield from zip(*read_images(*(sources.require_file(tmp_dir, name) for name in files)), strict=True)
                return
        instead = sources.put_files(tmp_dir, [self.prefixes[0] + name for name in names])
        split = "train" if training else "test"
        for row in image_files.tfds_images(self.builder, split, ["image", "label"], data_dir, instead):
            yield row["image"], int(row["label"])


# fmt: off
ImageMnistTune = variant(
    "ImageMnistTune", _Mnist, "MNIST, the last of every 12 training images held out.",
    builder="mnist", prefixes=("",), tuning=True,
)
ImageMnist = variant("ImageMnist", ImageMnistTune, "MNIST: handwritten digits on 28 x 28 pixels.", tuning=False)
# fmt: on


@registry.register_problem
class ImageFashionMnist(_Mnist):
    """Fashion-MNIST: pieces of clothing on 28 x 28 pixels, which are not standardized."""

    builder = "fashion_mnist"
    prefixes = ("fashion-", os.path.join("fashion-mnist", ""))

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": images}
