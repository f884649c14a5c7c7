"""The models. Importing this package registers them and their hyperparameter sets."""

from tensor2keras.models import (
    attention_lm,
    basic,
    byte_net,
    common_hparams,
    evolved_transformer,
    image_transformer,
    image_transformer_2d,
    image_transformer_2d_hparams,
    image_transformer_hparams,
    slice_net,
    text_cnn,
    transformer,
    transformer_hparams,
    universal_transformer,
    universal_transformer_hparams,
)
from tensor2keras.models.t2t_model import T2TModel
from tensor2keras.models.transformer import Transformer, TransformerEncoder, TransformerRegressor, TransformerScorer

__all__ = [
    "T2TModel",
    "Transformer",
    "TransformerEncoder",
    "TransformerRegressor",
    "TransformerScorer",
    "attention_lm",
    "basic",
    "byte_net",
    "common_hparams",
    "evolved_transformer",
    "image_transformer",
    "image_transformer_2d",
    "image_transformer_2d_hparams",
    "image_transformer_hparams",
    "slice_net",
    "text_cnn",
    "transformer",
    "transformer_hparams",
    "universal_transformer",
    "universal_transformer_hparams",
]
