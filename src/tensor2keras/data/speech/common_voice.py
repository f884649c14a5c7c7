"""Mozilla's Common Voice, English sentences read by volunteers (T2T's `common_voice.py`).

It is looked for in `tmp_dir`: T2T's version 1 (`cv_corpus_v1.tar.gz` or its folder `cv_corpus_v1`, with
`cv-valid-train.csv` and so on), or a later version's folder (`train.tsv`, `dev.tsv`, `test.tsv` and `clips/`, in
`tmp_dir` itself, in `en` or in `cv-corpus-*/en`); then as tfds's `common_voice/en`, prepared in `data_dir` or fetched
over the network. Recordings are mp3 at 48 kHz and resampled.
"""

import glob
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tensor2keras import registry
from tensor2keras.data import archives, audio, sources
from tensor2keras.data.speech_problem import SpeechRecognitionProblem
from tensor2keras.data.splits import SPLIT_NAMES, DatasetSplit
from tensor2keras.data.user_files.speech import read_table

FOLDER = "cv_corpus_v1"
MP3_RATE = 48000

_V1_NAMES = {DatasetSplit.TRAIN: "train", DatasetSplit.EVAL: "dev", DatasetSplit.TEST: "test"}


def v1_recordings(folder: str, name: str) -> Iterator[dict[str, str]]:
    """Yields the recordings of the set `name` of version 1, listed in `NAME.csv`; see `read_table`.

    Raises:
        MissingDataError: no such table.
    """
    return read_table(sources.require_file(folder, f"{name}.csv"), folder)


def find_release(tmp_dir: str) -> str | None:
    """Returns the folder of a later version, which has train.tsv and clips/; None if there is none."""
    places = [tmp_dir, os.path.join(tmp_dir, "en"), *sorted(glob.glob(os.path.join(tmp_dir, "cv-corpus-*", "en")))]
    for folder in reversed(places):
        if os.path.isfile(os.path.join(folder, "train.tsv")) and os.path.isdir(os.path.join(folder, "clips")):
            return folder
    return None


@registry.register_problem
class CommonVoice(SpeechRecognitionProblem):
    """Common Voice in English, the recordings that listeners approved."""

    quality = "valid"  # of version 1's sets: valid or other
    test_shards = 1

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        folder, archive = (os.path.join(tmp_dir, name) for name in (FOLDER, f"{FOLDER}.tar.gz"))
        if os.path.isfile(archive) and not os.path.isdir(folder):
            archives.extract(archive, tmp_dir, [f"{FOLDER}/*"])
        release = find_release(tmp_dir) if self.quality == "valid" else None
        if os.path.isdir(folder):
            yield from v1_recordings(folder, f"cv-{self.quality}-{_V1_NAMES[dataset_split]}")
        elif release:
            names = (os.path.join(release, f"{name}.tsv") for name in SPLIT_NAMES[dataset_split])
            table = next(filter(os.path.isfile, names), None)
            if table is None:
                raise sources.MissingDataError(f"no table of the {dataset_split} split in {release}")
            yield from read_table(table, os.path.join(release, "clips"))
        elif self.quality == "valid":
            yield from _tfds_recordings(dataset_split, data_dir, f"put {FOLDER}.tar.gz into {tmp_dir}")
        else:
            raise sources.MissingDataError(f"{folder} is not there; put {FOLDER}.tar.gz into {tmp_dir}")


def _tfds_recordings(split: str, data_dir: str, instead: str) -> Iterator[dict[str, Any]]:
    builder = sources.tfds_builder("common_voice/en", data_dir, instead)
    rate = builder.info.features["voice"].sample_rate or MP3_RATE
    for number, example in enumerate(builder.as_dataset(split=split).as_numpy_iterator()):
        waveform = audio.as_waveform(np.asarray(example["voice"]), rate, f"common_voice/en, {split} example {number}")
        yield {"audio": waveform, "targets": example["sentence"].decode()}


variant = registry.problem_variants_of(__name__)
# fmt: off
CommonVoiceClean = variant(
    "CommonVoiceClean", CommonVoice,
    "Common Voice in English, the recordings that listeners approved (T2T has two names for it).",
)
CommonVoiceNoisy = variant(
    "CommonVoiceNoisy", CommonVoice, "Common Voice in English, the recordings that too few people have listened to.",
    quality="other",
)
CommonVoiceTrainFullTestClean = variant(
    "CommonVoiceTrainFullTestClean", CommonVoice,
    "Common Voice in English as common_voice, under T2T's name for another way to evaluate.",
)
# fmt: on
