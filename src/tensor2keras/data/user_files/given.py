"""Problems from given data: `from_files` for any text files, `from_tfds` for a tfds data set."""

import glob
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_datasets as tfds

from tensor2keras import files
from tensor2keras.data import sources
from tensor2keras.data.problem import Problem
from tensor2keras.data.rows import TEXT_TO_CLASS, TEXT_TO_SELF, TEXT_TO_TEXT, FileSource, TfdsSource
from tensor2keras.data.splits import SPLIT_NAMES, DatasetSplit
from tensor2keras.data.text_problem import Text2SelfProblem, Text2TextProblem, VocabType
from tensor2keras.data.user_files.base import UserClassProblem, UserDataProblem

Paths = str | os.PathLike | Sequence[str | os.PathLike]


class _GivenSource(UserDataProblem):
    """Base class of problems with source and vocabulary as arguments; names of data files contain their hash."""

    def __init__(
        self,
        name: str,
        given_source: FileSource | TfdsSource,
        vocab_type: str = VocabType.SUBWORD,
        approx_vocab_size: int = 2**13,
        **kwargs: Any,
    ):
        self._given = {
            "name": name,
            "given_source": given_source,
            "vocab_type": vocab_type,
            "approx_vocab_size": approx_vocab_size,
        }
        settings = json.dumps([given_source.fingerprint(), vocab_type, approx_vocab_size], sort_keys=True)
        self._digest = hashlib.sha256(settings.encode()).hexdigest()[:8]
        super().__init__(**kwargs)
        self.constructor_arguments.update(self._given)

    def _problem_name(self) -> str:
        return self._given["name"]

    def source(self) -> FileSource | TfdsSource:
        return self._given["given_source"]

    def dataset_filename(self) -> str:
        return f"{self._given['name']}-{self._digest}"

    @property
    def vocab_type(self) -> str:
        return self._given["vocab_type"]

    @property
    def approx_vocab_size(self) -> int:
        return self._given["approx_vocab_size"]


class GivenText2Text(_GivenSource, Text2TextProblem):
    """Text to text from given files or a tfds data set."""


class GivenText2Self(_GivenSource, Text2SelfProblem):
    """Text for a language model from given files or a tfds data set."""


class GivenText2Class(_GivenSource, UserClassProblem):
    """Text and its classes from given files or a tfds data set."""


_GIVEN = {TEXT_TO_TEXT: GivenText2Text, TEXT_TO_SELF: GivenText2Self, TEXT_TO_CLASS: GivenText2Class}


def from_files(
    inputs: Paths | Mapping[str, Paths] | None = None,
    targets: Paths | Mapping[str, Paths] | None = None,
    labels: Paths | Mapping[str, Paths] | None = None,
    *,
    rows: Paths | Mapping[str, Paths] | None = None,
    columns: Sequence[str] = TEXT_TO_TEXT,
    name: str | None = None,
    data_dir: str | os.PathLike | None = None,
    vocab_type: str = VocabType.SUBWORD,
    approx_vocab_size: int = 2**13,
    generate: bool = True,
    **kwargs: Any,
) -> Problem:
    """Returns a problem on text files, one sample a line, UTF-8, plain or `.gz`.

    `inputs` and `targets` give a translator, `targets` alone a language model, `inputs` and `labels` a classifier. Each
    is a file, a pattern (`news*.en`), a list of files, or `{"train": ..., "validation": ..., "test": ...}` of these;
    without "validation", every 20th training sample is held out. `rows` are .tsv, .csv or .jsonl files with all
    `columns`; a first line of a table that names the columns is a header.

    Args:
        inputs, targets, labels: text files side by side.
        rows: .tsv, .csv or .jsonl files.
        columns: the columns of `rows`: `("inputs", "targets")`, `("targets",)` or `("inputs", "label")`.
        name: first part of the names of data and vocabulary in `data_dir` ("files" if None); the rest is a hash of
            files and settings, so changed files or settings give new data.
        data_dir: directory of data and vocabulary.
        vocab_type, approx_vocab_size: see `Text2TextProblem`.
        generate: whether to generate missing vocabulary and data now.
        **kwargs: `was_reversed`, `was_copy`, `tmp_dir`.

    Raises:
        FileNotFoundError: a file is missing or a pattern matches nothing.
        ValueError: an impossible combination; files that are not aligned or not UTF-8.

    Example:
        >>> problem = tensor2keras.data.from_files("train.en", "train.de", data_dir="~/t2t_data")
        >>> hparams = registry.hparams("transformer_base", problem=problem)
    """
    given = {"inputs": inputs, "targets": targets, "label": labels}
    given = {column: paths for column, paths in given.items() if paths}
    if bool(rows) == bool(given) or tuple(given or columns) not in _GIVEN:
        raise ValueError(
            "give inputs and targets, targets alone, inputs and labels, or rows (.tsv, .csv or .jsonl) with columns"
        )
    columns = tuple(given or columns)
    source = FileSource(_resolve(given or {"rows": rows}), columns)
    return _finish(
        columns, generate, name or "files", source, vocab_type, approx_vocab_size, data_dir=data_dir, **kwargs
    )


def from_tfds(
    builder: str,
    inputs: str | None = None,
    targets: str | None = None,
    *,
    name: str | None = None,
    data_dir: str | os.PathLike | None = None,
    vocab_type: str = VocabType.SUBWORD,
    approx_vocab_size: int = 2**13,
    generate: bool = True,
    **kwargs: Any,
) -> Problem:
    """Returns a problem on features of a tfds data set, which is prepared in `data_dir` or downloaded.

    Args:
        builder: "builder" or "builder/config", such as "wmt14_translate/de-en".
        inputs: the text feature to read; None for a language model.
        targets: the text feature to write, or a class label to predict.
        name, data_dir, vocab_type, approx_vocab_size, generate, **kwargs: as `from_files`.

    Raises:
        FileNotFoundError: the data are not prepared and, after a few seconds, no network is found.
        KeyError: no such feature; the message names those that exist.

    Example:
        >>> problem = tensor2keras.data.from_tfds("wmt14_translate/de-en", "en", "de", data_dir="~/t2t_data")
    """
    if targets is None:
        raise ValueError("from_tfds needs targets: the feature to write or predict")
    root = files.expand(data_dir) if data_dir else None
    known = sources.tfds_features(builder, root)
    sources.check_features(builder, known, [feature for feature in (inputs, targets) if feature])
    target_column = "label" if isinstance(known[targets], tfds.features.ClassLabel) else "targets"
    columns = ("inputs", target_column) if inputs else (target_column,)
    if columns not in _GIVEN:
        raise ValueError(f"{builder}: {targets!r} is a class label; a classifier needs inputs as well")
    name = name or "tfds_" + "".join(char if char.isalnum() else "_" for char in builder)
    source = TfdsSource(builder, inputs, targets, target_column, root)
    return _finish(columns, generate, name, source, vocab_type, approx_vocab_size, data_dir=data_dir, **kwargs)


def _finish(columns: tuple[str, ...], generate: bool, *args: Any, **kwargs: Any) -> Problem:
    problem = _GIVEN[columns](*args, **kwargs)
    if generate:
        problem.generate_data()
    return problem


def _resolve(given: Mapping[str, Paths | Mapping[str, Paths]]) -> dict[str, list[tuple[str, ...]]]:
    """Turns argument -> files by split into split -> groups of aligned files."""
    by_split = {
        name: value if isinstance(value, Mapping) else {DatasetSplit.TRAIN: value} for name, value in given.items()
    }
    first = next(iter(by_split.values()))
    for name, splits in by_split.items():
        if set(splits) != set(first) or not set(splits) <= set(SPLIT_NAMES) or DatasetSplit.TRAIN not in splits:
            raise ValueError(
                f"{name} has the splits {', '.join(splits)}; allowed are train, validation and test, train is needed, "
                "and all arguments must have the same"
            )
    groups = {}
    for split in first:
        columns = {name: _matching(splits[split]) for name, splits in by_split.items()}
        counts = {len(paths) for paths in columns.values()}
        if len(counts) > 1:
            found = ", ".join(f"{len(paths)} of {name}" for name, paths in columns.items())
            raise ValueError(f"{split}: not the same number of files: {found}")
        groups[split] = list(zip(*columns.values(), strict=True))
    return groups


def _matching(paths: Paths) -> list[str]:
    found = []
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        pattern = files.expand(path)
        matches = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern))
        if not matches:
            raise FileNotFoundError(f"no such file: {pattern}")
        found += matches
    return found
