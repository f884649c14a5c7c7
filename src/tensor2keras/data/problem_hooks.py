"""Hooks of a problem: the methods and properties that a subclass overrides, under the names they have in T2T."""

import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras.data.batching.buckets import BatchingScheme, hparams_to_batching_scheme
from tensor2keras.data.preprocessing import Features, preprocess_example_common
from tensor2keras.data.space_id import SpaceID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.hparams import HParams

IDS = tfds.features.Tensor(shape=(None,), dtype=np.int64)  # a sequence of ids, [length]


class ProblemHParams(types.SimpleNamespace):
    """Values that `Problem.hparams` fills in.

    Attributes:
        modality: name of the modality by feature.
        vocab_size: size of the vocabulary by feature.
        shape: shape of one example by feature, for images.
        input_space_id, target_space_id: numbers of `SpaceID`.
        loss_multiplier: factor of the loss.
        stop_at_eos: whether decoding ends at EOS.
    """

    def __init__(self):
        super().__init__(
            modality={},
            vocab_size={},
            shape={},
            input_space_id=SpaceID.GENERIC,
            target_space_id=SpaceID.GENERIC,
            loss_multiplier=1.0,
            stop_at_eos=False,
        )

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a value, which must be JSON data; it appears in `Problem.get_hparams` under its name."""
        setattr(self, name, value)


class ProblemHooks:
    """The hooks of `Problem`, which subclasses override.

    Every problem overrides `generate_encoded_samples` (text problems: `generate_samples`) and `hparams`; the rest has
    defaults.
    """

    # ---- generating ----

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        """Yields one dict a sample: by feature name, ids (lists of int) or values that `stored_features` describes."""
        raise NotImplementedError(
            f"{type(self).__name__} defines neither generate_samples nor generate_encoded_samples"
        )

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        """Runs once before samples are generated; builds the vocabulary, for example."""

    def vocabulary_files(self) -> list[str]:
        """Returns the names of the files in `data_dir` that the data are encoded with."""
        return []

    def source_files(self) -> list[str]:
        """Returns the user's files that the data are generated from, so that a change in them is noticed.

        Raises:
            FileNotFoundError: they are not there, so that generated data are used as they are.
        """
        return []

    def dataset_filename(self) -> str:
        """Returns the name of the data on disk; problems that return the same name share their data."""
        return self.name

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        """The features on disk by name; by default `inputs` (if `has_inputs`) and `targets`, ids of any length."""
        return {"inputs": IDS, "targets": IDS} if self.has_inputs else {"targets": IDS}

    train_shards, dev_shards, test_shards = 10, 1, 0
    """Number of files of each split; 0: the problem has no such split."""

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        """The splits to generate and the number of files of each: `[{"split": "train", "shards": 10}, ...]`."""
        shards = (self.train_shards, self.dev_shards, self.test_shards)
        splits = zip((DatasetSplit.TRAIN, DatasetSplit.EVAL, DatasetSplit.TEST), shards, strict=True)
        return [{"split": split, "shards": count} for split, count in splits if count]

    is_generate_per_split = True
    """True: samples are generated once for each split. False: they are generated once, and sample i goes to the split
    that holds shard `i % (all splits' shards)`."""

    already_shuffled = False
    """Whether the order of the samples is kept on disk."""

    # ---- reading ----

    preprocess_batch: Callable[..., Features] | None = None
    """A method `(features, split, hparams, seed)` that computes a batch's features from the stored ones, for images and
    audio. It replaces all other preprocessing; `seed` [2] is a function of the batch's number."""

    window: int | None = None
    """How many examples are shuffled and sorted together; None: 65,536, or 2,048 if `batch_size` counts examples."""

    def example_spec(self) -> dict[str, Any]:
        """Returns feature name -> spec for `tf.io.parse_example`, which parses records (ids are ragged, `[length]`)."""
        return {name: _parsing_spec(feature) for name, feature in self.stored_features.items()}

    def decode_window(self, features: Features) -> Features:
        """Decodes a window of parsed examples; called only for problems with `preprocess_batch`."""
        return features

    def preprocess_example(self, example: Features, mode: str, hparams: Mapping[str, Any]) -> Features:
        """Changes one example when it is read; `mode` is the split. Works on tensors, inside `tf.data`."""
        return preprocess_example_common(example, mode, hparams)

    @property
    def overrides_preprocess_example(self) -> bool:
        """Whether a subclass overrides `preprocess_example`, which is then called for each example."""
        return type(self).preprocess_example is not ProblemHooks.preprocess_example

    batch_size_means_tokens = False
    """True: `hparams.batch_size` counts tokens; False: examples."""

    packed_length: int | None = None
    """Length of the rows into which several examples are packed, or None."""

    def packed_row_length(self, model_hparams: Mapping[str, Any]) -> int:
        """Returns `packed_length`, or `max_length` if hyperparameters set `pack_dataset`; 0 without packing."""
        return self.packed_length or (model_hparams["max_length"] if model_hparams.get("pack_dataset") else 0)

    def max_length(self, model_hparams: HParams) -> int:
        """Returns the length, in tokens, of the longest example that a batch may contain."""
        return model_hparams.get("split_to_length") or model_hparams.max_length or model_hparams.batch_size

    def batching_scheme(
        self, hparams: Mapping[str, Any], drop_long_sequences: bool, num_replicas: int
    ) -> BatchingScheme:
        """Returns the rows of a batch by the length of its examples.

        Args:
            hparams: the model's hyperparameters.
            drop_long_sequences: whether examples longer than the longest allowed are dropped.
            num_replicas: the rows are a multiple of it.
        """
        return hparams_to_batching_scheme(
            hparams,
            drop_long_sequences=drop_long_sequences,
            num_replicas=num_replicas,
            max_length=self.packed_row_length(hparams) or self.max_length(hparams),
            batch_size_means_tokens=self.batch_size_means_tokens,
        )

    # ---- models and evaluation ----

    has_inputs = True
    """False for language models, which have targets only."""

    task_id: int | None = None
    """T2T's number of the task, a `TaskID`."""

    def global_task_id(self) -> int | None:
        """Returns `task_id`."""
        return self.task_id

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        """Fills `defaults.modality` and `defaults.vocab_size` by feature name, space ids and so on, in place."""

    def model_hparams(self) -> dict[str, Any]:
        """Returns hyperparameters and values that are added to every set used with the problem, unless it has them."""
        return {}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        """Returns text encoders by feature name, as the data are on disk (before `_rev` and `_copy`)."""
        return {}

    def eval_metrics(self) -> list[str]:
        """Returns the names of the metrics to report in evaluation."""
        return ["accuracy", "accuracy_top5", "accuracy_per_sequence", "neg_log_perplexity"]

    @property
    def target_language(self) -> str | None:
        """Two-letter code of the targets' language, by which BLEU's tokenizer is chosen; None if it is not known.

        By default that in the problem's name: "zh" for `translate_enzh_wmt32k`, "en" for `translate_enzh_wmt32k_rev`.
        """
        languages = re.match(r"translate_([a-z]{2})([a-z]{2})_", self.name)
        return languages[1 if self.was_reversed else 2] if languages else None

    def text_scores(self) -> list[str]:
        """Returns the names of the scores (`metrics.text_scores`) of decoded texts against references."""
        return ["bleu"]


def _parsing_spec(feature: tfds.features.FeatureConnector) -> Any:
    if feature.shape == (None,):
        return tf.io.RaggedFeature(feature.tf_dtype, row_splits_dtype=tf.int64)
    return tf.io.FixedLenFeature(feature.shape, feature.tf_dtype)
