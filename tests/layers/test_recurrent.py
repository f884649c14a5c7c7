"""LSTMs against a plain loop over steps, and their options."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import recurrent
from tests.layers.layer_test_case import assert_close, run_layer_test

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 5, 4)).astype("float32")
LENGTHS = np.array([5, 2, 0], "int32")


def built(layer, shape=X.shape):
    layer.build(shape)
    for variable in layer.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(scale=0.5, size=variable.shape))
    return layer


def reference(layer, x, lengths):
    """NumPy's step after step: outputs and the last states."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    states = []
    for cell in layer.cells:
        kernel, bias = ops.convert_to_numpy(cell.kernel), ops.convert_to_numpy(cell.bias)
        c, h = (np.zeros((len(x), layer.units)) for _ in range(2))
        y = np.zeros((*x.shape[:2], layer.units))
        for t in range(x.shape[1]):
            i, j, f, o = np.split(np.concatenate([x[:, t], h], -1) @ kernel + bias, 4, -1)
            new_c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
            new_h = sigmoid(o) * np.tanh(new_c)
            real = (t < lengths)[:, None]
            c, h = np.where(real, new_c, c), np.where(real, new_h, h)
            y[:, t] = np.where(real, h, 0)
        states.append((c, h))
        x = y
    return x, states


def test_layers_equal_a_loop_over_steps():
    layer = built(recurrent.LSTM(6, 2, name="encoder"))
    y, states = layer(X, LENGTHS)
    expected, expected_states = reference(layer, X, LENGTHS)
    assert_close(y, expected, 1e-5)
    for state, wanted in zip(states, expected_states, strict=True):
        for one, other in zip(state, wanted, strict=True):
            assert_close(one, other, 1e-5)


def test_both_ways():
    layer = built(recurrent.BidirectionalLSTM(6, 1))
    y, states = layer(X, LENGTHS)
    forth, forth_states = reference(layer.first, X, LENGTHS)
    turned = ops.convert_to_numpy(recurrent.reverse_sequence(X, LENGTHS))
    back, back_states = reference(layer.last, turned, LENGTHS)
    back = ops.convert_to_numpy(recurrent.reverse_sequence(back.astype("float32"), LENGTHS))
    assert_close(y, np.concatenate([forth, back], -1), 1e-5)
    assert_close(states[0][0], np.concatenate([forth_states[0][0], back_states[0][0]], -1), 1e-5)


def test_sequences_are_reversed_up_to_their_length():
    x = np.arange(1, 13, dtype="float32").reshape(2, 6, 1)
    reversed_ = ops.convert_to_numpy(recurrent.reverse_sequence(x, np.array([4, 6], "int32")))[:, :, 0]
    assert reversed_.tolist() == [[4, 3, 2, 1, 5, 6], [12, 11, 10, 9, 8, 7]]


def test_lengths_are_those_of_vectors_that_are_not_zero():
    x = X.copy()
    x[1, 3:] = 0
    x[2] = 0
    assert ops.convert_to_numpy(recurrent.nonpadding_length(x)).tolist() == [5, 3, 0]


@pytest.mark.parametrize("mechanism", recurrent.ATTENTION_MECHANISMS)
@pytest.mark.parametrize(
    ("heads", "output_attention", "areas"), [(1, True, 1), (3, True, 1), (2, False, 1), (1, True, 3)]
)
def test_steps_equal_the_whole_sequence(mechanism, heads, output_attention, areas):
    layer = recurrent.AttentionLSTM(
        6, 2, 5, heads, mechanism, output_attention, max_area_width=areas, area_key_mode="concat"
    )
    memory = RANDOM.normal(size=(3, 7, 6)).astype("float32")
    memory_lengths = ops.convert_to_tensor(np.array([7, 4, 1], "int32"))
    layer.build_memory(memory.shape)
    built(layer)
    expected = layer(X, memory, LENGTHS, memory_lengths=memory_lengths)
    assert tuple(expected.shape) == (3, 5, 5 * heads if output_attention else 6)
    assert_close(expected[2], np.zeros(expected.shape[1:]))
    states = [recurrent.zero_state(3, 6, "float32")] * 2
    attention = ops.zeros((3, 5 * heads))
    projected = layer.project_memory(ops.convert_to_tensor(memory), memory_lengths)
    assert tuple(projected["keys"].shape) == (3, 7 if areas == 1 else 7 + 6 + 5, 6)
    for t in range(X.shape[1]):
        x = ops.convert_to_tensor(X[:, t])
        y, attention, states = layer.step(x, attention, states, projected)
        assert_close(y[0], expected[0, t], 1e-5)


def test_layers_are_keras_layers():
    run_layer_test(recurrent.LSTM(6, 2), X, LENGTHS)
    run_layer_test(recurrent.BidirectionalLSTM(6, 1, kernel_initializer="orthogonal"), X, LENGTHS)
    memory = RANDOM.normal(size=(3, 7, 6)).astype("float32")
    run_layer_test(recurrent.AttentionLSTM(6, 1, 5, num_heads=2), X, memory, LENGTHS)


def test_dropout_only_in_training():
    layer = built(recurrent.LSTM(6, 2, dropout=0.5))
    assert_close(layer(X)[0], layer(X)[0])
    assert np.abs(ops.convert_to_numpy(layer(X, training=True)[0] - layer(X)[0])).max() > 1e-3


def test_unknown_mechanisms_are_named():
    with pytest.raises(ValueError, match="unknown attention_mechanism 'dot'; known: bahdanau, luong"):
        recurrent.AttentionLSTM(6, 1, 6, mechanism="dot")
