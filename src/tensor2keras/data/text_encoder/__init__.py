"""Text encoders: text to ids and back. Importing them loads no TensorFlow."""

from tensor2keras.data.text_encoder.encoders import (
    EOS,
    EOS_ID,
    NUM_RESERVED_TOKENS,
    PAD,
    PAD_ID,
    RESERVED_TOKENS,
    ByteTextEncoder,
    ClassLabelEncoder,
    RealEncoder,
    SentencePieceEncoder,
    SubwordTextEncoder,
    TextEncoder,
    TokenTextEncoder,
    strip_ids,
    words_by_frequency,
)
