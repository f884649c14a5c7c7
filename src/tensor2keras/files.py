r"""Atomic writes (a file under its final name is always complete), and the one way to read text files.

Text is UTF-8, with or without a byte order mark, in lines that end with `\n` or `\r\n`; a file named `.gz` is unpacked.
Bytes that are not UTF-8 are an error that names file and line.
"""

import codecs
import contextlib
import gzip
import json
import os
import re
import secrets
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

# Pattern of a file's first bytes -> what the file is.
_KINDS = {
    rb"\x89PNG": "a PNG picture",
    rb"\xff\xd8\xff": "a JPEG picture",
    rb"GIF8[79]a": "a GIF picture",
    rb"BM.{4}\0\0\0\0": "a BMP picture",
    rb"RIFF.{4}WEBP": "a WebP picture",
    rb"RIFF.{4}WAVE": "a WAV recording",
    rb"fLaC": "a FLAC recording",
    rb"OggS": "an Ogg recording",
    rb"ID3": "an MP3 recording",
}


def expand(path: str | os.PathLike) -> str:
    """Returns `path` with `~` and `$VARS` expanded."""
    return os.path.expandvars(os.path.expanduser(os.fspath(path)))


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, suffixes: Sequence[str] = ("",)) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to; renames it to `path` when the block succeeds.

    The file is on disk before it is renamed. If the block raises, `path` is left as it was and the temporary file is
    removed. Missing folders are created. Permissions are those that a plain write would leave: the umask's for a new
    file, the former file's for a replaced one.

    Args:
        path: the file to write.
        suffixes: what a group of files adds to `path`; the files are renamed in this order.

    Example:
        >>> with atomic_path("points.npz") as temporary:
        ...     np.savez(temporary, points=points)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays, because writers such as numpy and Keras choose the format by it.
    temporary = path.with_name(f"tmp.{secrets.token_hex(8)}.{path.name}")
    files = [(Path(f"{temporary}{suffix}"), Path(f"{path}{suffix}")) for suffix in suffixes]
    for file, _ in files:
        file.touch(exist_ok=False)
    try:
        yield temporary
        for file, target in files:
            with file.open("rb+") as written:
                os.fsync(written.fileno())
            if target.exists():
                shutil.copymode(target, file)
        for file, target in files:
            os.replace(file, target)
    finally:
        for file, _ in files:
            file.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes `text` to `path` atomically, in UTF-8 and with its line ends as they are."""
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def open_bytes(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Opens a file for reading, "-" for standard input, unpacked if its name ends in `.gz`.

    Raises:
        ValueError: in the block, when a `.gz` file is found to be cut off or none.
    """
    if path == "-":
        yield sys.stdin.buffer
        return
    with (gzip.open if os.fspath(path).endswith(".gz") else open)(path, "rb") as file:
        try:
            yield file
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{os.fspath(path)}: not a whole gzip file ({error})") from None


def read_bytes(path: str | os.PathLike) -> bytes:
    """Returns the content of a file that `open_bytes` opens."""
    with open_bytes(path) as file:
        return file.read()


def read_text(path: str | os.PathLike) -> str:
    """Returns the text of a file, its line ends as they are; raises as `read_lines`."""
    return decode(read_bytes(path), path)


def read_lines(path: str | os.PathLike) -> Iterator[str]:
    """Yields the lines of a text file, one at a time, without their ends.

    Raises:
        ValueError: bytes that are not UTF-8 (file and line are named), or a `.gz` file that is cut off.
    """
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            yield _without_end(decode(line, path, number))


def read_json(path: str | os.PathLike) -> Any:
    """Returns the content of a JSON file; ValueError names file and line if it is none."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{os.fspath(path)}, line {error.lineno}: not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of nested lists
        raise ValueError(f"{os.fspath(path)}: JSON that cannot be read ({error})") from None


def decode(data: bytes, path: str | os.PathLike, first_line: int = 1) -> str:
    """Returns text from the bytes of a file, without its byte order mark; ValueError if they are not UTF-8.

    Args:
        data: bytes of the file, from the beginning of a line on.
        path: named in the message.
        first_line: the number of that line.
    """
    if first_line == 1:
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if first_line == 1 and (kind := _kind_of(data)):
            raise ValueError(
                f"{os.fspath(path)}: {kind}, not text; pictures and recordings are given by their paths, one a line of "
                "a text file"
            ) from None
        line, column = data.count(b"\n", 0, error.start), error.start - data.rfind(b"\n", 0, error.start)
        place = f"{'standard input' if path == '-' else os.fspath(path)}, line {first_line + line}"
        raise ValueError(f"{place}: not UTF-8 text (byte {column} of the line: {error.reason})") from None


def _kind_of(data: bytes) -> str | None:
    """Returns what a file that begins with `data` holds, if it is known by its first bytes."""
    return next((kind for start, kind in _KINDS.items() if re.match(start, data, re.DOTALL)), None)


def split_lines(text: str) -> list[str]:
    r"""Returns the lines of a text. Only `\n` or `\r\n` ends a line, and the last line needs no end."""
    return [_without_end(line) for line in text.removesuffix("\n").split("\n")] if text else []


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
