"""Problems made of the user's own data, with no code: files in `tmp_dir`, any files, or a tfds data set.

In `tmp_dir`, one sample a line, UTF-8, plain or `.gz` (SPLIT is train, then eval, dev, val or validation, then test):

    text2text_tmpdir    inputs.SPLIT.txt and targets.SPLIT.txt, or SPLIT.tsv, or SPLIT.jsonl (keys inputs, targets)
    text2self_tmpdir    targets.SPLIT.txt, or SPLIT.txt, or SPLIT.jsonl (key targets)
    text2class_tmpdir   inputs.SPLIT.txt and labels.SPLIT.txt, or SPLIT.tsv, or SPLIT.jsonl (keys inputs, label)

`text2self_tmpdir_characters` reads the same text files, but as one text whose line breaks count.

Samples with an empty side are left out. Without a validation file, every 20th training sample is held out for it.
"""

import glob
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from tensor2keras import files, registry
from tensor2keras.data import generation, sources
from tensor2keras.data.problem import Problem
from tensor2keras.data.rows import (
    TEXT_TO_CLASS,
    TEXT_TO_SELF,
    TEXT_TO_TEXT,
    FileSource,
    Row,
    TfdsSource,
    find_split_files,
    has_empty_side,
)
from tensor2keras.data.splits import HOLD_OUT, SPLIT_NAMES, DatasetSplit
from tensor2keras.data.text_encoder import encoders as text_encoder
from tensor2keras.data.text_problem import OVERLAP, Text2ClassProblem, Text2SelfProblem, Text2TextProblem, VocabType

Paths = str | os.PathLike | Sequence[str | os.PathLike]


class UserDataProblem(Problem):
    """What the problems on a user's own data share: splits, holding out, leaving out empty rows."""

    held_out = f"every {HOLD_OUT}th training sample"

    def source(self) -> FileSource | TfdsSource:
        """Where the rows come from."""
        raise NotImplementedError

    @property
    def is_generate_per_split(self) -> bool:
        return True

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        splits = {DatasetSplit.TRAIN: 100, DatasetSplit.EVAL: 1, DatasetSplit.TEST: 1}
        present = {DatasetSplit.EVAL, *self.source().splits()}
        return [{"split": split, "shards": shards} for split, shards in splits.items() if split in present]

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        if DatasetSplit.EVAL not in self.source().splits():
            logging.warning("No validation text: %s is held out for validation.", self.held_out)
        super().prepare_to_generate(data_dir, tmp_dir)

    def rows(self, split: str) -> Iterator[tuple[str, Row]]:
        """The rows of a split, each with its place; empty ones left out, held-out ones where they belong."""
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

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        self.info.metadata["sources"] = self.source().fingerprint()
        return super()._split_generators(dl_manager)


class UserClassProblem(UserDataProblem, Text2ClassProblem):
    """Classes named by the user's labels: the lines of `labels.txt` in `tmp_dir`, or all labels of the training set."""

    @property
    def labels_filename(self) -> str:
        """Name of the file in `data_dir` with the classes' names, one a line."""
        return f"labels.{self.dataset_filename()}.txt"

    def class_labels(self, data_dir: str) -> list[str]:
        return list(sources.read_lines(sources.require_file(data_dir, self.labels_filename)))

    @property
    def num_classes(self) -> int:
        return len(self.class_labels(str(self.data_dir_root)))

    def vocabulary_files(self) -> list[str]:
        return [*super().vocabulary_files(), self.labels_filename]

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        path = os.path.join(data_dir, self.labels_filename)
        if not os.path.exists(path):
            files.write_text(path, "".join(f"{label}\n" for label in self._find_labels(tmp_dir)))
        super().prepare_to_generate(data_dir, tmp_dir)

    def _find_labels(self, tmp_dir: str) -> list[str]:
        given = sources.find_file(tmp_dir, "labels.txt")
        if given:
            return [label for label in sources.read_lines(given) if label]
        labels = {str(row["label"]) for _, row in self.source().rows(DatasetSplit.TRAIN) if not has_empty_side(row)}
        if labels and all(
            label.isascii() and label.isdigit() for label in labels
        ):  # numbers: every class up to the largest
            return [str(number) for number in range(max(map(int, labels)) + 1)]
        return sorted(labels)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[Row]:
        numbers = {label: number for number, label in enumerate(self.class_labels(data_dir))}
        for place, row in self.rows(dataset_split):
            label = str(row["label"])
            if label not in numbers:
                raise ValueError(f"{place}: unknown label {label!r}; the training set has: {', '.join(numbers)}")
            yield {"inputs": row["inputs"], "label": numbers[label]}


# ---- files in tmp_dir ----


class TmpdirProblem(UserDataProblem):
    """Reads the files of `tmp_dir` by the names given in this module's docstring.

    Args:
        approx_vocab_size: size of the subword vocabulary to make; None: of the one that lies in `data_dir`, or 2**15.
        **kwargs: arguments of `Problem`.
    """

    columns = TEXT_TO_TEXT

    def __init__(self, *args: Any, approx_vocab_size: int | None = None, **kwargs: Any):
        self._approx_vocab_size = approx_vocab_size
        super().__init__(*args, **kwargs)
        self._original_state["approx_vocab_size"] = approx_vocab_size

    @property
    def approx_vocab_size(self) -> int:
        if self._approx_vocab_size is not None:
            return self._approx_vocab_size
        there = self.data_dir_root.glob(f"vocab.{self.dataset_filename()}.*.{self.vocab_type}")
        sizes = [int(size) for size in (path.name.split(".")[-2] for path in there) if size.isdigit()]
        return sizes[0] if len(sizes) == 1 else super().approx_vocab_size

    def source(self) -> FileSource:
        return FileSource(find_split_files(self.tmp_dir, self.columns), self.columns)

    def generate_data(self) -> None:
        """As `Problem.generate_data`; says so when the data were made from other files than those there now."""
        super().generate_data()
        try:
            now = self.source().fingerprint()
        except FileNotFoundError:  # the data are there, the text need not be
            return
        if self.info.metadata.get("sources", now) != now:
            logging.warning("The text in %s has changed; remove %s to use it.", self.tmp_dir, self.data_dir)


@registry.register_problem
class Text2textTmpdir(TmpdirProblem, Text2TextProblem):
    """Your own text to text, from inputs.train.txt and targets.train.txt in tmp_dir."""


@registry.register_problem
class Text2textTmpdirTokens(Text2textTmpdir):
    """Your own text to text by whole words: as text2text_tmpdir, and vocab.txt in tmp_dir with one word a line."""

    @property
    def vocab_type(self) -> str:
        return VocabType.TOKEN

    @property
    def oov_token(self) -> str:
        return "<UNK>"

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        path = os.path.join(data_dir, self.vocab_filename)
        if not os.path.exists(path):
            words = sources.read_lines(sources.require_file(tmp_dir, "vocab.txt"))
            encoder = text_encoder.TokenTextEncoder(None, vocab_list=[self.oov_token, *filter(None, words)])
            encoder.store_to_file(path)
        super().prepare_to_generate(data_dir, tmp_dir)


@registry.register_problem
class Text2selfTmpdir(TmpdirProblem, Text2SelfProblem):
    """Your own text for a language model, from targets.train.txt (or train.txt) in tmp_dir."""

    columns = TEXT_TO_SELF


@registry.register_problem
class Text2selfTmpdirCharacters(Text2selfTmpdir):
    """Your own text for a language model by bytes, line breaks included, from train.txt in tmp_dir: pieces of 512.

    Training pieces overlap: each begins a quarter of its length after the last, so that a byte is learned at four
    places. Without a validation file the last tenth of the text is held out. Pieces have no end of sequence.
    """

    sequence_length = 512
    held_out = "the last tenth of the training text"

    @property
    def vocab_type(self) -> str:
        return VocabType.CHARACTER

    def max_length(self, model_hparams: Any) -> int:
        return model_hparams.get("split_to_length") or self.sequence_length

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        first_id = text_encoder.NUM_RESERVED_TOKENS
        for piece in self.pieces(dataset_split):
            yield {"targets": np.frombuffer(piece, np.uint8).astype(np.int64) + first_id}

    def pieces(self, split: str) -> Iterator[bytes]:
        """The text of a split in pieces; the last one may be shorter.

        Raises:
            ValueError: a .jsonl file, or a `.gz` file that is cut off.
        """
        groups = self.source().groups
        has_file = split in groups
        step = self.sequence_length // OVERLAP if split == DatasetSplit.TRAIN else self.sequence_length
        for (path,) in groups[split if has_file else DatasetSplit.TRAIN]:
            if path.removesuffix(".gz").endswith(".jsonl"):
                raise ValueError(f"{path}: {self.name} reads plain text; put train.txt into {self.tmp_dir}")
            try:
                with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    middle = size if DatasetSplit.EVAL in groups else size - size // 10
                    begin, end = (
                        (0, size) if split == DatasetSplit.TEST else (0, middle) if has_file else (middle, size)
                    )
                    file.seek(begin)
                    piece = new = file.read(min(self.sequence_length, end - begin))
                    while new:
                        yield piece
                        new = file.read(min(step, end - file.tell()))
                        piece = piece[step:] + new
            except (gzip.BadGzipFile, zlib.error, EOFError) as error:
                raise ValueError(f"{path}: not a whole gzip file ({error})") from None


@registry.register_problem
class Text2classTmpdir(TmpdirProblem, UserClassProblem):
    """Your own text and its classes, from inputs.train.txt and labels.train.txt in tmp_dir."""

    columns = TEXT_TO_CLASS


# ---- in a notebook ----


class _GivenSource(UserDataProblem):
    """A problem whose source and vocabulary are constructor arguments; both are in the name of its files."""

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
        self._original_state.update(self._given)

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
    """Text to text, from the files or the tfds data set it is given."""


class GivenText2Self(_GivenSource, Text2SelfProblem):
    """A language model's text, from the files or the tfds data set it is given."""


class GivenText2Class(_GivenSource, UserClassProblem):
    """Text and its classes, from the files or the tfds data set it is given."""


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
    """A problem made of text files, one sample a line, UTF-8, plain or `.gz`.

    `inputs` and `targets` make a translator, `targets` alone a language model, `inputs` and `labels` a classifier. Each
    is a file, a pattern (`news*.en`), a list of files, or `{"train": ..., "validation": ..., "test": ...}` of these;
    without "validation", every 20th training sample is held out. `rows` are .tsv or .jsonl files with all `columns`.

    Args:
        inputs, targets, labels: text files side by side.
        rows: .tsv or .jsonl files.
        columns: what a row of `rows` holds: `("inputs", "targets")`, `("targets",)` or `("inputs", "label")`.
        name: begins the names of data and vocabulary in `data_dir` ("files" if None); the rest stands for files and
            settings, so that changed files or settings make new data.
        data_dir: where these lie.
        vocab_type, approx_vocab_size: see `Text2TextProblem`.
        generate: make vocabulary and data now, if they are not there.
        **kwargs: `was_reversed`, `was_copy`, `tmp_dir`.

    Raises:
        FileNotFoundError: a file or pattern that matches nothing.
        ValueError: an impossible combination; files that are not aligned or not UTF-8.

    Example:
        >>> problem = Problem.from_files("train.en", "train.de", data_dir="~/t2t_data")
        >>> hparams = registry.hparams("transformer_base", problem=problem)
    """
    given = {"inputs": inputs, "targets": targets, "label": labels}
    given = {column: paths for column, paths in given.items() if paths}
    if bool(rows) == bool(given) or tuple(given or columns) not in _GIVEN:
        raise ValueError(
            "give inputs and targets, targets alone, inputs and labels, or rows (.tsv or .jsonl) with columns"
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
    """A problem made of features of a tfds data set, prepared in `data_dir` or within reach of the network.

    Args:
        builder: "builder" or "builder/config", such as "wmt14_translate/de-en".
        inputs: the text feature to read; None for a language model.
        targets: the text feature to write, or a class label to predict.
        name, data_dir, vocab_type, approx_vocab_size, generate, **kwargs: as `from_files`.

    Raises:
        FileNotFoundError: neither data nor network, within seconds.
        KeyError: no such feature, naming those there are.

    Example:
        >>> problem = Problem.from_tfds("wmt14_translate/de-en", inputs="en", targets="de", data_dir="~/t2t_data")
    """
    if targets is None:
        raise ValueError("from_tfds needs targets: the feature to write or predict")
    root = generation.expand(data_dir) if data_dir else None
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
    """Argument -> files, by split, becomes split -> groups of aligned files."""
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
        pattern = generation.expand(path)
        matches = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern))
        if not matches:
            raise FileNotFoundError(f"no such file: {pattern}")
        found += matches
    return found
