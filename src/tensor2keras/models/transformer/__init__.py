"""The Transformer and its hyperparameter sets."""

from tensor2keras.models.transformer.transformer import (
    TARGET_SPACES,
    Transformer,
    TransformerEncoder,
    TransformerRegressor,
    TransformerScorer,
    attend_to_areas,
    attention_options,
    feed_forward_options,
    integers,
    keep_rows,
    residual_options,
    self_attention_options,
    shift_right,
)

__all__ = [
    "TARGET_SPACES",
    "Transformer",
    "TransformerEncoder",
    "TransformerRegressor",
    "TransformerScorer",
    "attend_to_areas",
    "attention_options",
    "feed_forward_options",
    "integers",
    "keep_rows",
    "residual_options",
    "self_attention_options",
    "shift_right",
]
