"""The record of the user's files that data were generated from, and what has changed in them since.

The record is kept beside the data: for each file its size, the time of its last change and the SHA-256 of its bytes.
Hashes are computed when data are generated, which reads the files anyway. Later a file with the recorded place, size
and time counts as unchanged without being read; only files that were moved, copied or touched are hashed again.
"""

import os
from collections.abc import Iterable
from typing import Any

from tensor2keras.data import generation

Record = dict[str, Any]  # {"directory": path, "files": {name: [size, time of the last change in ns, SHA-256]}}


def record(paths: Iterable[str], directory: str) -> Record:
    """Returns the record of files, named relative to `directory` if they are in it."""
    found = {}
    for name, path in _by_name(paths, directory).items():
        status = os.stat(path)
        found[name] = [status.st_size, status.st_mtime_ns, generation.file_hash(path)]
    return {"directory": os.path.abspath(directory), "files": found}


def differences(recorded: Record, paths: Iterable[str], directory: str) -> list[str]:
    """Returns, for each file that is not as recorded, its name and what has happened to it."""
    then, now = recorded["files"], _by_name(paths, directory)
    same_place = recorded["directory"] == os.path.abspath(directory)
    found = [f"{name} is gone" for name in then if name not in now]
    found += [f"{name} is new" for name in now if name not in then]
    for name in now.keys() & then.keys():
        status, (size, modified, digest) = os.stat(now[name]), then[name]
        untouched = same_place and status.st_mtime_ns == modified
        if status.st_size != size or not (untouched or generation.file_hash(now[name]) == digest):
            found.append(f"{name} has changed")
    return sorted(found)


def _by_name(paths: Iterable[str], directory: str) -> dict[str, str]:
    prefix = os.path.join(os.path.abspath(directory), "")
    return {os.path.abspath(path).removeprefix(prefix): path for path in paths}
