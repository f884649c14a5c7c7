"""Modality: names, registration, a modality of one's own, and what every one has."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry, weights
from tensor2keras.layers import modality
from tests.layers.layer_test_case import run_layer_test

NAMES = [
    "class_label",
    "ctc_symbol",
    "dmol",
    "generic_l2",
    "identity",
    "identity_symbol",
    "image",
    "image_channel_bottom_identity",
    "image_channel_compress",
    "image_channel_embeddings_bottom",
    "image_channel_embeddings_targets_bottom",
    "one_hot_class_label",
    "real",
    "real_l2",
    "real_log_poisson",
    "sigmoid_class_label",
    "sigmoid_max_pooling_class_label",
    "softmax_average_pooling_class_label",
    "softmax_last_timestep_class_label",
    "softmax_max_pooling_class_label",
    "speech_recognition",
    "symbol",
    "symbol_one_hot",
    "symbol_weights_all",
]
NONZERO = {"ctc_symbol", "identity_symbol", "symbol", "symbol_one_hot"}  # T2T get_weights_fn
ONE_HOT = {name for name in NAMES if name.startswith(("one_hot", "sigmoid", "softmax"))}


def test_t2ts_names_are_registered():
    assert set(NAMES) <= set(registry.modalities)


@pytest.mark.parametrize("name", NAMES)
def test_padding_counts_as_in_t2t(name):
    own = registry.modality(name).weights_fn
    targets = ops.convert_to_tensor(np.array([[2, 0, 3]], "int32"))
    expected = [[1, 0, 1]] if name in NONZERO else [1] if name in ONE_HOT else [[1, 1, 1]]
    np.testing.assert_array_equal(ops.convert_to_numpy(own(targets, ops)), expected)
    assert (own is weights.weights_nonzero) == (name in NONZERO)


@pytest.mark.parametrize("name", sorted({*NAMES} - {n for n in NAMES if n.startswith(("image", "speech", "dmol"))}))
def test_every_modality_has_bottom_top_loss(name):
    layer = registry.modality(name)(8, 8)
    layer.build()
    one_hot = name in ONE_HOT
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
    loss = ops.convert_to_numpy(layer.loss(logits, targets, 0.0))
    assert loss.shape == (targets.shape if not one_hot else targets.shape[:1])
    assert np.isfinite(loss).all()


IDS = np.array([[1, 2, 0], [3, 1, 2]], "int32")
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("int32")


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (modality.Identity(None, 4), np.ones((2, 3, 4), "float32")),
        (modality.Symbol(8, 4, roles=("inputs", "top"), shared_embedding=True, scale=2.0), IDS),
        (modality.ClassLabel(8, 4), IDS[:, :1]),
        (modality.Real(2, 4), np.ones((2, 3, 2), "float32")),
        (modality.ImageChannelEmbeddings(256, 4, kernel_initializer="he_normal"), PIXELS),
        (modality.ImageChannelCompress(256, 4), PIXELS),
        (modality.SpeechRecognition(None, 4, audio_num_mel_bins=40), np.ones((2, 9, 40, 3), "float32")),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_keras_promises_of_a_layer(layer, x):
    run_layer_test(layer, x, known_lengths=x.shape[1:], tolerance=1e-5)


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(KeyError, match=r"unknown modality 'sybmol'; did you mean symbol"):
        registry.modality("sybmol")


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("identity_top", modality.Identity),
        ("symbol_bottom", modality.Symbol),
        ("real_l2_loss", modality.RealL2Loss),
        ("image_channel_compress_targets_bottom", modality.ImageChannelCompress),
        ("image_channel_embeddings_bottom", modality.ImageChannelEmbeddings),
    ],
)
def test_t2ts_function_names_mean_their_modality(function, kind):
    assert registry.modality(function) is kind


def test_ones_own_modality_has_a_scope_of_its_own_and_shares_a_layer_where_only_the_loss_differs():
    class MyPixels(modality.Modality):
        pass

    class Robust(modality.Real):
        @staticmethod
        def loss(logits, targets, label_smoothing=0.0):
            return ops.abs(logits - targets)

    class Wide(Robust):
        def top(self, body_output):
            return super().top(body_output) * 2

    assert MyPixels(None, 8).name == "my_pixels_modality"
    assert MyPixels.layer_class() is MyPixels
    assert Robust.layer_class() is modality.Real
    assert Wide.layer_class() is Wide
