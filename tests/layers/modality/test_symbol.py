"""Modalities of text: which variables they make, where they share them, and which targets count."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import weights
from tensor2keras.layers.modality import losses, symbol


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"shared_softmax": True}, {"shared/weights"}),
        ({"shared_embedding": True}, {"shared/weights", "softmax/weights"}),
        ({}, {"input_emb/weights", "target_emb/weights", "softmax/weights"}),
        ({"roles": ("inputs",)}, {"input_emb/weights"}),
        ({"roles": ("targets", "top")}, {"target_emb/weights", "softmax/weights"}),
    ],
)
def test_symbol_matrices(options, names):
    layer = symbol.Symbol(50, 8, **options)
    layer.build()
    assert {variable.path for variable in layer.variables} == {f"symbol_modality_50_8/{name}" for name in names}


def test_a_shared_softmax_needs_a_body_of_the_embeddings_width():
    with pytest.raises(ValueError, match="body's output is 16 wide, embeddings are 8"):
        symbol.Symbol(50, 8, shared_softmax=True, body_size=16).build()


def test_padding_counts_for_symbol_weights_all_alone():
    assert symbol.Symbol.weights_fn is weights.weights_nonzero
    assert symbol.SymbolWeightsAll.weights_fn is weights.weights_all
    assert symbol.SymbolWeightsAll.layer_class() is symbol.Symbol.layer_class() is symbol.Symbol


def test_one_hot_symbols():
    layer = symbol.SymbolOneHot(4, 8)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.bottom(np.array([[1, 3]]))), np.eye(4)[[[1, 3]]])


def test_ctc_makes_padding_certainly_blank():
    logits = np.random.default_rng(0).normal(size=(1, 3, 4)).astype("float32")
    layer = symbol.CTCSymbol(4, 8)
    masked = layer.mask_padding(ops.convert_to_tensor(logits), ops.convert_to_tensor([[0.0, 0.0, 1.0]]))
    expected = logits.copy()
    expected[0, 2] = [0, *[losses.MASKED_LOGIT] * 3]
    np.testing.assert_array_equal(ops.convert_to_numpy(masked), expected)
