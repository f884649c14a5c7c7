"""Text encoders: text to ids and back."""

from tensor2keras.data.text_encoder.encoders import (
    ByteTextEncoder,
    ClassLabelEncoder,
    RealEncoder,
    SubwordTextEncoder,
    TokenTextEncoder,
    words_by_frequency,
)

__all__ = [
    "ByteTextEncoder",
    "ClassLabelEncoder",
    "RealEncoder",
    "SubwordTextEncoder",
    "TokenTextEncoder",
    "words_by_frequency",
]
