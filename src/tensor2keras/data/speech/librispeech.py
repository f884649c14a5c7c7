"""LibriSpeech (Panayotov et al. 2015, https://www.openslr.org/12): read English books (T2T's `librispeech.py`).

The corpus is looked for in `tmp_dir`, as its archives lay it out: `LibriSpeech/SET/SPEAKER/CHAPTER/ID.flac` and
`SPEAKER-CHAPTER.trans.txt`, or the archives `SET.tar.gz` themselves; then as tfds's `librispeech`, prepared in
`data_dir` or fetched over the network. A split is read from those of its sets that are present. If no set of the corpus
is present, every folder whose name begins with train, dev or test is read, such as a sample of the corpus.
"""

import os
from collections.abc import Iterator
from typing import Any, ClassVar

from absl import logging

from tensor2keras import registry
from tensor2keras.data import archives, sources
from tensor2keras.data.speech_problem import SpeechRecognitionProblem
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import VocabType

FOLDER = "LibriSpeech"
CLEAN = {
    DatasetSplit.TRAIN: ("train-clean-100", "train-clean-360"),
    DatasetSplit.EVAL: ("dev-clean",),
    DatasetSplit.TEST: ("test-clean",),
}
NOISY = {
    DatasetSplit.TRAIN: ("train-other-500",),
    DatasetSplit.EVAL: ("dev-other",),
    DatasetSplit.TEST: ("test-other",),
}
ALL = {split: (*CLEAN[split], *NOISY[split]) for split in CLEAN}

_PREFIX = {DatasetSplit.TRAIN: "train", DatasetSplit.EVAL: "dev", DatasetSplit.TEST: "test"}


def tfds_split(name: str) -> str:
    """Returns tfds's name of a set: train_clean100 for train-clean-100."""
    kind, quality, *hours = name.split("-")
    return f"{kind}_{quality}{''.join(hours)}"


def find_sets(tmp_dir: str, wanted: tuple[str, ...], prefix: str) -> list[str]:
    """Returns the folders of a split's sets that are in `tmp_dir`; archives are extracted first."""
    for name in wanted:
        archive = os.path.join(tmp_dir, f"{name}.tar.gz")
        if os.path.isfile(archive) and not os.path.isdir(os.path.join(tmp_dir, FOLDER, name)):
            archives.extract(archive, tmp_dir, [f"{FOLDER}/{name}/*"])
    root = os.path.join(tmp_dir, FOLDER)
    present = sorted(entry.name for entry in os.scandir(root) if entry.is_dir()) if os.path.isdir(root) else []
    found = [name for name in wanted if name in present]
    if not set(present) & {name for sets in ALL.values() for name in sets if name.startswith(prefix)}:
        found = [name for name in present if name.startswith(prefix)]
    return [os.path.join(root, name) for name in found]


def recordings(folder: str) -> Iterator[dict[str, str]]:
    """Yields `{"audio": file, "targets": transcript}` of a set's folder, in the order of the files' names.

    Raises:
        ValueError: a transcript without a recording, naming both.
    """
    for directory, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.endswith(".trans.txt"):
                continue
            path = os.path.join(directory, name)
            for number, line in enumerate(sources.read_lines(path), start=1):
                if not line:
                    continue
                recording, _, text = line.partition(" ")
                file = os.path.join(directory, f"{recording}.flac")
                if not os.path.isfile(file):
                    raise ValueError(f"{path}, line {number}: no such audio file: {file}")
                if not text:
                    raise ValueError(f"{path}, line {number}: {recording} has no transcript")
                yield {"audio": file, "targets": text}


@registry.register_problem
class Librispeech(SpeechRecognitionProblem):
    """LibriSpeech, clean and noisy: 960 hours to train on."""

    sets: ClassVar = ALL
    test_shards = 1

    def _folders(self, split: str) -> list[str]:
        return find_sets(self.tmp_dir, self.sets[split], _PREFIX[split])

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        splits = super().dataset_splits
        if self._folders(DatasetSplit.TRAIN) and not self._folders(DatasetSplit.TEST):
            return [split for split in splits if split["split"] != DatasetSplit.TEST]
        return splits

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        for split, wanted in self.sets.items():
            found = [os.path.basename(folder) for folder in self._folders(split)]
            if found and (absent := [name for name in wanted if name not in found]):
                here, not_here = ", ".join(found), ", ".join(absent)
                logging.warning("%s, %s: only %s is used; there is no %s.", self.name, split, here, not_here)
        super().prepare_to_generate(data_dir, tmp_dir)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        if folders := self._folders(dataset_split):
            for folder in folders:
                yield from recordings(folder)
            return
        wanted = ", ".join(self.sets[dataset_split])
        instead = f"put the folders (or .tar.gz) of {wanted} into {os.path.join(tmp_dir, FOLDER)}"
        builder = sources.tfds_builder("librispeech", data_dir, instead)
        for name in self.sets[dataset_split]:
            for example in builder.as_dataset(split=tfds_split(name)).as_numpy_iterator():
                yield {"audio": example["speech"], "targets": example["text"].decode()}


variant = registry.problem_variants_of(__name__)

# fmt: off
LibrispeechSubwords = variant(
    "LibrispeechSubwords", Librispeech, "LibriSpeech with transcripts in about a thousand subwords.",
    vocab_type=VocabType.SUBWORD, approx_vocab_size=2**10,
)
LibrispeechClean = variant(
    "LibrispeechClean", Librispeech, "LibriSpeech's clean part: 460 hours to train on.", sets=CLEAN
)
LibrispeechCleanSmall = variant(
    "LibrispeechCleanSmall", Librispeech, "LibriSpeech's clean part, 100 hours of it to train on.",
    sets={**CLEAN, DatasetSplit.TRAIN: ("train-clean-100",)},
)
LibrispeechNoisy = variant(
    "LibrispeechNoisy", Librispeech, "LibriSpeech's noisy part: 500 hours to train on.", sets=NOISY
)
LibrispeechTrainFullTestClean = variant(
    "LibrispeechTrainFullTestClean", Librispeech,
    "LibriSpeech: all 960 hours to train on, the clean part to evaluate.",
    sets={**CLEAN, DatasetSplit.TRAIN: ALL[DatasetSplit.TRAIN]},
)
LibrispeechTrainFullTestOther = variant(
    "LibrispeechTrainFullTestOther", Librispeech,
    "LibriSpeech: all 960 hours to train on, the noisy part to evaluate.",
    sets={**NOISY, DatasetSplit.TRAIN: ALL[DatasetSplit.TRAIN]},
)
# fmt: on
