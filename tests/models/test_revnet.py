"""RevNet: gradients without kept activations are those of the plain network."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert.t2t import t2t_variables
from tensor2keras.layers.reversible import ReversibleBlock
from tests.gradients import gradients
from tests.helpers import fewer_on_jax
from tests.models import zoo


def model_of(**overrides):
    small = {"num_channels_init_block": 8, "num_channels": [4, 8], "num_layers_per_block": [2, 1]}
    hparams = registry.hparams("revnet_164_cifar", zoo.classified_images(), {**small, **overrides})
    model = registry.model("revnet", hparams)
    model.build()
    return model


def plain_call(block, x1, x2, training=False):
    for f, g in zip(block.functions[::2], block.functions[1::2], strict=True):
        x1 = x1 + f(x2, training=training)
        x2 = x2 + g(x1, training=training)
    return x1, x2


@pytest.mark.parametrize("block", fewer_on_jax(["bottleneck", "residual"], ["residual"]))
def test_gradients_and_moving_averages_are_those_of_the_plain_network(block, monkeypatch):
    model, batch = model_of(bottleneck=block == "bottleneck"), zoo.batch("revnet")
    start = model.get_weights()

    def loss():
        logits = model({"inputs": batch["inputs"] / 255.0}, training=True)
        return ops.sum(logits * ops.convert_to_tensor([1.0, -2.0, 3.0]))

    def run():
        model.set_weights(start)
        found = gradients(loss, model.trainable_variables)
        loss()  # on JAX what a gradient changes is lost
        return found, model.get_weights()

    reversible, moved = run()
    monkeypatch.setattr(ReversibleBlock, "call", plain_call)
    plain, expected = run()
    largest = max(np.abs(gradient).max() for gradient in plain)
    for variable, one, other in zip(model.trainable_variables, reversible, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-4 * largest, err_msg=variable.path)
    for one, other in zip(moved, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_bottlenecks_have_t2ts_scopes():
    names = t2t_variables(model_of())
    prefix = "revnet/body/RevNet/unit_0"
    assert names[f"{prefix}/downsampling/x1/h/conv2d/kernel"].shape == (1, 1, 4, 16)
    assert names[f"{prefix}/full_block/revblock/revlayer_1/g/f/conv2d_2/kernel"].shape == (1, 1, 4, 16)
    assert f"{prefix}/downsampling/x1/f/batch_normalization_2/gamma" not in names  # no norm before the first
    assert f"{prefix}/downsampling/x2/f/batch_normalization_2/gamma" in names


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"dim": "3d"}, "dim='3d' is not supported by revnet; allowed: 2d"),
        ({"strides": [1]}, r"strides=\[1\] must have 2 values"),
        ({"bottleneck": False, "num_channels": [7, 8]}, "unit_0: 7 channels must be 4 and an even number more"),
    ],
)
def test_values_that_cannot_be(overrides, message):
    with pytest.raises(ValueError, match=message):
        model_of(**overrides)
