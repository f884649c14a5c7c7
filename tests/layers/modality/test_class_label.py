"""Modalities of classes: how they pool the body's output, and T2T's scopes of their variables."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.layers.modality import class_label

X = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")


@pytest.mark.parametrize(
    ("name", "pooled", "scope"),
    [
        ("class_label", X.mean(axis=1), "class_label_modality_7_8"),
        ("one_hot_class_label", X.mean(axis=1), "class_label_modality_7_8"),
        ("sigmoid_class_label", X.mean(axis=1), "sigmoid_class_symbol_modality_7_8"),
        ("sigmoid_max_pooling_class_label", X.max(axis=1), "sigmoid_max_pooling_class_symbol_modality_7_8"),
        (
            "softmax_average_pooling_class_label",
            X.mean(axis=1),
            "softmax_average_pooling_onehot_class_label_modality_7_8",
        ),
        ("softmax_max_pooling_class_label", X.max(axis=1), "softmax_max_pooling_onehot_class_label_modality_7_8"),
        ("softmax_last_timestep_class_label", X[:, -1], "softmax_last_timestep_onehot_class_label_modality_7_8"),
    ],
)
def test_pooling_and_scope(name, pooled, scope):
    layer = registry.modality(name)(7, 8, roles=("targets", "top"))
    layer.build()
    inner = "class_label_modality_7_8" if name == "sigmoid_class_label" else scope  # of T2T's function of the top
    assert [v.path for v in layer.variables] == [f"{scope}/{inner}/dense/{part}" for part in ("kernel", "bias")]
    expected = pooled @ ops.convert_to_numpy(layer.dense.kernel)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.top(ops.convert_to_tensor(X))), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "name", ["class_label", "softmax_max_pooling_class_label", "softmax_last_timestep_class_label"]
)
def test_the_top_of_an_output_without_padding_is_that_of_the_real_positions(name):
    layer = registry.modality(name)(7, 8, roles=("targets", "top"))
    layer.build()
    padding = np.array([[0, 0, 1], [0, 1, 1]], "float32")
    found = ops.convert_to_numpy(layer.top(layer.without_padding(X, padding)))
    for row, length in ((0, 2), (1, 1)):
        expected = ops.convert_to_numpy(layer.top(X[row : row + 1, :length]))
        np.testing.assert_allclose(found[row : row + 1], expected, rtol=1e-4, atol=1e-6)


def test_a_label_is_an_embedded_position_as_an_input_and_nothing_as_a_target():
    layer = class_label.ClassLabel(7, 8, scale=2.0)
    layer.build()
    embedded = ops.convert_to_numpy(layer.bottom(np.array([3, 0])))
    np.testing.assert_allclose(embedded, 2 * ops.convert_to_numpy(layer.embedding.kernel)[[3, 0]])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.targets_bottom(np.array([3, 0]))), np.zeros((2, 1, 8)))
