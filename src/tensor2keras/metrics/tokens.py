"""Metrics of single positions: accuracies, log-perplexity, one-hot and set metrics.

Shapes: targets [batch, ...], logits [batch, ..., vocab]; see `align`.
"""

from keras import ops

from tensor2keras.metrics.table import Sums, register
from tensor2keras.types import Tensor


def match_ranks(y_true: Tensor, y_pred: Tensor, extra: int) -> tuple[Tensor, Tensor]:
    """Drops axes of size 1 so that y_pred has `extra` more axes than y_true, as from [b, t, 1, 1, v] to [b, t, v].

    Raises:
        ValueError: the axes in excess are not of size 1.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    too_many = len(y_pred.shape) - len(y_true.shape) - extra
    last = len(y_pred.shape) - extra  # y_pred's `extra` last axes stay
    dropped = y_pred.shape[last - too_many : last] if too_many > 0 else y_true.shape[len(y_true.shape) + too_many :]
    if any(size not in (1, None) for size in dropped):
        kind = "logits" if extra else "values"
        raise ValueError(f"targets of shape {tuple(y_true.shape)} do not go with {kind} of shape {tuple(y_pred.shape)}")
    if too_many > 0:
        shape = ops.shape(y_pred)
        y_pred = ops.reshape(y_pred, (*shape[: last - too_many], *shape[last:]))
    elif too_many < 0:
        y_true = ops.reshape(y_true, ops.shape(y_true)[:too_many])
    return y_true, y_pred


def mask_like(y_true: Tensor, sample_weight: Tensor | None) -> Tensor:
    """Returns 1.0 where the weight is positive, else 0.0, in y_true's shape.

    Without weights, labels [batch] all count, and of other targets all but id 0.
    """
    if sample_weight is None:
        keep = y_true != 0 if len(y_true.shape) > 1 else ops.ones_like(y_true, dtype="bool")
        return ops.cast(keep, "float32")
    weight = ops.cast(ops.convert_to_tensor(sample_weight) > 0, "float32")
    while len(weight.shape) > len(y_true.shape):
        weight = ops.squeeze(weight, axis=-1)
    while len(weight.shape) < len(y_true.shape):
        weight = ops.expand_dims(weight, axis=-1)
    return ops.broadcast_to(weight, ops.shape(y_true))


def pad_length(x: Tensor, length: Tensor) -> Tensor:
    """Returns x with axis 1 padded with zeros to `length`."""
    missing = length - ops.shape(x)[1]
    return x if isinstance(missing, int) and missing == 0 else ops.pad(x, _after_axis_1(missing, len(x.shape)))


def longer(a: Tensor, b: Tensor) -> Tensor:
    """Returns the larger of two lengths, each an int or, while a graph is traced, a tensor."""
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else ops.maximum(a, b)


def align(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Returns targets [batch, ...] int32, logits [batch, ..., vocab] float32 and mask [batch, ...] float32.

    Sequences are padded with zeros to one length.
    """
    y_true, y_pred = match_ranks(y_true, y_pred, extra=1)
    mask = mask_like(y_true, sample_weight)
    targets, logits = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
    if len(targets.shape) > 1:
        length = longer(ops.shape(targets)[1], ops.shape(logits)[1])
        targets, logits, mask = (pad_length(x, length) for x in (targets, logits, mask))
    return targets, logits, mask


def predictions(logits: Tensor) -> Tensor:
    """Returns the most likely ids; of a last axis of size 1 (a real output) its value cut to an integer."""
    if logits.shape[-1] == 1:
        return ops.cast(ops.squeeze(logits, -1), "int32")
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def _at_targets(logits: Tensor, targets: Tensor) -> Tensor:
    return ops.squeeze(ops.take_along_axis(logits, targets[..., None], axis=-1), -1)


def _after_axis_1(amount: Tensor | int, rank: int) -> list:
    return [[0, 0], [0, amount]] + [[0, 0]] * (rank - 2)


def _one_hot_pair(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    y_true, y_pred = match_ranks(y_true, y_pred, extra=0)
    one_hot, logits = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    rows = ops.ones_like(one_hot[..., 0])
    return one_hot, logits, rows if sample_weight is None else mask_like(rows, sample_weight)


def _sets(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor]:
    y_pred = ops.convert_to_tensor(y_pred)
    scores = ops.reshape(y_pred, (ops.shape(y_pred)[0], y_pred.shape[-1]))
    mask = mask_like(y_true, sample_weight)
    wanted = ops.max(ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1]) * mask[..., None], axis=1)
    return ops.cast(scores > 0, "float32") * ops.max(mask, axis=1)[:, None], wanted


@register("accuracy", "sigmoid_accuracy", prepare=align)
def accuracy(targets: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Share of positions whose most likely id is the target (T2T's `padded_accuracy`)."""
    return ops.sum(ops.cast(predictions(logits) == targets, "float32") * mask), ops.sum(mask)


@register("accuracy_top5", prepare=align)
def accuracy_top5(targets: Tensor, logits: Tensor, mask: Tensor, k: int = 5) -> Sums:
    """Share of positions whose target is among the 5 most likely ids (T2T's `padded_accuracy_topk`)."""
    own = _at_targets(logits, targets)[..., None]
    ids = ops.arange(logits.shape[-1], dtype="int32")
    # of equal logits the lower id comes first
    behind = (logits < own) | ((logits == own) & (ids >= targets[..., None]))
    rank = logits.shape[-1] - ops.sum(ops.cast(behind, "int32"), axis=-1)  # NaN: nothing is behind
    return ops.sum(ops.cast(rank < k, "float32") * mask), ops.sum(mask)


@register("accuracy_per_sequence", prepare=align)
def accuracy_per_sequence(targets: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Share of sequences without an error (T2T's `padded_sequence_accuracy`); empty rows do not count."""
    wrong = ops.cast(predictions(logits) != targets, "float32") * mask
    rows = ops.shape(mask)[0]
    real = ops.max(ops.reshape(mask, (rows, -1)), axis=1)
    return ops.sum(real * (1.0 - ops.max(ops.reshape(wrong, (rows, -1)), axis=1))), ops.sum(real)


@register("neg_log_perplexity", "masked_neg_log_perplexity", prepare=align)
def neg_log_perplexity(targets: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Mean log-probability of the targets (T2T's `padded_neg_log_perplexity`)."""
    log_probability = _at_targets(logits, targets) - ops.logsumexp(logits, axis=-1)
    return ops.sum(log_probability * mask), ops.sum(mask)


@register("accuracy_multilabel_match3")
def accuracy_multilabel_match3(y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Sums:
    """VQA accuracy: min(1, n / 3) for a prediction that n of the row's labels agree with.

    y_true is [batch, labels], y_pred [batch, vocab] or [batch, 1, ..., vocab]; 0 is no label.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    choice = predictions(ops.reshape(y_pred, (ops.shape(y_pred)[0], y_pred.shape[-1])))
    mask = mask_like(y_true, sample_weight)
    agreeing = ops.sum(ops.cast(ops.cast(y_true, "int32") == choice[:, None], "float32") * mask, axis=1)
    real = ops.max(mask, axis=1)
    return ops.sum(real * ops.minimum(agreeing / 3.0, 1.0)), ops.sum(real)


@register("set_precision", prepare=_sets)
def set_precision(predicted: Tensor, wanted: Tensor) -> Sums:
    """Share of the predicted labels (positive scores) that are in the row's set of targets.

    y_true is [batch, labels], 0 being no label; y_pred is [batch, vocab] or [batch, 1, ..., vocab].
    """
    return ops.sum(predicted * wanted), ops.sum(predicted)


@register("set_recall", prepare=_sets)
def set_recall(predicted: Tensor, wanted: Tensor) -> Sums:
    """Share of the rows' targets that were predicted; shapes as in `set_precision`."""
    return ops.sum(predicted * wanted), ops.sum(wanted)


@register("sigmoid_accuracy_one_hot", prepare=_one_hot_pair)
def sigmoid_accuracy_one_hot(one_hot: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Share of rows whose highest logit is at the one-hot target; y_true and y_pred are [batch, ..., vocab]."""
    return ops.sum(ops.cast(predictions(logits) == ops.argmax(one_hot, -1), "float32") * mask), ops.sum(mask)


@register("sigmoid_precision_one_hot", prepare=_one_hot_pair)
def sigmoid_precision_one_hot(one_hot: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Share of the rows whose highest logit is at one of their labels."""
    return ops.sum(_at_targets(one_hot, predictions(logits)) * mask), ops.sum(mask)


@register("sigmoid_recall_one_hot", prepare=_one_hot_pair)
def sigmoid_recall_one_hot(one_hot: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Share of the labels that were their row's highest logit."""
    return ops.sum(_at_targets(one_hot, predictions(logits)) * mask), ops.sum(one_hot * mask[..., None])


@register("sigmoid_cross_entropy_one_hot", prepare=_one_hot_pair)
def sigmoid_cross_entropy_one_hot(one_hot: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Mean binary cross-entropy over rows and labels."""
    entropy = ops.softplus(logits) - one_hot * logits
    return ops.sum(entropy * mask[..., None]), ops.sum(mask) * logits.shape[-1]


@register("softmax_cross_entropy_one_hot", prepare=_one_hot_pair)
def softmax_cross_entropy_one_hot(one_hot: Tensor, logits: Tensor, mask: Tensor) -> Sums:
    """Mean cross-entropy of one-hot targets."""
    return -ops.sum(ops.sum(one_hot * ops.log_softmax(logits), -1) * mask), ops.sum(mask)
