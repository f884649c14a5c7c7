"""Problem: what the data is (T2T's `data_generators/problem.py`), built on a TensorFlow Datasets builder.

A problem names its features, encodes its samples to ids, writes them once (`generate_data`) and reads them in batches
(`dataset`). A model sees only the plain dict of `get_hparams`.
"""

import os
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging
from tensorflow_datasets.core.utils import file_utils

from tensor2keras import registry
from tensor2keras.data import generation
from tensor2keras.data.space_id import SpaceID

DEFAULT_TMP_DIR = "/tmp/t2t_datagen"
PAD_ID = 0
EOS_ID = 1
IDS = tfds.features.Tensor(shape=(None,), dtype=np.int64)  # a sequence of ids, [length]


class DatasetSplit:
    """Names of the splits, which are tfds's."""

    TRAIN = "train"
    EVAL = "validation"
    TEST = "test"


class ProblemHParams(types.SimpleNamespace):
    """What `Problem.hparams` fills in: `modality`, `vocab_size` and, of images, `shape` by feature; space ids,
    `loss_multiplier`, ...
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
        """Adds a further value, which must be JSON data; it appears in `Problem.get_hparams` under its name."""
        setattr(self, name, value)


def preprocess_example_common(example: dict[str, tf.Tensor], mode: str, hparams: Any) -> dict[str, tf.Tensor]:
    """Cuts features at `max_input_seq_length` and `max_target_seq_length`, and prepends inputs as `prepend_mode` says.

    Args:
        example: one example's features, ids `[length]`.
        mode: the split.
        hparams: the model's hyperparameters; absent ones count as unset.
    """
    example = dict(example)
    max_inputs, max_targets = _setting(hparams, "max_input_seq_length"), _setting(hparams, "max_target_seq_length")
    if "inputs" in example and max_inputs:
        example["inputs"] = example["inputs"][:max_inputs]
    if (_setting(hparams, "prepend_mode") or "none") != "none":
        separator = tf.zeros([1], example["inputs"].dtype)
        example["targets"] = tf.concat([example["inputs"], separator, example["targets"]], 0)
    if "targets" in example and max_targets:
        example["targets"] = example["targets"][:max_targets]
    return example


class _LocalInfo(tfds.core.DatasetInfo):
    """What tfds keeps about a data set; never looked for in tfds's bucket, which holds none of these problems."""

    def initialize_from_bucket(self) -> None:
        """Does nothing (tfds would ask the network, and leave an empty directory behind)."""


class Problem(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base class of all problems.

    A subclass gives `generate_encoded_samples` and `hparams` (text problems: see `text_problem`), and, where the data
    are not id sequences `inputs` and `targets`, `stored_features`. On disk `data_dir/<dataset_filename>/<version>/` is
    tfds's (tfrecord) and vocabularies lie in `data_dir` under T2T's names. `_rev` and `_copy` problems read the data
    of the problem they are made from.

    Args:
        data_dir: where generated data and vocabularies lie, `~` and `$VARS` expanded; tfds's default if None.
        tmp_dir: where raw downloads and the user's own files are looked for; `/tmp/t2t_datagen` if None.
        was_reversed: inputs and targets are swapped (the suffix `_rev`).
        was_copy: targets are a copy of the inputs (the suffix `_copy`), after the swap if there is one.
        **builder_kwargs: tfds's `config`, `version` and `file_format`.

    Example:
        >>> problem = registry.problem("translate_ende_numbers", data_dir="~/t2t_data")
        >>> problem.generate_data()
        >>> batches = problem.dataset("train", hparams)
    """

    VERSION = tfds.core.Version("1.0.0")
    code_path = None  # tfds looks for files beside the class's source, which a notebook's class does not have

    def __init_subclass__(cls, **kwargs):
        # Problems are found in our registry; tfds's own refuses a class that is defined again.
        super().__init_subclass__(**{**kwargs, "skip_registration": True})

    def __init__(
        self,
        data_dir: str | os.PathLike | None = None,
        tmp_dir: str | os.PathLike | None = None,
        was_reversed: bool = False,
        was_copy: bool = False,
        **builder_kwargs: Any,
    ):
        self.name = self._problem_name()
        self._was_reversed = was_reversed
        self._was_copy = was_copy
        self._encoders: dict[str, Any] | None = None
        self.tmp_dir = generation.expand(tmp_dir or DEFAULT_TMP_DIR)
        super().__init__(data_dir=generation.expand(data_dir) if data_dir else None, **builder_kwargs)
        self._original_state = {  # what tfds pickles
            "data_dir": data_dir,
            "tmp_dir": tmp_dir,
            "was_reversed": was_reversed,
            "was_copy": was_copy,
            **builder_kwargs,
        }

    # ---- what a subclass may override (T2T's hooks) ----

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        """Yields one dict a sample: ids (lists of int) or what `stored_features` says, by feature name."""
        raise NotImplementedError(
            f"{type(self).__name__} defines neither generate_samples nor generate_encoded_samples"
        )

    def hparams(self, defaults: ProblemHParams, model_hparams: Any) -> None:
        """Fills `defaults.modality` and `defaults.vocab_size` by feature name, space ids and so on, in place."""

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        """The features on disk by name; by default `inputs` (if `has_inputs`) and `targets`, ids of any length."""
        return {"inputs": IDS, "targets": IDS} if self.has_inputs else {"targets": IDS}

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        """The splits to make and the number of files of each: `[{"split": "train", "shards": 10}, ...]`."""
        return [{"split": DatasetSplit.TRAIN, "shards": 10}, {"split": DatasetSplit.EVAL, "shards": 1}]

    @property
    def is_generate_per_split(self) -> bool:
        """True: samples are generated once for each split.

        False: they are generated once, and sample i goes to the split that holds shard `i % (all splits' shards)`.
        """
        return True

    @property
    def already_shuffled(self) -> bool:
        """True: the samples' order is kept on disk."""
        return False

    @property
    def has_inputs(self) -> bool:
        """False for language models, which have targets only."""
        return True

    @property
    def batch_size_means_tokens(self) -> bool:
        """True: `hparams.batch_size` counts tokens; False: examples."""
        return False

    @property
    def packed_length(self) -> int | None:
        """Length of the rows into which several examples are packed, or None."""
        return None

    @property
    def num_training_examples(self) -> int:
        """How many examples the train split has."""
        self._check_generated()
        return self.info.splits[DatasetSplit.TRAIN].num_examples

    def dataset_filename(self) -> str:
        """The name of the data on disk; problems that return the same name share their data."""
        return self.name

    def feature_encoders(self, data_dir: str) -> dict[str, Any]:
        """Text encoders by feature name, as the data lie on disk (before `_rev` and `_copy`)."""
        return {}

    def max_length(self, model_hparams: Any) -> int:
        """The longest example, in tokens, that a batch takes."""
        return model_hparams.get("split_to_length") or model_hparams.max_length or model_hparams.batch_size

    def eval_metrics(self) -> list[str]:
        """Names of the metrics to report in evaluation."""
        return ["accuracy", "accuracy_top5", "accuracy_per_sequence", "neg_log_perplexity"]

    def model_hparams(self) -> dict[str, Any]:
        """Hyperparameters, with their values, that every set gets which is used with the problem and lacks them."""
        return {}

    def text_scores(self) -> list[str]:
        """Names of the scores (`metrics.text_scores`) by which decoded texts are compared with references."""
        return ["bleu"]

    def preprocess_example(self, example: dict[str, tf.Tensor], mode: str, hparams: Any) -> dict[str, tf.Tensor]:
        """Changes one example when it is read; `mode` is the split. Works on tensors, inside `tf.data`."""
        return preprocess_example_common(example, mode, hparams)

    # ---- generating ----

    def generate_data(self) -> None:
        """Makes vocabulary and data unless they are there. Killed at any moment, the next call starts afresh.

        Raises:
            ValueError: an empty split, or data encoded by another vocabulary than the present one.
            FileNotFoundError, ConnectionError: the problem's sources are not there; the message says what to put where.
        """
        self.download_and_prepare()

    def download_and_prepare(self, *, download_config: tfds.download.DownloadConfig | None = None, **kwargs) -> None:
        """As `generate_data`, with tfds's arguments; by default `dataset_splits` says how many files there are."""
        overwrite = download_config is not None and download_config.download_mode.overwrite_dataset
        if overwrite or not self.is_prepared():
            with generation.lock(self.data_path.parent):
                if overwrite or not self.is_prepared():  # another process may have made them meanwhile
                    self._prepare(download_config or generation.DownloadConfig(self._num_shards), overwrite, **kwargs)
        self._load_info()
        self._check_vocabulary()

    def _prepare(self, download_config: tfds.download.DownloadConfig, overwrite: bool, **kwargs: Any) -> None:
        if self.data_path.exists() and not overwrite:
            raise ValueError(f"{self.data_dir} is not a whole data set: it has no dataset_info.json; remove it")
        generation.sweep_unfinished(self.data_path.parent)
        self.prepare_to_generate(str(self.data_dir_root), self.tmp_dir)
        super().download_and_prepare(download_config=download_config, **kwargs)

    def is_prepared(self) -> bool:
        """Whether the data are there, complete."""
        return self.data_path.exists() and super().is_prepared()  # tfds's warns about a directory that is not there

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        """What has to be done once before samples are generated, such as making the vocabulary."""

    def vocabulary_files(self) -> list[str]:
        """Names of the files in `data_dir` by which the data are encoded."""
        return []

    def _info(self) -> tfds.core.DatasetInfo:
        return _LocalInfo(
            builder=self,
            description=(type(self).__doc__ or self.name),
            features=tfds.features.FeaturesDict(self.stored_features),
            disable_shuffling=self.already_shuffled,
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        self.info.metadata["vocabulary"] = self._vocabulary_hashes()
        names = [split["split"] for split in self.dataset_splits]
        if self.is_generate_per_split:
            return {name: self._generate_examples(name, self._encoded_samples(name)) for name in names}
        parts = generation.distribute(
            self._encoded_samples(DatasetSplit.TRAIN),
            {split["split"]: split["shards"] for split in self.dataset_splits},
        )
        return {name: self._generate_examples(name, parts[name]) for name in names}

    def _generate_examples(self, split: str, samples: Iterator[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        self._split_being_written = split
        names = self.stored_features
        index = -1
        for index, sample in enumerate(samples):
            if missing := [name for name in names if name not in sample]:
                raise ValueError(f"problem {self.name}: sample {index} of {split} has no {', '.join(missing)}")
            yield index, {name: sample[name] for name in names}
        if index < 0:
            raise ValueError(f"problem {self.name}: the split {split!r} has no samples")

    def _encoded_samples(self, split: str) -> Iterator[dict[str, Any]]:
        return self.generate_encoded_samples(str(self.data_dir_root), self.tmp_dir, split)

    def _num_shards(self, num_examples: int) -> int:
        shards = {split["split"]: split["shards"] for split in self.dataset_splits}
        return max(1, min(shards[self._split_being_written], num_examples // generation.MIN_EXAMPLES_A_SHARD))

    def _problem_name(self) -> str:
        return registry.problems.name_of(type(self)) or registry.default_name(type(self))

    def _make_download_manager(self, download_dir: Any, download_config: Any) -> types.SimpleNamespace:
        del download_dir, download_config
        return types.SimpleNamespace(downloaded_size=0)  # `sources` downloads; tfds's would make directories

    def _log_download_bytes(self) -> None:
        logging.info("Generating %s in %s", self.name, self.data_dir)

    def _log_download_done(self) -> None:
        pass  # tfds prints what t2t-datagen shows in a better form

    def _build_data_dir(self, given_data_dir: str | None) -> tuple[str, str]:
        root, directory = file_utils.get_data_dir_and_dataset_dir(
            given_data_dir=given_data_dir,
            builder_name=self.dataset_filename(),
            config_name=self.builder_config_name,
            version=self.version,
        )
        return os.fspath(root), os.fspath(directory)

    # ---- reading ----

    def dataset(
        self,
        split: str,
        hparams: Any,
        *,
        num_replicas: int = 1,
        seed: int = 0,
        start_step: int = 0,
        shuffle: bool | None = None,
        repeat: bool | None = None,
    ) -> tf.data.Dataset:
        """Batches of `(features, targets, weights)`, ids `[batch, length]` int32 padded with 0.

        Args:
            split: "train", "validation" or "test".
            hparams: the model's hyperparameters: batch size, lengths, packing.
            num_replicas: the first dimension is a multiple of it.
            seed: with the step, it alone decides the order of the training batches.
            start_step: how many batches to skip.
            shuffle: None means in training only.
            repeat: for ever; None means in training only.

        Returns:
            `weights` are float32 and divided by the batch's number of tokens: their sum is 1 for a batch.

        Raises:
            FileNotFoundError: the data have not been generated.
            ValueError: an unknown split, naming those there are.
        """
        from tensor2keras.data.batching import pipeline as batching

        return batching.make_dataset(
            self,
            split,
            hparams,
            num_replicas=num_replicas,
            seed=seed,
            start_step=start_step,
            shuffle=shuffle,
            repeat=repeat,
        )

    def shard_files(self, split: str) -> list[str]:
        """The TFRecord files of a split, in order.

        Raises:
            FileNotFoundError: the data have not been generated.
            ValueError: an unknown split, or data encoded by another vocabulary than the one in `data_dir`.
        """
        self._check_generated()
        self._check_vocabulary()
        if split not in self.info.splits:
            raise ValueError(
                f"problem {self.name} has no split {split!r}; it has: {', '.join(sorted(self.info.splits))}"
            )
        return [os.fspath(path) for path in self.info.splits[split].filepaths]

    def example_spec(self) -> dict[str, Any]:
        """How `tf.io.parse_example` parses a record: feature name -> spec (ids are ragged, `[length]`)."""
        return {name: _parsing_spec(feature) for name, feature in self.stored_features.items()}

    def maybe_reverse_and_copy(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Features as the model sees them: swapped if `was_reversed`, then copied if `was_copy`.

        Works on any dict keyed by `inputs`, `targets`, `inputs_segmentation`, ...: tensors, encoders, modalities.
        """
        features = dict(features)
        if self._was_reversed:
            features = {_other_side(name): value for name, value in features.items()}
        if self._was_copy:
            copies = {_other_side(name): value for name, value in features.items() if name.startswith("inputs")}
            features.update(copies)
        return features

    @property
    def was_reversed(self) -> bool:
        """Whether inputs and targets are swapped."""
        return self._was_reversed

    @property
    def was_copy(self) -> bool:
        """Whether targets are a copy of the inputs."""
        return self._was_copy

    # ---- what models, decoders and notebooks ask ----

    def get_feature_encoders(self, data_dir: str | None = None) -> dict[str, Any]:
        """Text encoders by feature name, as the model sees the features (after `_rev` and `_copy`).

        Raises:
            FileNotFoundError: the vocabulary is not there yet.
        """
        if self._encoders is None:
            self._encoders = self.feature_encoders(str(data_dir or self.data_dir_root))
        return self.maybe_reverse_and_copy(self._encoders)

    def get_hparams(self, model_hparams: Any = None) -> dict[str, Any]:
        """The problem as plain JSON data, for `hparams.problem`: all that a model knows about it."""
        self.get_feature_encoders()
        filled = ProblemHParams()
        if self.hparams(filled, model_hparams) is not None:
            raise ValueError(f"{type(self).__name__}.hparams changes its first argument in place and returns nothing")
        values = vars(filled)
        modality, vocab_size = values.pop("modality"), values.pop("vocab_size")
        shape = values.pop("shape", {})
        features = {name: {"modality": modality[name], "vocab_size": vocab_size.get(name)} for name in modality}
        for name, size in shape.items():
            features[name]["shape"] = size
        spaces = self.maybe_reverse_and_copy(
            {"inputs": values.pop("input_space_id"), "targets": values.pop("target_space_id")}
        )
        return {
            "name": self.name,
            "features": self.maybe_reverse_and_copy(features),
            "input_space_id": spaces["inputs"],
            "target_space_id": spaces["targets"],
            "was_reversed": self._was_reversed,
            "was_copy": self._was_copy,
            "eval_metrics": list(self.eval_metrics()),
            **values,
        }

    def samples_as_text(self, split: str = DatasetSplit.TRAIN, count: int = 3) -> list[dict[str, str]]:
        """The first generated examples of a split, decoded: feature name -> text, as the model sees the features."""
        self._check_generated()
        encoders = self.get_feature_encoders()
        samples = []
        examples = self.as_dataset(split=split, read_config=tfds.ReadConfig(try_autocache=False)).take(count)
        for example in examples.as_numpy_iterator():
            example = self.maybe_reverse_and_copy(example)
            samples.append(
                {
                    name: encoders[name].decode(value, strip_extraneous=True)
                    if name in encoders
                    else str(value.tolist())
                    for name, value in example.items()
                }
            )
        return samples

    @classmethod
    def from_files(cls, *args: Any, **kwargs: Any) -> "Problem":
        """A problem made of the user's own files; see `user_files.from_files`."""
        from tensor2keras.data.user_files import text as user_files

        return user_files.from_files(*args, **kwargs)

    @classmethod
    def from_tfds(cls, *args: Any, **kwargs: Any) -> "Problem":
        """A problem made of two text features of a tfds data set; see `user_files.from_tfds`."""
        from tensor2keras.data.user_files import text as user_files

        return user_files.from_tfds(*args, **kwargs)

    def _check_generated(self) -> None:
        self._load_info()
        if not self.info.splits:
            raise FileNotFoundError(
                f"problem {self.name} has no data in {self.data_dir}; make them with problem.generate_data() or "
                f"t2t-datagen --problem={self.name} --data_dir={self.data_dir_root}"
            )

    def _load_info(self) -> None:
        if not self.info.splits and self.is_prepared():  # made after this object was
            self.info.read_from_directory(self.data_dir)

    def _vocabulary_hashes(self) -> dict[str, str]:
        return {name: generation.file_hash(self.data_dir_root / name) for name in self.vocabulary_files()}

    def _check_vocabulary(self) -> None:
        written, now = (self.info.metadata or {}).get("vocabulary"), self._vocabulary_hashes()
        if written is None or written == now:
            return
        if set(written) != set(now):
            raise ValueError(
                f"the data in {self.data_dir} were encoded by {', '.join(written) or 'no vocabulary'}, not by "
                f"{', '.join(now) or 'none'}; remove {self.data_dir} to generate them again"
            )
        changed = ", ".join(str(self.data_dir_root / name) for name in now if now[name] != written[name])
        raise ValueError(
            f"the data in {self.data_dir} were encoded by another vocabulary than {changed}; put the old vocabulary "
            f"back, or remove {self.data_dir} and generate again"
        )


def _setting(hparams: Any, name: str) -> Any:
    get: Callable = hparams.get if hasattr(hparams, "get") else lambda key: getattr(hparams, key, None)
    return get(name)


def _other_side(name: str) -> str:
    """`"inputs_position"` -> `"targets_position"` and back; other names as they are."""
    for one, other in (("inputs", "targets"), ("targets", "inputs")):
        if name == one or name.startswith(one + "_"):
            return other + name.removeprefix(one)
    return name


def _parsing_spec(feature: tfds.features.FeatureConnector) -> Any:
    if feature.shape == (None,):
        return tf.io.RaggedFeature(feature.tf_dtype, row_splits_dtype=tf.int64)
    return tf.io.FixedLenFeature(feature.shape, feature.tf_dtype)
