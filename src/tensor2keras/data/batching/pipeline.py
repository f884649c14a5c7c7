"""Batches of similar length from shards of encoded examples (T2T's `utils/data_reader.py`).

The stages, in the order in which an example meets them (`make_dataset`):

1. read: raw records; when shuffling, the shards are permuted and interleaved;
2. window: `window` records at a time are parsed by one vectorised call into ragged tensors;
3. preprocess: reverse or copy (`_rev`, `_copy`), truncate, split long sequences;
4. filter: examples shorter than `min_length` or longer than `max_length` are dropped in training;
5. pack (optional): several examples become one row of constant length (`packing.py`);
6. bucket and batch: each window is cut into batches of `batch_size` tokens a replica with rows of similar length; what
   does not fill a batch waits for the next window. Unshuffled data keeps its order: its batches are consecutive;
7. pad with zeros to the batch's longest row (or to the bucket's boundary), rows to a multiple of the replicas;
8. weights: 1 / (real target tokens in the global batch) at real targets, 0 at padding;
9. prefetch.

Everything from 2 on is TensorFlow ops on whole windows: no Python runs for a batch. The order is a function of seed and
epoch alone, and every epoch has the same number of batches (packed data aside), so that `start_step` finds its place by
arithmetic and one partial epoch whose batches are planned but not built.

A window of a data set is a dict of tensors over the same examples: `tf.RaggedTensor` [examples, (length), ...] for
sequences, `tf.Tensor` [examples, ...] for the rest.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tensor2keras.data.batching import packing
from tensor2keras.data.batching.buckets import (
    LONGEST,
    BatchingScheme,
    bucket_of,
    bucketed_batches,
    consecutive_batches,
    hparams_to_batching_scheme,
)
from tensor2keras.data.problem import Problem

WINDOW = 65536  # examples that are shuffled and sorted together; about 20 MB of token ids

# No Python control flow on tensors in these functions; converting them would triple the time to the first batch.
_no_autograph = tf.autograph.experimental.do_not_convert

Window = dict[str, tf.Tensor | tf.RaggedTensor]
Parts = dict[str, tuple[tf.Tensor, ...]]  # of a window: (values, row_splits) of ragged tensors, (tensor,) of others


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
    """A problem's split as batches of (features, targets, weights); the module's docstring lists the stages.

    Args:
        problem: gives `shard_files(split)`, `example_spec()` and, if it likes, `max_length(hparams)`, `packed_length`,
            `batch_size_means_tokens`, `maybe_reverse_and_copy(features)`, `preprocess_example(example, split,
            hparams)`; of images and audio `decode_window(features)` and `preprocess_batch(features, split, hparams,
            seed)`; of audio `batching_scheme(hparams, drop_long_sequences, num_replicas)` and `window`.
        split: "train", "validation" or "test".
        hparams: `batch_size` (tokens a replica), `max_length`, `min_length`, `min_length_bucket`, `length_bucket_step`,
            `use_fixed_batch_size`, `eval_drop_long_sequences`, `max_input_seq_length`, `max_target_seq_length`,
            `split_to_length`, `pack_dataset`, `pad_batch`.
        num_replicas: rows of a batch are a multiple of it, filled up with empty rows of weight 0.
        seed: with the epoch, decides the order.
        start_step: batches to leave out; what follows is exactly what an uninterrupted run would see.
        shuffle: default: only for "train". Unshuffled data keeps its order.
        repeat: for ever; default: only for "train".
        pad_to_boundary: pad to full buckets (length and rows): at most one shape a bucket, for XLA and TPU.
        window: examples that are shuffled and sorted together; None: what the problem says, or 65,536, or 2,048 if
            `batch_size` counts them.

    Returns:
        Batches of features (dict of int32 [batch, length], class labels [batch], other features as they are), targets
        (features["targets"]) and weights (float32, the targets' shape).

    Raises:
        ValueError: `batch_size` too small for `max_length`.
        FileNotFoundError: the split has no files.
    """
    train = split == "train"
    shuffle = train if shuffle is None else shuffle
    repeat = train if repeat is None else repeat
    packed_length = getattr(problem, "packed_length", None) or (
        hparams["max_length"] if hparams.get("pack_dataset") else 0
    )
    drop = train or hparams.get("eval_drop_long_sequences", False)
    means_tokens = getattr(problem, "batch_size_means_tokens", True)
    max_length = problem.max_length(hparams) if hasattr(problem, "max_length") else hparams.get("max_length", 0)
    window = window or getattr(problem, "window", WINDOW if means_tokens else 2048)
    if hasattr(problem, "batching_scheme"):
        scheme = problem.batching_scheme(hparams, drop, num_replicas)
    else:
        scheme = hparams_to_batching_scheme(
            hparams,
            drop_long_sequences=drop,
            num_replicas=num_replicas,
            max_length=packed_length or max_length,
            batch_size_means_tokens=means_tokens,
        )
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
        return _with_int32(problem.maybe_reverse_and_copy(features))

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
        weigh_inputs=not weighs_targets_only(hparams.get("prepend_mode", "none"), train),
        finish=finish if hasattr(problem, "preprocess_batch") else None,
    )


def weighs_targets_only(prepend_mode: str, training: bool) -> bool:
    """Whether prepended inputs stay out of the loss: always with full attention, else in evaluation only (T2T)."""
    return prepend_mode == "prepend_inputs_full_attention" or (prepend_mode != "none" and not training)


@_no_autograph
def read_windows(
    files: list[str], spec: Mapping[str, Any], seed: tf.Tensor | None, window: int = WINDOW
) -> tf.data.Dataset:
    """Windows of parsed records; with a `seed` [2] the shards are permuted and interleaved."""
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
    """Windows of any data set of feature dicts: sequences of unknown length become ragged."""
    return examples.ragged_batch(window)


def each_example(windows: tf.data.Dataset, function: Callable[[dict], Any], window: int = WINDOW) -> tf.data.Dataset:
    """Applies `function` (example -> example, or -> data set of examples) to each example of the windows."""
    examples = windows.unbatch().map(lambda example: function(_tensors(example)), num_parallel_calls=tf.data.AUTOTUNE)
    if isinstance(examples.element_spec, tf.data.DatasetSpec):
        examples = examples.flat_map(lambda several: several)
    return example_windows(examples, window)


def preprocess(
    windows: tf.data.Dataset, problem: Any, split: str, hparams: Mapping[str, Any], window: int = WINDOW
) -> tf.data.Dataset:
    """Reverses, copies, truncates and splits as problem and hparams say; ends with int32 in place of int64.

    The default `preprocess_example`, `prepend_mode` included, is done on whole windows; a problem's own is called for
    each example, which takes longer. A problem with `preprocess_batch` does all of it when its batches are made.
    """
    if hasattr(problem, "preprocess_batch"):
        return windows.map(problem.decode_window, num_parallel_calls=tf.data.AUTOTUNE)
    own = getattr(type(problem), "preprocess_example", Problem.preprocess_example) is not Problem.preprocess_example
    prepend = not own and hparams.get("prepend_mode", "none") != "none"
    if own:
        windows = each_example(windows, lambda example: problem.preprocess_example(example, split, hparams), window)
    reverse_and_copy = getattr(problem, "maybe_reverse_and_copy", dict)
    limits = {"inputs": hparams.get("max_input_seq_length", 0), "targets": hparams.get("max_target_seq_length", 0)}
    split_length = hparams.get("split_to_length", 0)

    @_no_autograph
    def prepare(features: Window) -> Window:
        features = dict(features)
        if prepend:  # before reversing, as in T2T
            if limits["inputs"]:
                features["inputs"] = features["inputs"][:, : limits["inputs"]]
            separators = tf.zeros([features["inputs"].nrows(), 1], features["inputs"].dtype)
            features["targets"] = tf.concat([features["inputs"], separators, features["targets"]], axis=1)
        features = reverse_and_copy(features)
        for name, limit in limits.items():
            if limit and isinstance(features.get(name), tf.RaggedTensor):
                features[name] = features[name][:, :limit]
        if split_length:
            features = split_sequences(features, split_length)
        return _with_int32(features)

    return windows.map(prepare)


def split_sequences(features: Window, length: int) -> Window:
    """Cuts targets into examples of `length`, the last may be shorter; ValueError if there are other features."""
    if set(features) != {"targets"}:
        raise ValueError(f"split_to_length={length} needs examples of targets only, got features {sorted(features)}")
    return {"targets": packing.chop(features["targets"], length)}


def sequence_lengths(features: Window) -> tf.Tensor:
    """int32 [examples, sequences]: lengths of the ragged features, inputs first, targets last; zeros if none is."""
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
    """int32 scalar: the examples of a window."""
    first = next(iter(features.values()))
    return tf.cast(first.nrows(), tf.int32) if isinstance(first, tf.RaggedTensor) else tf.shape(first)[0]


@_no_autograph
def keep_lengths(features: Window, min_length: int, max_length: int) -> Window:
    """The examples whose longest sequence lies in [min_length, max_length]."""
    longest = tf.reduce_max(sequence_lengths(features), axis=1)
    kept = tf.where((longest >= min_length) & (longest <= max_length))[:, 0]
    return _take(features, kept)


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
    weigh_inputs: bool = True,
    finish: Callable[[Window, tf.Tensor], Window] | None = None,
) -> tf.data.Dataset:
    """Batches (features, targets, weights) from windows, epoch after epoch (stages 6 to 9).

    Args:
        windows_of: from an epoch's seed (int32 [2]) to its data set of windows.
        scheme: rows by length.
        num_replicas, seed, start_step, shuffle, repeat, pad_to_boundary: see `make_dataset`.
        pad_rows: fill every batch up to its bucket's rows.
        equal_epochs: whether every epoch has the same examples, hence the same number of batches; else `start_step` is
            found by planning all epochs from the first.
        weigh_inputs: whether what comes before the first 0 of the targets has weight, see `weighs_targets_only`.
        finish: changes a batch's features, given a seed [2] of its own: a function of `seed` and the batch's number.
            Zeros among its targets then count as any other value, unless they are ragged.
    """

    def planned(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int64), epoch)
        return plan_batches(windows_of(epoch_seed), scheme, epoch_seed if shuffle else None)

    epoch, skip = 0, start_step
    if start_step and repeat and equal_epochs:
        epoch, skip = divmod(start_step, count(planned(tf.constant(0, tf.int64))))
    epochs = tf.data.Dataset.range(epoch, tf.int64.max if repeat else epoch + 1)
    limits = [max(b - 1, 1) for b in scheme.boundaries]

    @_no_autograph
    def build(element: tuple[Parts, tf.Tensor], number: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        parts, rows = element
        features = _take(_whole(parts), rows)
        bucket = bucket_of(tf.reduce_max(sequence_lengths(features)), scheme)
        length = tf.gather([*limits, 0], bucket) if pad_to_boundary else 0
        multiple = tf.gather(scheme.batch_sizes, bucket) if pad_rows else num_replicas
        if finish is not None:
            batch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 1], tf.int64), number)
            features = finish(features, batch_seed)
        zeros_count = finish is not None and not isinstance(features["targets"], tf.RaggedTensor)
        return pad_and_weigh(features, length, multiple, weigh_inputs, zeros_count)

    batches = epochs.flat_map(planned).skip(skip)
    batches = tf.data.Dataset.zip(batches, tf.data.Dataset.counter(start_step))
    return batches.map(build, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def count(dataset: tf.data.Dataset) -> int:
    """The number of elements, by running through them."""
    return int(dataset.reduce(tf.constant(0, tf.int64), lambda n, *_: n + 1))


@_no_autograph
def plan_batches(windows: tf.data.Dataset, scheme: BatchingScheme, seed: tf.Tensor | None) -> tf.data.Dataset:
    """One epoch as elements (window, rows int32 [batch]): each a batch, not yet gathered or padded.

    With a seed [2], rows of similar lengths in random order; without, consecutive rows in order. Examples that do not
    fill a batch wait for the next window, at the epoch's end the rest comes in batches as full as possible.

    Raises:
        tf.errors.InvalidArgumentError: (when run) the epoch has no example.
    """
    nothing = {name: _empty(spec) for name, spec in windows.element_spec.items()}
    windows = windows.map(lambda features: (_parts(features), False))
    windows = windows.concatenate(tf.data.Dataset.from_tensors((_parts(nothing), True)))

    def plan(state, element):
        (waiting, index, batches_before), (parts, last) = state, element
        features, waiting = _whole(parts), _whole(waiting)
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
        state = (_parts(_take(features, left)), index + 1, batches_before)
        return state, (_parts(features), batches.values, batches.row_splits)

    def batches_of(parts, values, row_splits):
        rows = tf.data.Dataset.from_tensor_slices(tf.RaggedTensor.from_row_splits(values, row_splits))
        return rows.map(lambda rows: (parts, tf.convert_to_tensor(rows)))

    planned = windows.scan((_parts(nothing), 0, 0), plan).prefetch(1)
    return planned.flat_map(batches_of)


def pad_and_weigh(
    features: Window,
    length: tf.Tensor | int,
    multiple: tf.Tensor | int,
    weigh_inputs: bool = True,
    zeros_count: bool = False,
) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
    """Dense features with zeros for padding, their targets and the weights.

    Args:
        features: one batch.
        length: sequences are padded at least to it.
        multiple: rows are filled up to a multiple of it.
        weigh_inputs: whether prepended inputs, which the first 0 of the targets ends, have weight.
        zeros_count: whether a 0 in a sequence of targets is a value and not padding.

    Returns:
        Features, targets, and float32 weights of the targets' shape that sum to 1: equal at real targets (non-zero ids
        of sequences, real rows of everything else), 0 elsewhere.
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
    targets = padded["targets"]
    if len(targets.shape) == 2 and targets.dtype.is_integer and not zeros_count:
        real = tf.cast(targets != 0, tf.float32)
        if not weigh_inputs:
            real *= tf.cast(tf.cumsum(1.0 - real, axis=1) > 0, tf.float32)
    else:
        real = tf.reshape(tf.cast(tf.range(rows + filler) < rows, tf.float32), [-1] + [1] * (len(targets.shape) - 1))
        real = tf.broadcast_to(real, tf.shape(targets))
    return padded, targets, real / tf.maximum(tf.reduce_sum(real), 1.0)


class PaddingReport(NamedTuple):
    """What a number of batches hold: token positions, the share of them that is not padding, distinct shapes."""

    batches: int
    rows: int
    positions: int
    non_padding: float
    shapes: int

    def __str__(self) -> str:
        rows = f"{self.batches} batches, {self.rows / self.batches:.1f} rows"
        positions = (
            f" and {self.positions / self.batches:.0f} token positions each, {self.non_padding:.1%} of them non-padding"
            if self.positions
            else " each"  # images and sounds
        )
        return f"{rows}{positions}, {self.shapes} distinct shapes"


def padding_report(dataset: tf.data.Dataset, batches: int = 100) -> PaddingReport:
    """Counts padding in the first `batches` batches of `make_dataset`: zeros in integer features [batch, length]."""
    seen = rows = positions = real = 0
    shapes = set()
    for features, targets, _ in dataset.take(batches):
        sequences = {
            name: x
            for name, x in features.items()
            if x.dtype.is_integer and len(x.shape) == 2 and not name.endswith(("_segmentation", "_position"))
        }
        seen += 1
        rows += targets.shape[0]
        positions += sum(int(tf.size(x)) for x in sequences.values())
        real += sum(int(tf.math.count_nonzero(x)) for x in sequences.values())
        shapes.add(tuple((name, tuple(x.shape)) for name, x in sorted(features.items())))
    return PaddingReport(seen, rows, positions, real / positions if positions else 1.0, len(shapes))


def length_report(problem: Any, split: str, hparams: Mapping[str, Any], examples: int = 2000) -> str:
    """One line saying how many of a split's first examples are cut or, in training, left out as too long; "" if none.

    Counts text with `inputs` and `targets` (or targets alone) that no `preprocess_example` of the problem changes.
    """
    spec = problem.example_spec()
    ragged = {name for name, feature in spec.items() if isinstance(feature, tf.io.RaggedFeature | tf.io.VarLenFeature)}
    own = type(problem).preprocess_example is not Problem.preprocess_example
    if own or "targets" not in ragged or not ragged <= {"inputs", "targets"} or hparams.get("split_to_length"):
        return ""
    window = next(iter(read_windows(problem.shard_files(split), spec, None, examples)))
    window = problem.maybe_reverse_and_copy(window)
    lengths = {name: window[name].row_lengths().numpy() for name in ragged}
    found = []
    for name, limit in (("inputs", "max_input_seq_length"), ("targets", "max_target_seq_length")):
        limit = hparams.get(limit, 0)
        if limit and name in lengths:
            found.append(f"{(lengths[name] > limit).sum()} {name} cut at {limit} tokens")
            lengths[name] = lengths[name].clip(max=limit)
    if hparams.get("prepend_mode", "none") != "none" and "inputs" in lengths:
        lengths["targets"] = lengths["targets"] + 1 + lengths["inputs"]
    limit = problem.packed_length or problem.max_length(hparams)
    if limit and split == "train":
        found.append(f"{(functools.reduce(np.maximum, lengths.values()) > limit).sum()} left out, longer than {limit}")
    found = [part for part in found if not part.startswith("0 ")]
    return f"of the first {len(lengths['targets'])} examples: {', '.join(found)}" if found else ""


def _with_int32(features: Window) -> Window:
    return {name: tf.cast(x, tf.int32) if x.dtype in (tf.int64, tf.uint8) else x for name, x in features.items()}


def _take(features: Window, rows: tf.Tensor) -> Window:
    return {name: tf.gather(x, rows) for name, x in features.items()}


def _parts(features: Window) -> Parts:
    """A window as plain tensors, which is all that `Dataset.scan` can keep."""
    return {name: (x.values, x.row_splits) if isinstance(x, tf.RaggedTensor) else (x,) for name, x in features.items()}


def _whole(parts: Parts) -> Window:
    return {
        name: tf.RaggedTensor.from_row_splits(*part, validate=False) if len(part) == 2 else part[0]
        for name, part in parts.items()
    }


def _tensors(example: Window) -> dict[str, tf.Tensor]:
    """One example whose sequences are plain tensors (`unbatch` leaves them ragged of rank 0)."""
    return {name: tf.convert_to_tensor(x) for name, x in example.items()}


def _empty(spec: tf.TypeSpec) -> tf.Tensor | tf.RaggedTensor:
    """No example of the kind that `spec` describes; its static shape is unknown, so that `scan` traces only once."""
    unknown = tf.compat.v1.placeholder_with_default
    if isinstance(spec, tf.RaggedTensorSpec):
        values = unknown(tf.zeros([0, *spec.shape[2:]], spec.dtype), [None, *spec.shape[2:]])
        row_splits = unknown(tf.constant([0], tf.int64), [None])
        return tf.RaggedTensor.from_row_splits(values, row_splits, validate=False)
    return unknown(tf.zeros([0, *spec.shape[1:]], spec.dtype), [None, *spec.shape[1:]])
