"""Classification of the user's own pictures, with no code: one folder for each class in `tmp_dir`.

    image2class_tmpdir      SPLIT/CLASS/*.png (SPLIT is train, then eval, dev, val or validation, then test), or
                            CLASS/*.png without splits; PNG, JPEG, GIF or BMP
    image2class_tmpdir64    the same at 64 x 64 pixels instead of 32 x 32
    image2class_tmpdir224   the same at 224 x 224

Pictures of another size are scaled and cropped. Without a folder for validation, every 20th picture of each class is
held out for it. The classes are the folders' names, in their order; every one must occur in training.
"""

import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from absl import logging

from tensor2keras import registry
from tensor2keras.data import image_files, sources
from tensor2keras.data.image_problem import Image2ClassProblem, random_crop_and_flip
from tensor2keras.data.preprocessing import Features
from tensor2keras.data.splits import HOLD_OUT, SPLIT_NAMES, DatasetSplit
from tensor2keras.data.user_files.base import LabelsFileProblem


def given_splits(directory: str) -> dict[str, dict[str, list[str]]]:
    """Returns split -> class -> files, for the splits that have a folder with classes."""
    found = {}
    for split, names in SPLIT_NAMES.items():
        folders = (os.path.join(directory, name) for name in names)
        classes = (image_files.class_folders(path) for path in folders if os.path.isdir(path))
        if first := next(filter(None, classes), None):
            found[split] = first
    return found


def find_pictures(directory: str) -> dict[str, dict[str, list[str]]]:
    """Returns split -> class -> files, "validation" among the splits.

    Raises:
        MissingDataError: no pictures for training.
        ValueError: a class of another split that the training split does not have.
    """
    found = given_splits(directory)
    if not found and os.path.isdir(directory) and (classes := image_files.class_folders(directory)):
        found[DatasetSplit.TRAIN] = classes
    if DatasetSplit.TRAIN not in found:
        raise sources.MissingDataError(
            f"no pictures for training in {directory}; put them there as train/CLASS/*.png (or .jpg)"
        )
    train = found[DatasetSplit.TRAIN]
    for split, classes in found.items():
        if unknown := sorted(set(classes) - set(train)):
            folder = os.path.dirname(classes[unknown[0]][0])
            raise ValueError(f"{folder}: {split} has a class that is not in training: {', '.join(train)} are")
    if DatasetSplit.EVAL not in found:
        found[DatasetSplit.EVAL] = {name: paths[1::HOLD_OUT] for name, paths in train.items()}
        found[DatasetSplit.TRAIN] = {
            name: [path for i, path in enumerate(paths) if i % HOLD_OUT != 1] for name, paths in train.items()
        }
    return found


@registry.register_problem("image2class_tmpdir")
class Image2classTmpdir(LabelsFileProblem, Image2ClassProblem):
    """Your own pictures and their classes, from train/CLASS/*.png in tmp_dir, at 32 x 32 pixels."""

    image_size = 32
    is_small = True
    train_shards, test_shards = 100, 1

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        present = find_pictures(self.tmp_dir)
        return [split for split in super().dataset_splits if split["split"] in present]

    def source_files(self) -> list[str]:
        return [
            path for classes in find_pictures(self.tmp_dir).values() for paths in classes.values() for path in paths
        ]

    @property
    def class_labels(self) -> list[str]:
        return self.read_labels(str(self.data_dir_root))

    @property
    def num_classes(self) -> int:
        return len(self.class_labels)

    def find_labels(self, tmp_dir: str) -> list[str]:
        return list(find_pictures(tmp_dir)[DatasetSplit.TRAIN])

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        super().prepare_to_generate(data_dir, tmp_dir)
        if DatasetSplit.EVAL not in given_splits(tmp_dir):
            logging.warning("No pictures for validation: every %dth of each class is held out.", HOLD_OUT)

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        numbers = {label: number for number, label in enumerate(self.class_labels)}
        for name, paths in find_pictures(tmp_dir)[dataset_split].items():
            if name not in numbers:
                raise ValueError(
                    f"{os.path.dirname(paths[0])}: unknown class {name!r}; {self.labels_filename} in {data_dir} has: "
                    f"{', '.join(numbers)}"
                )
            for path in paths:
                image = image_files.fit(image_files.read_image(path, self.num_channels), self.image_size)
                yield self.stored_sample({"inputs": image, "targets": numbers[name]}, path)

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        if split == DatasetSplit.TRAIN:
            images = random_crop_and_flip(images, seed, margin=self.image_size // 8)
        return super().preprocess_images(images, split, seed)


variant = registry.problem_variants_of(__name__)
# fmt: off
Image2classTmpdir64 = variant(
    "Image2classTmpdir64", Image2classTmpdir, "Your own pictures and their classes, at 64 x 64 pixels.",
    image_size=64, is_small=False,
)
Image2classTmpdir224 = variant(
    "Image2classTmpdir224", Image2classTmpdir, "Your own pictures and their classes, at 224 x 224 pixels.",
    image_size=224, is_small=False,
)
# fmt: on
