"""The models. Importing this package registers them and their hyperparameter sets."""

from tensor2keras.models import (
    attention_lm,
    attention_lm_moe,
    basic,
    byte_net,
    common_hparams,
    evolved_transformer,
    lstm,
    neural_gpu,
    revnet,
    shake_shake,
    slice_net,
    text_cnn,
    transformer_memory,
    transformer_moe,
    xception,
)
from tensor2keras.models.image_transformer import hparams as image_transformer_hparams
from tensor2keras.models.image_transformer import hparams_2d as image_transformer_2d_hparams
from tensor2keras.models.image_transformer import image_transformer, image_transformer_2d
from tensor2keras.models.resnet import hparams as resnet_hparams
from tensor2keras.models.resnet import resnet
from tensor2keras.models.t2t_model import T2TModel
from tensor2keras.models.transformer import hparams as transformer_hparams
from tensor2keras.models.transformer import transformer
from tensor2keras.models.transformer.transformer import (
    Transformer,
    TransformerEncoder,
    TransformerRegressor,
    TransformerScorer,
)
from tensor2keras.models.universal_transformer import hparams as universal_transformer_hparams
from tensor2keras.models.universal_transformer import universal_transformer

__all__ = [
    "T2TModel",
    "Transformer",
    "TransformerEncoder",
    "TransformerRegressor",
    "TransformerScorer",
    "attention_lm",
    "attention_lm_moe",
    "basic",
    "byte_net",
    "common_hparams",
    "evolved_transformer",
    "image_transformer",
    "image_transformer_2d",
    "image_transformer_2d_hparams",
    "image_transformer_hparams",
    "lstm",
    "neural_gpu",
    "resnet",
    "resnet_hparams",
    "revnet",
    "shake_shake",
    "slice_net",
    "text_cnn",
    "transformer",
    "transformer_hparams",
    "transformer_memory",
    "transformer_moe",
    "universal_transformer",
    "universal_transformer_hparams",
    "xception",
]
