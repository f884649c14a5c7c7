"""Reports of padding and of examples that are too long."""

import pytest
import tensorflow as tf

from tensor2keras.data.batching import pipeline as batching
from tensor2keras.data.batching import reports
from tensor2keras.data.batching.buckets import BatchingScheme
from tensor2keras.data.problem import Problem
from tensor2keras.hparams import HParams
from tests.data.problem_test_case import Lengths

SCHEME = BatchingScheme(boundaries=[5, 9], batch_sizes=[12, 6, 4], min_length=0, max_length=12)


def test_padding_report():
    windows = tf.data.Dataset.from_tensors({"targets": tf.ragged.constant([[5], [5, 6], [7, 8, 9]], dtype=tf.int32)})
    report = reports.padding_report(batching.batch_windows(lambda seed: windows, SCHEME, repeat=False, shuffle=False))
    assert (report.batches, report.rows, report.positions, report.shapes) == (1, 3, 9, 1)
    assert report.non_padding == pytest.approx(6 / 9)
    line = "3.0 rows and 9 token positions, 66.7% non-padding in a mean batch; 1 shape (measured on the first 1)"
    assert str(report) == line
    images = reports.PaddingReport(2, 8, 0, 1.0, 2)
    assert str(images) == "4.0 rows in a mean batch; 2 shapes (measured on the first 2)"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"max_length": 9}, ""),
        ({"max_length": 6}, "of the first 8 examples: 3 left out, longer than 6"),
        ({"max_length": 9, "max_input_seq_length": 7}, "of the first 8 examples: 2 inputs cut at 7 tokens"),
        (
            {"max_length": 9, "max_input_seq_length": 4, "prepend_mode": "prepend_inputs_masked_attention"},
            "of the first 8 examples: 5 inputs cut at 4 tokens, 5 left out, longer than 9",
        ),
        ({"max_length": 6, "split_to_length": 3}, ""),
    ],
)
def test_what_is_too_long_is_counted(values, expected, tmp_path):
    problem = Lengths(data_dir=str(tmp_path))
    problem.generate_data()
    assert reports.length_report(problem, "train", HParams({"batch_size": 100, **values})) == expected


def test_multi30k_batches_are_nine_tenths_full(shared, tmp_path):
    folder = shared / "data/multi30k_ende"
    problem = Problem.from_files(
        folder / "train.en.gz", folder / "train.de.gz", data_dir=tmp_path, approx_vocab_size=2**13
    )
    settings = HParams(batch_size=4096, max_length=256, min_length_bucket=8, length_bucket_step=1.1)
    report = reports.padding_report(batching.make_dataset(problem, "train", settings, repeat=False), batches=10**6)
    assert report.non_padding >= 0.9
    assert report.positions / report.batches > 0.75 * 2 * 4096
