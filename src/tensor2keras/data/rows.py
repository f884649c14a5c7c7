"""Rows of text from text files, .tsv, .csv, .jsonl and tfds data sets, each with its place for error messages."""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tensor2keras import tables
from tensor2keras.data import sources
from tensor2keras.data.splits import SPLIT_NAMES, DatasetSplit

TEXT_TO_TEXT = ("inputs", "targets")
TEXT_TO_SELF = ("targets",)
TEXT_TO_CLASS = ("inputs", "label")
_FILE_OF_COLUMN = {"inputs": "inputs", "targets": "targets", "label": "labels"}

Row = dict[str, Any]


def read_rows(paths: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Yields `("FILE, line N", {column: text})` from text files side by side, or from one .tsv, .csv or .jsonl file.

    Raises:
        ValueError: files that are not aligned, or a line that is not UTF-8, has too many or too few columns, or is not
            a JSON object with the columns as keys; the message names file and line.
    """
    if len(paths) == 1 and tables.extension(paths[0]) == ".jsonl":
        yield from _read_jsonl(paths[0], columns)
    elif len(paths) == 1 and tables.extension(paths[0]) in tables.EXTENSIONS:
        yield from tables.read_table(paths[0], columns)
    else:
        for number, texts in enumerate(sources.aligned_lines(*paths), start=1):
            yield f"{paths[0]}, line {number}", dict(zip(columns, texts, strict=True))


def _read_jsonl(path: str, columns: Sequence[str]) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(sources.read_lines(path), start=1):
        place = f"{path}, line {number}"
        if not line:
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{place}: not JSON ({getattr(error, 'msg', error)})") from None
        if not isinstance(row, dict) or any(column not in row for column in columns):
            raise ValueError(f"{place}: expected an object with the keys {', '.join(columns)}")
        for column in columns:
            if not isinstance(row[column], str | int) or (isinstance(row[column], int) and column != "label"):
                raise ValueError(f"{place}: {column} is not text")
            try:
                str(row[column]).encode("utf-8")
            except UnicodeEncodeError as error:
                char = ascii(error.object[error.start])
                raise ValueError(f"{place}: {column} has {char}, half of a surrogate pair, which is no text") from None
        yield place, {column: str(row[column]).strip() for column in columns}


def has_empty_side(row: Row) -> bool:
    """Returns whether a column of the row is empty."""
    return any(value == "" for value in row.values())


# ---- finding files ----


def find_split_files(directory: str, columns: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """Returns split -> groups of files that hold the columns, for the splits whose files are in `directory`.

    Raises:
        MissingDataError: no training files, or one file of a pair without the other.
    """
    found = {}
    for split, names in SPLIT_NAMES.items():
        groups = (group for name in names for group in _split_file_names(name, columns))
        for group in groups:
            paths = [sources.find_file(directory, name) for name in group]
            if any(paths):
                found[split] = [tuple(sources.require_file(directory, name) for name in group)]
                break
    if DatasetSplit.TRAIN not in found:
        first, *others = (" and ".join(group) for group in _split_file_names("train", columns))
        raise sources.MissingDataError(f"no training text in {directory}; put {first} there (or {' or '.join(others)})")
    return found


def _split_file_names(name: str, columns: Sequence[str]) -> list[tuple[str, ...]]:
    groups = [tuple(f"{_FILE_OF_COLUMN[column]}.{name}.txt" for column in columns)]
    if len(columns) == 1:
        return [*groups, (f"{name}.txt",), (f"{name}.jsonl",)]
    return [*groups, *((name + ending,) for ending in (*tables.EXTENSIONS, ".jsonl"))]


# ---- samples of any origin ----


@dataclasses.dataclass(frozen=True)
class FileSource:
    """Rows in files: split -> groups of aligned files (or single .tsv, .csv or .jsonl files)."""

    groups: Mapping[str, Sequence[tuple[str, ...]]]
    columns: tuple[str, ...]

    def splits(self) -> list[str]:
        """Returns the splits that have files."""
        return list(self.groups)

    def rows(self, split: str) -> Iterator[tuple[str, Row]]:
        """Yields the rows of a split, each with its place."""
        for paths in self.groups[split]:
            yield from read_rows(paths, self.columns)

    def paths(self) -> list[str]:
        """Returns the files of all splits."""
        return [path for groups in self.groups.values() for group in groups for path in group]

    def fingerprint(self) -> dict[str, Any]:
        """Returns JSON data that change when the files do."""
        return {os.path.abspath(path): [os.path.getsize(path), os.stat(path).st_mtime_ns] for path in self.paths()}


@dataclasses.dataclass(frozen=True)
class TfdsSource:
    """Rows of a tfds data set; `target_column` is "targets" or, for a class label, "label"."""

    builder: str
    inputs: str | None
    targets: str
    target_column: str
    data_dir: str | None

    def splits(self) -> list[str]:
        """Returns which of our splits the data set has; "train" alone if it does not tell."""
        known = sources.tfds_builder(self.builder, self.data_dir).info.splits
        return [split for split in SPLIT_NAMES if split in known] or [DatasetSplit.TRAIN]

    def rows(self, split: str) -> Iterator[tuple[str, Row]]:
        """Yields the rows of a split, each with its place."""
        samples = sources.tfds_samples(self.builder, split, self.inputs, self.targets, self.data_dir)
        for number, row in enumerate(samples, start=1):
            row[self.target_column] = row.pop("targets")
            yield f"{self.builder}, {split} example {number}", row

    def paths(self) -> list[str]:
        """Returns no files: tfds's data do not change."""
        return []

    def fingerprint(self) -> dict[str, Any]:
        """Returns JSON data that change when the choice of data does."""
        return {"builder": self.builder, "inputs": self.inputs, "targets": self.targets}
