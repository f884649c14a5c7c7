"""Optimizers by T2T's names: every one trains, is saved and goes on, in mixed precision too."""

import keras
import numpy as np
import pytest

from tensor2keras import optimizers, registry
from tests.optimizers.steps import hparams_with, updates, variables_of

NAMES = [
    "adafactor",
    "adagrad",
    "adam",
    "adam_w",
    "amsgrad",
    "ftrl",
    "momentum",
    "multistep_adam",
    "rms_prop",
    "sgd",
    "true_adam",
    "yellow_fin",
]


def test_the_registry_holds_t2ts_names():
    assert set(NAMES) <= set(registry.optimizers)


@pytest.mark.parametrize("name", ["Adafactor", "Momentum", "Adam", "Adagrad", "Ftrl", "RMSProp", "SGD"])
def test_old_spellings_work(name):
    assert isinstance(optimizers.from_hparams(hparams_with(optimizer=name)), keras.optimizers.Optimizer)


def test_an_unknown_name_is_an_error_with_the_closest():
    with pytest.raises(KeyError, match=r"unknown optimizer 'adafacter'; did you mean adafactor"):
        optimizers.from_hparams(hparams_with(optimizer="adafacter"))


@pytest.mark.parametrize("name", NAMES)
def test_config_round_trip_continues_the_same_updates(name):
    optimizer = optimizers.from_hparams(hparams_with(optimizer=name, weight_decay=0.1, clip_grad_norm=1.0))
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(copy) is type(optimizer)
    assert copy.get_config() == optimizer.get_config()
    start, gradient = np.ones((4, 3)), np.linspace(-1, 1, 12).reshape(4, 3)
    variables, copied = variables_of(start), variables_of(start)
    updates(optimizer, variables, [gradient])
    copy.build(copied)
    copied[0].assign(variables[0])
    copy.set_weights([variable.numpy() for variable in optimizer.variables])
    np.testing.assert_array_equal(updates(copy, copied, [gradient])[0], updates(optimizer, variables, [gradient])[0])


@pytest.mark.parametrize("name", NAMES)
def test_fit_lowers_the_loss_and_a_keras_file_keeps_the_optimizer(name, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8)).astype("float32")
    y = x @ rng.normal(size=(8, 1)).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(optimizers.from_hparams(hparams_with(optimizer=name, learning_rate_constant=0.02)), "mse")
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=5, batch_size=16, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is type(model.optimizer)
    for got, wanted in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(got.numpy(), wanted.numpy())


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", ["adafactor", "adam", "multistep_adam"])
def test_mixed_precision_and_moving_averages(name, policy):
    optimizer = optimizers.from_hparams(hparams_with(optimizer=name))
    optimizer = type(optimizer).from_config({**optimizer.get_config(), "use_ema": True})
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, dtype=policy), keras.layers.Dense(1)])
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=8.0)
    model.compile(optimizer, "mse")
    x, y = np.ones((16, 8), "float32"), np.ones((16, 1), "float32")
    losses = model.fit(x, y, epochs=4, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_a_users_optimizer_is_clipped_but_refuses_weight_decay():
    @registry.register_optimizer("a_users_lion")
    def lion(learning_rate, hparams):
        return keras.optimizers.Lion(learning_rate)

    assert optimizers.from_hparams(hparams_with(optimizer="a_users_lion", clip_grad_norm=3.0)).global_clipnorm == 3.0
    with pytest.raises(ValueError, match=r"'a_users_lion' cannot apply l2=0.1: derive Lion from"):
        optimizers.from_hparams(hparams_with(optimizer="a_users_lion", weight_decay=0.1))
