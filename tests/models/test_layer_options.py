"""Arguments of layers from hparams: every allowed name makes a layer."""

import numpy as np
import pytest

from tensor2keras.models import layer_options
from tests.models.tiny import tiny_hparams

X = np.random.default_rng(0).normal(size=(2, 4, 16)).astype("float32")


@pytest.mark.parametrize("name", sorted(layer_options.FEED_FORWARD))
def test_every_feed_forward_network(name):
    hparams = tiny_hparams(ffn_layer=name, moe_num_experts=2)
    layer = layer_options.feed_forward_options(hparams, "glorot_uniform", "LEFT").make()
    layer.build(X.shape)
    y = np.array(layer(X))
    assert y.shape == X.shape
    assert np.array_equal(y, X) == (name == "none")


def test_the_older_name_of_the_dense_network_means_the_same():
    options = [
        layer_options.feed_forward_options(tiny_hparams(ffn_layer=name), "glorot_uniform", "LEFT")
        for name in ("conv_hidden_relu", "dense_relu_dense")
    ]
    assert options[0] == options[1]


@pytest.mark.parametrize("name", layer_options.ALLOWED["self_attention_type"])
def test_every_type_of_self_attention(name):
    hparams = tiny_hparams(self_attention_type=name, max_relative_position=3)
    layer = layer_options.self_attention_options(hparams, "glorot_uniform").make()
    layer.build(X.shape)
    assert layer.attention_type == name
    assert np.all(np.isfinite(np.array(layer(X))))


def test_steps_around_sublayers():
    hparams = tiny_hparams(
        layer_preprocess_sequence="n",
        layer_postprocess_sequence="da",
        layer_prepostprocess_dropout_broadcast_dims="0,1",
        norm_type="l2",
    )
    options = layer_options.residual_options(hparams)
    before, after = options.before(), options.after()
    assert (before.sequence, before.norm_type, before.broadcast_dims) == ("n", "l2", (0, 1))
    after.build(X.shape)
    np.testing.assert_allclose(np.array(after(X, X)), 2 * X)


def test_the_first_layers_attend_to_areas():
    hparams = tiny_hparams(num_area_layers=1, max_area_width=2, area_key_mode="mean", area_value_mode="sum")
    options = layer_options.self_attention_options(hparams, "glorot_uniform")
    kinds = [each.attention_type for each in layer_options.attend_to_areas(hparams, options, num_layers=3)]
    assert kinds == ["dot_product_area", "dot_product", "dot_product"]
    assert layer_options.attend_to_areas(tiny_hparams(), options, num_layers=3) == options
