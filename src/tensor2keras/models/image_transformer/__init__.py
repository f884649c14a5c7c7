"""The Image Transformers and their hyperparameter sets."""

from tensor2keras.models.image_transformer import hparams, hparams_2d
from tensor2keras.models.image_transformer.image_transformer import ImageDecoder, Imagetransformer, ImagetransformerMoe
from tensor2keras.models.image_transformer.image_transformer_2d import Imagetransformer2d, Img2imgTransformer
