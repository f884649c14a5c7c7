"""Packing: what a row holds, and that nothing is lost."""

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras import registry
from tensor2keras.data.batching import packing, reports
from tensor2keras.data.batching import pipeline as batching
from tensor2keras.hparams import HParams


def ragged(*rows):
    return tf.ragged.constant([list(row) for row in rows], dtype=tf.int32)


def test_two_examples_in_one_row():
    packed = packing.pack({"inputs": ragged([8, 7, 1], [2, 3, 4, 1]), "targets": ragged([4, 1], [5, 6, 1])}, length=10)
    assert {name: x.to_list() for name, x in packed.items()} == {
        "inputs": [[8, 7, 1, 2, 3, 4, 1]],
        "inputs_segmentation": [[1, 1, 1, 2, 2, 2, 2]],
        "inputs_position": [[0, 1, 2, 0, 1, 2, 3]],
        "targets": [[4, 1, 5, 6, 1]],
        "targets_segmentation": [[1, 1, 2, 2, 2]],
        "targets_position": [[0, 1, 0, 1, 2]],
    }


def test_a_row_ends_when_either_sequence_is_full():
    packed = packing.pack({"inputs": ragged([2], [3], [4]), "targets": ragged([5, 5, 5], [6, 6, 6], [7])}, length=4)
    assert packed["inputs"].to_list() == [[2], [3, 4]]
    assert packed["targets"].to_list() == [[5, 5, 5], [6, 6, 6, 7]]
    assert packed["targets_segmentation"].to_list() == [[1, 1, 1], [1, 1, 1, 2]]


def test_a_pair_that_is_too_long_is_a_row_of_its_own():
    packed = packing.pack({"inputs": ragged([2], [3] * 9, [4]), "targets": ragged([5], [6], [7])}, length=4)
    assert packed["inputs"].to_list() == [[2], [3] * 9, [4]]


def test_long_targets_without_inputs_are_cut():
    packed = packing.pack({"targets": ragged(range(2, 12), [20])}, length=4)
    assert packed["targets"].to_list() == [[2, 3, 4, 5], [6, 7, 8, 9], [10, 11, 20]]
    assert packed["targets_position"].to_list() == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 0]]


def test_nothing_to_pack():
    packed = packing.pack({name: ragged([1])[:0] for name in ("inputs", "targets")}, length=4)
    assert packed["inputs"].nrows() == 0


def test_labels_cannot_be_packed():
    with pytest.raises(ValueError, match="'targets' is not a sequence"):
        packing.pack({"inputs": ragged([2]), "targets": tf.constant([1])}, length=4)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    problem = registry.problem("algorithmic_reverse_binary40_test", data_dir=str(tmp_path_factory.mktemp("data")))
    problem.generate_data()
    return problem


SETTINGS = {"batch_size": 256, "max_length": 32, "min_length_bucket": 8, "length_bucket_step": 1.1}


def unpacked(features):
    """The pairs in a packed batch."""
    for row in range(features["inputs"].shape[0]):
        for segment in range(1, int(np.max(features["targets_segmentation"][row])) + 1):
            yield tuple(
                tuple(features[name][row][features[name + "_segmentation"][row] == segment].numpy().tolist())
                for name in ("inputs", "targets")
            )


def test_packed_batches_hold_every_example_in_full_rows(problem):
    dataset = batching.make_dataset(
        problem, "train", HParams(SETTINGS, pack_dataset=True), num_replicas=2, repeat=False
    )
    pairs = []
    for features, targets, weights in dataset:
        assert set(features) == {
            f"{side}{suffix}" for side in ("inputs", "targets") for suffix in ("", "_segmentation", "_position")
        }
        assert features["inputs"].shape[0] % 2 == 0
        assert features["inputs"].shape[1] <= 32
        assert targets.shape == features["targets_position"].shape
        np.testing.assert_allclose(tf.reduce_sum(weights), 1, rtol=1e-5)
        pairs += unpacked(features)
    expected = [
        (tuple(e["inputs"]), tuple(e["targets"])) for e in problem.as_dataset(split="train").as_numpy_iterator()
    ]
    assert sorted(pairs) == sorted(expected)
    assert reports.padding_report(dataset).non_padding > 0.8


def test_resuming_packed_training_is_exact(problem):
    settings = HParams(SETTINGS, pack_dataset=True)
    run = batching.make_dataset(problem, "train", settings, seed=5).skip(40).take(2)
    resumed = batching.make_dataset(problem, "train", settings, seed=5, start_step=40).take(2)
    for one, other in zip(run, resumed, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_a_packed_problem_is_packed_without_asking(problem):
    class Packed(type(problem)):
        packed_length = 32

        def dataset_filename(self):
            return problem.dataset_filename()

        def max_length(self, model_hparams):
            return self.packed_length

    features, _, _ = next(iter(Packed(data_dir=problem.data_dir_root).dataset("validation", HParams(SETTINGS))))
    first = next(iter(problem.as_dataset(split="validation").as_numpy_iterator()))
    assert next(unpacked(features)) == (tuple(first["inputs"]), tuple(first["targets"]))  # in order
