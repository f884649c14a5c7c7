"""Common Voice from T2T's version 1, from later ones and from tfds."""

import json

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.speech import common_voice
from tests.data.raw_files import put_tar
from tests.data.recordings import tone, write

HEADER = "filename,text,up_votes,down_votes,age,gender,accent,duration\n"


def put_v1(folder, quality="valid"):
    """One recording a set, as mp3 at 48 kHz."""
    for name in ("train", "dev", "test"):
        write(folder / "cv_corpus_v1" / f"cv-{quality}-{name}" / "sample-000000.mp3", tone(300, 0.3, 48000), 48000)
        row = f'cv-{quality}-{name}/sample-000000.mp3,"{name}, {quality}",1,0,,,,\n'
        (folder / "cv_corpus_v1" / f"cv-{quality}-{name}.csv").write_text(HEADER + row)


def texts_of(problem):
    problem.generate_data()
    return {split: [s["targets"] for s in problem.samples_as_text(split, 9)] for split in problem.info.splits}


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        ("common_voice", "valid"),
        ("common_voice_clean", "valid"),
        ("common_voice_noisy", "other"),
        ("common_voice_train_full_test_clean", "valid"),
    ],
)
def test_version_1(name, quality, dirs, raw, golden):
    put_v1(raw, quality)
    problem = registry.problem(name, **dirs)
    assert name in json.loads((golden / "problems.json").read_text())["problems"]
    expected = {"train": [f"train, {quality}"], "validation": [f"dev, {quality}"], "test": [f"test, {quality}"]}
    assert texts_of(problem) == expected
    (example,) = problem.as_dataset(split="train").as_numpy_iterator()
    assert len(example["waveforms"]) == pytest.approx(0.3 * 16000, abs=2500)  # mp3 adds silence
    assert np.abs(example["waveforms"]).max() > 5000


def test_its_archive(dirs, raw, tmp_path):
    put_v1(tmp_path / "elsewhere")
    files = (path for path in (tmp_path / "elsewhere").rglob("*.*") if path.is_file())
    put_tar(raw / "cv_corpus_v1.tar.gz", {str(f.relative_to(tmp_path / "elsewhere")): f.read_bytes() for f in files})
    assert texts_of(registry.problem("common_voice", **dirs))["train"] == ["train, valid"]


def test_later_versions(dirs, raw):
    folder = raw / "cv-corpus-17.0" / "en"
    for name in ("train", "dev", "test"):
        write(folder / "clips" / f"{name}.mp3", tone(300, 0.2, 48000), 48000)
        (folder / f"{name}.tsv").write_text(f"client_id\tpath\tsentence\tup_votes\nx\t{name}.mp3\tSaid in {name}.\t2\n")
    expected = {"train": ["Said in train."], "validation": ["Said in dev."], "test": ["Said in test."]}
    assert texts_of(registry.problem("common_voice", **dirs)) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("cv-valid-train/no.mp3,x,,,,,,\n", r"line 2: no such audio file: .*no\.mp3"),
        ("a.mp3,,,,,,,\n", r"line 2: a\.mp3 has no transcript"),
    ],
)
def test_a_bad_row_is_named(raw, row, message):
    (raw / "cv-valid-train.csv").write_text(HEADER + row)
    with pytest.raises(ValueError, match=message):
        list(common_voice.v1_recordings(str(raw), "cv-valid-train"))


@pytest.mark.parametrize("name", ["common_voice", "common_voice_noisy"])
def test_without_anything_it_is_said_what_to_put_where(name, dirs, no_network):
    with pytest.raises(sources.MissingDataError, match=r"put cv_corpus_v1\.tar\.gz into"):
        registry.problem(name, **dirs).generate_data()


def test_tfds_has_it(dirs, monkeypatch):
    class Builder:
        info = type("Info", (), {"features": {"voice": type("Audio", (), {"sample_rate": None})}})

        def as_dataset(self, split):
            rows = [{"voice": tone(300, 0.3, 48000).astype(np.int64), "sentence": split.encode()}]
            return type("Rows", (), {"as_numpy_iterator": lambda _: iter(rows)})()

    monkeypatch.setattr(sources, "tfds_builder", lambda name, data_dir, instead="": Builder())
    problem = registry.problem("common_voice", **dirs)
    assert texts_of(problem) == {split: [split] for split in ("train", "validation", "test")}
    (example,) = problem.as_dataset(split="train").as_numpy_iterator()
    assert len(example["waveforms"]) == 4800
