"""The stacks of the Transformer and of its evolved and universal kin, as Keras layers."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias, ignore_padding_bias
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.depth_recurrence import RecurrenceOptions
from tensor2keras.layers.evolved_transformer import (
    EvolvedOptions,
    EvolvedTransformerDecoder,
    EvolvedTransformerEncoder,
)
from tensor2keras.layers.feed_forward import DenseReluDenseOptions
from tensor2keras.layers.initializer import get_initializer
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.layers.transformer import Context, TransformerDecoder, TransformerEncoder, keep_rows
from tensor2keras.layers.universal_transformer import UniversalTransformerDecoder, UniversalTransformerEncoder
from tests.layers.layer_test_case import assert_close, run_layer_test

ATTENTION = AttentionOptions(
    hidden_size=8, num_heads=2, kernel_initializer=get_initializer("uniform_unit_scaling", 1.0)
)
RELATIVE = AttentionOptions(
    hidden_size=8,
    num_heads=2,
    attention_type="dot_product_relative",
    attention_options={"max_relative_position": 3},
)
DENSE = DenseReluDenseOptions(hidden_size=8, filter_size=16, dropout_broadcast_dims=(1,))
EVOLVED = EvolvedOptions(hidden_size=8, dropout=0.1)
RESIDUAL = ResidualOptions(dropout=0.1)
RECURRENCE = {"recurrence": RecurrenceOptions(num_rec_steps=2)}
STACKS = {  # encoder, decoder, feed-forward options, own arguments
    "transformer": (TransformerEncoder, TransformerDecoder, DENSE, {}),
    "evolved": (EvolvedTransformerEncoder, EvolvedTransformerDecoder, EVOLVED, {}),
    "universal": (UniversalTransformerEncoder, UniversalTransformerDecoder, DENSE, RECURRENCE),
}


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def encoder(kind, attention=ATTENTION, **options):
    make, _, network, own = STACKS[kind]
    return make(num_layers=2, attention=attention, feed_forward=network, residual=RESIDUAL, **own, **options)


def decoder(kind, attention=ATTENTION, **options):
    _, make, network, own = STACKS[kind]
    return make(num_layers=2, attention=attention, feed_forward=network, residual=RESIDUAL, **own, **options)


PADDING = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]], "float32")
NONPADDING = 1 - PADDING


@pytest.mark.parametrize("kind", STACKS)
def test_an_encoder_is_a_keras_layer(kind):
    context = Context(bias=ops.convert_to_numpy(ignore_padding_bias(PADDING)), nonpadding=NONPADDING)
    run_layer_test(encoder(kind, zero_padding=True), normal(2, 5, 8), context, tolerance=1e-5)


@pytest.mark.parametrize("kind", STACKS)
def test_a_decoder_is_a_keras_layer(kind):
    bias = ops.convert_to_numpy(causal_bias(5))
    context = Context(normal(2, 7, 8), bias, np.zeros((2, 1, 1, 7), "float32"))
    run_layer_test(decoder(kind, memory_attention=ATTENTION), normal(2, 5, 8), context, tolerance=1e-5)


def test_a_list_has_the_attention_of_each_layer():
    layer = encoder("transformer", attention=[RELATIVE, ATTENTION])
    run_layer_test(layer, normal(2, 5, 8), tolerance=1e-5)
    assert [part.self_attention.attention.attention_type for part in layer.layers] == [
        *("dot_product_relative", "dot_product")
    ]


@pytest.mark.parametrize("kind", STACKS)
def test_decoding_steps_equal_the_whole_sequence(kind):
    layer, x, memory = (
        decoder(kind, memory_attention=ATTENTION),
        normal(2, 5, 8),
        ops.convert_to_tensor(normal(2, 7, 8)),
    )
    masked = ops.convert_to_numpy(causal_bias(6))
    whole = layer(x, Context(memory, masked[..., :5, :5]))
    cache = layer.init_cache(2, 6, memory)
    assert layer.cache_length(cache) == 6
    for i in range(5):
        position = ops.convert_to_tensor(i, "int32")
        y, cache = layer.step(ops.convert_to_tensor(x[:, i : i + 1]), position, cache, masked[:, :, i : i + 1])
        assert_close(y[:, 0], whole[:, i], 1e-4)


def test_zero_padding_makes_the_networks_output_at_padding_zero():
    x = normal(2, 5, 8)
    layer = encoder("transformer", zero_padding=True)
    layer.build(x.shape)
    ffn = layer.layers[0].ffn
    assert_close(ffn(x, NONPADDING)[0, 3:], x[0, 3:])
    assert np.abs(ops.convert_to_numpy(ffn(x)) - x)[0, 3:].max() > 1e-3


def test_layers_below_the_trainable_ones_do_not_learn():
    layer = decoder("evolved", trainable_layers=1)
    layer.build((None, None, 8))
    assert {variable.path.split("/")[1] for variable in layer.trainable_weights} == {"layer_1", "layer_prepostprocess"}


def test_evolved_encoders_attend_to_no_memory():
    with pytest.raises(ValueError, match="memory_attention must be None"):
        encoder("evolved", memory_attention=ATTENTION)


def test_unknown_recurrence_is_named():
    with pytest.raises(ValueError, match="unknown recurrence_type 'often'; known: basic, highway"):
        RecurrenceOptions(recurrence_type="often")


def test_keep_rows_takes_old_rows_where_told():
    old, new = {"a": np.zeros((3, 2)), "b": np.zeros(3)}, {"a": np.ones((3, 2)), "b": np.ones(3)}
    kept = keep_rows(np.array([True, False, True]), old, new)
    np.testing.assert_array_equal(ops.convert_to_numpy(kept["a"])[:, 0], [0, 1, 0])
    np.testing.assert_array_equal(ops.convert_to_numpy(kept["b"]), [0, 1, 0])


@pytest.mark.parametrize("kind", STACKS)
def test_a_functional_model_with_a_context_is_saved_and_loaded(kind, tmp_path):
    x, padding = keras.Input((5, 8)), keras.Input((5,))
    y = encoder(kind)(x, Context(bias=ignore_padding_bias(padding), nonpadding=1 - padding))
    model = keras.Model([x, padding], y)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    batch = [normal(2, 5, 8), PADDING]
    assert_close(loaded(batch), model(batch))
