"""Windows of examples: lengths, reading, plain tensors and back, functions of one example."""

import numpy as np
import tensorflow as tf

from tensor2keras.data.batching import windows

FEATURES = {
    "inputs": tf.ragged.constant([[5, 6], [], [7, 8, 9]]),
    "targets": tf.ragged.constant([[1], [2, 3, 4, 5], [6, 7]]),
    "targets_position": tf.ragged.constant([[0], [0, 1, 2, 3], [0, 1]]),
    "label": tf.constant([3, 4, 5]),
}


def as_lists(features):
    return {name: x.to_list() if isinstance(x, tf.RaggedTensor) else x.numpy().tolist() for name, x in features.items()}


def test_lengths_are_those_of_sequences_inputs_first():
    np.testing.assert_array_equal(windows.sequence_lengths(FEATURES), [[2, 1], [0, 4], [3, 2]])
    np.testing.assert_array_equal(windows.sequence_lengths({"label": FEATURES["label"]}), [[0], [0], [0]])
    assert windows.num_examples(FEATURES) == windows.num_examples({"label": FEATURES["label"]}) == 3


def test_parts_and_back():
    assert as_lists(windows.window_of(windows.parts_of(FEATURES))) == as_lists(FEATURES)
    assert as_lists(windows.take(FEATURES, tf.constant([2, 0])))["inputs"] == [[7, 8, 9], [5, 6]]


def test_a_function_of_one_example_may_give_several():
    dataset = tf.data.Dataset.from_tensors(FEATURES)
    (doubled,) = windows.each_example(dataset, lambda example: {"targets": example["targets"] * 2})
    assert as_lists(doubled) == {"targets": [[2], [4, 6, 8, 10], [12, 14]]}
    both = windows.each_example(
        dataset,
        lambda example: tf.data.Dataset.from_tensors({"x": example["inputs"]}).concatenate(
            tf.data.Dataset.from_tensors({"x": example["targets"]})
        ),
    )
    assert as_lists(next(iter(both)))["x"] == [[5, 6], [1], [], [2, 3, 4, 5], [7, 8, 9], [6, 7]]


def test_records_are_read_in_windows_in_order_or_by_seed(tmp_path):
    for shard in range(3):
        with tf.io.TFRecordWriter(str(tmp_path / f"shard-{shard}")) as writer:
            for number in range(2):
                ids = tf.train.Feature(int64_list=tf.train.Int64List(value=[10 * shard + number] * (number + 1)))
                writer.write(tf.train.Example(features=tf.train.Features(feature={"x": ids})).SerializeToString())
    files = sorted(str(path) for path in tmp_path.iterdir())

    def read(seed):
        found = windows.read_windows(files, {"x": tf.io.VarLenFeature(tf.int64)}, seed, window=4)
        return [row for window in found for row in window["x"].to_list()]

    assert read(None) == [[0], [1, 1], [10], [11, 11], [20], [21, 21]]
    orders = [read(tf.constant([seed, 0], tf.int64)) for seed in range(4)]
    assert all(sorted(order) == read(None) for order in orders)
    assert read(tf.constant([1, 0], tf.int64)) == orders[1]
    assert any(order != read(None) for order in orders)
