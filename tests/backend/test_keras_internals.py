"""Keras still has the private parts that `backend/keras_internals.py` uses, and they do what they are used for."""

import importlib
import inspect

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import backend


def the(path):
    """The object at a path such as "keras.optimizers.Optimizer"."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        ("keras.optimizers.Optimizer", "_backend_apply_gradients", ["self", "grads", "trainable_variables"]),
        (
            "keras.optimizers.Optimizer",
            "_backend_update_step",
            ["self", "grads", "trainable_variables", "learning_rate"],
        ),
        ("keras.optimizers.Optimizer", "_get_variable_index", ["self", "variable"]),
        ("keras.Model", "_flatten_layers", ["self", "include_self", "recursive"]),
        ("keras.src.backend.tensorflow.optimizer.TFOptimizer", "_all_reduce_sum_gradients", ["self", "grads_and_vars"]),
        ("keras.src.backend.jax.trainer.JAXTrainer", "jax_state_sync", ["self"]),
    ],
)
def test_keras_has_the_private_parts_that_are_used(owner, name, parameters):
    pytest.importorskip(next((b for b in ("tensorflow", "jax") if f".{b}." in owner), "keras"))
    where = f"Keras {keras.__version__}: {owner}.{name}"
    hint = "see tensor2keras/backend/keras_internals.py"
    assert hasattr(the(owner), name), f"{where} is gone; {hint}"
    found = list(inspect.signature(getattr(the(owner), name)).parameters)
    assert found == parameters, f"{where} takes {found}, not {parameters}; {hint}"


class Recorder(backend.OptimizerHooks, keras.optimizers.SGD):
    """Gradient descent that writes down when its hooks are called, and halves gradients."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def prepare_gradients(self, grads, variables):
        self.calls.append(("prepare", [float(g[0]) for g in grads], [self.variable_index(v) for v in variables]))
        return [gradient / 2 for gradient in grads]

    def update_step(self, gradient, variable, learning_rate):
        self.calls.append(("update", float(gradient[0]), self.variable_index(variable)))
        super().update_step(gradient, variable, learning_rate)

    def after_update_step(self, grads, variables, learning_rate):
        self.calls.append(("after", [float(g[0]) for g in grads], float(learning_rate)))


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch's SGD updates all variables in one call")
def test_the_hooks_come_before_clipping_and_after_the_update():
    variables = [keras.Variable([1.0]), keras.Variable([2.0])]
    optimizer = Recorder(learning_rate=0.5, clipvalue=3.0)
    optimizer.build(variables)
    optimizer.apply([ops.convert_to_tensor([4.0]), ops.convert_to_tensor([8.0])])
    assert optimizer.calls == [
        ("prepare", [4.0, 8.0], [0, 1]),
        ("update", 2.0, 0),
        ("update", 3.0, 1),  # half of 8, clipped
        ("after", [2.0, 3.0], 0.5),
    ]
    assert [float(variable.value[0]) for variable in variables] == [0.0, 0.5]


def test_the_moments_of_adam_are_told_apart():
    variables = [keras.Variable([1.0, 2.0]), keras.Variable([3.0])]
    optimizer = keras.optimizers.Adam(beta_1=0.5, beta_2=0.75)
    optimizer.build(variables)
    optimizer.apply([ops.convert_to_tensor([4.0, 8.0]), ops.convert_to_tensor([2.0])])
    first, second = (ops.convert_to_numpy(slot) for slot in backend.adam_moments(optimizer, 0))
    np.testing.assert_allclose(first, [2.0, 4.0], rtol=1e-6)  # (1 - beta_1) gradient
    np.testing.assert_allclose(second, [4.0, 16.0], rtol=1e-6)  # (1 - beta_2) gradient ** 2
    first, second = (ops.convert_to_numpy(slot) for slot in backend.adam_moments(optimizer, 1))
    np.testing.assert_allclose([first, second], [[1.0], [1.0]], rtol=1e-6)


def test_variables_are_up_to_date_inside_fit():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    kernels = []

    def record(batch, logs):
        backend.sync_variables(model)
        kernels.append(float(ops.convert_to_numpy(model.layers[0].kernel)[0, 0]))

    x = np.ones((2, 1), "float32")
    model.fit(x, 0 * x, batch_size=1, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=record)])
    assert kernels == [-1.0, 1.0]  # the gradient is twice the kernel
