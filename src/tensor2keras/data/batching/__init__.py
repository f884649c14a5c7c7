"""Batches of a problem's examples: the input pipeline, its stages and reports on its batches."""

from tensor2keras.data.batching.buckets import BatchingScheme
from tensor2keras.data.batching.pipeline import (
    batch_windows,
    count,
    keep_lengths,
    make_dataset,
    pad_and_weigh,
    plan_batches,
    preprocess,
    split_sequences,
    targets_weights_fn,
)
from tensor2keras.data.batching.reports import PaddingReport, length_report, padding_report
from tensor2keras.data.batching.windows import (
    WINDOW,
    Parts,
    each_example,
    example_windows,
    num_examples,
    read_windows,
    sequence_lengths,
)
from tensor2keras.data.preprocessing import Window
