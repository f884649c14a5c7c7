"""Metrics of CTC models: the greedy path, without repetitions and blanks, is compared with the targets.

Logits [batch, positions, vocab_size] have another length than targets [batch, length]; symbol 0 is the blank.
"""

from keras import ops

from tensor2keras.metrics import sequences
from tensor2keras.metrics.table import Sums, register
from tensor2keras.metrics.tokens import longer, pad_length
from tensor2keras.types import Tensor


def ctc_greedy_path(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the most likely symbol of each position and where symbols are emitted.

    Args:
        logits: [batch, positions, vocab_size].

    Returns:
        ids: int32 [batch, positions], symbols.
        emitted: int32 [batch, positions], 1 where the symbol is neither blank nor a repetition of the one before.
    """
    ids = ops.cast(ops.argmax(logits, axis=-1), "int32")
    before = ops.pad(ids, ((0, 0), (1, 0)))[:, :-1]
    return ids, ops.cast(ops.logical_and(ids != before, ids != 0), "int32")


def _sequences(
    y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None, lowest_id: int = 1
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns the emitted ids [batch, length] from `lowest_id` on and their number [batch], and the targets' too."""
    ids, kept = ctc_greedy_path(y_pred)
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


@register("ctc_edit_distance", is_slow=True)
def edit_distance(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """Insertions, deletions and substitutions per target id."""
    found = _sequences(y_true, y_pred, sample_weight)
    return ops.sum(sequences.edit_distances(*found)), ops.sum(found[3])


@register("ctc_word_error_rate", is_slow=True)
def word_error_rate(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """Inserted, deleted and substituted words per target word; ids are bytes + 2."""
    found, _, reference, _ = _sequences(y_true, y_pred, sample_weight, sequences.LOWEST_BYTE)
    reference_words, count = sequences.words(reference, sequences.NO_REFERENCE)
    found_words = sequences.words(found, sequences.NO_HYPOTHESIS)
    return ops.sum(sequences.edit_distances(*found_words, reference_words, count)), ops.sum(count)
