"""Attention: biases, the core, multi-head attention with its cache, and variants (one file each)."""

from tensor2keras.layers.attention.area import AreaAttention, AreaKeys
from tensor2keras.layers.attention.bias import (
    MASKED_LOGIT,
    batch_bias,
    bias_to_padding,
    causal_bias,
    causal_bias_of,
    embedding_padding,
    ignore_padding_bias,
    local_bias,
    mask_bias,
    prepend_inputs_full_bias,
    proximal_bias,
    proximal_bias_of,
    same_segment_bias,
)
from tensor2keras.layers.attention.compressed import MemoryCompressedAttention, MemoryEfficientAttention
from tensor2keras.layers.attention.core import (
    DotProductAttention,
    attention_weights,
    combine_heads,
    dot_product_attention,
    hard_weights,
    split_heads,
)
from tensor2keras.layers.attention.expert import LocalExpertAttention
from tensor2keras.layers.attention.image import ImageTransformerLayer
from tensor2keras.layers.attention.local import LocalAttention, MaskedRelativeLocalAttention
from tensor2keras.layers.attention.local_2d import local_attention_2d, masked_local_attention_2d
from tensor2keras.layers.attention.multi_head import ATTENTION_TYPES, AttentionOptions, MultiHeadAttention
from tensor2keras.layers.attention.relative import RelativeAttention, RelativeAttentionV2
