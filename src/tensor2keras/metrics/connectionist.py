"""Metrics of text written by CTC: what is read off the positions, without repetitions and blanks, is compared.

Logits [batch, positions, vocab_size] have another length than targets [batch, length]; symbol 0 is the blank.
"""

from typing import Any

from keras import ops

from tensor2keras.metrics import sequences
from tensor2keras.metrics.table import register
from tensor2keras.metrics.tokens import longer, pad_length


def written(logits: Any) -> tuple[Any, Any]:
    """The most likely symbol of each position, 1 where it is read: bool-like int32; both [batch, positions]."""
    ids = ops.cast(ops.argmax(logits, axis=-1), "int32")
    before = ops.pad(ids, ((0, 0), (1, 0)))[:, :-1]
    return ids, ops.cast(ops.logical_and(ids != before, ids != 0), "int32")


def _sequences(y_true: Any, y_pred: Any, sample_weight: Any, lowest_id: int = 1) -> tuple[Any, Any, Any, Any]:
    """Written and target ids [batch, length] from `lowest_id` on, moved to the front, with their lengths [batch]."""
    ids, kept = written(y_pred)
    reference = ops.cast(y_true, "int32")
    real = ops.cast(reference >= lowest_id, "int32")
    rows = ops.ones_like(reference[:, 0])
    if sample_weight is not None:
        rows = ops.cast(ops.any(sample_weight > 0, axis=1), "int32")
    length = longer(ops.shape(ids)[1], ops.shape(reference)[1])
    ids, kept, reference, real = (pad_length(x, length) for x in (ids, kept, reference, real))
    kept = kept * ops.cast(ids >= lowest_id, "int32") * rows[:, None]
    return (
        *sequences.to_front(ids, kept, sequences.NO_HYPOTHESIS),
        *sequences.to_front(reference, real * rows[:, None], sequences.NO_REFERENCE),
    )


@register("ctc_edit_distance")
def edit_distance(y_true, y_pred, sample_weight=None):
    """Insertions, deletions and substitutions per target id."""
    found = _sequences(y_true, y_pred, sample_weight)
    return ops.sum(sequences.edit_distances(*found)), ops.sum(found[3])


@register("ctc_word_error_rate")
def word_error_rate(y_true, y_pred, sample_weight=None):
    """Inserted, deleted and substituted words per target word; ids are bytes + 2."""
    found, _, reference, _ = _sequences(y_true, y_pred, sample_weight, sequences.LOWEST_BYTE)
    spoken, number = sequences.words(reference, sequences.NO_REFERENCE)
    heard = sequences.words(found, sequences.NO_HYPOTHESIS)
    return ops.sum(sequences.edit_distances(*heard, spoken, number)), ops.sum(number)
