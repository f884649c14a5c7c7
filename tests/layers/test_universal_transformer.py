"""The Universal Transformer's stacks, with every kind of recurrence."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.depth_recurrence import RECURRENCE_TYPES, RecurrenceOptions
from tensor2keras.layers.feed_forward import DenseReluDenseOptions
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.layers.transformer import Context
from tensor2keras.layers.universal_transformer import UniversalTransformerDecoder, UniversalTransformerEncoder
from tests.layers.layer_test_case import assert_close, run_layer_test

ATTENTION = AttentionOptions(hidden_size=8, num_heads=2)
OPTIONS = {
    "num_layers": 2,
    "attention": ATTENTION,
    "feed_forward": DenseReluDenseOptions(hidden_size=8, filter_size=16),
    "residual": ResidualOptions(),
}
X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def encoder(steps, **options):
    layer = UniversalTransformerEncoder(recurrence=RecurrenceOptions(num_rec_steps=steps, **options), **OPTIONS)
    layer.build(X.shape)
    return layer


def test_all_steps_share_one_layers_variables():
    shapes = [
        sorted((v.path, tuple(v.shape)) for v in encoder(steps).weights if "layer_embedding" not in v.path)
        for steps in (2, 5)
    ]
    assert shapes[0] == shapes[1]


def test_two_steps_are_the_layer_applied_twice():
    layer = encoder(2, add_position_timing_signal=False, add_step_timing_signal=False)
    (unit,) = layer.recurrence.units
    assert_close(layer(X), layer.final(unit(unit(ops.convert_to_tensor(X)))), 1e-5)


def test_signals_tell_steps_and_positions_apart():
    layer = encoder(2, add_step_timing_signal=False)
    equal = np.broadcast_to(X[:, :1], X.shape)
    y = ops.convert_to_numpy(layer(equal))
    assert np.abs(y[:, 1:] - y[:, :1]).max() > 1e-3  # equal inputs at other positions
    layer = encoder(2, add_position_timing_signal=False)
    y = ops.convert_to_numpy(layer(X))
    swapped = layer.recurrence.timing.layer_embedding
    swapped.assign(ops.convert_to_numpy(swapped)[::-1])
    assert np.abs(ops.convert_to_numpy(layer(X)) - y).max() > 1e-3


def test_a_cache_holds_keys_of_every_step_and_the_memory_once():
    decoder = UniversalTransformerDecoder(
        recurrence=RecurrenceOptions(num_rec_steps=3), memory_attention=ATTENTION, **OPTIONS
    )
    decoder.build(X.shape)
    memory = ops.convert_to_tensor(X)
    decoder(X, Context(memory))
    cache = decoder.init_cache(2, 6, memory)
    name = decoder.recurrence.units[0].name
    assert set(cache) == {"encoder", *(f"{name}_{step}" for step in range(3))}
    assert decoder.cache_length(cache) == 6


RECURRENCES = {
    **{kind: {} for kind in RECURRENCE_TYPES},
    "gru": {"add_step_timing_signal": False},
    "lstm": {"add_step_timing_signal": False},
    "act": {"act_max_steps": 3},
    "highway": {"couple_carry_transform_gates": False, "gates_inputs": "sti"},
}


def decoder(kind):
    recurrence = RecurrenceOptions(recurrence_type=kind, num_rec_steps=2, add_sru=True, **RECURRENCES[kind])
    return UniversalTransformerDecoder(recurrence=recurrence, **OPTIONS)


@pytest.mark.parametrize("kind", RECURRENCES)
def test_it_is_a_keras_layer(kind):
    run_layer_test(decoder(kind), X, tolerance=1e-5)


@pytest.mark.parametrize("kind", RECURRENCES)
def test_steps_equal_the_whole_sequence(kind):
    layer, masked = decoder(kind), ops.convert_to_numpy(causal_bias(5))
    whole, cache = layer(X, Context(bias=masked)), layer.init_cache(2, 5)
    for i in range(5):
        step, position = ops.convert_to_tensor(X[:, i : i + 1]), ops.convert_to_tensor(i, "int32")
        y, cache = layer.step(step, position, cache, masked[:, :, i : i + 1])
        assert_close(y[:, 0], whole[:, i], 1e-4)
