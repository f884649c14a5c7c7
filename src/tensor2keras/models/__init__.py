"""The models. Importing this package registers them and their hyperparameter sets."""

from tensor2keras.models import common_hparams, transformer, transformer_hparams
from tensor2keras.models.t2t_model import T2TModel
from tensor2keras.models.transformer import Transformer, TransformerEncoder, TransformerRegressor, TransformerScorer

__all__ = [
    "T2TModel",
    "Transformer",
    "TransformerEncoder",
    "TransformerRegressor",
    "TransformerScorer",
    "common_hparams",
    "transformer",
    "transformer_hparams",
]
