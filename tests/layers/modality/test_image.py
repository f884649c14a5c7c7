"""Modalities of images: which positions and variables they make of pixels."""

import numpy as np
from keras import ops

from tensor2keras import registry
from tensor2keras.layers import logistic_mixture
from tensor2keras.layers.modality import image

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype("int32")


def built(kind, vocab_size=256, **options):
    layer = kind(vocab_size, 8, **options)
    layer.build()
    return layer


def test_image_inputs_are_numbers_and_tops_have_a_softmax_a_channel():
    layer = built(image.Image, roles=("inputs", "top"))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.bottom(PIXELS)), PIXELS)
    assert {v.path for v in layer.variables} == {
        f"image_modality/rgb_softmax/dense/{part}" for part in ("kernel", "bias")
    }
    body = np.random.default_rng(1).normal(size=(2, 3, 4, 8)).astype("float32")
    expected = (body @ ops.convert_to_numpy(layer.dense.kernel)).reshape(2, 3, 4, 3, 256)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.top(body)), expected, rtol=1e-4, atol=1e-5)


def test_image_targets_merge_the_embeddings_of_a_pixels_channels():
    layer = built(image.Image, roles=("targets",))
    table = ops.convert_to_numpy(layer.pixel_embedding)
    expected = table[PIXELS].reshape(2, 3, 4, -1) @ ops.convert_to_numpy(layer.merge.kernel)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.targets_bottom(PIXELS)), expected, rtol=1e-4, atol=1e-5)


def test_channel_embeddings_make_a_position_of_each_channel():
    layer = built(image.ImageChannelEmbeddings)
    embedded = ops.convert_to_numpy(layer.bottom(PIXELS))
    assert embedded.shape == (2, 3, 12, 8)
    rows = ops.convert_to_numpy(layer.embed.rows)
    blue = rows[PIXELS[1, 2, 3, 2] + 2 * 256] * 8**0.5
    np.testing.assert_allclose(embedded[1, 2, 11], blue, rtol=1e-5)


def test_channel_compress_makes_a_position_of_each_pixel():
    layer = built(registry.modality("image_channel_compress_targets_bottom"), roles=("targets",))
    kernel = ops.convert_to_numpy(layer.target_projection.convolution.kernel).reshape(3, 8)
    expected = np.maximum((PIXELS / 127.5 - 1) @ kernel, 0)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.targets_bottom(PIXELS)), expected, rtol=1e-4, atol=1e-5)
    assert registry.modality("image_channel_bottom_identity") is image.ImageChannelCompress


def test_the_loss_of_mixtures_has_a_name():
    assert registry.modality("dmol").loss is logistic_mixture.loss
    assert registry.modality("dmol").layer_class() is image.ImageChannelCompress
