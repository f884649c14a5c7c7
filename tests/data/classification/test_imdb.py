"""Film reviews in T2T's folder and archive, and on a mocked tfds data set; never on the network."""

import tarfile

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tests.data.problem_test_case import run_problem_test
from tests.data.raw_files import put, put_tar

FILES = {
    "aclImdb/train/pos/0_9.txt": b"A fine film.\n",
    "aclImdb/train/neg/0_2.txt": "Dull,<br />na\u00efve.".encode(),
    "aclImdb/train/unsup/0_0.txt": b"No label.",
    "aclImdb/test/pos/0_10.txt": b"Good.",
    "aclImdb/test/neg/0_1.txt": b"Bad.",
    "aclImdb/README": b"",
}
TRAIN = [{"inputs": "A fine film.", "label": 1}, {"inputs": "Dull,<br />na\u00efve.", "label": 0}]


def samples(dirs, split, name="sentiment_imdb"):
    return list(registry.problem(name, **dirs).generate_samples(**dirs, dataset_split=split))


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [("sentiment_imdb", ["vocab.sentiment_imdb.8192.subwords"]), ("sentiment_imdb_characters", [])],
)
def test_values_are_t2ts(name, vocabulary, dirs):
    problem = registry.problem(name, **dirs)
    assert problem.vocabulary_files() == vocabulary
    assert problem.class_labels("") == ["neg", "pos"]
    assert problem.dataset_splits == [{"split": "train", "shards": 10}, {"split": "validation", "shards": 1}]


@pytest.mark.parametrize("packed", [True, False])
def test_folder_and_archive(packed, dirs, raw, no_network):
    if packed:
        put_tar(raw / "aclImdb_v1.tar.gz", FILES)
    else:
        put(raw, FILES)
    assert samples(dirs, "train") == TRAIN
    assert samples(dirs, "validation") == [{"inputs": "Good.", "label": 1}, {"inputs": "Bad.", "label": 0}]
    assert (raw / "aclImdb").exists() != packed  # the archive's 50,000 files stay in it


def test_generation_end_to_end(dirs, raw, no_network):
    put(raw, FILES)
    problem = run_problem_test(registry.problem("sentiment_imdb_characters", **dirs), same_text=False)
    assert problem.global_task_id() == 3
    assert {text["targets"] for text in problem.samples_as_text("train")} == {"neg", "pos"}


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=3):
        assert {sample["label"] for sample in samples(dirs, "validation")} <= {0, 1}


def test_without_network_the_error_says_what_to_put_where(dirs, no_network):
    with pytest.raises(FileNotFoundError, match=r"put aclImdb_v1\.tar\.gz, or extracted: aclImdb/, into"):
        samples(dirs, "train")


def test_odd_files_are_named(dirs, raw, no_network):
    put(raw, {**FILES, "aclImdb/train/pos/1_9.txt": b"caf\xe9"})
    with pytest.raises(ValueError, match=r"1_9\.txt, line 1: not UTF-8 text \(byte 4 "):
        samples(dirs, "train")
    (raw / "aclImdb/test/neg/0_1.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"aclImdb/test/neg has no reviews"):
        samples(dirs, "validation")


def test_broken_archive_is_named(dirs, raw, no_network):
    path = raw / "aclImdb_v1.tar.gz"
    put_tar(path, {"aclImdb/train/pos/0_9.txt": bytes(range(256)) * 100})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"aclImdb_v1\.tar\.gz: not a whole archive"):
        samples(dirs, "train")
    put_tar(path, {"README": b"nothing else"})
    with pytest.raises(ValueError, match=r"does not hold aclImdb/train/pos/\*\.txt; is it complete"):
        samples(dirs, "train")


def test_real_reviews(shared, dirs, raw):
    with tarfile.open(shared / "data/aclImdb_small/aclImdb_small.tar.xz") as archive:
        archive.extractall(raw, filter="data")
    found = samples(dirs, "train")
    assert len(found) == 2000
    assert sum(sample["label"] for sample in found) == 1000
    assert len(samples(dirs, "validation")) == 500
