"""Pictures from files, folders and tfds data sets, as uint8 arrays [height, width, channels]."""

import io
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras import files
from tensor2keras.data import sources

EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp")

EXIF_MARKS = (b"Exif\0\0", b"eXIf")  # in a JPEG file, in a PNG file


def is_image_file(name: str) -> bool:
    """Returns whether a file of this name is a picture; hidden files are not."""
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def decode_image(content: bytes, place: str, channels: int = 3) -> np.ndarray:
    """Returns the pixels of an encoded picture (PNG, JPEG, GIF), grey ones with `channels` equal channels.

    TensorFlow decodes them, as it decodes the stored pictures of the image data sets in training.

    Raises:
        ValueError: not a picture, or a broken one; it names `place`.
    """
    try:
        return tf.io.decode_image(content, channels=channels, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        reason = re.sub(r"\{\{.*?\}\}\s*| \[Op:.*", "", error.message).partition("\n")[0]
        raise ValueError(f"{place}: not a picture that can be read: {reason}") from None


def read_image(path: str, channels: int = 3) -> np.ndarray:
    """Returns the pixels of a picture file (PNG, JPEG, GIF, BMP), upright: [height, width, channels] uint8.

    Pillow decodes BMP files and files with EXIF data, because TensorFlow's decoder ignores the palette of the former
    and the orientation of the latter.

    Raises:
        ValueError: not a picture, a broken one, or one that needs Pillow, which is not installed.
    """
    content = files.read_bytes(path)
    if content.startswith(b"BM") or any(mark in content for mark in EXIF_MARKS):
        return _decode_with_pillow(content, path, channels)
    return decode_image(content, path, channels)


def _decode_with_pillow(content: bytes, place: str, channels: int) -> np.ndarray:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError(
            f"{place}: BMP files and pictures with EXIF data are read by Pillow: pip install 'tensor2keras[images]'"
        ) from None
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("L" if channels == 1 else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow has no common base
        raise ValueError(f"{place}: not a picture that can be read: {error}") from None
    return pixels[:, :, None] if channels == 1 else pixels


def fit(image: np.ndarray, size: int) -> np.ndarray:
    """Scales the smaller side to `size` by area and crops the larger to its middle: [size, size, channels]."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    scale = size / min(height, width)
    scaled = (max(size, round(height * scale)), max(size, round(width * scale)))
    image = np.rint(tf.image.resize(image, scaled, tf.image.ResizeMethod.AREA).numpy()).astype(np.uint8)
    top, left = ((side - size) // 2 for side in scaled)
    return image[top : top + size, left : left + size]


def folder_images(directory: str, pattern_help: str) -> list[str]:
    """Returns the picture files directly in a folder, by name.

    Raises:
        MissingDataError: no such folder, or no picture in it; the message ends with `pattern_help`.
    """
    names = sorted(filter(is_image_file, os.listdir(directory))) if os.path.isdir(directory) else []
    if not names:
        raise sources.MissingDataError(f"{directory} has no pictures; {pattern_help}")
    return [os.path.join(directory, name) for name in names]


def class_folders(directory: str) -> dict[str, list[str]]:
    """Returns class -> picture files, sorted by name: every folder of `directory` with pictures is a class."""
    classes = {}
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        if entry.is_dir() and not entry.name.startswith("."):
            files = sorted(filter(is_image_file, os.listdir(entry.path)))
            if files:
                classes[entry.name] = [os.path.join(entry.path, name) for name in files]
    return classes


def tfds_images(
    name: str, split: str, columns: Sequence[str], data_dir: str | None, instead: str = "", encoded: bool = False
) -> Iterator[dict[str, Any]]:
    """Yields the features `columns` of each example of a tfds split.

    Args:
        name: "builder" or "builder/config".
        split: a tfds split, slices included.
        columns: the features' names; "image" among them is a uint8 array.
        data_dir: directory of tfds's data.
        instead: see `sources.tfds_builder`.
        encoded: whether "image" is the bytes of its file.

    Raises:
        MissingDataError: see `sources.tfds_builder`.
    """
    builder = sources.tfds_builder(name, data_dir, instead)
    sources.check_features(name, builder.info.features, columns)
    decoders = {"image": tfds.decode.SkipDecoding()} if encoded else None
    config = tfds.ReadConfig(try_autocache=False)
    for example in builder.as_dataset(split=split, decoders=decoders, read_config=config).as_numpy_iterator():
        yield {column: example[column] for column in columns}
