"""Helpers of data generation: locks, removal of unfinished folders, distribution of samples to splits."""

import contextlib
import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tensor2keras import files

MIN_EXAMPLES_A_SHARD = 1000  # a file with fewer costs more to open than to read


def file_hash(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file's bytes; "" if there is no such file."""
    if not os.path.exists(path):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def not_empty(items: Iterable[Any], message: str) -> Iterator[Any]:
    """Yields the items; ValueError with `message` if there are none."""
    item = None
    for item in items:
        yield item
    if item is None:
        raise ValueError(message)


@contextlib.contextmanager
def lock(directory: str | os.PathLike) -> Iterator[None]:
    """Lets one process at a time generate into `directory`; the lock of a killed process is released."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, ".lock"), "w") as file:
        with contextlib.suppress(ImportError, OSError):  # Windows, and file systems without locks: no protection
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sweep_unfinished(directory: str | os.PathLike) -> None:
    """Removes the `incomplete.*` directories that a killed generation left behind."""
    for entry in os.scandir(directory):
        if entry.is_dir() and entry.name.startswith("incomplete."):
            shutil.rmtree(entry.path, ignore_errors=True)


@contextlib.contextmanager
def removed_on_failure(directory: str | os.PathLike, paths: Iterable[Path], sources: Any) -> Iterator[None]:
    """Removes those of `paths` that the block creates if it raises.

    A block that is killed or interrupted leaves them, listed in `directory`/unfinished.json. The next one starts with
    them if its `sources` (JSON data) are the same, and removes them otherwise.
    """
    journal = Path(directory, "unfinished.json")
    left = files.read_json(journal) if journal.exists() else {"files": [], "sources": sources}
    if left["sources"] != sources:
        _remove(left["files"])
    created = {*left["files"], *(str(path) for path in paths if not path.exists())}
    files.write_text(journal, json.dumps({"files": sorted(created), "sources": sources}))
    try:
        yield
    except Exception:
        _remove([*created, journal])
        raise
    _remove([journal])


def _remove(paths: Iterable[str | Path]) -> None:
    for path in paths:
        Path(path).unlink(missing_ok=True)


def distribute(samples: Iterator[Any], shards: dict[str, int]) -> dict[str, Iterator[Any]]:
    """Distributes samples to splits in turn, in proportion to their shards, in one pass over `samples`.

    Sample i goes to shard `i % total`, counted through the splits in order, as in T2T. The first split is streamed; the
    samples of the others are kept in temporary files meanwhile, so the first has to be read to its end first.

    Args:
        samples: anything that pickles.
        shards: split -> number of shards.
    """
    owners = [split for split, count in shards.items() for _ in range(count)]
    first, *others = shards
    spools = {split: tempfile.TemporaryFile() for split in others}  # noqa: SIM115  # unnamed: gone with the process

    def read_first() -> Iterator[Any]:
        for index, sample in enumerate(samples):
            owner = owners[index % len(owners)]
            if owner == first:
                yield sample
            else:
                pickle.dump(sample, spools[owner])

    def read_spool(split: str) -> Iterator[Any]:
        with spools[split] as spool:
            size = spool.tell()
            spool.seek(0)
            while spool.tell() < size:
                yield pickle.load(spool)

    return {first: read_first(), **{split: read_spool(split) for split in others}}
