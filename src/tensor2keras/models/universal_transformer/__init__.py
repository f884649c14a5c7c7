"""The Universal Transformer and its hyperparameter sets."""

from tensor2keras.models.universal_transformer import hparams
from tensor2keras.models.universal_transformer.universal_transformer import (
    UniversalTransformer,
    UniversalTransformerEncoder,
)
