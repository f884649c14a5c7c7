"""Reading and writing of text files for decoding, one text per line, and T2T's names of output files."""

import os
import sys
from collections.abc import Sequence

from tensor2keras import files, tables


def read_texts(path: str | os.PathLike, delimiter: str = "\n") -> list[str]:
    """Returns the texts of a UTF-8 file, unpacked if its name ends in `.gz`, or of standard input for "-".

    Args:
        path: the file.
        delimiter: end of a text, optional after the last one; a line feed stands for `\\r\\n` as well.

    Raises:
        ValueError: bytes that are not UTF-8; the message has file and line.
    """
    text = files.read_text(path)
    if delimiter == "\n":
        return files.split_lines(text)
    texts = text.split(delimiter)
    return texts[:-1] if not texts[-1] else texts


def read_pairs(path: str | os.PathLike, has_inputs: bool = True) -> list[tuple[str, str]]:
    """Returns (input, target) of each line of a table, a header left out.

    Args:
        path: a file of lines `INPUT<TAB>TARGET`, or `.csv`.
        has_inputs: whether the input is required; otherwise a line may be just `TARGET`, which is then also the input.

    Raises:
        ValueError: a line with too many or too few tabs; the message has file and line.
    """
    pairs = []
    for number, (place, cells) in enumerate(tables.read_cells(path)):
        if len(cells) > 2 or (len(cells) < 2 and has_inputs):
            wanted = "INPUT<TAB>TARGET" if has_inputs else "TARGET"
            raise ValueError(f"{place}: {len(cells)} columns; a line is {wanted}")
        if number == 0 and tables.find_header(cells, ("inputs", "targets")):
            tables.log_header(place, tuple(cells))
        else:
            pairs.append((cells[0], cells[-1]))
    return pairs


def write_lines(
    path: str | os.PathLike,
    lines: Sequence[str],
    delimiter: str = "\n",
    timestamp_of: str | os.PathLike | None = None,
) -> None:
    """Writes lines to a file atomically, or to standard output for "-".

    Args:
        path: the file; missing folders are created.
        lines: the lines, without their delimiter.
        delimiter: written after each line.
        timestamp_of: a file whose modification time is copied.
    """
    content = "".join(f"{line}{delimiter}" for line in lines)
    if path == "-":
        sys.stdout.write(content)
        sys.stdout.flush()
        return
    files.write_text(path, content)
    if timestamp_of is not None:
        modified = os.stat(timestamp_of).st_mtime
        os.utime(path, (modified, modified))


def output_name(
    source: str, model: str | None, hparams_set: str | None, problem: str, beam_size: int, alpha: float
) -> str:
    """Returns T2T's name for the outputs of the file `source`; "-" for standard input.

    Example:
        >>> output_name("test.en", "transformer", "transformer_base", "translate_ende_wmt32k", 4, 0.6)
        'test.en.transformer.transformer_base.translate_ende_wmt32k.beam4.alpha0.6.decodes'
    """
    if source == "-":
        return "-"
    parts = [source, model, hparams_set, problem, f"beam{beam_size}", f"alpha{alpha}", "decodes"]
    return ".".join(part for part in parts if part)


def shard_name(path: str, shards: int, shard_id: int, google_format: bool = False) -> str:
    """Returns the name of one shard of a file that is split into several; "" and "-" are returned as they are.

    Args:
        path: the file's name.
        shards: number of shards; with 1 the file is not split.
        shard_id: the shard's number.
        google_format: whether names end in `-00001-of-00008` instead of `001`.
    """
    if path in ("", "-") or shards <= 1:
        return path
    return f"{path}-{shard_id:05d}-of-{shards:05d}" if google_format else f"{path}{shard_id:03d}"
