"""Raw files as problems look for them."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path


def lines(*texts: str) -> bytes:
    """The texts as lines of a UTF-8 file."""
    return "".join(text + "\n" for text in texts).encode()


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Writes files below a folder; those whose name ends in .gz are compressed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def put_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> None:
    """Writes a tar archive."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def put_zip(path: Path, files: dict[str, bytes]) -> None:
    """Writes a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
