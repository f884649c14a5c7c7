"""Type aliases for signatures.

Keras has no common type for the tensors of its backends: `Tensor` says what is meant, and is not checked.
"""

from typing import Any

Tensor = Any  # a tensor of the active backend, or what `keras.ops` converts to one
Shape = tuple[int | None, ...]  # None where a dimension is not known
Features = dict[str, Tensor]  # a batch's features by name
Cache = dict[str, Any]  # decoding state: nested dicts of tensors whose first dimension is the batch
