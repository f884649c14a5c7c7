"""Atomic writes (a file under its final name is always complete) and UTF-8 text with errors that name the line."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path


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


def decode(data: bytes, path: str | os.PathLike, encoding: str = "utf-8") -> str:
    """Returns the text of a file's bytes; ValueError names file and line where they are not UTF-8.

    Args:
        data: all bytes of the file.
        path: named in the message.
        encoding: "utf-8", or "utf-8-sig" to drop a byte order mark.
    """
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{os.fspath(path)}, line {line}: not UTF-8 ({error.reason})") from None


def split_lines(text: str) -> list[str]:
    """Returns the lines of a text. Only a line feed ends a line, and the last line needs none."""
    return text.removesuffix("\n").split("\n") if text else []
