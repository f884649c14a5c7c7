"""`infer` of models of images: completion, seeds, and settings that are refused."""

import numpy as np
import pytest

from tensor2keras.decoding import images
from tests.models import tiny_images


@pytest.fixture(scope="module")
def model():  # drawn from in batches of three: one compiled loop
    return tiny_images.tiny_image_model()


def draw(model, features, **kwargs):
    return images.infer(model, features, jit_compile=False, **{"sampling_method": "random", "seed": 3, **kwargs})


def test_rows_that_are_given_stay_and_cost_nothing(model):
    features = tiny_images.image_features()
    whole = draw(model, {"inputs": features["inputs"], "partial_targets": features["targets"]})
    np.testing.assert_array_equal(whole["outputs"], features["targets"])
    np.testing.assert_array_equal(np.asarray(whole["scores"]), 0.0)
    half = draw(model, {"inputs": features["inputs"], "partial_targets": features["targets"][:, :2]})
    np.testing.assert_array_equal(half["outputs"][:, :2], features["targets"][:, :2])
    assert (half["outputs"][:, 2:] != features["targets"][:, 2:]).any()
    assert (np.asarray(half["scores"]) < 0).all()


def test_scores_are_the_log_probabilities_of_the_drawn_values(model):
    labels = np.array([0, 3, 1], "int32")
    found = draw(model, {"inputs": labels})
    logits = np.asarray(model({"inputs": labels, "targets": found["outputs"]}), "float64")
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    values = log_probs.reshape(3, -1, 256)[:, range(4 * 4 * 3), found["outputs"].reshape(3, -1)]
    expected = [values[i, i].sum() for i in range(3)]
    np.testing.assert_allclose(np.asarray(found["scores"]), expected, rtol=1e-4)


def test_equal_seeds_draw_equal_images(model):
    features = {"inputs": np.array([1, 2, 3], "int32")}
    first, again, other = (draw(model, features, seed=seed)["outputs"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("features", "settings", "message"),
    [
        ({}, {}, r"features\['inputs'\] is missing"),
        ({"inputs": [0]}, {"top_p": 2.0}, "top_p=2.0"),
        ({"inputs": [0], "partial_targets": np.zeros((1, 5, 4, 3))}, {}, "must be the upper rows of images"),
    ],
)
def test_features_and_settings_that_do_not_fit_are_refused(model, features, settings, message):
    with pytest.raises(ValueError, match=message):
        draw(model, features, **settings)
