"""Truncation and prepending: one rule for an example and for a window of examples."""

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras.data.preprocessing import prepend_inputs, preprocess_example_common, truncate
from tensor2keras.data.splits import DatasetSplit
from tests.data.problem_test_case import batch_hparams


@pytest.mark.parametrize(
    ("settings", "inputs", "targets"),
    [
        ({}, [7, 8, 9, 1], [4, 5, 1]),
        ({"max_target_seq_length": 2}, [7, 8, 9, 1], [4, 5]),
        ({"prepend_mode": "prepend_inputs_full_attention"}, [7, 8, 9, 1], [7, 8, 9, 1, 0, 4, 5, 1]),
        ({"prepend_mode": "prepend_inputs_masked_attention", "max_input_seq_length": 2}, [7, 8], [7, 8, 0, 4, 5, 1]),
    ],
)
def test_one_example_and_a_window_of_examples(settings, inputs, targets):
    example = {"inputs": tf.constant([7, 8, 9, 1]), "targets": tf.constant([4, 5, 1]), "other": tf.constant(3)}
    result = preprocess_example_common(example, DatasetSplit.TRAIN, batch_hparams(**settings))
    assert result["targets"].numpy().tolist() == targets
    assert result["inputs"].numpy().tolist() == inputs
    assert result["other"] == 3
    window = {name: tf.ragged.stack([x, x[:2]]) for name, x in example.items() if name != "other"}
    window = truncate(prepend_inputs(window, batch_hparams(**settings)), batch_hparams(**settings))
    assert window["inputs"][0].numpy().tolist() == inputs
    assert window["targets"][0].numpy().tolist() == targets
    assert window["inputs"][1].numpy().tolist() == [7, 8]


def test_labels_and_fixed_shapes_are_not_truncated():
    hparams = batch_hparams(max_input_seq_length=2, max_target_seq_length=2)
    label = {"inputs": tf.constant([7, 8, 9]), "targets": tf.constant(5)}
    result = preprocess_example_common(label, DatasetSplit.TRAIN, hparams)
    assert (result["inputs"].numpy().tolist(), int(result["targets"])) == ([7, 8], 5)
    numbers = tf.constant([[0.5, 1.5, 2.5]])
    np.testing.assert_array_equal(truncate({"targets": numbers}, hparams)["targets"], numbers)
