"""Text encoders: text to ids and back. Importing them loads no TensorFlow."""

from tensor2keras.data.text_encoder.base import NUM_RESERVED_TOKENS, TextEncoder, strip_ids
from tensor2keras.data.text_encoder.encoders import (
    ByteTextEncoder,
    ClassLabelEncoder,
    RealEncoder,
    SubwordTextEncoder,
    TokenTextEncoder,
    words_by_frequency,
)
from tensor2keras.data.text_encoder.sentencepiece import SentencePieceEncoder
from tensor2keras.data.text_encoder.subword_vocabulary import EOS, PAD, RESERVED_TOKENS
from tensor2keras.symbols import EOS_ID, PAD_ID
