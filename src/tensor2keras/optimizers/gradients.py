"""Regularisation, noise and clipping of gradients as in T2T (`utils/optimize.py`), on any number of replicas."""

import inspect
from typing import Any

import keras
from keras import ops

from tensor2keras.backend import OptimizerHooks
from tensor2keras.types import Tensor


class GradientTransforms(OptimizerHooks):
    """Mixin that adds L2 regularisation and noise to an optimizer, and clips after the sum over replicas.

    It precedes a `keras.optimizers.Optimizer` among a class's bases. In this order: sparse gradients are made
    dense, gradients are summed over replicas, L2 regularisation and noise are added, and the sum is clipped
    (`clipnorm`, `global_clipnorm` or `clipvalue`).

    The config of a subclass holds the arguments of its constructor that are also attributes.

    Args:
        *args, **kwargs: arguments of the optimizer.
        l2: adds the gradient of l2 / 2 * sum(variable ** 2) over all variables but biases (T2T's `weight_decay`).
        gradient_noise: standard deviation of the normal noise added to each gradient, truncated at two of them.
        weight_noise: noise of scale 0.001 * weight_noise * learning rate is added to the variables of a model's body
            after each update. One device only.

    Example:
        >>> class Lion(GradientTransforms, keras.optimizers.Lion):
        ...     pass
        >>> optimizer = Lion(1e-4, l2=1e-6, global_clipnorm=1.0)
    """

    def __init__(
        self, *args: Any, l2: float = 0.0, gradient_noise: float = 0.0, weight_noise: float = 0.0, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self.l2 = l2
        self.gradient_noise = gradient_noise
        self.weight_noise = weight_noise
        self._noise_seed = None

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable("tensor2keras")(cls)  # for `.keras` files

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        if self.gradient_noise or self.weight_noise:
            self._noise_seed = keras.random.SeedGenerator()
            self._noise_state = self._noise_seed.state  # as an attribute it is one of the optimizer's variables
        super().build(variables)

    def prepare_gradients(self, grads: list[Tensor], variables: list[keras.Variable]) -> list[Tensor]:
        if self.l2:
            grads = [
                gradient if _is_bias(variable) else gradient + self.l2 * ops.cast(variable, gradient.dtype)
                for gradient, variable in zip(grads, variables, strict=True)
            ]
        if self.gradient_noise:
            grads = [gradient + self.gradient_noise * self._noise_like(gradient) for gradient in grads]
        return grads

    def after_update_step(self, grads: list[Tensor], variables: list[keras.Variable], learning_rate: Tensor) -> None:
        if self.weight_noise:
            scale = 0.001 * self.weight_noise * learning_rate
            for variable in variables:
                if "/body/" in variable.path:
                    self.assign_add(variable, ops.cast(scale, variable.dtype) * self._noise_like(variable))

    def _noise_like(self, tensor: Tensor) -> Tensor:
        return keras.random.truncated_normal(tensor.shape, dtype=tensor.dtype, seed=self._noise_seed)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for base in type(self).__mro__:
            if issubclass(base, GradientTransforms):
                names = [name for name in inspect.signature(base.__init__).parameters if hasattr(self, name)]
                config |= {name: getattr(self, name) for name in names if name not in config}
        return config


def _is_bias(variable: keras.Variable) -> bool:
    return len(variable.shape) == 1 and variable.name.partition(":")[0].endswith("bias")


class SGD(GradientTransforms, keras.optimizers.SGD):
    """Gradient descent, with or without momentum."""


class Adagrad(GradientTransforms, keras.optimizers.Adagrad):
    """Keras's Adagrad."""


class RMSprop(GradientTransforms, keras.optimizers.RMSprop):
    """Keras's RMSprop."""


class Ftrl(GradientTransforms, keras.optimizers.Ftrl):
    """Keras's Ftrl."""
