"""Generation: once, atomically, and again when asked for."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import tensorflow_datasets as tfds

from tensor2keras.data import generation
from tests.data.counting import Counting, CountingOnce, first_inputs


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


def test_problems_with_one_dataset_filename_share_data(tmp_path):
    class CountingAgain(Counting):
        def dataset_filename(self):
            return "counting"

    Counting(data_dir=tmp_path).generate_data()
    assert CountingAgain(data_dir=tmp_path).shard_files("train") == Counting(data_dir=tmp_path).shard_files("train")
    assert CountingAgain(data_dir=tmp_path).name == "counting_again"


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

    # The lock went with the first process: nothing is waited for.
    second = subprocess.run([*command, "fast"], capture_output=True, text=True, check=True, timeout=300)
    assert second.stdout.splitlines()[-1] == "examples 5"
    assert sorted(os.listdir(tmp_path / "slow")) == [".lock", "1.0.0"]


def test_class_defined_twice_is_no_error(tmp_path):
    for _ in range(2):

        class Again(Counting):
            pass

    Again(data_dir=tmp_path).generate_data()
    assert isinstance(Again(data_dir=tmp_path), tfds.core.GeneratorBasedBuilder)
