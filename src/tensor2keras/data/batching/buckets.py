"""Length buckets as in T2T, and the division of a window of examples into batches."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

LONGEST = 10**9  # T2T's "no limit"

# Sizes with many divisors: a batch's rows divide one of them, so that there are few distinct batch sizes.
_HIGHLY_COMPOSITE = (
    *(1, 2, 4, 6, 12, 24, 36, 48, 60, 120, 180, 240, 360, 720, 840, 1260, 1680, 2520, 5040, 7560, 10080, 15120),
    *(20160, 25200, 27720, 45360, 50400, 55440, 83160, 110880, 166320, 221760, 277200, 332640, 498960, 554400, 665280),
    *(720720, 1081080, 1441440, 2162160, 2882880, 3603600, 4324320, 6486480, 7207200, 8648640, 10810800, 14414400),
    *(17297280, 21621600, 32432400, 36756720, 43243200, 61261200, 73513440, 110270160),
)  # fmt: skip


class BatchingScheme(NamedTuple):
    """Rows of a batch by the length of its longest example.

    Attributes:
        boundaries: n rising lengths; bucket i holds lengths in [boundaries[i - 1], boundaries[i]), the last bucket
            everything longer.
        batch_sizes: n + 1 numbers of rows of a global batch, one a bucket.
        min_length, max_length: examples outside this range are dropped.
    """

    boundaries: list[int]
    batch_sizes: list[int]
    min_length: int
    max_length: int


def bucket_boundaries(max_length: int, min_length: int = 8, length_bucket_step: float = 1.1) -> list[int]:
    """Returns boundaries from `min_length` to below `max_length`, each `length_bucket_step` times the last (T2T)."""
    if length_bucket_step <= 1.0:
        raise ValueError(f"length_bucket_step={length_bucket_step} must be greater than 1")
    boundaries, boundary = [], min_length
    while boundary < max_length:
        boundaries.append(boundary)
        boundary = max(boundary + 1, int(boundary * length_bucket_step))
    return boundaries


def batching_scheme(
    batch_size: int,
    max_length: int,
    min_length_bucket: int,
    length_bucket_step: float,
    *,
    drop_long_sequences: bool = False,
    num_replicas: int = 1,
    min_length: int = 0,
) -> BatchingScheme:
    """Returns rows by length so that a batch holds at most `batch_size` tokens a replica (T2T's `batching_scheme`).

    Padding counts as tokens.

    Args:
        batch_size: tokens a replica.
        max_length: the longest example planned for; 0 means `batch_size`.
        min_length_bucket: first boundary.
        length_bucket_step: growth of the boundaries, above 1.
        drop_long_sequences: whether longer examples are dropped.
        num_replicas: multiplies the rows.
        min_length: shorter examples are dropped.

    Raises:
        ValueError: max_length below min_length, or above batch_size.
    """
    max_length = max_length or batch_size
    if max_length < min_length:
        raise ValueError(f"max_length={max_length} must be at least min_length={min_length}")
    if batch_size < max_length:
        raise ValueError(
            f"batch_size={batch_size} tokens cannot hold one example of max_length={max_length}; "
            "raise batch_size or lower max_length."
        )
    boundaries = bucket_boundaries(max_length, min_length_bucket, length_bucket_step)
    rows = [max(1, batch_size // length) for length in [*boundaries, max_length]]
    window = max(n for n in _HIGHLY_COMPOSITE if n <= 3 * max(rows))
    divisors = [n for n in range(1, max(rows) + 1) if window % n == 0]
    rows = [max(d for d in divisors if d <= r) * num_replicas for r in rows]
    return BatchingScheme(boundaries, rows, min_length, max_length if drop_long_sequences else LONGEST)


def hparams_to_batching_scheme(
    hparams: Mapping[str, Any],
    *,
    drop_long_sequences: bool = False,
    num_replicas: int = 1,
    max_length: int | None = None,
    batch_size_means_tokens: bool = True,
) -> BatchingScheme:
    """Returns the scheme of a hyperparameter set.

    With `use_fixed_batch_size` it is one bucket of `batch_size` examples a replica.

    Args:
        hparams: `batch_size`, `min_length`, `max_length`, `min_length_bucket`, `length_bucket_step`,
            `use_fixed_batch_size`.
        drop_long_sequences: whether longer examples are dropped. If not, buckets beyond `max_length` keep them within
            the token budget, down to one row a replica.
        num_replicas: multiplies the rows.
        max_length: overrides `hparams.max_length`.
        batch_size_means_tokens: False: `batch_size` counts examples a replica, as for data of one shape.

    Raises:
        ValueError: as `batching_scheme`.
    """
    batch_size, min_length = hparams["batch_size"], hparams.get("min_length", 0)
    max_length = max_length or hparams.get("max_length", 0)
    if hparams.get("use_fixed_batch_size", False) or not batch_size_means_tokens:
        limit = max_length if drop_long_sequences and max_length and batch_size_means_tokens else LONGEST
        return BatchingScheme([], [batch_size * num_replicas], min_length, limit)
    scheme = batching_scheme(
        batch_size,
        max_length,
        hparams.get("min_length_bucket", 8),
        hparams.get("length_bucket_step", 1.1),
        drop_long_sequences=drop_long_sequences,
        num_replicas=num_replicas,
        min_length=min_length,
    )
    if drop_long_sequences:
        return scheme
    boundaries, rows, limit = list(scheme.boundaries), list(scheme.batch_sizes), max_length or batch_size
    while rows[-1] > num_replicas:
        boundaries.append(limit + 1)
        limit *= 2
        rows.append(max(1, batch_size // limit) * num_replicas)
    return scheme._replace(boundaries=boundaries, batch_sizes=rows)


def bucketed_batches(
    lengths: tf.Tensor, scheme: BatchingScheme, last: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Divides one window into batches whose rows share a bucket, in random order.

    A bucket's examples are chosen at random, then sorted by the difference of their lengths: padding of the longer
    sequence is bounded by the bucket, padding of the shorter one by the sorting. In the `last` window the examples that
    fill no batch of their bucket join the next longer one.

    Args:
        lengths: int32 [examples, sequences].
        scheme: rows by length.
        last: bool scalar, whether nothing follows in this epoch.
        seed: int32 [2].

    Returns:
        int32 [batches, (rows)]: examples of each batch; int32 [left]: examples that wait for the next window.
    """
    num_buckets = len(scheme.batch_sizes)
    sizes = tf.constant(scheme.batch_sizes)
    shuffle_rows, shuffle_batches = tf.unstack(tf.random.split(seed, 2))
    order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(lengths)[0]), shuffle_rows)
    bucket = tf.gather(bucket_of(tf.reduce_max(lengths, axis=1), scheme), order)
    order = tf.gather(order, tf.argsort(bucket, stable=True))
    counts = tf.math.bincount(bucket, minlength=num_buckets, maxlength=num_buckets)  # [buckets]

    def fill(i, carried, full):
        available = counts[i] + carried
        return i + 1, tf.where(last, available % sizes[i], 0), full.write(i, available // sizes[i])

    full = tf.TensorArray(tf.int32, size=num_buckets, element_shape=[])
    _, carried, full = tf.while_loop(lambda i, *_: i < num_buckets, fill, (0, 0, full))
    full = full.stack()  # [buckets] full batches
    used = tf.where(last, counts, full * sizes)
    place = tf.range(tf.shape(order)[0]) - tf.repeat(tf.cumsum(counts, exclusive=True), counts)  # place in its bucket
    is_used = place < tf.repeat(used, counts)
    left = tf.boolean_mask(order, ~is_used)
    order = tf.boolean_mask(order, is_used)

    lengths = tf.gather(lengths, order)
    bucket = bucket_of(tf.reduce_max(lengths, axis=1), scheme)
    difference = lengths[:, 0] - lengths[:, -1] if lengths.shape[1] > 1 else lengths[:, 0]
    order = tf.gather(order, tf.argsort(tf.cast(bucket, tf.int64) * 2**40 + tf.cast(difference, tf.int64), stable=True))
    rows = tf.concat([tf.repeat(sizes, full), [carried]], axis=0)
    batches = tf.RaggedTensor.from_row_lengths(order, tf.boolean_mask(rows, rows > 0))
    shuffled = tf.random.experimental.stateless_shuffle(tf.range(batches.nrows()), shuffle_batches)
    return tf.gather(batches, shuffled), left


def consecutive_batches(
    lengths: tf.Tensor, scheme: BatchingScheme, last: tf.Tensor
) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Divides one window into consecutive batches, each with as many rows as the bucket of its longest row allows.

    Arguments and results as for `bucketed_batches`; unless `last`, the final batch waits for more.
    """
    total = tf.shape(lengths)[0]
    bucket = bucket_of(tf.reduce_max(lengths, axis=1), scheme)
    higher_buckets = tf.range(1, len(scheme.batch_sizes))

    def rows_from(start: tf.Tensor) -> tf.Tensor:
        ahead = bucket[start : start + scheme.batch_sizes[0]]  # [rows]
        reached = tf.cumsum(tf.cast(ahead[:, None] >= higher_buckets, tf.int32)) > 0  # [rows, buckets - 1]
        highest = tf.reduce_sum(tf.cast(reached, tf.int32), axis=1)  # highest bucket so far
        fits = tf.range(1, tf.shape(ahead)[0] + 1) <= tf.gather(scheme.batch_sizes, highest)
        return tf.maximum(1, tf.reduce_sum(tf.cast(fits, tf.int32)))

    def step(start, number, rows):
        taken = rows_from(start)
        return start + taken, number + 1, rows.write(number, taken)

    rows = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[])
    _, number, rows = tf.while_loop(lambda start, *_: start < total, step, (tf.constant(0), tf.constant(0), rows))
    rows = rows.stack()
    complete = tf.where(last, number, tf.maximum(number - 1, 0))
    used = tf.reduce_sum(rows[:complete])
    return tf.RaggedTensor.from_row_lengths(tf.range(used), rows[:complete]), tf.range(used, total)


def bucket_of(longest: tf.Tensor, scheme: BatchingScheme) -> tf.Tensor:
    """Returns the int32 bucket of each length."""
    boundaries = tf.constant(scheme.boundaries, tf.int32)
    return tf.reshape(tf.searchsorted(boundaries, tf.reshape(longest, [-1]), side="right"), tf.shape(longest))
