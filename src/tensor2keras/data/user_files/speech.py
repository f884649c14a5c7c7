"""Speech recognition on the user's own recordings, with no code.

`speech_tmpdir` reads tables in `tmp_dir`, one row a recording, columns separated by tabs (or `.csv`, by commas):

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

from tensor2keras import registry, tables
from tensor2keras.data import sources
from tensor2keras.data.speech_problem import SpeechRecognitionProblem
from tensor2keras.data.splits import HOLD_OUT, SPLIT_NAMES, DatasetSplit
from tensor2keras.data.text_problem import VocabType
from tensor2keras.data.user_files.base import ChosenVocabSizeProblem


def read_table(path: str, folder: str | None = None) -> Iterator[dict[str, str]]:
    """Yields the rows of a table of recordings: `audio`, `targets`, `split` ("" if it has no such column) and `place`.

    Args:
        path: the table.
        folder: the folder that file names are relative to; the table's by default.

    Raises:
        ValueError: a row with too few columns, without a transcript, or with the name of a missing file.
    """
    for place, row in tables.read_table(path, ("file", "transcript"), optional=("split",), more_cells=True):
        file, text = row["file"], row["transcript"]
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
        paths = (sources.find_file(directory, name + ending) for name in names for ending in tables.EXTENSIONS)
        if path := next(filter(None, paths), None):
            found[split] = path
    others = sorted(path for ending in tables.EXTENSIONS for path in glob.glob(f"{glob.escape(directory)}/*{ending}"))
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

    def source_files(self) -> list[str]:
        recordings = (row["audio"] for rows in self._rows.values() for row in rows)
        return [*find_tables(self.tmp_dir).values(), *dict.fromkeys(recordings)]

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        yield from self._rows[dataset_split]


@registry.register_problem
class SpeechTmpdirSubwords(ChosenVocabSizeProblem, SpeechTmpdir):
    """Your own recordings as speech_tmpdir, transcripts in subwords."""

    vocab_type = VocabType.SUBWORD
    default_approx_vocab_size = 2**10
