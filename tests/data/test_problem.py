"""Problem: generated once, atomically, and read back as it was written."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import generation
from tensor2keras.data.problem import Problem
from tensor2keras.data.space_id import SpaceID
from tensor2keras.symbols import EOS_ID
from tests.data.problem_test_case import batch_hparams


class Counting(Problem):
    """Targets count up to the input."""

    samples = 41

    @property
    def dataset_splits(self):
        return [{"split": "train", "shards": 3}, {"split": "validation", "shards": 1}]

    def generate_encoded_samples(self, data_dir, tmp_dir, dataset_split):
        for number in range(2, 2 + self.samples):
            yield {"inputs": [number, EOS_ID], "targets": [*range(2, number), EOS_ID]}

    def hparams(self, defaults, model_hparams):
        defaults.modality = {"inputs": "symbol", "targets": "symbol"}
        defaults.vocab_size = {"inputs": 100, "targets": 50}
        defaults.input_space_id = SpaceID.DIGIT_0
        defaults.target_space_id = SpaceID.DIGIT_1


class CountingOnce(Counting):
    """As Counting, dealt out over the splits."""

    is_generate_per_split = False


def first_inputs(problem, split):
    return sorted(int(example["inputs"][0]) for example in problem.as_dataset(split=split).as_numpy_iterator())


def test_data_and_their_place(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    assert problem.data_dir == str(tmp_path / "counting" / "1.0.0")
    assert first_inputs(problem, "train") == first_inputs(problem, "validation") == list(range(2, 43))
    assert Counting(data_dir=tmp_path).num_training_examples == 41


def test_one_generation_is_dealt_out_by_shards(tmp_path):
    problem = CountingOnce(data_dir=tmp_path)
    problem.generate_data()
    everything = list(range(2, 43))
    held_out = [number for i, number in enumerate(everything) if i % 4 == 3]
    assert first_inputs(problem, "validation") == held_out
    assert first_inputs(problem, "train") == sorted(set(everything) - set(held_out))


def test_constructing_touches_no_files(tmp_path):
    Counting(data_dir=tmp_path / "new", tmp_dir=tmp_path / "raw")
    assert not os.listdir(tmp_path)


def test_paths_are_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAW", "/raw")
    problem = Counting(data_dir="~/data", tmp_dir="$RAW/text")
    assert str(problem.data_dir_root) == str(tmp_path / "data")
    assert problem.tmp_dir == "/raw/text"


def test_reading_before_generating_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="t2t-datagen --problem=counting"):
        Counting(data_dir=tmp_path).shard_files("train")


def test_unknown_split_names_the_splits(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    with pytest.raises(ValueError, match="no split 'test'; it has: train, validation"):
        problem.shard_files("test")


def test_empty_split_is_refused_and_leaves_nothing(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.samples = 0
    with pytest.raises(ValueError, match="problem counting: the split 'train' has no samples"):
        problem.generate_data()
    assert os.listdir(tmp_path / "counting") == [".lock"]


def test_sample_without_a_feature_is_refused(tmp_path):
    class Halves(Counting):
        def generate_encoded_samples(self, data_dir, tmp_dir, dataset_split):
            yield {"inputs": [2]}

    with pytest.raises(ValueError, match="problem halves: sample 0 of train has no targets"):
        Halves(data_dir=tmp_path).generate_data()


def test_tfds_can_be_asked_to_generate_again(tmp_path):
    Counting(data_dir=tmp_path).generate_data()
    again = Counting(data_dir=tmp_path)
    again.samples = 5
    again.generate_data()
    assert again.num_training_examples == 41
    config = tfds.download.DownloadConfig(download_mode=tfds.GenerateMode.REUSE_CACHE_IF_EXISTS)
    again.download_and_prepare(download_config=config)
    assert again.num_training_examples == 5


def test_half_copied_data_are_refused(tmp_path):
    (tmp_path / "counting" / "1.0.0").mkdir(parents=True)
    with pytest.raises(ValueError, match="is not a whole data set"):
        Counting(data_dir=tmp_path).generate_data()


def test_another_object_sees_data_made_meanwhile(tmp_path):
    early, late = Counting(data_dir=tmp_path), Counting(data_dir=tmp_path)
    late.generate_data()
    assert early.shard_files("train") == late.shard_files("train")
    early.generate_data()
    assert early.info.splits["train"].num_examples == 41


def test_number_of_files_follows_dataset_splits(tmp_path, monkeypatch):
    monkeypatch.setattr(generation, "MIN_EXAMPLES_A_SHARD", 10)
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    assert len(problem.shard_files("train")) == 3
    assert len(problem.shard_files("validation")) == 1


def test_records_parse_by_example_spec(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    records = tf.data.TFRecordDataset(problem.shard_files("train")).batch(100)
    features = tf.io.parse_example(next(iter(records)), problem.example_spec())
    assert sorted(row[0] for row in features["inputs"].to_list()) == list(range(2, 43))


def test_reversed_and_copied(tmp_path):
    Counting(data_dir=tmp_path).generate_data()
    plain = Counting(data_dir=tmp_path).get_hparams()
    assert plain["features"] == {
        "inputs": {"modality": "symbol", "vocab_size": 100},
        "targets": {"modality": "symbol", "vocab_size": 50},
    }
    assert (plain["input_space_id"], plain["target_space_id"]) == (SpaceID.DIGIT_0, SpaceID.DIGIT_1)

    reverse = Counting(data_dir=tmp_path, was_reversed=True)
    assert reverse.get_hparams()["features"]["inputs"]["vocab_size"] == 50
    assert reverse.get_hparams()["input_space_id"] == SpaceID.DIGIT_1
    assert reverse.shard_files("train") == Counting(data_dir=tmp_path).shard_files("train")
    assert reverse.maybe_reverse_and_copy({"inputs": 1, "targets": 2, "inputs_position": 3, "context": 4}) == {
        "targets": 1,
        "inputs": 2,
        "targets_position": 3,
        "context": 4,
    }

    copy = Counting(data_dir=tmp_path, was_reversed=True, was_copy=True)
    assert {feature["vocab_size"] for feature in copy.get_hparams()["features"].values()} == {50}
    assert copy.maybe_reverse_and_copy({"inputs": 1, "targets": 2}) == {"inputs": 2, "targets": 2}
    assert copy.get_hparams()["was_reversed"]
    assert copy.get_hparams()["was_copy"]


def test_pickling_keeps_the_arguments(tmp_path):
    problem = pickle.loads(pickle.dumps(Counting(data_dir=tmp_path, tmp_dir="/raw", was_reversed=True)))
    assert (problem.was_reversed, problem.was_copy, problem.tmp_dir) == (True, False, "/raw")


def test_problems_with_one_dataset_filename_share_data(tmp_path):
    class CountingAgain(Counting):
        def dataset_filename(self):
            return "counting"

    Counting(data_dir=tmp_path).generate_data()
    assert CountingAgain(data_dir=tmp_path).shard_files("train") == Counting(data_dir=tmp_path).shard_files("train")
    assert CountingAgain(data_dir=tmp_path).name == "counting_again"


def test_dataset_reads_batches(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    rows = 0
    for features, _, weights in problem.dataset("validation", batch_hparams(batch_size=64), num_replicas=2):
        assert features["inputs"].shape[0] % 2 == 0
        np.testing.assert_allclose(np.sum(weights), 1.0, atol=1e-5)
        rows += int(np.sum(features["inputs"][:, 0] != 0))
    assert rows == 41


SLOW_PROBLEM = """
    import sys, time
    from tensor2keras.data.problem import Problem

    class Slow(Problem):
        def generate_encoded_samples(self, data_dir, tmp_dir, dataset_split):
            for number in range(5):
                yield {"inputs": [2], "targets": [2]}
                if number == 3 and sys.argv[2] == "slow":
                    print("generating", flush=True)
                    time.sleep(60)

    problem = Slow(data_dir=sys.argv[1])
    problem.generate_data()
    print("examples", problem.num_training_examples)
"""


@pytest.mark.slow
def test_killed_generation_starts_afresh_and_leaves_no_litter(tmp_path):
    """The class is defined in `__main__`, as in a notebook."""
    command = [sys.executable, "-c", textwrap.dedent(SLOW_PROBLEM), str(tmp_path)]
    first = subprocess.Popen([*command, "slow"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert first.stdout.readline() == "generating\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    assert any(name.startswith("incomplete.") for name in os.listdir(tmp_path / "slow"))

    start = time.time()
    second = subprocess.run([*command, "fast"], capture_output=True, text=True, check=True)
    assert second.stdout.splitlines()[-1] == "examples 5"
    assert time.time() - start < 60
    assert sorted(os.listdir(tmp_path / "slow")) == [".lock", "1.0.0"]


def test_registered_name_is_the_problems_name(tmp_path, monkeypatch):
    monkeypatch.setattr(registry.problems, "_entries", {name: registry.problems[name] for name in registry.problems})

    @registry.register_problem("counting_by_name")
    class SomeClass(Counting):
        pass

    problem = registry.problem("counting_by_name_rev", data_dir=tmp_path)
    assert problem.name == "counting_by_name"
    assert problem.was_reversed
    assert problem.data_dir == str(tmp_path / "counting_by_name" / "1.0.0")


def test_class_defined_twice_is_no_error(tmp_path):
    for _ in range(2):

        class Again(Counting):
            pass

    Again(data_dir=tmp_path).generate_data()
    assert isinstance(Again(data_dir=tmp_path), tfds.core.GeneratorBasedBuilder)
