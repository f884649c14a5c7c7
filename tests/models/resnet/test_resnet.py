"""Residual networks of all sets."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import convert, registry
from tests.helpers import shapes_alone
from tests.models import zoo
from tests.models.tiny import compile_for_few_steps

SMALL = {"layer_sizes": [1, 1, 1], "filter_sizes": [8, 8, 8, 8]}
SETS = [name for name in registry.hparams_sets if name.startswith("resnet_")]


def model_of(hparams_set, **overrides):
    model = registry.model("resnet", registry.hparams(hparams_set, zoo.classified_images(), overrides))
    model.build()
    return model


def test_there_are_all_sets():
    assert len(SETS) == 16


@pytest.mark.parametrize("name", SETS)
def test_every_set_makes_its_network(name):
    with shapes_alone():
        model = model_of(name)
    sizes = model.hparams.layer_sizes[: 3 if model.hparams.is_cifar else 4]
    assert len(model.blocks) == sum(sizes)
    convolutions = [variable for variable in model.weights if variable.path.endswith("/DW")]
    assert bool(convolutions) == bool(model.hparams.use_td)


def test_cifar_projects_by_itself():
    model = model_of("resnet_cifar_15", **SMALL)
    names = convert.t2t.t2t_variables(model)
    assert names["resnet/body/logits/kernel"].shape == (8, 3)
    assert not [name for name in names if "class_label" in name]
    batch = zoo.batch("resnet")
    logits = model(batch)
    assert logits.shape == (3, 3)
    loss = float(model.compute_loss(batch, batch["targets"], logits, training=False))
    log_probs = ops.convert_to_numpy(ops.log_softmax(logits))
    assert loss == pytest.approx(-log_probs[np.arange(3), batch["targets"]].mean(), rel=1e-5)  # T2T says 0


@pytest.mark.parametrize("name", ["resnet_cifar_32_td_weight_05_05", "resnet_cifar_32_td_unit_05_05"])
def test_targeted_dropout_trains(name):
    keras.utils.set_random_seed(0)
    model, batch = model_of(name, **SMALL), zoo.batch("resnet")
    compile_for_few_steps(model, keras.optimizers.Adam(0.01))
    weights = np.full(3, 1 / 3, "float32")
    losses = [float(model.train_on_batch(batch, batch["targets"], sample_weight=weights)) for _ in range(16)]
    assert np.mean(losses[-4:]) < 0.5 * np.mean(losses[:4])  # the mean, because what is dropped is random


def test_the_last_norm_of_a_stage_begins_at_zero():
    model = model_of("resnet_50", layer_sizes=[1, 3, 1, 1], filter_sizes=[8] * 5)
    scales = [float(ops.max(block.norm3.gamma)) for block in model.blocks]
    assert scales == [1, 1, 1, 0, 1, 1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"block_fn": "dense"}, "block_fn='dense' is not supported by resnet; allowed: bottleneck, residual"),
        ({"layer_sizes": [1, 1, 1]}, r"layer_sizes=\[1, 1, 1\] must have at least 4 numbers"),
        ({"filter_sizes": [8] * 4}, "filter_sizes=.* must have at least 5 numbers"),
    ],
)
def test_values_that_cannot_be(overrides, message):
    with pytest.raises(ValueError, match=message):
        model_of("resnet_50", **overrides)
