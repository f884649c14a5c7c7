"""Tables in text files: rows of tab-separated cells, or `.csv` files with commas (or semicolons) and quotes.

A first line that names all columns a reader needs is a header, which is logged: columns may then be in any order, and
those with other names are ignored. Without a header, columns are taken by position.
"""

import csv
import functools
import os
import re
from collections.abc import Iterator, Sequence

from absl import logging

from tensor2keras import files

EXTENSIONS = (".tsv", ".csv")

# Names of a column in a header, in any case; a column that is not listed has its own name only.
_NAMES = {
    "inputs": ("inputs", "input", "text", "sentence", "source", "src", "review", "comment", "content", "question"),
    "targets": ("targets", "target", "translation", "tgt", "trg", "reference", "summary", "answer", "text", "sentence"),
    "label": ("label", "labels", "class", "category", "target", "targets", "sentiment", "topic", "intent"),
    "file": ("file", "path", "filename", "audio"),
    "transcript": ("transcript", "sentence", "text", "targets"),
}
# Two of these in a first line are the header of a table of translations.
_LANGUAGE = re.compile(
    "ar|bg|cs|da|de|el|en|es|et|fa|fi|fr|he|hi|hr|hu|id|it|ja|ko|lt|lv|nl|no|pl|pt|ro|ru|sk|sl|sr|sv|tr|uk|vi|zh"
)


def extension(path: str | os.PathLike) -> str:
    """Returns the ending of a file's name, which tells its format; `.gz` is left out."""
    return os.path.splitext(os.fspath(path).removesuffix(".gz"))[1]


def read_table(
    path: str | os.PathLike, columns: Sequence[str], optional: Sequence[str] = (), more_cells: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields `("FILE, line N", {column: cell})` of each row that is not empty; cells are stripped.

    Args:
        path: the file; `.csv` (or `.csv.gz`) has commas and quotes, any other tabs.
        columns: the columns to read, in their order in a table without a header.
        optional: columns to read if a header names them.
        more_cells: whether rows may have more cells than the table has columns.

    Raises:
        ValueError: a row with too few or too many cells, broken quotes, or bytes that are not UTF-8.
    """
    layout: dict[str, int] | None = None
    for place, cells in read_cells(path, len(columns)):
        if not any(cells):
            continue
        if layout is None:
            layout, names = find_header(cells, columns, optional), columns
            if layout:
                names = cells
                log_header(place, tuple(cells))
                continue
            layout = {column: index for index, column in enumerate(columns)}
        if len(cells) < len(names) or (len(cells) > len(names) and not more_cells):
            raise ValueError(f"{place}: {len(cells)} columns, expected {len(names)} ({', '.join(names)})")
        yield place, {column: cells[index] for column, index in layout.items()}


def read_cells(path: str | os.PathLike, width: int = 2) -> Iterator[tuple[str, list[str]]]:
    """Yields place and stripped cells of each line (of each record of a `.csv` file).

    Args:
        path: the file.
        width: the number of columns; a `.csv` file whose first line has fewer commas has semicolons or tabs.
    """
    if extension(path) != ".csv":
        for number, line in enumerate(files.read_lines(path), start=1):
            yield f"{os.fspath(path)}, line {number}", [cell.strip() for cell in line.split("\t")]
        return
    first = next(files.read_lines(path), "")
    delimiter = next((mark for mark in ",;\t" if len(_split(first, mark)) >= width), ",")
    rows = csv.reader((line + "\n" for line in files.read_lines(path)), delimiter=delimiter, strict=True)
    while True:
        place = f"{os.fspath(path)}, line {rows.line_num + 1}"
        try:
            yield place, [cell.strip() for cell in next(rows)] or [""]
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"{place}: not CSV ({error})") from None


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def find_header(cells: Sequence[str], columns: Sequence[str], optional: Sequence[str] = ()) -> dict[str, int] | None:
    """Returns column -> index of its cell if a first line is a header, else None."""
    names = [cell.lower() for cell in cells]
    layout: dict[str, int] = {}
    for column in (*columns, *optional):
        known = (names.index(name) for name in _NAMES.get(column, (column,)) if name in names)
        index = next((index for index in known if index not in layout.values()), None)
        if index is not None:
            layout[column] = index
    is_pair = tuple(columns) == ("inputs", "targets") and len(set(names)) == len(names) == 2
    if is_pair and all(map(_LANGUAGE.fullmatch, names)):
        return {"inputs": 0, "targets": 1}
    return layout if all(column in layout for column in columns) else None


@functools.cache  # a table is read several times
def log_header(place: str, cells: tuple[str, ...]) -> None:
    """Logs, once, that a line was taken as a header."""
    logging.warning("%s is a header, not a sample: %s", place, ", ".join(cells))
