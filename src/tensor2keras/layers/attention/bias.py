"""Attention biases: terms added to the logits of attention.

A bias is float32 and broadcasts to [batch, heads, query, key]. It is 0 where a query may attend to a key and
`MASKED_LOGIT` where the key is masked, so that masks are combined by adding them. `proximal_bias` is a preference, not
a mask. A name that ends in `_of` is the row of a bias for one query position, as decoding needs it.
"""

from collections.abc import Callable

from keras import ops

from tensor2keras.types import Tensor

MASKED_LOGIT = -1e9  # added to a logit, or in place of it, so that softmax gives it the probability 0


def mask_bias(masked: Tensor) -> Tensor:
    """Returns `MASKED_LOGIT` where `masked` is true (or 1), else 0: float32 of the same shape."""
    return ops.cast(masked, "float32") * MASKED_LOGIT


# Padding


def embedding_padding(x: Tensor) -> Tensor:
    """Returns 1.0 where a vector of `x` [..., hidden] is all zero (the embedding of padding), else 0.0: float32 [...].

    Reference:
        T2T `embedding_to_padding`.
    """
    return ops.cast(ops.equal(ops.sum(ops.abs(x), axis=-1), 0), "float32")


def ignore_padding_bias(padding: Tensor) -> Tensor:
    """Masks padded keys: 1.0 at padding, [batch, key] -> [batch, 1, 1, key]."""
    return mask_bias(padding)[:, None, None, :]


def with_mask(bias: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Adds a Keras mask of keys to a bias.

    Args:
        bias: broadcasts to [batch, heads, query, key], or None.
        mask: true where a key is real, [batch, key], or None.

    Returns:
        A bias that also masks the other keys; None if both are None.
    """
    if mask is None:
        return bias
    mask = ignore_padding_bias(ops.logical_not(mask))
    return mask if bias is None else bias + mask


def bias_to_padding(bias: Tensor) -> Tensor:
    """Inverts `ignore_padding_bias`: [batch, 1, 1, key] -> 1.0 at padding, [batch, key]."""
    return ops.cast(bias < -1, "float32")[:, 0, 0, :]


# Positions


def local_bias(length: Tensor | int, max_backward: int, max_forward: int) -> Tensor:
    """Masks keys more than `max_backward` before or `max_forward` after the query; a negative limit means no limit.

    Attention with this bias still computes all logits; `LocalAttention` does not.

    Returns:
        [1, 1, length, length].
    """
    position = ops.arange(length, dtype="int32")
    distance = position[None, :] - position[:, None]  # key - query
    masked = ops.zeros_like(distance, dtype="bool")
    if max_backward >= 0:
        masked = ops.logical_or(masked, distance < -max_backward)
    if max_forward >= 0:
        masked = ops.logical_or(masked, distance > max_forward)
    return mask_bias(masked)[None, None]


def causal_bias(length: Tensor | int) -> Tensor:
    """Masks keys after the query: [1, 1, length, length]."""
    return local_bias(length, -1, 0)


def causal_bias_of(query_position: Tensor | int, length: int) -> Tensor:
    """Returns the row of `causal_bias(length)` for one query: [1, 1, 1, length]."""
    return mask_bias(ops.arange(length, dtype="int32") > query_position)[None, None, None]


def proximal_bias(length: Tensor | int) -> Tensor:
    """Favours close keys: -log(1 + |key - query|), [1, 1, length, length]."""
    position = ops.cast(ops.arange(length, dtype="int32"), "float32")
    return -ops.log1p(ops.abs(position[None, :] - position[:, None]))[None, None]


def proximal_bias_of(query_position: Tensor | int, length: int) -> Tensor:
    """Returns the row of `proximal_bias(length)` for one query: [1, 1, 1, length]."""
    distance = ops.abs(ops.arange(length, dtype="int32") - query_position)
    return -ops.log1p(ops.cast(distance, "float32"))[None, None, None]


def prepend_inputs_full_bias(padding: Tensor) -> Tensor:
    """Allows full attention within prepended inputs and causal attention in the targets after them.

    Args:
        padding: 1.0 at padding, [batch, length]; the first padding position of a row separates inputs from targets.

    Returns:
        [batch, 1, length, length].

    Reference:
        T2T `attention_bias_prepend_inputs_full_attention`.
    """
    padding = ops.cast(padding, "float32")
    in_target = ops.cumsum(padding, axis=1) - padding  # 0 up to and including the separator
    target_position = ops.cumsum(in_target, axis=1)
    return mask_bias(target_position[:, None, None, :] > target_position[:, None, :, None])


# Segments and batches


def same_segment_bias(query_segment: Tensor, key_segment: Tensor) -> Tensor:
    """Masks keys of another segment of a packed row: ids [batch, query] and [batch, key] -> [batch, 1, query, key]."""
    return mask_bias(ops.not_equal(query_segment[:, None, :, None], key_segment[:, None, None, :]))


def batch_bias(query_batch: Tensor, key_batch: Tensor, masked: Callable[[Tensor], Tensor]) -> Tensor:
    """Masks keys by the distance between the batch elements of query and key in a flattened batch.

    Args:
        query_batch: index of each query's batch element, [query, 1].
        key_batch: index of each key's batch element, [key, 1].
        masked: maps float32 differences (key - query) to 1.0 where the key is masked, else 0.0.

    Returns:
        [query, key].

    Reference:
        T2T `attention_bias_batch`.
    """
    return mask_bias(masked(ops.cast(key_batch[None, :, 0] - query_batch[:, :1], "float32")))
