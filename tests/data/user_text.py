"""Small parallel texts and their files, for tests of the user's own data."""

import gzip

from tensor2keras import registry

ENGLISH = [f"the dog number {i} runs" for i in range(40)]
GERMAN = [f"der Hund Nummer {i} läuft" for i in range(40)]
LABELS = ["even" if i % 2 == 0 else "odd" for i in range(40)]


def write(path, lines):
    text = "".join(f"{line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def problem_of(name, tmp_path, **kwargs):
    return registry.problem(name, data_dir=tmp_path / "data", tmp_dir=tmp_path / "raw", **kwargs)


def write_pairs(raw, split, first=0, last=40, suffix=""):
    write(raw / f"inputs.{split}.txt{suffix}", ENGLISH[first:last])
    write(raw / f"targets.{split}.txt{suffix}", GERMAN[first:last])
