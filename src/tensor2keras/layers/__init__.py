"""Keras layers, and the functions they are made of (in the modules)."""

from tensor2keras import lazy

__all__, __getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "attention.area": ["AreaAttention"],
        "attention.compressed": ["MemoryCompressedAttention", "MemoryEfficientAttention"],
        "attention.core": ["DotProductAttention"],
        "attention.expert": ["LocalExpertAttention"],
        "attention.image": ["ImageTransformerLayer"],
        "attention.local": ["LocalAttention", "MaskedRelativeLocalAttention"],
        "attention.multi_head": ["AttentionOptions", "MultiHeadAttention"],
        "attention.relative": ["RelativeAttention", "RelativeAttentionV2"],
        "conv_block": ["ConvBlock"],
        "conv_gru": ["ConvGRU", "DiagonalConvGRU"],
        "convolution": [
            *("ConvHiddenRelu", "LeftConv2D", "LeftSeparableConv1D", "LeftSeparableConv2D", "SubseparableConv"),
        ],
        "depth_recurrence": ["Recurrence", "RecurrenceOptions"],
        "embedding": ["SymbolEmbedding", "TableEmbedding"],
        "evolved_transformer": ["EvolvedOptions", "EvolvedTransformerDecoder", "EvolvedTransformerEncoder"],
        "experts": ["CapacityExperts", "NoisyTopKExperts"],
        "feed_forward": ["ConvReluConv", "DenseReluDense", "MemoryEfficientFeedForward", "ParameterAttention"],
        "fixed_padding": ["FixedPaddingConv2D", "TargetedConv2D"],
        "layer": ["Layer", "LayerOptions", "Options"],
        "memory": ["ChunkDecoder", "NeuralMemory", "NeuralMemoryAttention", "RecentTokensAttention"],
        "mixed_transformer": ["MixedLayerOptions", "MixedTransformer"],
        "modality": ["Modality"],
        "normalization": ["BatchNorm", "GroupNorm", "L2Norm", "LayerNorm", "NoamNorm"],
        "position": ["PositionalEmbedding", "PositionalEmbeddingND"],
        "recurrent": ["AttentionLSTM", "BidirectionalLSTM", "LSTM", "LSTMCell"],
        "residual": ["LayerPrepostprocess", "ResidualOptions"],
        "reversible": ["ReversibleBlock"],
        "sru": ["SRU"],
        "transformer": [
            *("Context", "DecoderLayer", "EncoderLayer", "TransformerDecoder", "TransformerEncoder"),
        ],
        "universal_transformer": ["UniversalTransformerDecoder", "UniversalTransformerEncoder"],
    },
)
