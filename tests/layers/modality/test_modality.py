"""Modalities: T2T's loss values (1e-5), weights, and which variables each kind of feature makes."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.modality import modality
from tests.helpers import load_case


@pytest.mark.parametrize(("name", "smoothing"), [("c1", 0.0), ("c0.9", 0.1), ("c0.5", 0.5)])
def test_cross_entropy_equals_t2t(golden, name, smoothing):
    arrays, _ = load_case(golden / "layers", f"smoothing_cross_entropy_{name}")
    logits, labels = arrays["in/logits"][:, :, 0, 0], arrays["in/labels"][:, :, 0, 0]
    (expected,) = (value for key, value in arrays.items() if key.startswith("out/"))
    actual = modality.cross_entropy(ops.convert_to_tensor(logits), ops.convert_to_tensor(labels), smoothing)
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected[:, :, 0, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["nonzero", "all", "prepend_inputs_to_targets", "concatenated"])
def test_weights_equal_t2t(golden, name):
    arrays, _ = load_case(golden / "layers", f"weights_{name}")
    (expected,) = (value for key, value in arrays.items() if key.startswith("out/"))
    weights = modality.WEIGHTS[f"weights_{name}"](ops.convert_to_tensor(arrays["in/labels"][:, :, 0, 0]))
    np.testing.assert_array_equal(ops.convert_to_numpy(weights), expected[:, :, 0, 0])


def test_weights_past_a_task_id_equal_t2t(golden):
    arrays, _ = load_case(golden / "layers", "weights_multi_problem")
    (expected,) = (value for key, value in arrays.items() if key.startswith("out/"))
    weights = modality.weights_past_first(4, ops.convert_to_tensor(arrays["in/labels"][:, :, 0, 0]))
    np.testing.assert_array_equal(ops.convert_to_numpy(weights), expected[:, :, 0, 0])


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
    layer = modality.Symbol(50, 8, **options)
    layer.build()
    assert {variable.path for variable in layer.variables} == {f"symbol_modality_50_8/{name}" for name in names}


def test_class_label_pools_positions():
    layer = modality.ClassLabel(7, 8, roles=("targets", "top"))
    layer.build()
    assert [v.path for v in layer.variables] == [
        "class_label_modality_7_8/class_label_modality_7_8/dense/kernel",
        "class_label_modality_7_8/class_label_modality_7_8/dense/bias",
    ]
    x = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    expected = ops.convert_to_numpy(layer.dense(x.mean(axis=1)))
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.top(ops.convert_to_tensor(x))), expected, rtol=1e-5, atol=1e-6
    )


HERE = [name for name, kind in modality.MODALITIES.items() if kind.__module__ == modality.__name__]  # not of images


@pytest.mark.parametrize("name", sorted(HERE))
def test_every_modality_has_bottom_top_loss(name):
    layer = modality.MODALITIES[name](8, 8)
    layer.build()
    one_hot = name.startswith(("one_hot", "sigmoid", "softmax"))
    if layer.scope.startswith("symbol") and name != "identity_symbol":
        targets = np.array([[1, 2, 0]], "int32")
    elif "class" in name:
        targets = np.eye(8, dtype="float32")[[3]] if one_hot else np.array([3], "int32")
    else:
        targets = (
            np.ones((1, 3, 8), "float32") if name in ("real_l2", "real_log_poisson", "generic_l2", "real") else None
        )
    if targets is None:  # identity: embedded features, class ids as targets
        logits, targets = layer.top(layer.bottom(np.ones((1, 3, 8), "float32"))), np.array([[1, 2, 0]], "int32")
    else:
        if not one_hot:
            assert len(layer.targets_bottom(targets).shape) == 3
        logits = layer.top(ops.ones((1, 3, 8)))
    loss = ops.convert_to_numpy(modality.LOSSES[name](logits, targets, 0.0))
    assert loss.shape == (targets.shape if not one_hot else targets.shape[:1])
    assert np.isfinite(loss).all()


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match=r"unknown modality 'sybmol'; known: class_label, .*symbol"):
        modality.lookup(modality.MODALITIES, "sybmol", "modality")


def test_cross_entropy_is_float32_under_bfloat16():
    logits = keras.ops.cast(np.random.default_rng(0).normal(size=(2, 5)), "bfloat16")
    assert keras.backend.standardize_dtype(modality.cross_entropy(logits, np.array([1, 2]), 0.1).dtype) == "float32"
