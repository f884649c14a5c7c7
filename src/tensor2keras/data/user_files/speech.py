"""Speech recognition on the user's own recordings, with no code.

`speech_tmpdir` reads tables in `tmp_dir`, one row a recording, columns separated by tabs:

    files     train.tsv, and dev.tsv (or eval, val, validation) and test.tsv if you have them; or one table of any name
    columns   file and transcript, in this order, or named in a first line (path, sentence and text are understood); a
              single table may have a column split (train, dev, test)

Files are wav, flac, mp3 or whatever libsndfile reads, at any sample rate; their names are relative to the table's
folder. Without a validation split every 20th training row is held out.
"""

import functools
import glob
import os
from collections.abc import Iterator
from typing import Any

from absl import logging

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.speech_problem import SpeechRecognitionProblem
from tensor2keras.data.splits import HOLD_OUT, SPLIT_NAMES, DatasetSplit
from tensor2keras.data.text_problem import VocabType
from tensor2keras.data.user_files.base import ChosenVocabSizeProblem

_FILE_COLUMNS = ("file", "path", "filename", "audio")
_TEXT_COLUMNS = ("transcript", "sentence", "text", "targets")


def read_table(path: str, folder: str | None = None) -> Iterator[dict[str, str]]:
    """Yields the rows of a table of recordings: `audio`, `targets`, `split` ("" if it has no such column) and `place`.

    Args:
        path: the table.
        folder: the folder that file names are relative to; the table's by default.

    Raises:
        ValueError: a row with too few columns, without a transcript, or with the name of a missing file.
    """
    columns: list[str] | None = None
    for number, line in enumerate(sources.read_lines(path, strip="\r\n"), start=1):
        if not line.strip():
            continue
        cells, place = [cell.strip() for cell in line.split("\t")], f"{path}, line {number}"
        if columns is None:
            names = [cell.lower() for cell in cells]
            is_header = bool(set(names) & set(_FILE_COLUMNS)) and bool(set(names) & set(_TEXT_COLUMNS))
            columns = names if is_header else ["file", "transcript"]
            if is_header:
                continue
        if len(cells) < len(columns):
            raise ValueError(
                f"{place}: {len(cells)} columns, expected {len(columns)} ({', '.join(columns)}) between tabs"
            )
        row = dict(zip(columns, cells, strict=False))
        file, text = (next(row[name] for name in known if name in row) for known in (_FILE_COLUMNS, _TEXT_COLUMNS))
        if not text:
            raise ValueError(f"{place}: {file} has no transcript")
        found = os.path.join(folder or os.path.dirname(path), file)
        if not os.path.isfile(found):
            raise ValueError(f"{place}: no such audio file: {found}")
        yield {"audio": found, "targets": text, "split": row.get("split", ""), "place": place}


def find_tables(directory: str) -> dict[str, str]:
    """Returns split -> table of recordings, or "" -> the only table, which is for all splits.

    Raises:
        MissingDataError: no table for training, or several candidates.
    """
    found = {}
    for split, names in SPLIT_NAMES.items():
        paths = (os.path.join(directory, f"{name}.tsv") for name in names)
        if path := next(filter(os.path.isfile, paths), None):
            found[split] = path
    others = sorted(glob.glob(os.path.join(glob.escape(directory), "*.tsv")))
    if not found and len(others) == 1:
        return {"": others[0]}
    if DatasetSplit.TRAIN not in found:
        raise sources.MissingDataError(
            f"no table of recordings in {directory}; put train.tsv there: a line a recording, file<TAB>transcript"
        )
    return found


def table_rows(directory: str) -> dict[str, list[dict[str, str]]]:
    """Returns split -> rows of the tables in a directory.

    Every 20th training row is held out if there is no validation split.
    """
    tables, rows = find_tables(directory), {}
    if "" in tables:
        split_of = {name: split for split, names in SPLIT_NAMES.items() for name in names}
        for row in read_table(tables[""]):
            name = row["split"].lower() or "train"
            if name not in split_of:
                raise ValueError(f"{row['place']}: unknown split {name!r}; known: {', '.join(split_of)}")
            rows.setdefault(split_of[name], []).append(row)
    else:
        rows = {split: list(read_table(path)) for split, path in tables.items()}
    train = rows.get(DatasetSplit.TRAIN)
    if not train:
        raise ValueError(f"{', '.join(tables.values())}: no recording for training")
    if DatasetSplit.EVAL not in rows:
        logging.warning("No recordings for validation: every %dth for training is held out.", HOLD_OUT)
        rows[DatasetSplit.EVAL] = train[1::HOLD_OUT]
        rows[DatasetSplit.TRAIN] = [row for number, row in enumerate(train) if number % HOLD_OUT != 1]
    return rows


@registry.register_problem
class SpeechTmpdir(SpeechRecognitionProblem):
    """Your own recordings and their transcripts, from train.tsv (file, transcript) in tmp_dir."""

    test_shards = 1

    @functools.cached_property
    def _rows(self) -> dict[str, list[dict[str, str]]]:
        return table_rows(self.tmp_dir)

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        return [split for split in super().dataset_splits if self._rows.get(split["split"])]

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        yield from self._rows[dataset_split]


@registry.register_problem
class SpeechTmpdirSubwords(ChosenVocabSizeProblem, SpeechTmpdir):
    """Your own recordings as speech_tmpdir, transcripts in subwords."""

    vocab_type = VocabType.SUBWORD
    default_approx_vocab_size = 2**10
