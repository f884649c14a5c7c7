"""The Image Transformers and their hyperparameter sets."""

from tensor2keras.models.image_transformer.image_transformer import (
    COLOUR_CHANNELS,
    GAP_SIZES,
    INTENSITIES,
    ImageDecoder,
    Imagetransformer,
    ImagetransformerMoe,
)

__all__ = ["COLOUR_CHANNELS", "GAP_SIZES", "INTENSITIES", "ImageDecoder", "Imagetransformer", "ImagetransformerMoe"]
