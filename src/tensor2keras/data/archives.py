"""Raw files from archives: files already extracted in `tmp_dir`, else from the archive there, else downloaded."""

import contextlib
import dataclasses
import fnmatch
import glob
import lzma
import os
import shutil
import tarfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from absl import logging

from tensor2keras import files
from tensor2keras.data import sources

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


@dataclasses.dataclass(frozen=True)
class Archive:
    """An archive (tar, compressed or not, or zip), or one plain file, in `tmp_dir`.

    Args:
        name: its file name.
        url: its address; None if it cannot be downloaded without the user.
    """

    name: str
    url: str | None = None

    def path(self, tmp_dir: str) -> str:
        """Returns the archive's path, whether or not it exists."""
        return os.path.join(tmp_dir, self.name)

    def present(self, tmp_dir: str, names: Sequence[str]) -> bool:
        """Returns whether the archive or any of the files `names` is there."""
        return os.path.isfile(self.path(tmp_dir)) or any(sources.find_file(tmp_dir, name) for name in names)

    def files(self, tmp_dir: str, names: Sequence[str]) -> list[str]:
        """Returns the paths of the files `names` in `tmp_dir` (or with `.gz`), extracted from the archive if need be.

        Raises:
            MissingDataError: files and archive are missing and cannot be downloaded; names what to put where.
            ValueError: the archive is broken or does not hold the files.
        """
        paths = [sources.find_file(tmp_dir, name) for name in names]
        if None in paths:
            self.fetch(tmp_dir, names)
            extract(self.path(tmp_dir), tmp_dir, [glob.escape(name) for name in names])
            paths = [sources.find_file(tmp_dir, name) for name in names]
        if None in paths:
            lacking = ", ".join(name for name, path in zip(names, paths, strict=True) if path is None)
            raise ValueError(f"{self.path(tmp_dir)} does not hold {lacking}; is it complete?")
        return paths

    def fetch(self, tmp_dir: str, names: Sequence[str] = ()) -> str:
        """Returns the archive's path; downloads it if it is missing. `names` are its files, for the error message."""
        path = self.path(tmp_dir)
        if not os.path.isfile(path):
            lacking = [name for name in names if not sources.find_file(tmp_dir, name)]
            instead = f"put {self.name} into {tmp_dir}" + (f", or extracted: {_short(lacking)}" if lacking else "")
            if self.url is None:
                raise sources.MissingDataError(f"{path} is not there; {instead}")
            download(self.url, path, f"{instead} (from {self.url})")
        return path


def _short(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 3 else [*names[:2], f"... ({len(names)} files)"])


def download(url: str, path: str, instead: str) -> None:
    """Downloads a file, whole or not at all.

    Raises:
        MissingDataError: there is no network, or the address does not answer; the message ends with `instead`.
    """
    if not sources.network_reachable(url):
        raise sources.MissingDataError(f"{path} is not there and {url} cannot be reached; {instead}")
    logging.info("Downloading %s", url)
    try:
        with (
            urllib.request.urlopen(url, timeout=60) as answer,
            files.atomic_path(path) as temporary,
            open(temporary, "wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise sources.MissingDataError(f"{url} could not be fetched ({error}); {instead}") from error


def extract(archive: str, directory: str, patterns: Sequence[str]) -> None:
    """Extracts the files of an archive that match a pattern (or a pattern and `.gz`), and only these.

    Raises:
        ValueError: the archive is broken.
    """
    logging.info("Extracting %s", archive)
    for name, file in matching(archive, patterns):
        with files.atomic_path(os.path.join(directory, name)) as path, open(path, "wb") as target, _whole(archive):
            shutil.copyfileobj(file, target)


def contents(archive: str, patterns: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yields name and bytes of each file that `matching` finds."""
    for name, file in matching(archive, patterns):
        with _whole(archive):
            content = file.read()
        yield name, content


def matching(archive: str, patterns: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yields name and open file of each file in an archive whose name matches a pattern (or a pattern and `.gz`).

    Raises:
        ValueError: the archive is broken.
    """
    wanted = [*patterns, *(pattern + ".gz" for pattern in patterns)]
    with _whole(archive):
        for name, opened in members(archive):
            name = os.path.normpath(name)
            if not name.startswith(("/", "..")) and any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted):
                yield name, opened()


@contextlib.contextmanager
def _whole(archive: str) -> Iterator[None]:
    """Turns the errors of a broken archive into a ValueError that names it."""
    try:
        yield
    except _BROKEN as error:
        raise ValueError(f"{archive}: not a whole archive ({error})") from None


def members(archive: str) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    """Yields name and opener of each file in a tar (compressed or not) or zip archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for name in file.namelist():
                if not name.endswith("/"):
                    yield name, lambda name=name: file.open(name)
    else:
        with tarfile.open(archive) as file:
            for member in file:
                if member.isfile():
                    yield member.name, lambda member=member: file.extractfile(member)
