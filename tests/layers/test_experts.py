"""Mixtures of experts: who gets which position, with which weight, and the balancing loss."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import experts
from tests.layers.layer_test_case import assert_close


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def made(layer):
    layer.build((None, None, 8))
    return layer


def numpy(x):
    return ops.convert_to_numpy(x)


def test_squared_variation():
    assert_close(experts.squared_variation(ops.convert_to_tensor([1.0, 3.0])), 0.25)
    assert_close(experts.squared_variation(ops.ones((4,))), 0.0)


def test_probability_in_top_k_is_how_often_it_happens():
    clean = np.array([[0.0, 0.5, 1.0, -0.5]], "float32")
    deviation = np.array([[1.0, 0.5, 0.2, 2.0]], "float32")
    noisy = np.array([[0.3, 0.1, 0.9, 0.2]], "float32")
    actual = numpy(experts.probability_in_top_k(*map(ops.convert_to_tensor, (clean, noisy, deviation)), 2))[0]
    # Value i against the second largest of the others: 0.3, 0.3, 0.2 or 0.3.
    others = [np.sort(np.delete(noisy[0], i))[-2] for i in range(4)]
    expected = [0.5 * (1 + math.erf((clean[0, i] - others[i]) / deviation[0, i] / math.sqrt(2))) for i in range(4)]
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_noisy_top_k_is_the_gated_sum_of_its_experts():
    layer, x = made(experts.NoisyTopKExperts(8, 16, num_experts=4, k=2)), normal(2, 5, 8)
    layer.gating.w_gate.assign(normal(8, 4))
    flat, gate = x.reshape(-1, 8), numpy(layer.gating.w_gate)
    expected = np.zeros_like(flat)
    for row, vector in enumerate(flat):
        logits = vector @ gate
        chosen = np.argsort(logits)[-2:]
        weights = np.exp(logits[chosen]) / np.exp(logits[chosen]).sum()
        for i, weight in zip(chosen, weights, strict=True):
            w_0, w_1 = (numpy(w) for w in layer.experts[i].weights)
            expected[row] += weight * (np.maximum(vector @ w_0, 0) @ w_1) / math.sqrt(16 / 8)
    assert_close(layer(x), expected.reshape(x.shape))


def test_gates_of_a_position_are_k_and_sum_to_1():
    clean, deviation = ops.convert_to_tensor(normal(50, 6)), ops.ones((50, 6))
    gates, loads = experts.noisy_top_k(clean, deviation, 3, keras.random.SeedGenerator(0))
    np.testing.assert_array_equal((numpy(gates) > 0).sum(axis=1), 3)
    np.testing.assert_allclose(numpy(gates).sum(axis=1), 1.0, atol=1e-6)
    assert loads.shape == (50, 6)


def test_without_noise_the_loads_are_the_choices():
    clean = ops.convert_to_tensor([[3.0, 2.0, 1.0], [0.0, 5.0, 0.0]])
    gates, loads = experts.noisy_top_k(clean, ops.ones((2, 3)), 1)
    np.testing.assert_array_equal(numpy(gates), [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(numpy(loads), [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(numpy(experts.noisy_top_k(clean, ops.ones((2, 3)), 3)[1]), np.ones((2, 3)))


def test_imbalance_of_gates_and_loads():
    gates = ops.convert_to_tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    loads = ops.convert_to_tensor([[1.0, 0.0], [1.0, 0.0], [0.9, 0.1], [0.1, 0.9]])
    # both add up to (3, 1), of mean 2 and variance 1
    assert_close(experts.imbalance(gates, loads), 0.25 + 0.25)
    # the first and the last: gates (1.5, 0.5), loads (1.1, 0.9)
    counted = ops.convert_to_tensor([[1.0, 0.0], [0.0, 1.0]])
    assert_close(experts.imbalance(gates, loads, counted), 0.25 + 0.01)


def test_balancing_loss_of_three_positions_to_one():
    layer = made(experts.NoisyTopKExperts(8, 16, num_experts=2, k=1, loss_coef=0.02))
    layer.gating.w_gate.assign(np.eye(8, 2))
    layer(np.eye(8, dtype="float32")[None, [0, 0, 0, 1]])
    (loss,) = layer.losses
    assert_close(loss, 0.02 * (0.25 + 0.25))


def test_noise_only_in_training():
    layer, x = made(experts.NoisyTopKExperts(8, 16, num_experts=4)), normal(2, 5, 8)
    np.testing.assert_array_equal(numpy(layer(x)), numpy(layer(x)))
    assert (numpy(layer(x, training=True)) != numpy(layer(x, training=True))).any()


def test_names_are_t2ts():
    layer = made(experts.NoisyTopKExperts(8, 16, num_experts=2))
    gating = ["noisy_top_k_gating/w_gate", "noisy_top_k_gating/w_noise"]
    parts = [f"parallel_{i}/w_{j}" for i in range(2) for j in range(2)]
    assert sorted(variable.path for variable in layer.weights) == sorted(f"local_moe/{name}" for name in gating + parts)
    layer = made(experts.CapacityExperts(8, 16, num_experts=2))
    names = ["logits/bias", "logits/kernel", "x0/w", "x1/w"]
    assert sorted(variable.path for variable in layer.weights) == [f"local_moe_tpu/{name}" for name in names]


@pytest.mark.parametrize("make", [experts.NoisyTopKExperts, experts.CapacityExperts])
def test_balancing_loss_is_added_and_less_when_balanced(make):
    def loss(weights):
        layer = made(make(8, 16, num_experts=4, loss_coef=1.0))
        gate = layer.gating.w_gate if make is experts.NoisyTopKExperts else layer.logits.kernel
        gate.assign(weights)
        layer(np.ones((2, 16, 8), "float32") * np.tile(np.eye(8, dtype="float32"), (2, 1))[None], training=True)
        (term,) = layer.losses
        return float(numpy(term))

    keras.utils.set_random_seed(0)
    even = np.tile(20 * np.eye(4, dtype="float32"), (2, 1))  # each expert gets a quarter of the positions
    one = np.tile(np.array([[20.0, 0, 0, 0]], "float32"), (8, 1))
    assert 0 <= loss(even) < 0.2 < loss(one)


@pytest.mark.parametrize("k", [0, 5])
def test_k_must_be_a_number_of_experts(k):
    with pytest.raises(ValueError, match=f"k={k} must be from 1 to num_experts=4"):
        experts.NoisyTopKExperts(8, 16, num_experts=4, k=k)


@pytest.mark.parametrize("overhead", [1.0, 100.0])
def test_positions_go_to_the_best_experts_that_have_room(overhead):
    layer = made(experts.CapacityExperts(8, 16, num_experts=3, overhead_eval=overhead))
    x = normal(2, 6, 8)
    gates = numpy(ops.softmax(layer.logits(x)))
    w_0, w_1 = numpy(layer.hidden.w), numpy(layer.projection.w)
    room = min(6, int(6 * 2 * overhead / 3))
    expected = np.zeros_like(x)
    for row in range(2):
        taken, chosen = np.zeros(3), [{} for _ in range(6)]
        for position, gate in enumerate(gates[row]):  # all first choices before any second
            best = gate.argmax()
            if taken[best] < room:
                chosen[position][best] = gate[best]
                taken[best] += 1
        full_at = (room - taken) * 6 / (taken + 1)
        for position, gate in enumerate(gates[row]):
            remaining = gate - np.isin(np.arange(3), list(chosen[position])) - (position > full_at)
            best = remaining.argmax()
            if taken[best] < room and remaining[best] > 0:
                chosen[position][best] = remaining[best]
            taken[best] += 1
            total = sum(chosen[position].values())
            for i, weight in chosen[position].items():
                vector = x[row, position]
                expected[row, position] += weight / total * (np.maximum(vector @ w_0[i], 0) @ w_1[i])
    assert_close(layer(x), expected)


def test_what_does_not_fit_is_dropped_first_come_first_served():
    layer = made(experts.CapacityExperts(8, 16, num_experts=2))
    gates = np.tile(np.array([0.9, 0.1], "float32"), (1, 4, 1))  # all four prefer the first expert
    assignment, weighted, importance = (numpy(x) for x in layer.assign(ops.convert_to_tensor(gates), 2))
    assert assignment.shape == (1, 4, 2, 2)
    np.testing.assert_array_equal(assignment[0, :, 0].sum(-1), [1, 1, 0, 0])  # [position] at expert 0
    np.testing.assert_array_equal(assignment[0].sum(axis=0), np.ones((2, 2)))  # no place is taken twice
    np.testing.assert_allclose(weighted[0, :2].sum(axis=(1, 2)), 1.0, atol=1e-6)
    np.testing.assert_allclose(importance, [[1.8, 0.2]], atol=1e-6)


@pytest.mark.parametrize(("length", "expected"), [(32, 4), (3, 1), (1, 1)])
def test_capacity_is_a_share_of_the_length_and_at_least_1(length, expected):
    assert experts.CapacityExperts(8, 16, num_experts=16)._capacity(length, 1.0) == expected
