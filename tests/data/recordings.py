"""Recordings made up for tests: tones."""

from pathlib import Path

import numpy as np
import pytest


def tone(hertz: float, seconds: float, rate: int = 16000) -> np.ndarray:
    """A sine of a third of full scale, int16 [samples]."""
    return np.rint(10000 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def write(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    """Writes an audio file of the kind that its name ends in."""
    soundfile = pytest.importorskip("soundfile")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)
    return path


def write_table(folder: Path, name: str = "train.tsv", count: int = 6, first: int = 0) -> list[str]:
    """`count` tones of 0.2 s, 0.3 s, ... as wav files and the table that names them; returns the transcripts."""
    words = ("ONE", "TWO THREE", "FOUR", "SIX", "SEVEN EIGHT", "TEN")
    rows = []
    for i in range(first, first + count):
        write(folder / "wav" / f"{i}.wav", tone(200 + 150 * i, 0.2 + 0.1 * (i % 6)))
        rows.append((f"wav/{i}.wav", words[i % len(words)]))
    (folder / name).write_text("".join(f"{file}\t{text}\n" for file, text in rows))
    return [text for _, text in rows]
