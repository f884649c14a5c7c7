"""Shake-Shake: noise drawn apart for both directions and each image, averages in evaluation."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.models.shake_shake import ShakeBlock, shake
from tests.gradients import gradients
from tests.models import zoo

IMAGES = np.random.default_rng(0).normal(size=(3, 4, 4, 8)).astype("float32")


def block(filters=8, **options):
    layer = ShakeBlock(filters, **options)
    layer.build((None, None, None, 8))
    return layer


def test_shake_goes_forward_by_one_weight_and_back_by_the_other():
    x = keras.Variable([2.0, 3.0])
    forward, backward = ops.convert_to_tensor([0.25, 0.5]), ops.convert_to_tensor([0.75, 0.1])
    np.testing.assert_allclose(ops.convert_to_numpy(shake(ops.convert_to_tensor(x), forward, backward)), [0.5, 1.5])
    (found,) = gradients(lambda: ops.sum(shake(ops.convert_to_tensor(x), forward, backward)), [x])
    np.testing.assert_allclose(found, [0.75, 0.1], rtol=1e-6)


def test_the_gradient_in_training_uses_the_backward_draw_and_the_output_the_forward_draw():
    layer = block()
    drawn = [ops.convert_to_numpy(weights) for weights in layer.mixing_weights(3)]
    layer.mixing_weights = lambda batch_size: tuple(map(ops.convert_to_tensor, drawn))
    last = [branch.bn2.beta for branch in layer.branches]  # added to each branch's output as it is
    upstream = np.random.default_rng(1).normal(size=IMAGES.shape).astype("float32")
    found = gradients(lambda: ops.sum(layer(IMAGES, training=True) * ops.convert_to_tensor(upstream)), last)
    for i, gradient in enumerate(found):
        expected = (drawn[1][i] * upstream).sum(axis=(0, 1, 2))
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
        assert np.abs(gradient - (drawn[0][i] * upstream).sum(axis=(0, 1, 2))).max() > 1e-2

    branches = [ops.convert_to_numpy(branch(IMAGES, training=True)) for branch in layer.branches]
    expected = IMAGES + sum(weight * output for weight, output in zip(drawn[0], branches, strict=True))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(IMAGES, training=True)), expected, rtol=1e-4, atol=1e-5)


def test_weights_are_drawn_for_each_image_and_direction_and_sum_to_one_over_branches():
    layer = block(num_branches=3)
    forward, backward = (ops.convert_to_numpy(weights) for weights in layer.mixing_weights(50))
    assert forward.shape == backward.shape == (3, 50, 1, 1, 1)
    np.testing.assert_allclose(forward.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(backward.sum(axis=0), 1, rtol=1e-5)
    assert len(np.unique(forward)) == len(np.unique(backward)) == 150
    assert abs(np.corrcoef(forward[0].ravel(), backward[0].ravel())[0, 1]) < 0.4


def test_evaluation_averages_the_branches():
    layer = block()
    branches = [ops.convert_to_numpy(branch(IMAGES)) for branch in layer.branches]
    np.testing.assert_allclose(ops.convert_to_numpy(layer(IMAGES)), IMAGES + sum(branches) / 2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("concat", [False, True])
def test_other_sizes(concat):
    layer = block(16, stride=2, concat=concat)
    found = ops.convert_to_numpy(layer(IMAGES))
    assert found.shape == (3, 2, 2, 16)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(IMAGES[1:2]))[0], found[1], rtol=1e-4, atol=1e-5)
    assert np.abs(ops.convert_to_numpy(layer(IMAGES[:, ::-1])) - found).max() > 1e-3


def test_the_path_of_other_channels_sees_pixels_and_their_neighbours():
    layer = block(2, stride=2)
    for path in (layer.path1, layer.path2):
        path.kernel.assign(np.ones(path.kernel.shape))
    image = np.zeros((1, 4, 4, 8), "float32")
    image[0, :, :, 0] = np.arange(16).reshape(4, 4)
    found = ops.convert_to_numpy(layer.path(image, training=False))[0] * np.sqrt(1.001)  # the norm's epsilon
    np.testing.assert_allclose(found[..., 0], [[0, 2], [8, 10]], rtol=1e-4)
    np.testing.assert_allclose(found[..., 1], [[5, 7], [13, 15]], rtol=1e-4)


def test_two_names_of_the_big_set():
    assert registry.hparams("shake_shake_big") == registry.hparams("shakeshake_big")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [({"num_hidden_layers": 9}, "num_hidden_layers=9"), ({"hidden_size": 24}, "hidden_size=24 must be a multiple")],
)
def test_sizes_that_do_not_divide(overrides, message):
    with pytest.raises(ValueError, match=message):
        registry.model("shake_shake", registry.hparams("shakeshake_small", zoo.classified_images(), overrides))


def test_text_targets_are_refused():
    problem = zoo.classified_images()
    problem["features"]["targets"] = {"modality": "symbol", "vocab_size": 9}
    with pytest.raises(ValueError, match="needs targets of modality class_label"):
        registry.model("shake_shake", registry.hparams("shakeshake_small", problem))


def test_the_body_alone():
    hparams = registry.hparams("shakeshake_small", overrides={"hidden_size": 16, "num_hidden_layers": 8})
    model = registry.model("shake_shake", hparams)
    outputs = ops.convert_to_numpy(model({"inputs": IMAGES}))
    assert outputs.shape == (3, 1, 1, 64)  # the mean over positions of what comes after a ReLU
    assert outputs.min() >= 0
    assert outputs.max() > 0
    np.testing.assert_allclose(ops.convert_to_numpy(model({"inputs": IMAGES[1:2]}))[0], outputs[1], rtol=1e-4)


def test_moving_averages_follow_the_batches():
    model, batch = zoo.make("shake_shake"), zoo.batch("shake_shake")
    norm = model.init_bn
    before = ops.convert_to_numpy(norm.moving_mean)
    outputs = ops.convert_to_numpy(model.init_conv(ops.cast(batch["inputs"], "float32")))
    model(batch, training=True)
    mean, variance = outputs.mean(axis=(0, 1, 2)), outputs.var(axis=(0, 1, 2), ddof=1)
    np.testing.assert_allclose(ops.convert_to_numpy(norm.moving_mean), 0.99 * before + 0.01 * mean, rtol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(norm.moving_variance), 0.99 + 0.01 * variance, rtol=1e-4)
