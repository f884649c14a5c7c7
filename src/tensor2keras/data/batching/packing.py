"""Packing of several examples into one row of bounded length (T2T's `pack_examples`).

A packed row concatenates the sequences of consecutive examples. Aligned with each sequence come
`<name>_segmentation` (1, 1, 1, 2, 2, ...: which example a token is from; 0 is padding) and `<name>_position` (0, 1, 2,
0, 1, ...: its place in that example). Attention is allowed only between equal segment numbers.
"""

import tensorflow as tf


@tf.autograph.experimental.do_not_convert
def pack(
    features: dict[str, tf.RaggedTensor], length: int, seed: tf.Tensor | None = None
) -> dict[str, tf.RaggedTensor]:
    """Packs a window's examples, in order or (with a seed [2]) in random order, into rows of at most `length` tokens.

    A row takes the next example as long as every one of its sequences still fits. Targets without inputs that are
    longer than `length` are cut into pieces; an input-target pair that is longer is a row of its own.

    Args:
        features: int32 [examples, (length)] by name, all ragged.
        length: tokens a row and sequence.
        seed: int32 [2].

    Returns:
        For each name the packed sequence, its `_segmentation` and its `_position`, int32 [rows, (length)].

    Raises:
        ValueError: a feature is not a sequence.
    """
    for name, x in features.items():
        if not isinstance(x, tf.RaggedTensor):
            raise ValueError(f"feature {name!r} is not a sequence and cannot be packed")
    if set(features) == {"targets"}:
        features = {"targets": chop(features["targets"], length)}
    total = tf.cast(next(iter(features.values())).nrows(), tf.int32)
    if seed is not None:
        order = tf.random.experimental.stateless_shuffle(tf.range(total), seed)
        features = {name: tf.gather(x, order) for name, x in features.items()}
    starts = _row_starts([tf.cast(x.row_splits, tf.int32) for x in features.values()], total, length)
    splits = tf.concat([starts, [total]], axis=0)  # [rows + 1] the examples of each row
    segment = tf.range(total) - tf.repeat(starts, splits[1:] - starts) + 1  # [examples] number within the row
    packed = {}
    for name, x in features.items():
        row_splits = tf.gather(x.row_splits, splits)
        lengths = x.row_lengths()
        position = tf.ragged.range(lengths).flat_values
        for suffix, values in (
            ("", x.values),
            ("_segmentation", tf.repeat(segment, lengths)),
            ("_position", tf.cast(position, tf.int32)),
        ):
            packed[name + suffix] = tf.RaggedTensor.from_row_splits(values, row_splits)
    return packed


def chop(sequences: tf.RaggedTensor, length: int) -> tf.RaggedTensor:
    """Cuts rows longer than `length` into rows of `length`; the last piece keeps the rest."""
    lengths = sequences.row_lengths()
    pieces = tf.maximum(-(-lengths // length), 1)
    ends = tf.cumsum(pieces) - 1  # the last piece of each row
    piece_lengths = tf.fill([tf.reduce_sum(pieces)], tf.constant(length, tf.int64))
    piece_lengths = tf.tensor_scatter_nd_update(piece_lengths, ends[:, None], lengths - (pieces - 1) * length)
    return tf.RaggedTensor.from_row_lengths(sequences.values, piece_lengths)


def _row_starts(splits: list[tf.Tensor], total: tf.Tensor, length: int) -> tf.Tensor:
    """Returns int32 [rows]: the first example of each row that takes examples while all sequences fit in `length`.

    `splits` are, for each sequence, the offsets of its examples, int32 [total + 1].
    """
    # The first example that does not fit behind a row that starts at example i, for all i at once.
    ends = [tf.searchsorted(s, s[:-1] + length, side="right") - 1 for s in splits]
    ends = tf.maximum(tf.reduce_min(tf.stack(ends), axis=0), tf.range(1, total + 1))

    def step(start, number, starts):
        return ends[start], number + 1, starts.write(number, start)

    starts = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[])
    _, _, starts = tf.while_loop(lambda start, *_: start < total, step, (tf.constant(0), tf.constant(0), starts))
    return starts.stack()
