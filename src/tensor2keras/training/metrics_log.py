"""Metrics on disk: `metrics.csv`, one row a training report or evaluation, and TensorBoard events."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tensor2keras import files

FIRST_COLUMNS = ("step", "split", "loss", "learning_rate", "steps_per_second", "tokens_per_second")


class MetricsFile:
    """`metrics.csv`, appended row by row; incomplete rows and rows after the resumed step are removed first.

    Args:
        path: the file; created if needed.
        metrics: names of the evaluation metrics, the columns after `FIRST_COLUMNS`. A file that has more keeps them.
        start_step: rows of later steps are dropped, because those steps are repeated.
    """

    def __init__(self, path: str | Path, metrics: Sequence[str] = (), start_step: int = 0):
        self.path = Path(path)
        old_columns, rows = read(self.path) if self.path.exists() else ([], [])
        self.rows = [row for row in rows if int(row["step"]) <= start_step]
        self.columns = list(dict.fromkeys([*FIRST_COLUMNS, *metrics, *old_columns]))
        self._rewrite()

    def append(self, step: int, split: str, values: dict[str, Any]) -> None:
        """Adds a row; new names add columns."""
        row = {"step": step, "split": split, **values}
        self.rows.append(row)
        new = [name for name in row if name not in self.columns]
        if new:
            self.columns += new
            self._rewrite()
        else:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self.columns, lineterminator="\n").writerow(_text(row))

    def of_split(self, split: str) -> list[dict[str, Any]]:
        """Returns the rows of "train", "validation" or "test", oldest first."""
        return [row for row in self.rows if row["split"] == split]

    def _rewrite(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_text, self.rows))
        files.write_text(self.path, text.getvalue())


def read(path: str | Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Returns (columns, complete rows) of a `metrics.csv`; numbers as floats, step as int, empty cells left out."""
    text = files.read_text(path)
    complete = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(complete))
    columns = list(reader.fieldnames or [])
    rows = []
    for row in reader:
        if row.get("step", "").isdigit() and None not in row.values() and None not in row:
            cells = {name: cell for name, cell in row.items() if cell != "" and name not in ("step", "split")}
            rows.append({"step": int(row["step"]), "split": row["split"], **{n: float(c) for n, c in cells.items()}})
    return columns, rows


def _text(row: dict[str, Any]) -> dict[str, str]:
    return {name: f"{value:.8g}" if isinstance(value, float) else str(value) for name, value in row.items()}


class Events:
    """TensorBoard events in one directory (`output_dir/train`, `.../eval`); the first value creates the file."""

    def __init__(self, directory: str | Path):
        self._directory = str(directory)
        self._writer = None

    def write(self, step: int, values: dict[str, float], prefix: str = "") -> None:
        """Writes scalars named `prefix + name` at `step`."""
        from tensorflow import summary

        with self._open().as_default():
            for name, value in values.items():
                summary.scalar(prefix + name, value, step=step)
        self._writer.flush()

    def write_image(self, step: int, name: str, image: np.ndarray) -> None:
        """Writes an image [height, width, channels] uint8 at `step`."""
        from tensorflow import summary

        with self._open().as_default():
            summary.image(name, image[None], step=step)
        self._writer.flush()

    def _open(self) -> Any:
        from tensorflow import summary

        if self._writer is None:
            self._writer = summary.create_file_writer(self._directory)
        return self._writer
