"""CelebA, faces (T2T's `celeba.py`): Liu et al. 2015, https://arxiv.org/abs/1411.7766.

`tmp_dir` holds `img_align_celeba.zip` or the folder of JPEG files that is in it; else the tfds data set `celeb_a` is
used. The first 162,770 pictures by name are for training, the next 19,867 for validation, 19,962 for testing (fewer
pictures are divided in the same proportion).
"""

import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras import files, registry
from tensor2keras.data import archives, image_files
from tensor2keras.data.image_problem import ImageProblem, ImageToImage, resize_by_area, standardize
from tensor2keras.data.preprocessing import Features
from tensor2keras.data.splits import DatasetSplit

variant = registry.problem_variants_of(__name__)

ARCHIVE = archives.Archive("img_align_celeba.zip")
FOLDER = "img_align_celeba"
PICTURES = 202_599
PARTS = {
    DatasetSplit.TRAIN: (0, 162_770),
    DatasetSplit.EVAL: (162_770, 182_637),
    DatasetSplit.TEST: (182_637, PICTURES),
}
HEIGHT, WIDTH = 218, 178
TOP, LEFT = 40, 20  # margins that are cut off on both sides


def faces(images: tf.Tensor) -> tf.Tensor:
    """Returns the middle 138 x 138 pixels of [..., 218, 178, channels]."""
    return tf.image.crop_to_bounding_box(images, TOP, LEFT, HEIGHT - 2 * TOP, WIDTH - 2 * LEFT)


def original_files(tmp_dir: str, split: str) -> list[str] | None:
    """Returns the picture files of a split, extracted from the archive if need be; None if neither is there."""
    folder = os.path.join(tmp_dir, FOLDER)
    if not os.path.isdir(folder):
        if not os.path.isfile(ARCHIVE.path(tmp_dir)):
            return None
        archives.extract(ARCHIVE.path(tmp_dir), tmp_dir, [f"{FOLDER}/*.jpg"])
    paths = image_files.folder_images(folder, f"put {ARCHIVE.name} into {tmp_dir}")
    start, stop = (len(paths) * position // PICTURES for position in PARTS[split])
    return paths[start:stop]


@registry.register_problem
class ImageCeleba(ImageToImage, ImageProblem):
    """CelebA: aligned faces of 218 x 178 pixels, standardized as inputs, unchanged as targets."""

    sizes = (None, None)
    train_shards, dev_shards, test_shards = 100, 10, 10

    def dataset_filename(self) -> str:
        return "image_celeba"

    @property
    def stored_image(self) -> tfds.features.FeatureConnector:
        return tfds.features.Image(shape=(HEIGHT, WIDTH, 3))

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        paths = original_files(tmp_dir, dataset_split)
        if paths is None:
            instead = f"put {ARCHIVE.name} into {tmp_dir}"
            rows = image_files.tfds_images("celeb_a", dataset_split, ["image"], data_dir, instead, encoded=True)
            yield from (self.stored_sample({"inputs": row["image"]}, "celeb_a") for row in rows)
            return
        for path in paths:
            content = files.read_bytes(path)
            shape = image_files.decode_image(content, path).shape
            if shape != (HEIGHT, WIDTH, 3):
                raise ValueError(f"{path}: a picture of {shape[0]} x {shape[1]}, expected {HEIGHT} x {WIDTH}")
            yield self.stored_sample({"inputs": content}, path)

    def preprocess_image(self, image: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        image = tf.ensure_shape(image, [HEIGHT, WIDTH, 3])
        return {"inputs": image if self.was_reversed else standardize(image), "targets": image}


class _Resized(ImageCeleba):
    """CelebA with the middle of the pictures reduced to `sizes`."""

    def preprocess_image(self, image: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        face = faces(tf.ensure_shape(image, [HEIGHT, WIDTH, 3]))
        inputs, targets = (resize_by_area(face, size) for size in self.sizes)
        return {"inputs": inputs, "targets": targets}


Img2imgCeleba = variant("Img2imgCeleba", _Resized, "CelebA from 8 x 8 to 32 x 32.", sizes=(8, 32))
Img2imgCeleba64 = variant("Img2imgCeleba64", _Resized, "CelebA from 8 x 8 to 64 x 64.", sizes=(8, 64))
ImageCeleba32 = variant("ImageCeleba32", _Resized, "CelebA at 32 x 32: the inputs are the targets.", sizes=(32, 32))
ImageCeleba64 = variant("ImageCeleba64", _Resized, "CelebA at 64 x 64: the inputs are the targets.", sizes=(64, 64))
