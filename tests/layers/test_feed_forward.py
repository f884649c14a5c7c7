"""The feed-forward networks against T2T's own values (1e-5), and what they mean."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import feed_forward
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_dense_relu_dense_equals_t2t(golden):
    args, inputs, (expected,), variables = golden_case(golden, "dense_relu_dense")
    layer = feed_forward.DenseReluDense(args["output_size"], args["filter_size"])
    layer.build(inputs["inputs"].shape)
    assign(layer, {f"dense_relu_dense/{key}": value for key, value in variables.items()})  # T2T opens no scope here
    assert_close(layer(inputs["inputs"]), expected)


@pytest.mark.parametrize(("name", "padding"), [("conv_relu_conv_same", "SAME"), ("conv_relu_conv_left", "LEFT")])
def test_conv_relu_conv_equals_t2t(golden, name, padding):
    args, inputs, (expected,), variables = golden_case(golden, name)
    layer = feed_forward.ConvReluConv(
        args["output_size"], args["filter_size"], kernel_size=3, second_kernel_size=3, padding=padding
    )
    layer.build(inputs["inputs"].shape)
    assign(layer, variables)
    assert_close(layer(inputs["inputs"], inputs.get("nonpadding_mask")), expected)


def test_parameter_attention_equals_t2t(golden):
    args, inputs, (expected,), variables = golden_case(golden, "ffn_parameter_attention")
    layer = feed_forward.ParameterAttention(
        args["output_depth"],
        args["memory_rows"],
        args["num_heads"],
        key_size=args["total_key_depth"],
        value_size=args["total_value_depth"],
    )
    layer.build(inputs["x"].shape)
    assign(layer, variables)
    assert_close(layer(inputs["x"]), expected)


def test_memory_efficient_network_norms_its_input():
    layer, x = feed_forward.MemoryEfficientFeedForward(8, 16), normal(2, 5, 8)
    layer.build((None, None, 8))
    for variable in layer.weights:
        variable.assign(normal(*variable.shape))
    f1, f2, scale, bias = (ops.convert_to_numpy(v) for v in (layer.f1, layer.f2, layer.norm.scale, layer.norm.bias))
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * scale + bias
    assert_close(layer(x), np.maximum(normed @ f1[0], 0) @ f2[0], 1e-4)
    assert {variable.path for variable in layer.weights} == {
        *("ffn2/f1", "ffn2/f2"),
        *("ffn2/ffn2/layer_norm_scale", "ffn2/ffn2/layer_norm_bias"),  # T2T: ffn2/layer_norm_scale
    }


OPTIONS = {
    "dense_relu_dense": {"dropout": 0.1},
    "conv_hidden_relu": {},
    "conv_hidden_relu_memory_efficient": {},
    "conv_relu_conv": {"dropout": 0.1},
    "parameter_attention": {"num_heads": 2},
    "sepconv_relu_sepconv": {"kernel_size": 3, "second_kernel_size": 5, "padding": "LEFT"},
    "local_moe": {"num_experts": 4, "k": 2},
    "local_moe_tpu": {"num_experts": 4},
    "none": {},
}


def make(name, **options):
    sizes = {} if name == "none" else {"hidden_size": 8, "filter_size": 16}
    layer = feed_forward.FEED_FORWARD[name](**sizes, **OPTIONS[name], **options).make()
    layer.build((None, None, 8))
    return layer


def test_every_network_is_tried_here():
    assert set(OPTIONS) == set(feed_forward.FEED_FORWARD)


@pytest.mark.parametrize("name", OPTIONS)
def test_network_is_a_keras_layer_that_keeps_the_shape(name):
    x = normal(2, 5, 8)
    known = (5,) if name == "local_moe_tpu" else ()  # an expert's capacity depends on the length
    assert run_layer_test(make(name), x, known_lengths=known).shape == x.shape


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"local_moe_tpu"}))  # where a position crowds out later ones
def test_steps_equal_the_whole_sequence(name):
    layer, x = make(name), normal(2, 6, 8)
    cache = layer.init_cache(2)
    for i in range(6):
        y, cache = layer.step(ops.convert_to_tensor(x[:, i : i + 1]), cache)
        assert_close(y[:, 0], layer(x)[:, i])


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"local_moe_tpu"}))  # where all first choices go before seconds
def test_no_position_sees_a_later_one(name):
    layer, x = make(name), normal(2, 6, 8)
    changed = x.copy()
    changed[:, 4:] += 1.0
    assert_close(layer(x)[:, :4], layer(changed)[:, :4])


def test_padding_does_not_leak_into_a_same_convolution():
    layer, x = make("conv_relu_conv", padding="SAME"), normal(1, 6, 8)
    nonpadding = np.array([[1, 1, 1, 1, 0, 0]], "float32")
    changed = x.copy()
    changed[:, 4:] += 1.0
    assert_close(layer(x, nonpadding)[:, :4], layer(changed, nonpadding)[:, :4])


def test_dropout_mask_is_shared_along_broadcast_dims():
    layer = feed_forward.DenseReluDense(32, 32, dropout=0.5, dropout_broadcast_dims=(1,))
    layer.build((None, None, 32))
    layer.conv1.bias.assign(np.ones(32))
    layer.conv2.kernel.assign(np.eye(32))
    y = ops.convert_to_numpy(layer(np.zeros((2, 6, 32), "float32"), training=True))
    assert set(np.unique(y)) == {0.0, 2.0}
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))


def test_even_kernels_have_no_middle():
    with pytest.raises(ValueError, match="padding='SAME' with kernel_size=4"):
        feed_forward.ConvReluConv(8, 16, kernel_size=4, padding="SAME")
