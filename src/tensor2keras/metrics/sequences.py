"""Metrics that compare the most likely sequence with the target: approximate BLEU and ROUGE on ids, edit distance.

Ids are compared without joining subwords, and each prediction depends on the true prefix, so these metrics show the
progress of training but do not score a translation: see `metrics.corpus` for that. T2T counts padding as text; here
that happens only without a sample_weight.
"""

from keras import ops

from tensor2keras.metrics.table import Sums, register
from tensor2keras.metrics.tokens import longer, mask_like, match_ranks, pad_length, predictions
from tensor2keras.types import Tensor

_MAX_ORDER = 4  # of BLEU's n-grams
_BLANK = ord(" ") + 2  # of text encoded as bytes
LOWEST_BYTE = 3  # id of byte 1
_WORD_NUMBERS = 8388593  # the largest prime whose product with 256 is an int32; unequal words agree once in as many
NO_HYPOTHESIS, NO_REFERENCE = -1, -2  # fill the sequences' ends and never match


def _sequences(
    y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None, lowest_id: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns the predicted ids [batch, length] from `lowest_id` on and their number [batch], and the targets' too."""
    y_true, y_pred = match_ranks(y_true, y_pred, extra=1)
    reference, hypothesis = ops.cast(y_true, "int32"), predictions(ops.cast(y_pred, "float32"))
    rows = ops.shape(reference)[0]
    if sample_weight is None:
        keep_reference, keep_hypothesis = ops.ones_like(reference), ops.ones_like(hypothesis)
    else:
        keep_reference = keep_hypothesis = ops.cast(mask_like(reference, sample_weight), "int32")
    flat = [ops.reshape(x, (rows, -1)) for x in (hypothesis, keep_hypothesis, reference, keep_reference)]
    length = longer(ops.shape(flat[0])[1], ops.shape(flat[2])[1])
    hypothesis, keep_hypothesis, reference, keep_reference = (pad_length(x, length) for x in flat)
    if lowest_id > 0:
        keep_hypothesis = keep_hypothesis * ops.cast(hypothesis >= lowest_id, "int32")
        keep_reference = keep_reference * ops.cast(reference >= lowest_id, "int32")
    return (*to_front(hypothesis, keep_hypothesis, NO_HYPOTHESIS), *to_front(reference, keep_reference, NO_REFERENCE))


def to_front(ids: Tensor, keep: Tensor, filler: int) -> tuple[Tensor, Tensor]:
    """Returns the ids [batch, length] with `keep` = 1 moved to the front, then `filler`; and their number [batch]."""
    length = ops.shape(ids)[1]
    positions = ops.arange(length, dtype="int32")
    order = ops.argsort(positions + (1 - keep) * length, axis=1)
    kept = ops.sum(keep, axis=1)  # [batch]
    ids = ops.take_along_axis(ids, order, axis=1)
    return ops.where(positions < kept[:, None], ids, filler), kept


def words(ids: Tensor, filler: int) -> tuple[Tensor, Tensor]:
    """Returns the hash of each word of byte ids [batch, length], and the number of words [batch]."""
    letters = ops.cast((ids != _BLANK) & (ids > 0), "int32")
    length = ops.shape(ids)[1]
    positions = ops.arange(length, dtype="int32")

    def step(i, state):
        number, numbers = state  # [batch]: of the word up to letter i; [batch, length]: the same at each letter
        number = ops.take(letters, i, axis=1) * ((number * 256 + ops.take(ids, i, axis=1)) % _WORD_NUMBERS)
        return number, ops.where(positions == i, number[:, None], numbers)

    _, numbers = ops.fori_loop(0, length, step, (ops.zeros_like(ids[:, 0]), ops.zeros_like(ids)))
    word_ends = letters * (1 - ops.pad(letters[:, 1:], [[0, 0], [0, 1]]))
    return to_front(numbers, word_ends, filler)


def _ngram_equality(a: Tensor, b: Tensor, max_order: int) -> list[Tensor]:
    """Returns for n = 1, 2, ... whether the n-grams at positions i of a and j of b are equal, bool [batch, i, j]."""
    a, b = (ops.pad(x, [[0, 0], [0, max_order - 1]], constant_values=NO_REFERENCE - 1) for x in (a, b))
    same = a[:, :, None] == b[:, None, :]
    length = ops.shape(a)[1] - max_order + 1
    equal = [same[:, :length, :length]]
    for shift in range(1, max_order):
        equal.append(equal[-1] & same[:, shift : shift + length, shift : shift + length])
    return equal


def _begins_ngram(lengths: Tensor, places: Tensor, order: int) -> Tensor:
    """Returns whether an n-gram of this order begins at each position, bool [batch, places]."""
    return ops.arange(places, dtype="int32") < (lengths - order + 1)[:, None]


def _bleu(sums: Tensor) -> Tensor:
    matches, possible = sums[:_MAX_ORDER], sums[_MAX_ORDER : 2 * _MAX_ORDER]
    hypothesis_length, reference_length = sums[-2], sums[-1]
    # T2T's smoothing: the first order without a match counts as half a match, the next as a quarter, ...
    unmatched = ops.cast((matches == 0) & (possible > 0), "float32")
    smoothed = ops.where(unmatched > 0, ops.power(2.0, -ops.cumsum(unmatched)), matches)
    precision = ops.divide_no_nan(smoothed, possible)
    log_precision = ops.log(ops.where(precision > 0, precision, 1.0))
    mean = ops.where(ops.any(precision > 0), ops.exp(ops.sum(log_precision) / _MAX_ORDER), 0.0)
    shortness = ops.divide_no_nan(reference_length, hypothesis_length)
    return mean * ops.where(hypothesis_length > 0, ops.exp(ops.minimum(1.0 - shortness, 0.0)), 0.0)


@register("approx_bleu_score", size=2 * _MAX_ORDER + 2, finish=_bleu, prepare=_sequences, is_slow=True)
def bleu_statistics(hypothesis: Tensor, hypothesis_length: Tensor, reference: Tensor, reference_length: Tensor) -> Sums:
    """BLEU: clipped n-gram matches and possible matches of orders 1 to 4, and both lengths (T2T's `bleu_score`)."""
    places = ops.shape(hypothesis)[1]
    matches, possible = [], []
    pairs = zip(
        _ngram_equality(hypothesis, hypothesis, _MAX_ORDER),
        _ngram_equality(hypothesis, reference, _MAX_ORDER),
        strict=True,
    )
    for order, (same_here, same_there) in enumerate(pairs, start=1):
        begins = ops.cast(_begins_ngram(hypothesis_length, places, order), "float32")
        here = ops.sum(ops.cast(same_here, "float32") * begins[:, None, :], axis=2)  # occurrences in the hypothesis
        there = ops.sum(ops.cast(same_there, "float32"), axis=2)  # and in the reference
        # Each of the `here` occurrences adds its share of min(here, there).
        matches.append(ops.sum(begins * ops.divide_no_nan(ops.minimum(here, there), here)))
        possible.append(ops.sum(begins))
    return [*matches, *possible, ops.sum(hypothesis_length), ops.sum(reference_length)]


@register("rouge_2_fscore", prepare=_sequences, is_slow=True)
def rouge_2(hypothesis: Tensor, hypothesis_length: Tensor, reference: Tensor, reference_length: Tensor) -> Sums:
    """Mean over sequences of the F1 score of the sets of bigrams (T2T's `rouge_2_fscore`)."""
    places = ops.shape(hypothesis)[1]
    earlier = ops.arange(places)[:, None] > ops.arange(places)  # [i, j]: j before i

    def first_ones(ids, lengths):  # bool [batch, length]: a bigram begins that did not occur before
        seen = ops.any(_ngram_equality(ids, ids, 2)[1] & earlier, axis=2)
        return _begins_ngram(lengths, places, 2) & ops.logical_not(seen)

    def count(flags):
        return ops.sum(ops.cast(flags, "float32"), axis=1)

    distinct = first_ones(hypothesis, hypothesis_length)
    common = count(distinct & ops.any(_ngram_equality(hypothesis, reference, 2)[1], axis=2))
    precision = ops.divide_no_nan(common, count(distinct))
    recall = ops.divide_no_nan(common, count(first_ones(reference, reference_length)))
    return _over_rows(2.0 * precision * recall / (precision + recall + 1e-8), reference_length)


@register("rouge_L_fscore", prepare=_sequences, is_slow=True)
def rouge_l(hypothesis: Tensor, hypothesis_length: Tensor, reference: Tensor, reference_length: Tensor) -> Sums:
    """Mean over sequences of the F score of the longest common subsequence (T2T's `rouge_l_fscore`)."""
    # Without substitutions, every id outside the common subsequence is one insertion or deletion.
    changes = edit_distances(hypothesis, hypothesis_length, reference, reference_length, substitution_cost=2)
    common = ops.cast(hypothesis_length + reference_length - changes, "float32") / 2.0
    precision = ops.divide_no_nan(common, ops.cast(hypothesis_length, "float32"))
    recall = ops.divide_no_nan(common, ops.cast(reference_length, "float32"))
    beta = precision / (recall + 1e-12)
    f_score = (1 + beta**2) * recall * precision / (recall + beta**2 * precision + 1e-12)
    return _over_rows(f_score, reference_length)


@register("edit_distance", is_slow=True)
def edit_distance(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """Insertions, deletions and substitutions per target id, id 0 left out (T2T's `sequence_edit_distance`)."""
    sequences = _sequences(y_true, y_pred, sample_weight, lowest_id=1)
    return ops.sum(edit_distances(*sequences)), ops.sum(sequences[3])


@register("word_error_rate", is_slow=True)
def word_error_rate(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """Inserted, deleted and substituted words per target word (T2T's `word_error_rate`); ids are bytes + 2."""
    hypothesis, _, reference, _ = _sequences(y_true, y_pred, sample_weight, lowest_id=LOWEST_BYTE)
    reference_words, count = words(reference, NO_REFERENCE)
    return ops.sum(edit_distances(*words(hypothesis, NO_HYPOTHESIS), reference_words, count)), ops.sum(count)


@register("prefix_accuracy", prepare=_sequences, is_slow=True)
def prefix_accuracy(hypothesis: Tensor, _: Tensor, reference: Tensor, reference_length: Tensor) -> Sums:
    """Mean over sequences of the share of positions before the first error (Grefenstette et al., 2015)."""
    right = ops.cumprod(ops.cast(hypothesis == reference, "float32"), axis=1)
    share = ops.divide_no_nan(ops.sum(right, axis=1), ops.cast(reference_length, "float32"))
    return _over_rows(share, reference_length)


def edit_distances(a: Tensor, a_length: Tensor, b: Tensor, b_length: Tensor, substitution_cost: int = 1) -> Tensor:
    """Returns the Levenshtein distance of each pair of sequences.

    Args:
        a, b: int32 [batch, length].
        a_length, b_length: int32 [batch].
        substitution_cost: 1, or 2 to allow insertions and deletions only.

    Returns:
        int32 [batch].
    """
    rows, places = ops.shape(a)[0], ops.shape(a)[1]
    index = ops.arange(places + 1, dtype="int32")  # i: length of a's prefix; on diagonal d, b's has length d - i
    far = 2 * places + 2
    before_a = ops.concatenate([a[:, :1], a], axis=1)  # [batch, places + 1]: a[i - 1] at i

    def shifted(diagonal):  # [batch, places + 1]: the entry at i - 1
        return ops.concatenate([ops.zeros_like(diagonal[:, :1]) + far, diagonal[:, :-1]], axis=1)

    def step(d, state):
        two_back, one_back, distance = state
        before_b = ops.take(b, ops.clip(d - index - 1, 0, places - 1), axis=1)
        substituted = shifted(two_back) + substitution_cost * ops.cast(before_a != before_b, "int32")
        diagonal = ops.minimum(substituted, 1 + ops.minimum(one_back, shifted(one_back)))
        at_end = ops.squeeze(ops.take_along_axis(diagonal, a_length[:, None], axis=1), 1)
        return one_back, diagonal, ops.where(a_length + b_length == d, at_end, distance)

    outside = ops.zeros((rows, places + 1), dtype="int32") + far
    origin = ops.where(index == 0, ops.zeros_like(outside), outside)
    return ops.fori_loop(1, 2 * places + 1, step, (outside, origin, ops.zeros_like(a_length)))[2]


def _over_rows(scores: Tensor, reference_length: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the sum of the scores of rows that have a target, and the number of these rows."""
    real = ops.cast(reference_length > 0, "float32")
    return ops.sum(scores * real), ops.sum(real)
