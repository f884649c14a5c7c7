"""The softmax of attention, in float32 whatever a layer's dtype, what hides a key from it, and what may be done to its
result."""

from typing import Any

from keras import ops

NEGATIVE = -1e9  # added to the logit of what must not be seen


def attention_weights(logits: Any, bias: Any = None) -> Any:
    """Softmax of logits + bias over the keys, computed in float32 and returned in the logits' dtype."""
    dtype = logits.dtype
    logits = ops.cast(logits, "float32")
    if bias is not None:
        logits = logits + ops.cast(bias, "float32")
    return ops.cast(ops.softmax(logits, axis=-1), dtype)


def unchanged(weights: Any) -> Any:
    """The default of `transform_weights`, which elsewhere is dropout or hardening."""
    return weights
