"""Parallel corpora: found in `tmp_dir` under T2T's names or downloaded, extracted, and read as pairs of sentences."""

import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tensor2keras import files
from tensor2keras.data import archives, sources

# As in T2T: (address of the archive, (file of the first language, file of the second)), or for tables
# (address, ("tsv", column of the first language, column of the second, pattern of the files)).
Corpus = tuple[str, Sequence[Any]]
Pair = tuple[str, str]


def is_present(tmp_dir: str, corpus: Corpus) -> bool:
    """Returns whether a corpus's files or its archive are in `tmp_dir`."""
    return bool(_files(tmp_dir, corpus)) or os.path.isfile(_archive(tmp_dir, corpus))


def missing(tmp_dir: str, corpora: Iterable[Corpus]) -> list[str]:
    """Returns the names of the archives of the corpora that are not present."""
    names = (os.path.basename(corpus[0]) for corpus in corpora if not is_present(tmp_dir, corpus))
    return list(dict.fromkeys(names))


def fetch_missing(tmp_dir: str, corpora: Sequence[Corpus]) -> None:
    """Downloads the archives that are not in `tmp_dir`.

    Raises:
        MissingDataError: there is no network, or an address does not answer; the message names what to put where.
    """
    absent = missing(tmp_dir, corpora)
    urls = {os.path.basename(url): url for url, _ in corpora}
    for archive in absent:
        instead = f"{sources.put_files(tmp_dir, absent)}; they come from {', '.join(urls[name] for name in absent)}"
        archives.download(urls[archive], os.path.join(tmp_dir, archive), instead)


def corpus_pairs(tmp_dir: str, corpus: Corpus) -> Iterator[Pair]:
    """Yields the sentence pairs of a corpus without those with an empty side.

    The corpus's archive is extracted first if need be.

    Raises:
        ValueError: files that are not aligned or not UTF-8, an archive without the files.
    """
    paths = _files(tmp_dir, corpus) or _extract(tmp_dir, corpus)
    _, kind = corpus
    if kind[0] == "tsv":
        pairs = itertools.chain.from_iterable(_table_pairs(path, *kind[1:3]) for path in paths)
    else:
        pairs = sources.aligned_lines(*paths)
        if all(name.endswith("sgm") for name in kind):
            pairs = ((_segment(first), _segment(second)) for first, second in pairs)
    return ((first, second) for first, second in pairs if first and second)


def side_lines(tmp_dir: str, corpus: Corpus, side: int) -> tuple[Iterator[str], int]:
    """Returns the lines of one language of a corpus (0: the first, 1: the second), and their size in bytes."""
    paths = _files(tmp_dir, corpus) or _extract(tmp_dir, corpus)
    if corpus[1][0] == "tsv":
        return (pair[side] for pair in corpus_pairs(tmp_dir, corpus)), sum(map(_size, paths)) // 2
    return sources.read_lines(paths[side]), _size(paths[side])


def spread_lines(lines: Iterable[str], size: int, budget: int) -> Iterator[str]:
    """Yields about `budget` characters of whole lines, spread over a text of `size` bytes as in T2T."""
    stride = size // budget // 2 + 1
    for line in itertools.islice(lines, stride - 1, None, stride):
        if budget <= 0:
            return
        budget -= len(line)
        yield line


def _size(path: str) -> int:
    """Returns the size of a file in bytes, uncompressed."""
    if not path.endswith(".gz"):
        return os.path.getsize(path)
    with files.open_bytes(path) as file:
        return file.seek(0, os.SEEK_END)


def _archive(tmp_dir: str, corpus: Corpus) -> str:
    return os.path.join(tmp_dir, os.path.basename(corpus[0]))


def _files(tmp_dir: str, corpus: Corpus) -> list[str]:
    """Returns the paths of a corpus's text files, or [] unless all are there."""
    _, names = corpus
    if names[0] == "tsv":
        return sorted(glob.glob(os.path.join(glob.escape(tmp_dir), names[3])))
    paths = [sources.find_file(tmp_dir, name) for name in names]
    return [] if None in paths else paths


def _extract(tmp_dir: str, corpus: Corpus) -> list[str]:
    """Extracts a corpus's files, and only these, from its archive."""
    archive = _archive(tmp_dir, corpus)
    _, names = corpus
    patterns = [names[3]] if names[0] == "tsv" else [glob.escape(name) for name in names]
    archives.extract(archive, tmp_dir, patterns)
    paths = _files(tmp_dir, corpus)
    if not paths:
        raise ValueError(f"{archive} does not hold {' and '.join(patterns)}; is it complete?")
    return paths


def _table_pairs(path: str, first: int, second: int) -> Iterator[Pair]:
    for line in sources.read_lines(path):
        cells = line.split("\t")
        if len(cells) > max(first, second):
            yield cells[first].strip(), cells[second].strip()


def _segment(line: str) -> str:
    """Returns the text of an SGM file's `<seg>` line, "" for every other line."""
    if not (line.startswith("<seg") and line.endswith("</seg>")):
        return ""
    return line.partition(">")[2].removesuffix("</seg>")
