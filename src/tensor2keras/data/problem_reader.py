"""Reading of a problem's data: shards, batches, decoded samples, and the suffixes `_rev` and `_copy`."""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras.data.batching.pipeline import make_dataset
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.hparams import HParams


class ProblemReader:
    """The reading methods of `Problem`, for data that have been generated."""

    _was_reversed = False
    _was_copy = False

    def dataset(
        self,
        split: str,
        hparams: HParams,
        *,
        num_replicas: int = 1,
        seed: int = 0,
        start_step: int = 0,
        shuffle: bool | None = None,
        repeat: bool | None = None,
    ) -> tf.data.Dataset:
        """Returns batches of `(features, targets, weights)`, ids `[batch, length]` int32 padded with 0.

        Args:
            split: "train", "validation" or "test".
            hparams: the model's hyperparameters: batch size, lengths, packing.
            num_replicas: the first dimension is a multiple of it.
            seed: together with the step it determines the training batches.
            start_step: how many batches to skip.
            shuffle: None means in training only.
            repeat: whether to repeat without end; None means in training only.

        Returns:
            `weights` are float32 and sum to 1 over a batch: each is divided by the batch's number of tokens.

        Raises:
            FileNotFoundError: the data have not been generated.
            ValueError: an unknown split, naming those there are.
        """
        return make_dataset(
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
        """Returns the TFRecord files of a split, in order.

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

    @property
    def num_training_examples(self) -> int:
        """Number of examples of the train split."""
        self._check_generated()
        return self.info.splits[DatasetSplit.TRAIN].num_examples

    def maybe_reverse_and_copy(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns features as the model gets them: swapped if `was_reversed`, then copied if `was_copy`.

        It works on any dict keyed by `inputs`, `targets`, `inputs_segmentation`, ...: tensors, encoders, modalities.
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

    def samples_as_text(self, split: str = DatasetSplit.TRAIN, count: int = 3) -> list[dict[str, str]]:
        """Returns the first examples of a split decoded: feature name -> text, after `_rev` and `_copy`."""
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


def _other_side(name: str) -> str:
    """Returns "targets_position" for "inputs_position" and back; other names as they are."""
    for one, other in (("inputs", "targets"), ("targets", "inputs")):
        if name == one or name.startswith(one + "_"):
            return other + name.removeprefix(one)
    return name
