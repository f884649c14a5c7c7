"""What every optimizer of the package does: any backend, saving, clipping, weight decay, noise, names."""

import keras
import numpy as np
import pytest

from tensor2keras import optimizers, registry
from tensor2keras.hparams import HParams
from tensor2keras.models.common_hparams import basic_params1

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


def hparams_with(**overrides) -> HParams:
    """basic_1 with nothing that changes gradients, at a constant learning rate of 0.01."""
    hparams = basic_params1()
    quiet = {"clip_grad_norm": 0.0, "weight_decay": 0.0, "learning_rate_schedule": "constant"}
    return hparams.override({**quiet, "learning_rate_constant": 0.01, **overrides})


def variables_of(*values) -> list[keras.Variable]:
    return [keras.Variable(np.asarray(value, "float32"), name=f"variable_{i}") for i, value in enumerate(values)]


def updates(optimizer, variables, gradients) -> list[np.ndarray]:
    """How much one step changes each variable."""
    before = [np.array(variable.numpy()) for variable in variables]
    if not optimizer.built:
        optimizer.build(variables)
    optimizer.apply([keras.ops.convert_to_tensor(np.asarray(gradient, "float32")) for gradient in gradients])
    return [np.array(variable.numpy()) - value for variable, value in zip(variables, before, strict=True)]


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


def test_adafactor_keeps_rows_and_columns_only():
    optimizer = optimizers.Adafactor()
    optimizer.build(variables_of(np.zeros((300, 200)), np.zeros((5, 30, 20)), np.zeros(7)))
    sizes = [tuple(variable.shape) for variable in optimizer.variables[1:]]
    assert sizes == [(300,), (200,), (5, 30), (5, 20), (7,)]


def test_amsgrad_does_not_forget_a_large_gradient():
    large_then_small = [[100.0]] + [[1.0]] * 30
    lengths = {}
    for name in ("adam", "amsgrad"):
        optimizer = optimizers.from_hparams(hparams_with(optimizer=name, optimizer_adam_beta2=0.5))
        variables = variables_of([0.0])
        lengths[name] = [abs(updates(optimizer, variables, [gradient])[0][0]) for gradient in large_then_small][-1]
    assert lengths["amsgrad"] < 0.1 * lengths["adam"]


def test_clipping_takes_the_norm_of_all_gradients_with_weight_decay():
    """SGD at rate 0.01 moves by 0.01 * gradient: here gradient + 0.5 * variable, clipped to norm 1."""
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", clip_grad_norm=1.0, weight_decay=0.5))
    moved = updates(optimizer, variables_of([[2.0]], [[0.0]]), [[[2.0]], [[4.0]]])
    np.testing.assert_allclose(moved, [[[-0.01 * 3 / 5]], [[-0.01 * 4 / 5]]], rtol=1e-4)


def test_weight_decay_spares_biases():
    weight, bias = keras.Variable(np.ones((2,), "float32"), name="scale"), keras.Variable(np.ones((2,)), name="bias")
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", weight_decay=0.5))
    moved = updates(optimizer, [weight, bias], [np.zeros(2), np.zeros(2)])
    np.testing.assert_allclose(moved, [[-0.005, -0.005], [0.0, 0.0]], rtol=1e-4)


def test_gradient_noise_has_the_asked_scale_and_changes_every_step():
    optimizer = optimizers.from_hparams(hparams_with(optimizer="sgd", grad_noise_scale=2.0))
    variables, gradient = variables_of(np.zeros((100, 100))), [np.zeros((100, 100))]
    first, second = updates(optimizer, variables, gradient)[0], updates(optimizer, variables, gradient)[0]
    assert abs(first).max() <= 0.01 * 2.0 * 2.0 + 1e-6  # truncated at two standard deviations
    assert 0.8 < first.std() / (0.01 * 2.0) < 1.0
    assert np.abs(first - second).max() > 0.01


def test_a_users_optimizer_is_clipped_but_refuses_weight_decay():
    @registry.register_optimizer("a_users_lion")
    def lion(learning_rate, hparams):
        return keras.optimizers.Lion(learning_rate)

    assert optimizers.from_hparams(hparams_with(optimizer="a_users_lion", clip_grad_norm=3.0)).global_clipnorm == 3.0
    with pytest.raises(ValueError, match=r"'a_users_lion' cannot apply l2=0.1: derive Lion from"):
        optimizers.from_hparams(hparams_with(optimizer="a_users_lion", weight_decay=0.1))


def test_unknown_adafactor_decay_type_lists_the_known():
    with pytest.raises(ValueError, match="unknown decay_type 'exp'; known: pow, adam"):
        optimizers.from_hparams(hparams_with(optimizer="adafactor", optimizer_adafactor_decay_type="exp"))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="sparse gradients are TensorFlow's")
def test_sparse_gradients_equal_dense_ones():
    import tensorflow as tf

    dense = np.zeros((5, 2), "float32")
    dense[1], dense[3] = 3.0, 1.0
    sparse = tf.IndexedSlices(tf.constant([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]]), tf.constant([1, 3, 1]), (5, 2))
    for name in ("adafactor", "adam"):
        optimizer, twin = (optimizers.from_hparams(hparams_with(optimizer=name, weight_decay=0.1)) for _ in range(2))
        variables, twins = variables_of(np.ones((5, 2))), variables_of(np.ones((5, 2)))
        optimizer.build(variables)
        optimizer.apply([sparse])
        updates(twin, twins, [dense])
        np.testing.assert_array_equal(variables[0].numpy(), twins[0].numpy())
