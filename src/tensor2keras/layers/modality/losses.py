"""Losses of modalities: (logits, targets, label_smoothing) -> float32, one loss per target position.

Only `cross_entropy` uses label smoothing; the others ignore it, as in T2T.
"""

import math
from collections.abc import Callable

from keras import ops

from tensor2keras.layers.attention.bias import MASKED_LOGIT
from tensor2keras.types import Tensor

Loss = Callable[[Tensor, Tensor, float], Tensor]


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns the softmax cross-entropy minus its lowest possible value with smoothed labels.

    With smoothing e, the true symbol has probability 1 - e and every other one e / (vocab_size - 1).

    Args:
        logits: [..., vocab_size].
        targets: int [...].
        label_smoothing: e.

    Returns:
        float32 [...].

    Reference:
        T2T `common_layers.smoothing_cross_entropy`.
    """
    vocab_size = logits.shape[-1]
    logits = ops.cast(logits, "float32")
    targets = ops.cast(targets, "int32")
    if not label_smoothing:
        return ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    high, low = 1.0 - label_smoothing, label_smoothing / (vocab_size - 1)
    best = -(high * math.log(high) + (vocab_size - 1) * low * math.log(low + 1e-20))
    soft_targets = ops.one_hot(targets, vocab_size, dtype="float32") * (high - low) + low
    return ops.categorical_crossentropy(soft_targets, logits, from_logits=True) - best


def one_hot_cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns the softmax cross-entropy with one-hot (or soft) targets [batch, classes] -> [batch]."""
    return ops.categorical_crossentropy(ops.cast(targets, "float32"), ops.cast(logits, "float32"), from_logits=True)


def sigmoid_cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns the mean binary cross-entropy of independent classes, targets 0 or 1 [batch, classes] -> [batch]."""
    losses = ops.binary_crossentropy(ops.cast(targets, "float32"), ops.cast(logits, "float32"), from_logits=True)
    return ops.mean(losses, axis=-1)


def squared_error(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns (prediction - target)^2, in the targets' shape."""
    targets = ops.cast(targets, "float32")
    return ops.square(ops.reshape(ops.cast(logits, "float32"), ops.shape(targets)) - targets)


def log_poisson(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns the Poisson negative log-likelihood at rate exp(prediction), without the constant term."""
    targets = ops.cast(targets, "float32")
    log_rate = ops.reshape(ops.cast(logits, "float32"), ops.shape(targets))
    return ops.exp(log_rate) - targets * log_rate


def ctc(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns the CTC loss (Graves et al. 2006) of each text, divided evenly among its symbols.

    The loss of a text is the negative log of the total probability of all alignments that read as it.

    Args:
        logits: [batch, positions, vocab_size]; symbol 0 is the blank. Positions whose other logits are `MASKED_LOGIT`
            cost nothing.
        targets: int [batch, length], texts followed by 0.
        label_smoothing: ignored.

    Returns:
        float32 [batch, length]; 0 for a text that needs more positions than there are.

    Reference:
        T2T `ctc_symbol_loss`, whose blank is the last symbol, and which takes the text's length as the number of
        positions.
    """
    targets, logits = ops.cast(targets, "int32"), ops.cast(logits, "float32")
    symbols = ops.cast(ops.not_equal(targets, 0), "float32")
    lengths = ops.sum(ops.cast(symbols, "int32"), axis=1)  # [batch]
    # Between two equal symbols there must be a blank.
    repeated = ops.logical_and(ops.equal(targets[:, 1:], targets[:, :-1]), ops.not_equal(targets[:, 1:], 0))
    needed = lengths + ops.sum(ops.cast(repeated, "int32"), axis=1)
    free = ops.sum(ops.cast(ops.max(logits[:, :, 1:], axis=-1) > MASKED_LOGIT / 2, "int32"), axis=1)  # not masked
    # Appended positions with a certain blank keep the loss of a text that does not fit finite.
    certainly_blank = MASKED_LOGIT * ops.cast(ops.arange(logits.shape[-1]) > 0, "float32")
    blanks = ops.ones((ops.shape(logits)[0], 2 * ops.shape(targets)[1] + 1, 1), "float32")
    logits = ops.concatenate([logits, blanks * certainly_blank], axis=1)
    positions = ops.full((ops.shape(logits)[0],), ops.shape(logits)[1], "int32")
    losses = ops.ctc_loss(targets, logits, lengths, positions, mask_index=0)
    losses = ops.where(needed <= free, losses, 0.0)
    return losses[:, None] * symbols / ops.maximum(ops.sum(symbols, axis=1, keepdims=True), 1.0)
