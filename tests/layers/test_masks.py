"""Keras masks: layers after an embedding that masks padding compute of a padded text what they compute of the text."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias
from tensor2keras.layers.attention.compressed import MemoryEfficientAttention
from tensor2keras.layers.attention.multi_head import ATTENTION_TYPES, MultiHeadAttention
from tensor2keras.layers.conv_block import ConvBlock
from tensor2keras.layers.convolution import ConvHiddenRelu
from tensor2keras.layers.embedding import SymbolEmbedding
from tensor2keras.layers.experts import CapacityExperts
from tensor2keras.layers.feed_forward import ConvReluConv
from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.layers.position import PositionalEmbedding
from tensor2keras.layers.recurrent import LSTM, AttentionLSTM, BidirectionalLSTM
from tensor2keras.layers.transformer import Context
from tests.layers.layer_test_case import assert_close
from tests.layers.test_transformer import ATTENTION, decoder, encoder

IDS = np.array([[3, 4, 5, 6], [7, 8, 9, 1]], "int32")
PADDED = np.pad(IDS, ((0, 0), (0, 3)))
TYPES = {
    "dot_product_area": {"max_area_width": 2},
    "dot_product_relative": {"max_relative_position": 3},
    "dot_product_relative_v2": {"max_relative_position": 7},
    "dot_product_unmasked_relative_v2": {"max_relative_position": 3},
}


def first(y):
    return y[0] if isinstance(y, (tuple, list)) else y


def check(layer, takes_memory=False, **kwargs):
    """A functional model of embedding, layer and a mean over real positions, of ids with and without padding."""
    ids = keras.Input((None,), dtype="int32")
    x = PositionalEmbedding(9)(keras.layers.Embedding(20, 8, mask_zero=True)(ids))
    y = first(layer(x, x, **kwargs) if takes_memory else layer(x, **kwargs))
    mean = keras.layers.GlobalAveragePooling1D()(LayerNorm()(y))  # of the real positions, if the mask gets that far
    model = keras.Model(ids, [y, mean])
    (expected, expected_mean), (found, found_mean) = model(IDS), model(PADDED)
    assert_close(found[:, :4], expected)
    assert_close(found_mean, expected_mean)
    assert np.abs(ops.convert_to_numpy(found_mean)).max() > 1e-3


@pytest.mark.parametrize("kind", sorted(set(ATTENTION_TYPES) - {"dot_product_relative_v2"}))  # needs a causal bias
def test_attention_of_every_type_masks_padding(kind):
    options = TYPES.get(kind, {"block_length": 2} if "local" in kind or "dilated" in kind else {})
    check(MultiHeadAttention(8, 2, attention_type=kind, attention_options=options))


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda: MultiHeadAttention(8, 2), {"takes_memory": True}),
        (lambda: MultiHeadAttention(8, 2), {"bias": np.zeros((1, 1, 1, 1), "float32")}),
        (lambda: MemoryEfficientAttention(8, 2), {}),
        (lambda: LSTM(8, 2), {}),
        (lambda: BidirectionalLSTM(8, 1), {}),
        (lambda: AttentionLSTM(8, 1, 8), {"takes_memory": True}),
        (lambda: ConvHiddenRelu(8, 16, 3, 3, padding="SAME"), {}),
        (lambda: ConvReluConv(8, 16, padding="SAME"), {}),
        (lambda: ConvBlock(8, [(1, 3), (2, 3)], padding="SAME"), {}),
        *((lambda kind=kind: encoder(kind), {}) for kind in ("transformer", "evolved", "universal")),
    ],
)
def test_layers_read_no_padding_and_pass_the_mask_on(make, options):
    check(make(), **options)


def test_a_decoder_masks_the_padding_of_its_memory():
    layer = decoder("transformer", memory_attention=ATTENTION)
    ids, targets = (keras.Input((length,), dtype="int32") for length in (None, 4))
    embed = SymbolEmbedding(20, 8, mask_zero=True)
    y = layer(embed(targets), Context(memory=embed(ids), bias=ops.convert_to_tensor(causal_bias(4))))
    model = keras.Model([ids, targets], y)
    assert_close(model([PADDED, IDS]), model([IDS, IDS]))


def test_a_mask_can_be_given():
    layer, x = MultiHeadAttention(8, 2), np.random.default_rng(0).normal(size=(2, 7, 8)).astype("float32")
    expected, mask = layer(x[:, :4]), PADDED > 0
    assert_close(layer(x, mask=mask)[:, :4], expected)
    assert_close(layer(x[:, :4], x, memory_mask=mask), expected)
    experts = CapacityExperts(8, 16, 2, mask_padding=True)
    assert_close(experts(x, mask=mask)[:, :4], experts(x[:, :4]))
    assert_close(LSTM(8, 1)(x, mask=mask)[0][:, 4:], np.zeros((2, 3, 8)))


@pytest.mark.parametrize("kind", ["dot_product", "dot_product_relative_v2"])
def test_attention_scores_are_returned(kind):
    layer = MultiHeadAttention(8, 2, attention_type=kind, attention_options=TYPES.get(kind))
    x, mask = np.random.default_rng(0).normal(size=(2, 7, 8)).astype("float32"), PADDED > 0
    y, scores = layer(x, mask=mask, return_attention_scores=True)
    assert_close(y, layer(x, mask=mask))
    scores = ops.convert_to_numpy(scores)
    assert scores.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)
    assert not scores[..., 4:].any()
    symbol = keras.Input((None, 8))
    model = keras.Model(symbol, layer(symbol, return_attention_scores=True))
    assert tuple(model.outputs[1].shape) == (None, 2, None, None)
    assert_close(model(x)[1], layer(x, return_attention_scores=True)[1])


def test_embeddings_mask_only_if_asked():
    assert SymbolEmbedding(20, 8).compute_mask(PADDED, None) is None
    np.testing.assert_array_equal(SymbolEmbedding(20, 8, mask_zero=True).compute_mask(PADDED, None), PADDED > 0)
