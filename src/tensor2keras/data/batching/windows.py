"""Windows of examples: reading them from shards, and the tensor operations that all stages of the pipeline share.

A window is a dict of tensors over the same examples: `tf.RaggedTensor` [examples, (length), ...] for sequences,
`tf.Tensor` [examples, ...] for the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tensor2keras.data.preprocessing import Window

WINDOW = 65536  # examples that are shuffled and sorted together; about 20 MB of token ids

# No Python control flow on tensors in these functions; converting them would triple the time to the first batch.
no_autograph = tf.autograph.experimental.do_not_convert

Parts = dict[str, tuple[tf.Tensor, ...]]  # of a window: (values, row_splits) of ragged tensors, (tensor,) of others


@no_autograph
def read_windows(
    files: list[str], spec: Mapping[str, Any], seed: tf.Tensor | None, window: int = WINDOW
) -> tf.data.Dataset:
    """Returns windows of parsed records; with a `seed` [2] the shards are permuted and interleaved."""
    if seed is None:
        records = tf.data.TFRecordDataset(files, buffer_size=1 << 20)
    else:
        shuffled = tf.random.experimental.stateless_shuffle(tf.constant(files), seed)
        records = tf.data.Dataset.from_tensor_slices(shuffled).interleave(
            lambda file: tf.data.TFRecordDataset(file, buffer_size=1 << 20),
            cycle_length=min(16, len(files)),
            block_length=16,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
    ragged_spec = {
        name: tf.io.RaggedFeature(feature.dtype) if isinstance(feature, tf.io.VarLenFeature) else feature
        for name, feature in spec.items()
    }
    return records.batch(window).map(lambda serialized: tf.io.parse_example(serialized, ragged_spec))


def example_windows(examples: tf.data.Dataset, window: int = WINDOW) -> tf.data.Dataset:
    """Returns windows of a data set of feature dicts; sequences of unknown length become ragged."""
    return examples.ragged_batch(window)


def each_example(windows: tf.data.Dataset, function: Callable[[dict], Any], window: int = WINDOW) -> tf.data.Dataset:
    """Applies `function` (example -> example, or -> data set of examples) to each example of the windows."""
    examples = windows.unbatch().map(lambda example: function(_tensors(example)), num_parallel_calls=tf.data.AUTOTUNE)
    if isinstance(examples.element_spec, tf.data.DatasetSpec):
        examples = examples.flat_map(lambda several: several)
    return example_windows(examples, window)


def sequence_lengths(features: Window) -> tf.Tensor:
    """Returns int32 [examples, sequences]: lengths of the ragged features, inputs first, targets last; 0 if none is."""
    ragged = [
        name
        for name, x in features.items()
        if isinstance(x, tf.RaggedTensor) and not name.endswith(("_segmentation", "_position"))
    ]
    ragged.sort(key=lambda name: (name == "targets", name != "inputs", name))
    if not ragged:
        return tf.zeros([num_examples(features), 1], tf.int32)
    return tf.stack([tf.cast(features[name].row_lengths(), tf.int32) for name in ragged], axis=1)


def num_examples(features: Window) -> tf.Tensor:
    """Returns the number of examples of a window, an int32 scalar."""
    first = next(iter(features.values()))
    return tf.cast(first.nrows(), tf.int32) if isinstance(first, tf.RaggedTensor) else tf.shape(first)[0]


def with_int32(features: Window) -> Window:
    """Returns the features with int64 and uint8 values cast to int32."""
    return {name: tf.cast(x, tf.int32) if x.dtype in (tf.int64, tf.uint8) else x for name, x in features.items()}


def take(features: Window, rows: tf.Tensor) -> Window:
    """Returns the examples `rows`, int [n], of a window."""
    return {name: tf.gather(x, rows) for name, x in features.items()}


def parts_of(features: Window) -> Parts:
    """Returns a window as plain tensors, because the state of `Dataset.scan` cannot be ragged."""
    return {name: (x.values, x.row_splits) if isinstance(x, tf.RaggedTensor) else (x,) for name, x in features.items()}


def window_of(parts: Parts) -> Window:
    """Returns the inverse of `parts_of`."""
    return {
        name: tf.RaggedTensor.from_row_splits(*part, validate=False) if len(part) == 2 else part[0]
        for name, part in parts.items()
    }


def empty_like(spec: tf.TypeSpec) -> tf.Tensor | tf.RaggedTensor:
    """Returns a tensor of no examples that fits `spec`; its static shape is unknown, so that `scan` traces once."""
    unknown = tf.compat.v1.placeholder_with_default
    if isinstance(spec, tf.RaggedTensorSpec):
        values = unknown(tf.zeros([0, *spec.shape[2:]], spec.dtype), [None, *spec.shape[2:]])
        row_splits = unknown(tf.constant([0], tf.int64), [None])
        return tf.RaggedTensor.from_row_splits(values, row_splits, validate=False)
    return unknown(tf.zeros([0, *spec.shape[1:]], spec.dtype), [None, *spec.shape[1:]])


def _tensors(example: Window) -> dict[str, tf.Tensor]:
    """Returns one example whose sequences are plain tensors (`unbatch` leaves them ragged of rank 0)."""
    return {name: tf.convert_to_tensor(x) for name, x in example.items()}
