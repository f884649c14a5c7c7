"""Hooks of a problem: their defaults, and what overriding them changes."""

import pytest
import tensorflow as tf

from tensor2keras import registry
from tensor2keras.data.batching.buckets import LONGEST, BatchingScheme, batching_scheme
from tests.data.counting import Counting
from tests.data.problem_test_case import batch_hparams


def test_records_parse_by_example_spec(tmp_path):
    problem = Counting(data_dir=tmp_path)
    problem.generate_data()
    records = tf.data.TFRecordDataset(problem.shard_files("train")).batch(100)
    features = tf.io.parse_example(next(iter(records)), problem.example_spec())
    assert sorted(row[0] for row in features["inputs"].to_list()) == list(range(2, 43))


def test_a_subclass_that_overrides_preprocess_example_is_known():
    class Shifted(Counting):
        def preprocess_example(self, example, mode, hparams):
            return {name: ids + 1 for name, ids in example.items()}

    assert Shifted().overrides_preprocess_example
    assert not Counting().overrides_preprocess_example


def test_default_batching_scheme_counts_what_batch_size_means():
    class Tokens(Counting):
        batch_size_means_tokens = True

    hparams = batch_hparams(batch_size=64, max_length=16)
    assert Counting().batching_scheme(hparams, False, 2) == BatchingScheme([], [128], 0, LONGEST)
    assert Tokens().batching_scheme(hparams, True, 2) == batching_scheme(
        64, 16, 8, 1.1, drop_long_sequences=True, num_replicas=2
    )


@pytest.mark.parametrize(
    ("packed_length", "values", "expected"),
    [(None, {}, 0), (256, {}, 256), (None, {"pack_dataset": True}, 512), (256, {"pack_dataset": True}, 256)],
)
def test_length_of_packed_rows(packed_length, values, expected):
    problem = type("Packed", (Counting,), {"packed_length": packed_length})()
    assert problem.packed_row_length({"max_length": 512, **values}) == expected


def test_a_language_model_stores_targets_only():
    problem = type("Targets", (Counting,), {"has_inputs": False})()
    assert set(problem.stored_features) == set(problem.example_spec()) == {"targets"}


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("translate_enzh_wmt8k", "zh"),
        ("translate_enzh_wmt8k_rev", "en"),
        ("translate_ende_numbers", "de"),
        ("algorithmic_identity_binary40", None),
        ("text2text_tmpdir", None),
    ],
)
def test_the_language_of_the_targets_is_that_of_the_name(name, language):
    assert registry.problem(name).target_language == language
