"""CIFAR-10, CIFAR-100 and its 20 coarse classes (T2T's `cifar.py`): Krizhevsky 2009, Learning Multiple Layers of
Features from Tiny Images.

`tmp_dir` holds the original archives, `cifar-10-python.tar.gz` or `cifar-10-binary.tar.gz` (and `cifar-100-...`), or
their folders; batches may be of any length. Else the tfds data set is used. The test images are the validation split;
the `_tune` problems hold out the last of every 25 training images instead.
"""

import glob
import io
import os
import pickle
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tensor2keras import files, registry
from tensor2keras.data import archives, image_files, sources
from tensor2keras.data.image_problem import (
    MIXTURE_METRICS,
    FlatImages,
    Image2ClassProblem,
    ImageToImage,
    image_generator,
    random_crop_and_flip,
    random_shift,
    resize_by_area,
    standardize,
)
from tensor2keras.data.images.mnist import tuning_part
from tensor2keras.data.preprocessing import Features

variant = registry.problem_variants_of(__name__)

SIZE = 32
PIXELS = SIZE * SIZE * 3


class Version(NamedTuple):
    """A version of CIFAR: its files, and which of an image's labels it uses."""

    archive: str  # cifar-10 or cifar-100
    builder: str  # in tfds
    train: tuple[str, ...]  # batches
    test: tuple[str, ...]
    label_bytes: int  # before an image in the binary layout
    label_byte: int  # the one that is used
    label_key: str  # in the Python layout
    label_feature: str  # in tfds
    classes: int


_TEN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
CIFAR10 = Version("cifar-10", "cifar10", _TEN_BATCHES, ("test_batch",), 1, 0, "labels", "label", 10)
CIFAR100 = Version("cifar-100", "cifar100", ("train",), ("test",), 2, 1, "fine_labels", "label", 100)
CIFAR20 = Version("cifar-100", "cifar100", ("train",), ("test",), 2, 0, "coarse_labels", "coarse_label", 20)

_FOLDERS = {  # of the archives by layout
    ("cifar-10", "binary"): "cifar-10-batches-bin",
    ("cifar-10", "python"): "cifar-10-batches-py",
    ("cifar-100", "binary"): "cifar-100-binary",
    ("cifar-100", "python"): "cifar-100-python",
}

CIFAR10_LABELS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
_HUNDRED = (  # by number; T2T lists them by coarse class, which names the wrong classes
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
    "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant "
    "flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man "
    "maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree "
    "plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train "
    "trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)
CIFAR100_LABELS = _HUNDRED.split()
CIFAR20_LABELS = [
    *("aquatic mammals", "fish", "flowers", "food containers", "fruit and vegetables"),
    *("household electrical devices", "household furniture", "insects", "large carnivores"),
    *("large man-made outdoor things", "large natural outdoor scenes", "large omnivores and herbivores"),
    *("medium-sized mammals", "non-insect invertebrates", "people", "reptiles", "small mammals", "trees"),
    *("vehicles 1", "vehicles 2"),
]


def read_binary(path: str, version: Version) -> tuple[np.ndarray, np.ndarray]:
    """Returns images [n, 32, 32, 3] uint8 and labels [n] of a batch file of the binary layout.

    Raises:
        ValueError: a file that is empty or cut off, or a label out of range; naming file and record.
    """
    content = np.frombuffer(files.read_bytes(path), np.uint8)
    record = version.label_bytes + PIXELS
    if not content.size or content.size % record:
        raise ValueError(
            f"{path}: {content.size} bytes are not a whole number of records of {record} bytes; is the file cut off, "
            f"or of another data set than {version.archive}?"
        )
    records = content.reshape(-1, record)
    labels = records[:, version.label_byte]
    return _pixels(records[:, version.label_bytes :]), _checked(labels.astype(np.int64), path, version)


def read_python(path: str, version: Version) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels of a batch file of the Python layout: a pickled dict of `data` [n, 3072] and labels.

    Only arrays are unpickled.

    Raises:
        ValueError: not such a file, or a label out of range; naming the file.
    """
    try:
        batch = _Arrays(io.BytesIO(files.read_bytes(path)), encoding="latin1").load()
        data, labels = (_entry(batch, key) for key in ("data", version.label_key))
        data, labels = np.asarray(data), np.asarray(labels, np.int64)
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a whole batch of {version.archive} in the Python layout ({error})") from None
    if data.ndim != 2 or data.shape[1] != PIXELS or data.dtype != np.uint8 or labels.shape != data.shape[:1]:
        raise ValueError(
            f"{path}: data {data.shape} {data.dtype} and {labels.size} labels, expected (n, {PIXELS}) uint8 and n"
        )
    return _pixels(data), _checked(labels, path, version)


_OF_ARRAYS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _Arrays(pickle.Unpickler):
    """Unpickler of arrays, dicts, lists, texts and numbers, which refuses anything that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _OF_ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a batch")
        return super().find_class(re.sub(r"^numpy\.core", "numpy._core", module), name)


def _entry(batch: dict, key: str) -> Any:
    return batch[key] if key in batch else batch[key.encode()]


def _pixels(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1))


def _checked(labels: np.ndarray, path: str, version: Version) -> np.ndarray:
    wrong = np.flatnonzero((labels < 0) | (labels >= version.classes))
    if wrong.size:
        raise ValueError(f"{path}, record {wrong[0]}: label {labels[wrong[0]]} is not in 0..{version.classes - 1}")
    return labels


_READERS = {"binary": (".bin", read_binary), "python": ("", read_python)}


def original_files(tmp_dir: str, version: Version, training: bool) -> tuple[str, list[str]] | None:
    """Returns layout and batch files in `tmp_dir`, extracted from the archive if need be; None if there are none."""
    stems = version.train if training else version.test
    for layout, (suffix, _) in _READERS.items():
        folder = _FOLDERS[version.archive, layout]
        names = [f"{folder}/{stem}{suffix}" for stem in stems]
        packed = sorted(glob.glob(os.path.join(glob.escape(tmp_dir), f"{version.archive}-{layout}*.tar*")))
        if packed or any(sources.find_file(tmp_dir, name) for name in names):
            archive = archives.Archive(os.path.basename(packed[0]) if packed else f"{version.archive}-{layout}.tar.gz")
            return layout, archive.files(tmp_dir, names)
    return None


def read_images(
    version: Version, tmp_dir: str, data_dir: str | None, training: bool
) -> Iterator[tuple[np.ndarray, int]]:
    """Yields each training or test image and its label, from the original files or else from tfds."""
    found = original_files(tmp_dir, version, training)
    if found is not None:
        layout, paths = found
        for path in paths:
            yield from zip(*_READERS[layout][1](path, version), strict=True)
        return
    instead = f"put {version.archive}-python.tar.gz or {version.archive}-binary.tar.gz into {tmp_dir}"
    columns = ["image", version.label_feature]
    split = "train" if training else "test"
    for row in image_files.tfds_images(version.builder, split, columns, data_dir, instead):
        yield row["image"], int(row[version.label_feature])


class _Cifar(Image2ClassProblem):
    """Base class: standardized images, in training first shifted by up to 4 pixels and mirrored at random."""

    kind: Version
    tuning = False
    image_size = SIZE
    is_small = True

    @property
    def num_classes(self) -> int:
        return self.kind.classes

    def generator(self, data_dir: str, tmp_dir: str, is_training: bool) -> Iterator[dict[str, Any]]:
        rows = list(read_images(self.kind, tmp_dir, data_dir, is_training or self.tuning))
        if self.tuning:
            rows = tuning_part(rows, is_training, 25)
        return image_generator(*zip(*rows, strict=True))

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        if split == "train":
            images = random_crop_and_flip(images, seed)
        return super().preprocess_images(images, split, seed)


class _Plain:
    """Mixin without random changes."""

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return super().preprocess_images(images, "validation", seed)


class _Shared:
    """Mixin of problems that read the data of the `_plain` problem."""

    def dataset_filename(self) -> str:
        return f"image_{self.version_name}_plain"

    @property
    def version_name(self) -> str:
        """Name of the version: cifar10, cifar100 or cifar20."""
        return self.kind.archive.replace("-", "") if self.kind is not CIFAR20 else "cifar20"


class _PlainGen(_Shared):
    """Mixin with unchanged pixels, for image generation (with `_rev`)."""

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": images}


class _Plain8(_Shared):
    """Mixin with images reduced to 8 x 8."""

    image_shape = (8, 8, 3)

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        images = resize_by_area(images, 8)
        return {"inputs": images if self.was_reversed else standardize(images)}


class _Img2Img(ImageToImage, _Shared):
    """Mixin with images of 8 x 8 as inputs and 32 x 32 as targets."""

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": resize_by_area(images, 8), "targets": images}


# fmt: off
ImageCifar10Tune = variant(
    "ImageCifar10Tune", _Cifar, "CIFAR-10, the last of every 25 training images held out.",
    kind=CIFAR10, class_labels=CIFAR10_LABELS, tuning=True,
)
ImageCifar10 = variant(
    "ImageCifar10", ImageCifar10Tune, "CIFAR-10: pictures of 32 x 32 pixels in ten classes.", tuning=False
)
ImageCifar10Plain = variant("ImageCifar10Plain", (_Plain, ImageCifar10), "CIFAR-10 without random changes.")
ImageCifar10PlainGen = variant(
    "ImageCifar10PlainGen", (_PlainGen, ImageCifar10Plain),
    "CIFAR-10 for image generation: image_cifar10_plain_gen_rev.",
)
ImageCifar10PlainGenFlat = variant(
    "ImageCifar10PlainGenFlat", (FlatImages, ImageCifar10PlainGen),
    "CIFAR-10 as sequences of 3,072 numbers, for language models: image_cifar10_plain_gen_flat_rev.",
)
# fmt: on


@registry.register_problem
class ImageCifar10PlainRandomShift(_Shared, ImageCifar10Plain):
    """CIFAR-10, in training shifted by up to a tenth of its size."""

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        return {"inputs": random_shift(images, seed) if split == "train" else images}


@registry.register_problem
class ImageCifar10PlainGenDmol(ImageCifar10PlainGen):
    """CIFAR-10 for image generation by mixtures of logistics: image_cifar10_plain_gen_dmol_rev."""

    def eval_metrics(self) -> list[str]:
        return MIXTURE_METRICS


ImageCifar10Plain8 = variant("ImageCifar10Plain8", (_Plain8, ImageCifar10), "CIFAR-10 reduced to 8 x 8.")
Img2imgCifar10 = variant("Img2imgCifar10", (_Img2Img, ImageCifar10), "CIFAR-10 from 8 x 8 to 32 x 32.")

# fmt: off
ImageCifar100Tune = variant(
    "ImageCifar100Tune", _Cifar, "CIFAR-100, the last of every 25 training images held out.",
    kind=CIFAR100, class_labels=CIFAR100_LABELS, tuning=True,
)
ImageCifar100 = variant(
    "ImageCifar100", ImageCifar100Tune, "CIFAR-100: pictures of 32 x 32 pixels in a hundred classes.", tuning=False
)
ImageCifar100Plain = variant("ImageCifar100Plain", (_Plain, ImageCifar100), "CIFAR-100 without random changes.")
ImageCifar100PlainGen = variant(
    "ImageCifar100PlainGen", (_PlainGen, ImageCifar100Plain), "CIFAR-100 for image generation."
)
ImageCifar100Plain8 = variant("ImageCifar100Plain8", (_Plain8, ImageCifar100), "CIFAR-100 reduced to 8 x 8.")
Img2imgCifar100 = variant("Img2imgCifar100", (_Img2Img, ImageCifar100), "CIFAR-100 from 8 x 8 to 32 x 32.")

ImageCifar20Tune = variant(
    "ImageCifar20Tune", _Cifar, "The 20 coarse classes of CIFAR-100, the last of every 25 training images held out.",
    kind=CIFAR20, class_labels=CIFAR20_LABELS, tuning=True,
)
ImageCifar20 = variant("ImageCifar20", ImageCifar20Tune, "The 20 coarse classes of CIFAR-100.", tuning=False)
ImageCifar20Plain = variant(
    "ImageCifar20Plain", (_Plain, ImageCifar20), "The 20 coarse classes of CIFAR-100 without random changes."
)
ImageCifar20PlainGen = variant(
    "ImageCifar20PlainGen", (_PlainGen, ImageCifar20Plain), "The 20 coarse classes of CIFAR-100 for image generation."
)
ImageCifar20Plain8 = variant(
    "ImageCifar20Plain8", (_Plain8, ImageCifar20), "The 20 coarse classes of CIFAR-100 reduced to 8 x 8."
)
# fmt: on
