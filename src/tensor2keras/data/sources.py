"""Sources of raw samples: files in `tmp_dir`, then a tfds data set, and only then the network.

A named problem's `generate_samples` returns one of these iterators. Files in `tmp_dir` are preferred, then data that
tfds has prepared in `data_dir`, then the network, if a check of a few seconds finds one:

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        files = {"train": ("train.en", "train.de"), "validation": ("dev.en", "dev.de")}[dataset_split]
        if all(sources.find_file(tmp_dir, name) for name in files):
            pairs = sources.aligned_lines(*(sources.require_file(tmp_dir, name) for name in files))
            return ({"inputs": inputs, "targets": targets} for inputs, targets in pairs)
        return sources.tfds_samples("wmt14_translate/de-en", dataset_split, "en", "de", data_dir,
                                    instead=sources.put_files(tmp_dir, files))

Every file may also be compressed (`.gz`).
"""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from tensor2keras import files

CHECK_URL = "https://storage.googleapis.com"
CHECK_SECONDS = 3.0


class MissingDataError(FileNotFoundError):
    """Raw data are missing and cannot be downloaded; the message names what to put where."""


def find_file(directory: str, name: str) -> str | None:
    """Returns the path of `name` or `name.gz` in `directory`, or None."""
    for path in (os.path.join(directory, name), os.path.join(directory, name + ".gz")):
        if os.path.isfile(path):
            return path
    return None


def put_files(directory: str, names: Iterable[str]) -> str:
    """Returns the end of an error message, which names the files to put into `directory`."""
    return f"put {', '.join(names)} (or .gz) into {directory}"


def require_file(directory: str, name: str) -> str:
    """Returns the path that `find_file` finds; raises MissingDataError if there is none."""
    path = find_file(directory, name)
    if path is None:
        raise MissingDataError(f"{os.path.join(directory, name)} is not there; {put_files(directory, [name])}")
    return path


def read_lines(path: str) -> Iterator[str]:
    """Yields the lines of `files.read_lines` without white space at both ends."""
    return map(str.strip, files.read_lines(path))


def aligned_lines(*paths: str) -> Iterator[tuple[str, ...]]:
    """Yields the lines of several files side by side.

    Raises:
        ValueError: one file has fewer lines than another, naming both and the line.
    """
    texts = [read_lines(path) for path in paths]
    number = 0
    for number, first in enumerate(texts[0], start=1):
        rest = [next(text, None) for text in texts[1:]]
        for path, line in zip(paths[1:], rest, strict=True):
            if line is None:
                raise ValueError(f"{path} ends before line {number}, which {paths[0]} has: the files are not aligned")
        yield (first, *rest)
    for path, text in zip(paths[1:], texts[1:], strict=True):
        if next(text, None) is not None:
            raise ValueError(f"{paths[0]} ends after line {number}, but {path} continues: the files are not aligned")


def tfds_builder(name: str, data_dir: str | None, instead: str = "") -> tfds.core.DatasetBuilder:
    """Returns a tfds builder whose data are prepared, over the network if they are not in `data_dir`.

    Args:
        name: "builder" or "builder/config".
        data_dir: directory of its data; tfds's default directory is searched as well.
        instead: what the user can do without network, for the error message.

    Raises:
        MissingDataError: the data are not prepared and, after a few seconds, no network is found.
        ValueError: tfds knows no such builder.
    """
    builder = _builder(name, data_dir)
    if not _is_prepared(builder):
        if not network_reachable():
            raise MissingDataError(
                f"the tfds data set {name!r} is not prepared in {builder.data_dir} and no network can fetch it; "
                + (instead or f"prepare it elsewhere (tfds build {name}) and copy it to {builder.data_dir}")
            )
        builder.download_and_prepare()
    return builder


def tfds_features(name: str, data_dir: str | None) -> Mapping[str, Any]:
    """Returns the features of a tfds data set by name, from its code or its prepared data: no network."""
    return _builder(name, data_dir).info.features


def check_features(name: str, features: Mapping[str, Any], wanted: Iterable[str]) -> None:
    """Raises KeyError, which names the existing features, unless all `wanted` ones exist."""
    for feature in wanted:
        if feature not in features:
            raise KeyError(f"the tfds data set {name!r} has no feature {feature!r}; it has: {', '.join(features)}")


def tfds_samples(
    name: str, split: str, inputs: str | None, targets: str, data_dir: str | None, instead: str = ""
) -> Iterator[dict[str, Any]]:
    """Yields `{"inputs": ..., "targets": ...}` from one split of a tfds data set: text, and class labels by name.

    Args:
        name: "builder" or "builder/config".
        split: a tfds split, slices such as "train[:90%]" included.
        inputs: the feature to read; None for targets alone.
        targets: the feature to write.
        data_dir: directory of tfds's data; None for tfds's default.
        instead: see `tfds_builder`.

    Raises:
        KeyError: no such feature, naming those there are.
        MissingDataError: see `tfds_builder`.
    """
    columns = {"inputs": inputs, "targets": targets} if inputs else {"targets": targets}
    for row in tfds_rows(name, split, list(columns.values()), data_dir, instead):
        yield {column: row[feature] for column, feature in columns.items()}


def tfds_rows(
    name: str, split: str, columns: Iterable[str], data_dir: str | None, instead: str = ""
) -> Iterator[dict[str, Any]]:
    """Yields the features `columns` of each example of a tfds split: text, numbers, lists of these, class names.

    The class of an example without label is "" (tfds marks it with a negative number). For arguments and errors see
    `tfds_samples`.
    """
    builder = tfds_builder(name, data_dir, instead)
    features, columns = builder.info.features, list(columns)
    check_features(name, features, columns)
    for number, example in enumerate(builder.as_dataset(split=split).as_numpy_iterator(), start=1):
        place = f"{name}, {split} example {number}"
        yield {column: _plain(example[column], features[column], place) for column in columns}


def network_reachable(url: str = CHECK_URL, seconds: float = CHECK_SECONDS) -> bool:
    """Returns whether a web server answers within `seconds`, proxies of the environment included."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds):
                answered.set()
        except urllib.error.HTTPError:  # an answer nevertheless
            answered.set()
        except OSError:
            pass

    thread = threading.Thread(target=ask, daemon=True)  # a name look-up may hang for longer than any timeout
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def _builder(name: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """Returns the builder for `data_dir`, unless only tfds's default directory has its data prepared."""
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not _is_prepared(builder) and _is_prepared(tfds.builder(name)):
            return tfds.builder(name)
        return builder
    except tfds.core.registered.DatasetNotFoundError as error:
        raise ValueError(f"tfds has no data set {name!r}: {str(error).partition(chr(10))[0]}") from None


def _is_prepared(builder: tfds.core.DatasetBuilder) -> bool:
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # tfds warns about every directory that is missing
    try:
        return builder.is_prepared()
    finally:
        logging.set_verbosity(verbosity)


def _plain(value: Any, feature: tfds.features.FeatureConnector | None, place: str) -> Any:
    if isinstance(feature, tfds.features.ClassLabel):
        return feature.int2str(int(value)) if value >= 0 else ""
    if isinstance(value, dict):
        return {name: _plain(part, None, place) for name, part in value.items()}
    if np.ndim(value):
        return [_plain(part, None, place) for part in value]
    return files.decode(value, place) if isinstance(value, bytes) else value.item()
