"""The input pipeline: from shards of encoded examples to batches of similar length (T2T's `utils/data_reader.py`).

The stages of `make_dataset`, in order:

1. read: raw records; when shuffling, the shards are permuted and interleaved;
2. window: `window` records at a time are parsed by one vectorised call into ragged tensors (`windows.py`);
3. preprocess: prepend inputs, reverse or copy (`_rev`, `_copy`), truncate, split long sequences;
4. filter: examples shorter than `min_length` or longer than `max_length` are dropped in training;
5. pack (optional): several examples become one row of constant length (`packing.py`);
6. bucket and batch: each window is divided into batches of `batch_size` tokens a replica with rows of similar length
   (`buckets.py`); left-over examples wait for the next window. Unshuffled data keep their order;
7. pad with zeros to the batch's longest row (or to the bucket's boundary), rows to a multiple of the replicas;
8. weights: 1 / n at the n target positions of the global batch that count (`tensor2keras.weights`), 0 elsewhere;
9. prefetch.

From stage 2 on, everything is TensorFlow operations on whole windows: no Python runs for a batch. The order depends on
seed and epoch only, and every epoch has the same number of batches (except packed data), so `start_step` is found by
arithmetic and by planning one partial epoch, without building its batches.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tensor2keras import registry, weights
from tensor2keras.data.batching import packing
from tensor2keras.data.batching.buckets import LONGEST, BatchingScheme, bucket_of, bucketed_batches, consecutive_batches
from tensor2keras.data.batching.windows import (
    WINDOW,
    Parts,
    each_example,
    empty_like,
    no_autograph,
    num_examples,
    parts_of,
    read_windows,
    sequence_lengths,
    take,
    window_of,
    with_int32,
)
from tensor2keras.data.preprocessing import Window, prepend_inputs, truncate

EXAMPLES_WINDOW = 2048  # in place of `WINDOW` where `batch_size` counts examples: images


def make_dataset(
    problem: Any,
    split: str,
    hparams: Mapping[str, Any],
    *,
    num_replicas: int = 1,
    seed: int = 0,
    start_step: int = 0,
    shuffle: bool | None = None,
    repeat: bool | None = None,
    pad_to_boundary: bool = False,
    window: int | None = None,
) -> tf.data.Dataset:
    """Returns a problem's split as batches of (features, targets, weights); the module's docstring lists the stages.

    Args:
        problem: a `Problem`, or an object with its `shard_files` and `example_spec` and the hooks of `ProblemHooks`.
        split: "train", "validation" or "test".
        hparams: `batch_size` (tokens a replica), `max_length`, `min_length`, `min_length_bucket`, `length_bucket_step`,
            `use_fixed_batch_size`, `eval_drop_long_sequences`, `max_input_seq_length`, `max_target_seq_length`,
            `split_to_length`, `pack_dataset`, `pad_batch`.
        num_replicas: rows of a batch are a multiple of it, filled up with empty rows of weight 0.
        seed: determines the order, together with the epoch.
        start_step: batches to skip; the following ones are exactly those of an uninterrupted run.
        shuffle: default: only for "train". Unshuffled data keep their order.
        repeat: without end; default: only for "train".
        pad_to_boundary: pad to full buckets (length and rows): at most one shape a bucket, for XLA and TPU.
        window: examples that are shuffled and sorted together; None: `problem.window`, or 65,536, or 2,048 if
            `batch_size` counts examples.

    Returns:
        Batches of features (dict of int32 [batch, length], class labels [batch], other features as they are), targets
        (features["targets"]) and weights (float32, the targets' shape).

    Raises:
        ValueError: `batch_size` too small for `max_length`; unknown `weights_fn`.
        FileNotFoundError: the split has no files.
    """
    train = split == "train"
    shuffle = train if shuffle is None else shuffle
    repeat = train if repeat is None else repeat
    drop = train or hparams.get("eval_drop_long_sequences", False)
    packed_length, means_tokens = problem.packed_row_length(hparams), problem.batch_size_means_tokens
    window = window or problem.window or (WINDOW if means_tokens else EXAMPLES_WINDOW)
    scheme = problem.batching_scheme(hparams, drop, num_replicas)
    files, spec = [str(path) for path in problem.shard_files(split)], problem.example_spec()
    if not files:
        raise FileNotFoundError(f"no files of split {split!r}; generate the problem's data first")

    def windows_of(epoch_seed: tf.Tensor) -> tf.data.Dataset:
        windows = read_windows(files, spec, epoch_seed if shuffle else None, window)
        windows = preprocess(windows, problem, split, hparams, window)
        if drop:
            windows = windows.map(lambda features: keep_lengths(features, scheme.min_length, scheme.max_length))
        if packed_length:
            windows = windows.map(
                lambda features: packing.pack(features, packed_length, epoch_seed if shuffle else None)
            )
        return windows

    def finish(features: Window, batch_seed: tf.Tensor) -> Window:
        features = problem.preprocess_batch(features, split, hparams, batch_seed)
        return with_int32(problem.maybe_reverse_and_copy(features))

    if packed_length:
        rows = max(1, hparams["batch_size"] // packed_length) if means_tokens else hparams["batch_size"]
        scheme = BatchingScheme([], [rows * num_replicas], 0, LONGEST)
    return batch_windows(
        windows_of,
        scheme,
        num_replicas=num_replicas,
        seed=seed,
        start_step=start_step,
        shuffle=shuffle,
        repeat=repeat,
        pad_to_boundary=pad_to_boundary,
        pad_rows=pad_to_boundary
        or hparams.get("pad_batch", False)
        or (hparams.get("use_fixed_batch_size", False) and not train),
        equal_epochs=not packed_length,
        weights_fn=targets_weights_fn(problem, hparams, train),
        finish=finish if problem.preprocess_batch else None,
    )


def targets_weights_fn(problem: Any, hparams: Mapping[str, Any], training: bool) -> weights.WeightsFn:
    """Returns the function that weighs the problem's targets; targets without a modality count as symbols."""
    plain = hparams.get("problem") or problem.get_hparams(hparams)
    modality = plain["features"].get("targets", {}).get("modality", "symbol")
    return weights.targets_weights_fn(hparams, registry.modality(modality), training)


def preprocess(
    windows: tf.data.Dataset, problem: Any, split: str, hparams: Mapping[str, Any], window: int = WINDOW
) -> tf.data.Dataset:
    """Reverses, copies, truncates and splits as problem and hparams require; casts int64 to int32.

    The default `preprocess_example` is done on whole windows; a problem's own is called for each example, which takes
    longer. A problem with `preprocess_batch` does all of this when its batches are built.
    """
    if problem.preprocess_batch:
        return windows.map(problem.decode_window, num_parallel_calls=tf.data.AUTOTUNE)
    own = problem.overrides_preprocess_example
    if own:
        windows = each_example(windows, lambda example: problem.preprocess_example(example, split, hparams), window)
    split_length = hparams.get("split_to_length", 0)

    @no_autograph
    def prepare(features: Window) -> Window:
        if not own:
            features = prepend_inputs(features, hparams)  # before reversing, as in T2T
        features = truncate(problem.maybe_reverse_and_copy(features), hparams)
        if split_length:
            features = split_sequences(features, split_length)
        return with_int32(features)

    return windows.map(prepare)


def split_sequences(features: Window, length: int) -> Window:
    """Cuts targets into examples of `length`; the last may be shorter. ValueError if there are other features."""
    if set(features) != {"targets"}:
        raise ValueError(f"split_to_length={length} needs examples of targets only, got features {sorted(features)}")
    return {"targets": packing.chop(features["targets"], length)}


@no_autograph
def keep_lengths(features: Window, min_length: int, max_length: int) -> Window:
    """Returns the examples whose longest sequence has a length in [min_length, max_length]."""
    longest = tf.reduce_max(sequence_lengths(features), axis=1)
    kept = tf.where((longest >= min_length) & (longest <= max_length))[:, 0]
    return take(features, kept)


def batch_windows(
    windows_of: Callable[[tf.Tensor], tf.data.Dataset],
    scheme: BatchingScheme,
    *,
    num_replicas: int = 1,
    seed: int = 0,
    start_step: int = 0,
    shuffle: bool = True,
    repeat: bool = True,
    pad_to_boundary: bool = False,
    pad_rows: bool = False,
    equal_epochs: bool = True,
    weights_fn: weights.WeightsFn = weights.weights_nonzero,
    finish: Callable[[Window, tf.Tensor], Window] | None = None,
) -> tf.data.Dataset:
    """Returns batches (features, targets, weights) from windows, epoch after epoch (stages 6 to 9).

    Args:
        windows_of: from an epoch's seed (int32 [2]) to its data set of windows.
        scheme: rows by length.
        num_replicas, seed, start_step, shuffle, repeat, pad_to_boundary: see `make_dataset`.
        pad_rows: fill every batch up to its bucket's rows.
        equal_epochs: whether every epoch has the same examples, hence the same number of batches; else `start_step` is
            found by planning all epochs from the first.
        weights_fn: which target positions count.
        finish: changes a batch's features; its second argument is a seed [2] that depends on `seed` and the batch's
            number.
    """

    def planned(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int64), epoch)
        return plan_batches(windows_of(epoch_seed), scheme, epoch_seed if shuffle else None)

    epoch, skip = 0, start_step
    if start_step and repeat and equal_epochs:
        epoch, skip = divmod(start_step, count(planned(tf.constant(0, tf.int64))))
    epochs = tf.data.Dataset.range(epoch, tf.int64.max if repeat else epoch + 1)
    limits = [max(b - 1, 1) for b in scheme.boundaries]

    @no_autograph
    def build(element: tuple[Parts, tf.Tensor], number: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        parts, rows = element
        features = take(window_of(parts), rows)
        bucket = bucket_of(tf.reduce_max(sequence_lengths(features)), scheme)
        length = tf.gather([*limits, 0], bucket) if pad_to_boundary else 0
        multiple = tf.gather(scheme.batch_sizes, bucket) if pad_rows else num_replicas
        if finish is not None:
            batch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 1], tf.int64), number)
            features = finish(features, batch_seed)
        return pad_and_weigh(features, length, multiple, weights_fn)

    batches = epochs.flat_map(planned).skip(skip)
    batches = tf.data.Dataset.zip(batches, tf.data.Dataset.counter(start_step))
    return batches.map(build, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def count(dataset: tf.data.Dataset) -> int:
    """Returns the number of elements, by reading them all."""
    return int(dataset.reduce(tf.constant(0, tf.int64), lambda n, *_: n + 1))


@no_autograph
def plan_batches(windows: tf.data.Dataset, scheme: BatchingScheme, seed: tf.Tensor | None) -> tf.data.Dataset:
    """Returns one epoch as elements (window, rows int32 [batch]): each is a batch, not yet gathered or padded.

    With a seed [2], batches have rows of similar lengths and come in random order; without, rows are consecutive.
    Left-over examples wait for the next window; those of the epoch's end form batches as full as possible.

    Raises:
        tf.errors.InvalidArgumentError: (when run) the epoch has no example.
    """
    nothing = {name: empty_like(spec) for name, spec in windows.element_spec.items()}
    windows = windows.map(lambda features: (parts_of(features), False))
    windows = windows.concatenate(tf.data.Dataset.from_tensors((parts_of(nothing), True)))

    def plan(state, element):
        (waiting, index, batches_before), (parts, last) = state, element
        features, waiting = window_of(parts), window_of(waiting)
        features = {name: tf.concat([waiting[name], x], axis=0) for name, x in features.items()}
        lengths = sequence_lengths(features)
        if seed is None:
            batches, left = consecutive_batches(lengths, scheme, last)
        else:
            window_seed = tf.random.experimental.stateless_fold_in(seed, index)
            batches, left = bucketed_batches(lengths, scheme, last, window_seed)
        batches_before += batches.nrows()
        tf.debugging.Assert(
            tf.logical_or(batches_before > 0, tf.logical_not(last)),
            [f"no example is left: all are outside [min_length={scheme.min_length}, max_length={scheme.max_length}]"],
        )
        state = (parts_of(take(features, left)), index + 1, batches_before)
        return state, (parts_of(features), batches.values, batches.row_splits)

    def batches_of(parts, values, row_splits):
        rows = tf.data.Dataset.from_tensor_slices(tf.RaggedTensor.from_row_splits(values, row_splits))
        return rows.map(lambda rows: (parts, tf.convert_to_tensor(rows)))

    planned = windows.scan((parts_of(nothing), 0, 0), plan).prefetch(1)
    return planned.flat_map(batches_of)


def pad_and_weigh(
    features: Window,
    length: tf.Tensor | int,
    multiple: tf.Tensor | int,
    weights_fn: weights.WeightsFn = weights.weights_nonzero,
) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
    """Pads a batch with zeros and weighs its target positions.

    Args:
        features: one batch.
        length: sequences are padded at least to it.
        multiple: rows are filled up to a multiple of it.
        weights_fn: which target positions count.

    Returns:
        Features, targets, and float32 weights that sum to 1: equal where `weights_fn` counts a position, 0 elsewhere
        and in rows that only fill the batch.
    """
    rows = num_examples(features)
    filler = -rows % multiple
    padded = {}
    for name, x in features.items():
        paddings = [[0, filler]] + [[0, 0]] * (len(x.shape) - 1)
        if isinstance(x, tf.RaggedTensor):
            x = x.to_tensor()
            paddings[1] = [0, tf.maximum(0, length - tf.shape(x)[1])]
        padded[name] = tf.pad(x, paddings)
    counted = weights_fn(padded["targets"], tf)
    real = tf.cast(tf.range(rows + filler) < rows, tf.float32)
    counted *= tf.reshape(real, [-1] + [1] * (len(counted.shape) - 1))
    return padded, padded["targets"], counted / tf.maximum(tf.reduce_sum(counted), 1.0)
