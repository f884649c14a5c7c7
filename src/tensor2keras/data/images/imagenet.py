"""ImageNet and its small versions (T2T's `imagenet.py`): Russakovsky et al. 2015, https://arxiv.org/abs/1409.0575.

`tmp_dir` holds a folder of JPEG files per class, `train/n01440764/*.JPEG` and `validation/...` (or `val/...`), classes
numbered in the order of their names; else the tfds data set `imagenet2012` is used, which takes the original archives
(see `tfds build imagenet2012`). The `_gen` problems read the pictures of van den Oord et al. 2016 in the folders
`train_32x32` and `valid_32x32` (64x64 likewise), or tfds's `downsampled_imagenet`.
"""

import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tensor2keras import files, registry
from tensor2keras.data import image_files
from tensor2keras.data.image_problem import FlatImages, Image2ClassProblem, ImageToImage, resize_by_area
from tensor2keras.data.preprocessing import Features
from tensor2keras.data.splits import DatasetSplit

variant = registry.problem_variants_of(__name__)

CLASSES = 1000
MEAN_RGB = (0.485, 0.456, 0.406)
STDDEV_RGB = (0.229, 0.224, 0.225)
FOLDERS = {DatasetSplit.TRAIN: ("train",), DatasetSplit.EVAL: ("validation", "val")}


# ---- one image of any size ----


def random_crop(image: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns a random crop scaled to `size` x `size` float32 (Szegedy et al. 2014, https://arxiv.org/abs/1409.4842).

    It has 8 to 100 % of the area and an aspect ratio between 3:4 and 4:3.
    """
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros([1, 0, 4]),
        seed,
        min_object_covered=0.1,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=1,
        use_image_if_no_bounding_boxes=True,
    )
    whole = tf.reduce_all(extent[:2] == tf.shape(image)[:2])  # no crop was found
    part = tf.slice(image, begin, extent)
    return tf.cond(whole, lambda: central_crop(image, size, size), lambda: _resize(part, [size, size]))


def central_crop(image: tf.Tensor, scaled: int, size: int) -> tf.Tensor:
    """Returns the middle `size` x `size` pixels, float32, after scaling the smaller side to `scaled`."""
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    # The larger side is rounded down as in T2T.
    image = _resize(image, tf.cast(sides / tf.reduce_min(sides) * float(scaled), tf.int32))
    top, left = ((tf.shape(image)[i] - size + 1) // 2 for i in (0, 1))
    return image[top : top + size, left : left + size]


def _resize(image: tf.Tensor, size: Any) -> tf.Tensor:
    """Scales bicubically as T2T does, by TensorFlow 1's function."""
    return tf.compat.v1.image.resize_bicubic(image[None], size)[0]


def normalize(image: tf.Tensor) -> tf.Tensor:
    """Returns intensities 0 to 255 less ImageNet's mean, divided by its deviation."""
    return (image / 255.0 - MEAN_RGB) / STDDEV_RGB


def preprocess(image: tf.Tensor, size: int, split: str, seed: tf.Tensor, normalized: bool = True) -> tf.Tensor:
    """Returns float32 [size, size, 3]: in training a random crop, mirrored with probability 1/2, else the middle."""
    if split == DatasetSplit.TRAIN:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        image = random_crop(image, size, seeds[0])
        image = tf.image.stateless_random_flip_left_right(image, seeds[1])
    else:
        image = central_crop(image, size + 32, size)
    image = tf.ensure_shape(image, [size, size, 3])
    return normalize(image) if normalized else image


# ---- problems ----


def read_folders(tmp_dir: str, split: str) -> Iterator[tuple[str, int]] | None:
    """Returns file and class number of each picture of a split; None if its folder is missing.

    Raises:
        ValueError: a class of the validation split that the training split does not have.
    """
    root = next((path for name in FOLDERS[split] if os.path.isdir(path := os.path.join(tmp_dir, name))), None)
    train = os.path.join(tmp_dir, *FOLDERS[DatasetSplit.TRAIN])
    if root is None or not os.path.isdir(train):
        return None
    numbers = {name: number for number, name in enumerate(image_files.class_folders(train))}
    classes = image_files.class_folders(root)
    if unknown := sorted(set(classes) - set(numbers)):
        raise ValueError(f"{os.path.join(root, unknown[0])}: no class of that name in {train}")
    return ((path, numbers[name]) for name, paths in classes.items() for path in paths)


@registry.register_problem
class ImageImagenet(Image2ClassProblem):
    """ImageNet: pictures in 1,000 classes, at 299 x 299 pixels."""

    is_small = False
    num_classes = CLASSES
    train_shards = 1024
    dev_shards = 10
    size = 299
    normalized = True

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.size, self.size, 3)

    def dataset_filename(self) -> str:
        return "image_imagenet"  # all sizes share the data

    def generator(self, data_dir: str, tmp_dir: str, is_training: bool) -> Iterator[dict[str, Any]]:
        split = DatasetSplit.TRAIN if is_training else DatasetSplit.EVAL
        pictures = read_folders(tmp_dir, split)
        if pictures is None:
            instead = f"put train/CLASS/*.JPEG and validation/CLASS/*.JPEG into {tmp_dir}, or see tfds's imagenet2012"
            rows = image_files.tfds_images("imagenet2012", split, ["image", "label"], data_dir, instead, encoded=True)
            return ({"inputs": row["image"], "targets": int(row["label"])} for row in rows)
        return self._of_files(pictures)

    def _of_files(self, pictures: Iterator[tuple[str, int]]) -> Iterator[dict[str, Any]]:
        for path, label in pictures:
            content = files.read_bytes(path)
            image_files.decode_image(content, path)
            yield {"inputs": content, "targets": label}

    def preprocess_image(self, image: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": preprocess(image, self.size, split, seed, self.normalized)}


ImageImagenet224 = variant("ImageImagenet224", ImageImagenet, "ImageNet at 224 x 224 pixels.", size=224)

ImageImagenet224NoNormalization = variant(
    "ImageImagenet224NoNormalization", ImageImagenet224, "ImageNet at 224 x 224, not normalized.", normalized=False
)
ImageImagenet256 = variant("ImageImagenet256", ImageImagenet, "ImageNet at 256 x 256 pixels.", size=256)


@registry.register_problem
class ImageImagenet32(ImageImagenet):
    """ImageNet reduced to 32 x 32 pixels.

    Unless reversed, images are normalized. T2T also truncates them to integers (-2 to 2), which is not done here.
    """

    size = 32
    is_small = True

    def preprocess_image(self, image: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        if self.was_reversed:
            return {"inputs": resize_by_area(image, self.size)}
        return {"inputs": tf.image.resize(preprocess(image, 299, split, seed), [self.size, self.size])}


ImageImagenet64 = variant("ImageImagenet64", ImageImagenet32, "ImageNet reduced to 64 x 64 pixels.", size=64)


@registry.register_problem
class Img2imgImagenet(ImageToImage, ImageImagenet):
    """ImageNet from 8 x 8 to 32 x 32."""

    def preprocess_image(self, image: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": resize_by_area(image, 8), "targets": resize_by_area(image, 32)}


# ---- small pictures ----


class _SmallPictures(Image2ClassProblem):
    """The pictures of the PixelRNN paper, all of one class, for image generation (with `_rev`)."""

    is_small = False
    num_classes = CLASSES
    train_shards = 1024
    dev_shards = 10

    def dataset_filename(self) -> str:
        return f"image_imagenet{self.image_size}_gen"

    def generator(self, data_dir: str, tmp_dir: str, is_training: bool) -> Iterator[dict[str, Any]]:
        size = f"{self.image_size}x{self.image_size}"
        folder = os.path.join(tmp_dir, f"{'train' if is_training else 'valid'}_{size}")
        if os.path.isdir(folder):
            for path in image_files.folder_images(folder, f"put those of the archive {folder}.tar there"):
                image = image_files.read_image(path)
                if image.shape != (self.image_size, self.image_size, 3):
                    raise ValueError(f"{path}: a picture of {image.shape[0]} x {image.shape[1]}, expected {size}")
                yield {"inputs": image, "targets": 0}
            return
        instead = f"put the folders train_{size} and valid_{size} into {tmp_dir}"
        split = DatasetSplit.TRAIN if is_training else DatasetSplit.EVAL
        for row in image_files.tfds_images(f"downsampled_imagenet/{size}", split, ["image"], data_dir, instead):
            yield {"inputs": row["image"], "targets": 0}

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": images}


ImageImagenet32Gen = variant(
    "ImageImagenet32Gen", _SmallPictures, "ImageNet at 32 x 32 for generation: image_imagenet32_gen_rev.", image_size=32
)
ImageImagenet64Gen = variant(
    "ImageImagenet64Gen", _SmallPictures, "ImageNet at 64 x 64 for generation: image_imagenet64_gen_rev.", image_size=64
)


@registry.register_problem
class ImageImagenet64GenFlat(FlatImages, ImageImagenet64Gen):
    """ImageNet at 64 x 64 as sequences of 12,288 numbers, for language models: image_imagenet64_gen_flat_rev."""
