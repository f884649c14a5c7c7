"""The Transformer and its hyperparameter sets."""

from tensor2keras.models.transformer import hparams
from tensor2keras.models.transformer.transformer import (
    Transformer,
    TransformerEncoder,
    TransformerRegressor,
    TransformerScorer,
)
