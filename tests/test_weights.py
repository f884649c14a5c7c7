"""Weights of target positions: each function by hand, in tf.data and on the Keras backend, and who chooses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tensor2keras import registry, weights
from tests.helpers import load_case

TARGETS = [[5, 6, 0, 7, 4, 1, 8, 9, 1, 0], [2, 1, 4, 5, 6, 7, 1, 3, 3, 3]]
EXPECTED = {
    "weights_all": [[1] * 10, [1] * 10],
    "weights_nonzero": [[1, 1, 0, 1, 1, 1, 1, 1, 1, 0], [1] * 10],
    "weights_examples": [1, 1],
    "weights_prepend_inputs_to_targets": [[0, 0, 0, 1, 1, 1, 1, 1, 1, 0], [0] * 10],
    # the second sentence without its first two ids; a third sentence does not count
    "weights_concatenated": [[0, 0, 0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]],
    "weights_multi_problem:4": [[0, 0, 0, 0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]],
    "weights_multi_problem:3": [[0] * 10, [0] * 10],
    "weights_multi_problem_all:4": [[1, 1, 0, 1, 1, 1, 1, 1, 1, 0], [1] * 10],
    "weights_multi_problem_all:2": [[0] * 10, [1] * 10],
    "weights_multi_problem_input:4": [[1, 1, 0, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]],
}


def test_every_function_is_tested():
    assert {name.partition(":")[0] for name in EXPECTED} == set(weights.WEIGHTS)


@pytest.mark.parametrize("name", EXPECTED)
def test_values_in_tf_data_and_on_the_keras_backend(name):
    targets = np.array(TARGETS, "int32")
    [traced] = tf.data.Dataset.from_tensors(targets).map(lambda x: weights.get(name)(x, tf))
    np.testing.assert_array_equal(traced, EXPECTED[name])
    assert traced.dtype == tf.float32
    found = weights.get(name)(ops.convert_to_tensor(targets), ops)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), EXPECTED[name])


@pytest.mark.parametrize("name", ["nonzero", "all", "prepend_inputs_to_targets", "concatenated", "multi_problem"])
def test_values_equal_t2t(golden, name):
    arrays, _ = load_case(golden / "layers", f"weights_{name}")
    (expected,) = (value for key, value in arrays.items() if key.startswith("out/"))
    function = weights.get(f"weights_{name}" + (":4" if name == "multi_problem" else ""))
    found = function(ops.convert_to_tensor(arrays["in/labels"][:, :, 0, 0]), ops)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected[:, :, 0, 0])


@pytest.mark.parametrize(
    "name", ["weights_most", "weights_all:3", "weights_multi_problem", "weights_multi_problem:x", "symbol", len]
)
def test_unknown_names_are_answered_with_those_there_are(name):
    with pytest.raises(
        ValueError, match=r"unknown weights_fn .*; allowed: weights_all, .*weights_multi_problem:TASK_ID"
    ):
        weights.get(name)


PREPENDED = weights.weights_prepend_inputs_to_targets


@pytest.mark.parametrize(
    ("modality", "hparams", "in_training", "in_evaluation"),
    [
        ("symbol", {}, weights.weights_nonzero, weights.weights_nonzero),
        ("symbol", {"prepend_mode": "prepend_inputs_full_attention"}, PREPENDED, PREPENDED),
        ("symbol", {"prepend_mode": "prepend_inputs_masked_attention"}, weights.weights_nonzero, PREPENDED),
        ("symbol_weights_all", {"prepend_mode": "prepend_inputs_full_attention"}, *[weights.weights_all] * 2),
        ("symbol", {"weights_fn": {"targets": "weights_all"}}, *[weights.weights_all] * 2),
        (
            "symbol",
            {"weights_fn": {"targets": "weights_all"}, "prepend_mode": "prepend_inputs_full_attention"},
            *[weights.weights_all] * 2,
        ),
    ],
)
def test_hparams_choose_then_the_prepend_mode_then_the_modality(modality, hparams, in_training, in_evaluation):
    kind = registry.modality(modality)
    assert weights.targets_weights_fn(hparams, kind, training=True) is in_training
    assert weights.targets_weights_fn(hparams, kind, training=False) is in_evaluation


def test_only_targets_are_weighed():
    with pytest.raises(ValueError, match=r"hparams\.weights_fn has inputs: only targets are weighed"):
        weights.targets_weights_fn({"weights_fn": {"inputs": "weights_all"}}, registry.modality("symbol"), True)


def test_fit_trains_on_the_positions_that_hparams_choose(tmp_path):
    problem = registry.problem("algorithmic_reverse_binary40_test", data_dir=str(tmp_path))
    problem.generate_data()
    losses = {}
    for name in ("weights_nonzero", "weights_all"):
        small = {"hidden_size": 16, "filter_size": 16, "num_heads": 2, "num_hidden_layers": 1, "batch_size": 256}
        still = {"attention_dropout": 0.0, "relu_dropout": 0.0, "layer_prepostprocess_dropout": 0.0}
        overrides = {**small, **still, "label_smoothing": 0.0, "weights_fn": {"targets": name}}
        hparams = registry.hparams("transformer_tiny", problem=problem, overrides=overrides)
        keras.utils.set_random_seed(0)
        model = registry.model("transformer", hparams)
        model.compile(optimizer="sgd")
        dataset = problem.dataset("train", hparams).take(1)
        [(features, targets, _)] = dataset
        targets = targets.numpy()
        log_probs = ops.convert_to_numpy(ops.log_softmax(model(tf.nest.map_structure(np.array, features)), axis=-1))
        per_position = -np.take_along_axis(log_probs, targets[:, :, None], axis=-1)[:, :, 0]
        counted = targets != 0 if name == "weights_nonzero" else np.ones_like(targets)
        assert (targets == 0).any()
        losses[name] = model.fit(dataset, verbose=0).history["loss"][0]
        assert losses[name] == pytest.approx((per_position * counted).sum() / counted.sum(), rel=1e-4)
    assert losses["weights_all"] != pytest.approx(losses["weights_nonzero"], rel=1e-3)
