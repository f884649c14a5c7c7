"""Base classes of image problems (T2T's `image_utils.py`), and preprocessing of images.

Images of a fixed size (`image_size`) are stored as plain bytes and preprocessed in batches; others are stored as PNG or
JPEG files and decoded when a batch is built. Random changes depend on the seed and the number of the batch only, so a
resumed run gets the same images.

A problem may also define T2T's `preprocess_example(example, mode, hparams)` for one example with decoded `inputs`.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras.data import image_files
from tensor2keras.data.preprocessing import Features
from tensor2keras.data.problem import Problem
from tensor2keras.data.problem_hooks import ProblemHParams
from tensor2keras.data.space_id import SpaceID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder import ClassLabelEncoder
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.hparams import HParams

CLASS_METRICS = ["accuracy", "accuracy_top5", "neg_log_perplexity"]
PIXEL_METRICS = [*CLASS_METRICS, "bits_per_dim"]
MIXTURE_METRICS = ["disc_mol_neg_log_perplexity", "bits_per_dim"]


# ---- preprocessing of a batch of images, [batch, height, width, channels] ----


def standardize(images: tf.Tensor) -> tf.Tensor:
    """Returns each image with mean 0 and variance 1, float32 (`per_image_standardization`)."""
    return tf.image.per_image_standardization(images)


def resize_by_area(images: tf.Tensor, size: int) -> tf.Tensor:
    """Returns `size` x `size` means of areas, rounded down to int32."""
    return tf.cast(tf.image.resize(images, [size, size], tf.image.ResizeMethod.AREA), tf.int32)


def random_crop_and_flip(images: tf.Tensor, seed: tf.Tensor, margin: int = 4) -> tf.Tensor:
    """Shifts each image by up to `margin` pixels in each direction, filling with black, and mirrors half of them.

    Reference:
        Huang et al. 2016, https://arxiv.org/abs/1608.06993, page 5; T2T `cifar_image_augmentation`.
    """
    count, width = tf.shape(images)[0], images.shape[2]
    *seeds, mirror_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    mirrored = tf.random.stateless_uniform([count, 1], mirror_seed, 0, 2, tf.int32) == 1
    columns = tf.where(mirrored, tf.range(width - 1, -1, -1), tf.range(width))
    return _shifted(images, (margin, margin), seeds, columns)


def random_shift(images: tf.Tensor, seed: tf.Tensor, share: float = 0.1) -> tf.Tensor:
    """Shifts each image by up to `share` of its size in whole pixels, filling with black (T2T `random_shift`)."""
    _, height, width, _ = images.shape
    seeds = tf.random.experimental.stateless_split(seed, 2)
    return _shifted(images, (round(share * height), round(share * width)), seeds, tf.range(width))


def _shifted(images: tf.Tensor, margins: tuple[int, int], seeds: Sequence[tf.Tensor], columns: tf.Tensor) -> tf.Tensor:
    """Returns the given columns of images that are shifted by up to `margins` pixels (rows, columns)."""
    padded = tf.pad(images, [[0, 0], *([margin, margin] for margin in margins), [0, 0]])
    top, left = (
        tf.random.stateless_uniform([tf.shape(images)[0], 1], seeds[i], 0, 2 * margin + 1, tf.int32)
        for i, margin in enumerate(margins)
    )
    rows = tf.gather(padded, top + tf.range(images.shape[1]), axis=1, batch_dims=1)
    return tf.ensure_shape(tf.gather(rows, left + columns, axis=2, batch_dims=1), images.shape)


# ---- problems ----


class ImageEncoder(TextEncoder):
    """Encoder of picture files as model inputs; decoding gives a description of their shape.

    Args:
        prepare: from pixels to the model's input.
        channels: of the image.
    """

    vocab_size = 256

    def __init__(self, prepare: Callable[[np.ndarray], np.ndarray], channels: int = 3):
        super().__init__(num_reserved_ids=0)
        self._prepare = prepare
        self._channels = channels

    def encode(self, s: str) -> np.ndarray:
        """Returns the picture in the file `s`, cropped to size and preprocessed; ValueError if it cannot be read."""
        return self._prepare(image_files.read_image(s, self._channels))

    def decode(self, ids: Any, strip_extraneous: bool = False) -> str:
        """Returns a description such as "image 32x32x3"."""
        return "image " + "x".join(map(str, np.shape(ids)))


class ImageProblem(Problem):
    """Base class of problems with an image as feature `inputs`, before `_rev`.

    A subclass sets `image_size` if all images have one size, and overrides `preprocess_images` (for a batch) or
    `preprocess_image` (for one image of any size).
    """

    image_size: int | None = None  # height and width of the stored images; None: of any size, stored as PNG or JPEG
    num_channels = 3

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """[height, width, channels] of the images that the model gets; None if that varies."""
        return self.image_size and (self.image_size, self.image_size, self.num_channels)

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        return {"inputs": self.stored_image}

    @property
    def stored_image(self) -> tfds.features.FeatureConnector:
        """The stored feature of an image."""
        if self.image_size:
            shape = (self.image_size, self.image_size, self.num_channels)
            return tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding=tfds.features.Encoding.BYTES)
        return tfds.features.Image(shape=(None, None, self.num_channels))

    def example_spec(self) -> dict[str, Any]:
        return {**super().example_spec(), "inputs": tf.io.FixedLenFeature((), tf.string)}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        return {"inputs": ImageEncoder(self.prepare_image, self.num_channels)}

    def eval_metrics(self) -> list[str]:
        return PIXEL_METRICS

    def get_hparams(self, model_hparams: HParams | None = None) -> dict[str, Any]:
        """Returns the problem as plain data, with `MIXTURE_METRICS` for a model of `likelihood` "dmol"."""
        values = super().get_hparams(model_hparams)
        if (model_hparams or {}).get("likelihood") == "dmol":
            values["eval_metrics"] = list(MIXTURE_METRICS)
        return values

    def text_scores(self) -> list[str]:
        return []

    def stored_sample(self, sample: dict[str, Any], place: str) -> dict[str, Any]:
        """Returns a sample in its stored form: `inputs` is an array or a picture file. T2T's keys are accepted.

        Raises:
            ValueError: an image of another size than `image_size`; the message names `place`.
        """
        if "image/encoded" in sample:
            (encoded,) = sample["image/encoded"]
            label = {"targets": int(sample["image/class/label"][0])} if "image/class/label" in sample else {}
            sample = {"inputs": encoded, **label}
        image = sample["inputs"]
        if self.image_size:
            if isinstance(image, bytes):
                image = image_files.decode_image(image, place, self.num_channels)
            expected = (self.image_size, self.image_size, self.num_channels)
            if image.shape != expected:
                raise ValueError(f"{place}: an image of {_size(image.shape)}, expected {_size(expected)}")
        elif isinstance(image, bytes):
            image = io.BytesIO(image)
        return {**sample, "inputs": image}

    # ---- reading ----

    def decode_window(self, features: Features) -> Features:
        """Returns parsed examples with `inputs` as uint8 pixels, if all images have one size."""
        if not self.image_size:
            return features
        shape = [self.image_size, self.image_size, self.num_channels]
        pixels = tf.reshape(tf.io.decode_raw(features["inputs"], tf.uint8), [-1, *shape])
        return {**features, "inputs": pixels}

    def preprocess_batch(self, features: Features, split: str, hparams: HParams, seed: tf.Tensor) -> Features:
        """Returns a batch as the model gets it, before `_rev`.

        Args:
            features: `inputs` [batch, height, width, channels] uint8, or encoded [batch]; and the other stored
                features.
            split: the split; "train" adds random changes.
            hparams: the model's hyperparameters.
            seed: [2] int64, of this batch.
        """
        own = self.overrides_preprocess_example
        if self.image_size and not own:
            return {**features, **self.preprocess_images(features["inputs"], split, seed)}

        def one(example: Features, example_seed: tf.Tensor) -> Features:
            image = example["inputs"]
            if not self.image_size:
                image = tf.io.decode_image(image, channels=self.num_channels, expand_animations=False)
            if own:
                return self.preprocess_example({**example, "inputs": image}, split, hparams)
            return {**example, **self.preprocess_image(image, split, example_seed)}

        count = tf.shape(features["inputs"])[0]
        seeds = tf.random.stateless_uniform([count, 2], seed, None, None, tf.int64)
        return _each(one, features, seeds)

    def preprocess_images(self, images: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        """Returns new features from images of one size, uint8 [batch, height, width, channels].

        By default images are standardized, unless the problem is reversed (T2T).
        """
        return {"inputs": images if self.was_reversed else standardize(images)}

    def preprocess_image(self, image: tf.Tensor, split: str, seed: tf.Tensor) -> Features:
        """Returns new features from one image of any size, uint8 [height, width, channels]."""
        return {name: value[0] for name, value in self.preprocess_images(image[None], split, seed).items()}

    def prepare_image(self, image: np.ndarray) -> np.ndarray:
        """Returns the model's input in evaluation from pixels of any size."""
        if self.image_size:
            image = image_files.fit(image, self.image_size)
        seed = tf.zeros([2], tf.int64)
        return self.preprocess_image(tf.constant(image), DatasetSplit.EVAL, seed)["inputs"].numpy()


class Image2ClassProblem(ImageProblem):
    """Base class of image classification: a subclass defines `num_classes`, `is_small` and T2T's `generator`."""

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        raise NotImplementedError(f"{type(self).__name__} does not define num_classes")

    @property
    def is_small(self) -> bool:
        """Whether images are about as small as CIFAR's; their loss is multiplied by 3, as in T2T."""
        raise NotImplementedError(f"{type(self).__name__} does not define is_small")

    @property
    def class_labels(self) -> list[str]:
        """The classes' names."""
        return [f"ID_{number}" for number in range(self.num_classes)]

    def generator(self, data_dir: str, tmp_dir: str, is_training: bool) -> Iterator[dict[str, Any]]:
        """Yields `{"inputs": uint8 array or bytes of a picture file, "targets": label}`, or T2T's `image/...` keys."""
        raise NotImplementedError(f"{type(self).__name__} defines neither generator nor generate_encoded_samples")

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        return {**super().stored_features, "targets": tfds.features.Scalar(np.int64)}

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        samples = self.generator(data_dir, tmp_dir, dataset_split == DatasetSplit.TRAIN)
        for number, sample in enumerate(samples):
            place = f"problem {self.name}, image {number} of {dataset_split}"
            stored = self.stored_sample(sample, place)
            if not 0 <= stored["targets"] < self.num_classes:
                raise ValueError(f"{place}: label {stored['targets']} is not in 0..{self.num_classes - 1}")
            yield stored

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        return {**super().feature_encoders(data_dir), "targets": ClassLabelEncoder(self.class_labels)}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        p = defaults
        p.modality = {"inputs": "image", "targets": "class_label"}
        p.vocab_size = {"inputs": 256, "targets": self.num_classes}
        if self.image_shape:
            p.shape = {"inputs": list(self.image_shape)}
        p.loss_multiplier = 3.0 if self.is_small and not self.was_reversed else 1.0
        p.input_space_id = SpaceID.IMAGE
        p.target_space_id = SpaceID.IMAGE_LABEL

    def eval_metrics(self) -> list[str]:
        return PIXEL_METRICS if self.was_reversed else CLASS_METRICS

    def text_scores(self) -> list[str]:
        return [] if self.was_reversed else ["accuracy"]


class ImageToImage:
    """Mixin of problems with images as inputs and targets, both read from the stored `inputs`.

    T2T gives them the identity modality, which the hyperparameter sets of image models replace.
    """

    sizes: tuple[int | None, int | None] = (8, 32)  # of inputs and targets; None: the stored size

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        inputs = super().feature_encoders(data_dir)["inputs"]
        return {"inputs": inputs, "targets": inputs}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        p = defaults
        p.modality = {"inputs": "identity", "targets": "identity"}
        p.vocab_size = {"inputs": 256, "targets": 256}
        p.shape = {name: [size, size, 3] for name, size in zip(p.modality, self.sizes, strict=True) if size}
        p.input_space_id = p.target_space_id = SpaceID.IMAGE_LABEL  # T2T's

    def eval_metrics(self) -> list[str]:
        return ["neg_log_perplexity", "bits_per_dim"]

    def text_scores(self) -> list[str]:
        return []


class FlatImages:
    """Mixin of problems that give images of `image_size` to language models as sequences of symbols (with `_rev`)."""

    image_shape = None

    def preprocess_batch(self, features: Features, split: str, hparams: HParams, seed: tf.Tensor) -> Features:
        return {"inputs": tf.reshape(features["inputs"], [-1, self.image_size**2 * self.num_channels])}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        return {"inputs": super().feature_encoders(data_dir)["inputs"]}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        if not self.was_reversed:
            raise ValueError(f"{self.name} has no targets; use {self.name}_rev")
        defaults.modality = {"inputs": "symbol_weights_all"}
        defaults.vocab_size = {"inputs": 256}
        defaults.target_space_id = SpaceID.IMAGE_LABEL

    def eval_metrics(self) -> list[str]:
        return CLASS_METRICS


def image_generator(images: Iterable[np.ndarray], labels: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yields a sample for each image, [height, width, channels] uint8, and its label (T2T `image_generator`)."""
    for image, label in zip(images, labels, strict=True):
        yield {"inputs": image, "targets": int(label)}


def _each(one: Callable[[Features, tf.Tensor], Features], features: Features, seeds: tf.Tensor) -> Features:
    """Returns the stacked results of `one(example, seed)` for each example of a batch."""
    spec = {name: tf.TensorSpec(x.shape[1:], x.dtype) for name, x in features.items()}
    function = tf.function(one).get_concrete_function(spec, tf.TensorSpec([2], seeds.dtype))
    results = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), function.structured_outputs)
    return tf.map_fn(lambda pair: function(*pair), (features, seeds), fn_output_signature=results)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
