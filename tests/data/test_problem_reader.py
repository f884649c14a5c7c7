"""Reading of generated data, reversed and copied ones included."""

import numpy as np
import pytest

from tensor2keras.data.space_id import SpaceID
from tests.data.counting import Counting
from tests.data.problem_test_case import batch_hparams


def test_reading_before_generating_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="t2t-datagen --problem=counting"):
        Counting(data_dir=tmp_path).shard_files("train")


def test_unknown_split_names_the_splits(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    with pytest.raises(ValueError, match="no split 'test'; it has: train, validation"):
        problem.shard_files("test")


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


def test_dataset_reads_batches(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    rows = 0
    for features, _, weights in problem.dataset("validation", batch_hparams(batch_size=64), num_replicas=2):
        assert features["inputs"].shape[0] % 2 == 0
        np.testing.assert_allclose(np.sum(weights), 1.0, atol=1e-5)
        rows += int(np.sum(features["inputs"][:, 0] != 0))
    assert rows == 41
