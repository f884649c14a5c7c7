"""LibriSpeech from folders, archives and tfds, on recordings laid out as it is."""

import json

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.speech import librispeech
from tests.data.raw_files import put_tar
from tests.data.recordings import tone, write

SETS = {  # T2T's
    "librispeech": ("train-clean-100 train-clean-360 train-other-500", "dev-clean dev-other", "test-clean test-other"),
    "librispeech_clean": ("train-clean-100 train-clean-360", "dev-clean", "test-clean"),
    "librispeech_clean_small": ("train-clean-100", "dev-clean", "test-clean"),
    "librispeech_noisy": ("train-other-500", "dev-other", "test-other"),
    "librispeech_train_full_test_clean": ("train-clean-100 train-clean-360 train-other-500", "dev-clean", "test-clean"),
    "librispeech_train_full_test_other": ("train-clean-100 train-clean-360 train-other-500", "dev-other", "test-other"),
}

TFDS_SPLITS = {
    *("train_clean100", "train_clean360", "train_other500"),
    *("dev_clean", "dev_other", "test_clean", "test_other"),
}


def put_set(raw, name, texts):
    """One chapter of a set."""
    chapter = raw / "LibriSpeech" / name / "84" / "121"
    for i in range(len(texts)):
        write(chapter / f"84-121-{i:04d}.flac", tone(300 + 100 * i, 0.2))
    (chapter / "84-121.trans.txt").write_text("".join(f"84-121-{i:04d} {text}\n" for i, text in enumerate(texts)))


def texts_of(problem):
    problem.generate_data()
    return {split: sorted(s["targets"] for s in problem.samples_as_text(split, 9)) for split in problem.info.splits}


@pytest.mark.parametrize("name", SETS)
def test_sets_are_t2ts(name, dirs, golden):
    problem = registry.problem(name, **dirs)
    assert tuple(" ".join(sets) for sets in problem.sets.values()) == SETS[name]
    assert name in json.loads((golden / "problems.json").read_text())["problems"]
    assert {librispeech.tfds_split(one) for sets in SETS[name] for one in sets.split()} <= TFDS_SPLITS
    assert problem.vocabulary_files() == []


def test_the_corpus_own_folders(dirs, raw):
    put_set(raw, "train-clean-100", ["A B", "C"])
    put_set(raw, "train-other-500", ["NOISE"])
    put_set(raw, "dev-clean", ["D"])
    put_set(raw, "test-clean", ["E"])
    put_set(raw, "test-other", ["F"])
    problem = registry.problem("librispeech_clean", **dirs)
    assert texts_of(problem) == {"train": ["A B", "C"], "validation": ["D"], "test": ["E"]}


def test_a_sample_of_the_corpus_will_do(dirs, raw):
    put_set(raw, "train-small", ["A"])
    put_set(raw, "dev-small", ["B"])
    assert texts_of(registry.problem("librispeech", **dirs)) == {"train": ["A"], "validation": ["B"]}


def test_archives_are_taken_apart(dirs, raw, tmp_path):
    put_set(tmp_path / "elsewhere", "train-clean-100", ["A"])
    put_set(tmp_path / "elsewhere", "dev-clean", ["B"])
    for name in ("train-clean-100", "dev-clean"):
        files = (tmp_path / "elsewhere" / "LibriSpeech" / name).rglob("*.*")
        packed = {str(path.relative_to(tmp_path / "elsewhere")): path.read_bytes() for path in files}
        put_tar(raw / f"{name}.tar.gz", packed)
    assert texts_of(registry.problem("librispeech_clean_small", **dirs)) == {"train": ["A"], "validation": ["B"]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("84-121-0009 X", r"line 2: no such audio file: .*84-121-0009\.flac"),
        ("84-121-0000", "line 2: .* no transcript"),
    ],
)
def test_a_bad_transcript_is_named(raw, line, message):
    put_set(raw, "train-clean-100", ["A"])
    folder = raw / "LibriSpeech" / "train-clean-100"
    with (folder / "84" / "121" / "84-121.trans.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        list(librispeech.recordings(str(folder)))


def test_without_anything_it_is_said_what_to_put_where(dirs, no_network):
    with pytest.raises(sources.MissingDataError, match=r"put the folders \(or \.tar\.gz\) of train-clean-100 into"):
        registry.problem("librispeech_clean_small", **dirs).generate_data()


def test_tfds_has_the_rest(dirs, monkeypatch):
    class Builder:
        def as_dataset(self, split):
            rows = [{"speech": tone(300, 0.1), "text": split.encode()}]
            return type("Rows", (), {"as_numpy_iterator": lambda _: iter(rows)})()

    monkeypatch.setattr(sources, "tfds_builder", lambda name, data_dir, instead="": Builder())
    assert texts_of(registry.problem("librispeech_clean", **dirs)) == {
        "train": ["train_clean100", "train_clean360"],
        "validation": ["dev_clean"],
        "test": ["test_clean"],
    }


def test_real_recordings(dirs, raw, shared):
    import tarfile

    with tarfile.open(shared / "data" / "librispeech_small" / "librispeech_small.tar.gz") as archive:
        archive.extractall(raw, filter="data")
    problem = registry.problem("librispeech_clean_small", **dirs)
    problem.generate_data()
    assert {split: info.num_examples for split, info in problem.info.splits.items()} == {
        "train": 252,
        "validation": 30,
        "test": 4,
    }
    hparams = registry.hparams("transformer_librispeech", problem)
    features, targets, _ = next(iter(problem.dataset("test", hparams)))
    assert features["inputs"].shape == (4, 1294, 80, 3)  # the longest lasts 10.4 s; 250 frames of silence
    encoder = problem.get_feature_encoders()["targets"]
    texts = [encoder.decode(row.tolist(), strip_extraneous=True) for row in targets.numpy()]
    assert "STUFF IT INTO YOU HIS BELLY COUNSELLED HIM" in texts
    assert np.isfinite(features["inputs"]).all()
