"""Base classes of problems on the user's own data: splits, held-out samples, labels, size of the vocabulary."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from absl import logging

from tensor2keras import files
from tensor2keras.data import sources
from tensor2keras.data.problem import Problem
from tensor2keras.data.rows import FileSource, Row, TfdsSource, has_empty_side
from tensor2keras.data.splits import HOLD_OUT, DatasetSplit
from tensor2keras.data.text_problem import Text2ClassProblem


class UserDataProblem(Problem):
    """Text problem on the rows of a `source`: splits, held-out samples, rows with an empty side left out."""

    held_out = f"every {HOLD_OUT}th training sample"
    is_generate_per_split = True
    train_shards, test_shards = 100, 1

    def source(self) -> FileSource | TfdsSource:
        """Returns the source of the rows."""
        raise NotImplementedError

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        present = {DatasetSplit.EVAL, *self.source().splits()}
        return [split for split in super().dataset_splits if split["split"] in present]

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        if DatasetSplit.EVAL not in self.source().splits():
            logging.warning("No validation text: %s is held out for validation.", self.held_out)
        super().prepare_to_generate(data_dir, tmp_dir)

    def rows(self, split: str) -> Iterator[tuple[str, Row]]:
        """Yields the rows of a split with their places; rows with an empty side are left out.

        Without validation data, the held-out training rows are the validation split.
        """
        source = self.source()
        held_out = DatasetSplit.EVAL not in source.splits()
        index = left_out = 0
        for place, row in source.rows(DatasetSplit.TRAIN if held_out and split == DatasetSplit.EVAL else split):
            if has_empty_side(row):
                left_out += 1
                continue
            belongs = (split == DatasetSplit.EVAL) == (index % HOLD_OUT == 1)
            index += 1
            if not held_out or split == DatasetSplit.TEST or belongs:
                yield place, row
        if left_out:
            logging.warning("%s, %s: left out %d samples with an empty side.", self.name, split, left_out)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[Row]:
        for _, row in self.rows(dataset_split):
            yield row

    def source_files(self) -> list[str]:
        return self.source().paths()


class LabelsFileProblem(Problem):
    """A problem whose classes are the lines of a file in `data_dir`, which is written before samples are generated."""

    @property
    def labels_filename(self) -> str:
        """Name of the file in `data_dir` with the classes' names, one a line."""
        return f"labels.{self.dataset_filename()}.txt"

    def find_labels(self, tmp_dir: str) -> Iterable[str]:
        """Returns the classes' names, in the order of their numbers."""
        raise NotImplementedError(f"{type(self).__name__} does not define find_labels")

    def read_labels(self, data_dir: str) -> list[str]:
        """Returns the lines of the labels file; MissingDataError if it is not there."""
        return list(sources.read_lines(sources.require_file(data_dir, self.labels_filename)))

    def vocabulary_files(self) -> list[str]:
        return [*super().vocabulary_files(), self.labels_filename]

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        path = os.path.join(data_dir, self.labels_filename)
        if not os.path.exists(path):
            files.write_text(path, "".join(f"{label}\n" for label in self.find_labels(tmp_dir)))
        super().prepare_to_generate(data_dir, tmp_dir)


class UserClassProblem(LabelsFileProblem, UserDataProblem, Text2ClassProblem):
    """Classes named by the user's labels: the lines of `labels.txt` in `tmp_dir`, or all labels of the training set.

    Labels 0 to n - 1 are their own classes' numbers; all others are names, in alphabetical order.
    """

    def source_files(self) -> list[str]:
        return [*super().source_files(), *filter(None, [sources.find_file(self.tmp_dir, "labels.txt")])]

    def class_labels(self, data_dir: str) -> list[str]:
        return self.read_labels(data_dir)

    @property
    def num_classes(self) -> int:
        return len(self.class_labels(str(self.data_dir_root)))

    def find_labels(self, tmp_dir: str) -> list[str]:
        given = sources.find_file(tmp_dir, "labels.txt")
        if given:
            return [label for label in sources.read_lines(given) if label]
        labels = {str(row["label"]) for _, row in self.source().rows(DatasetSplit.TRAIN) if not has_empty_side(row)}
        numbers = {str(number) for number in range(len(labels))}
        return sorted(labels, key=int if labels == numbers else None)  # other digits are names: 007, 20240101

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[Row]:
        numbers = {label: number for number, label in enumerate(self.class_labels(data_dir))}
        for place, row in self.rows(dataset_split):
            label = str(row["label"])
            if label not in numbers:
                known = ", ".join([*numbers][:20]) + ", ..." * (len(numbers) > 20)
                path = os.path.join(data_dir, self.labels_filename)
                raise ValueError(f"{place}: unknown label {label!r}; the training set has: {known} ({path})")
            yield {"inputs": row["inputs"], "label": numbers[label]}


class ChosenVocabSizeProblem(Problem):
    """A problem with the vocabulary's size as an argument.

    Args:
        *args, **kwargs: arguments of `Problem`.
        approx_vocab_size: size of the subword vocabulary to build; None: that of the one in `data_dir`, or
            `default_approx_vocab_size`.
    """

    default_approx_vocab_size = 2**15

    def __init__(self, *args: Any, approx_vocab_size: int | None = None, **kwargs: Any):
        self._approx_vocab_size = approx_vocab_size
        super().__init__(*args, **kwargs)
        self.constructor_arguments["approx_vocab_size"] = approx_vocab_size

    @property
    def approx_vocab_size(self) -> int:
        if self._approx_vocab_size is not None:
            return self._approx_vocab_size
        there = self.data_dir_root.glob(f"vocab.{self.dataset_filename()}.*.{self.vocab_type}")
        sizes = [int(size) for size in (path.name.split(".")[-2] for path in there) if size.isdigit()]
        return sizes[0] if len(sizes) == 1 else self.default_approx_vocab_size
