"""What T2T does to gradients on their way to an optimizer (`utils/optimize.py`), on any number of replicas."""

from typing import Any

import keras
from keras import ops


class GradientTransforms:
    """Comes before a `keras.optimizers.Optimizer` among a class's bases and prepares its gradients.

    In this order: sparse gradients are made dense, gradients are summed over replicas, L2 regularisation and noise are
    added, and the sum is clipped (`clipnorm`, `global_clipnorm` or `clipvalue`). Keras itself clips each replica's
    gradient before the sum, so that the result would depend on the number of replicas.

    Args:
        *args, **kwargs: the optimizer's own.
        l2: adds the gradient of l2 / 2 * sum(variable ** 2) over all variables but biases (T2T's `weight_decay`).
        gradient_noise: standard deviation of the noise added to each gradient, truncated at two of them.
        weight_noise: noise of scale 0.001 * weight_noise * learning rate added to the variables of a model's body after
            each update. One device only.

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

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        if self.gradient_noise or self.weight_noise:
            self._noise_seed = keras.random.SeedGenerator()
            self._track_variable(self._noise_seed.state)
        super().build(variables)

    def _backend_apply_gradients(self, grads: list[Any], trainable_variables: list[Any]) -> None:
        grads = [ops.convert_to_tensor(gradient) for gradient in grads]
        sum_over_replicas = getattr(super(), "_all_reduce_sum_gradients", None)  # TensorFlow's backend has it
        if sum_over_replicas:
            grads = [gradient for gradient, _ in sum_over_replicas(list(zip(grads, trainable_variables, strict=True)))]
        if self.l2:
            grads = [
                gradient if _is_bias(variable) else gradient + self.l2 * ops.cast(variable, gradient.dtype)
                for gradient, variable in zip(grads, trainable_variables, strict=True)
            ]
        if self.gradient_noise:
            grads = [gradient + self.gradient_noise * self._noise_like(gradient) for gradient in grads]
        super()._backend_apply_gradients(grads, trainable_variables)  # clips, then updates
        if self.weight_noise:
            scale = 0.001 * self.weight_noise * self.learning_rate
            for variable in trainable_variables:
                if "/body/" in variable.path:
                    self.assign_add(variable, ops.cast(scale, variable.dtype) * self._noise_like(variable))

    def _all_reduce_sum_gradients(self, grads_and_vars: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """Nothing: called by Keras after clipping, when the gradients are summed already."""
        return grads_and_vars

    def _noise_like(self, tensor: Any) -> Any:
        return keras.random.truncated_normal(tensor.shape, dtype=tensor.dtype, seed=self._noise_seed)

    def get_config(self) -> dict[str, Any]:
        own = {"l2": self.l2, "gradient_noise": self.gradient_noise, "weight_noise": self.weight_noise}
        return {**super().get_config(), **own}


def _is_bias(variable: Any) -> bool:
    return len(variable.shape) == 1 and variable.name.partition(":")[0].endswith("bias")


class SGD(GradientTransforms, keras.optimizers.SGD):
    """Plain gradient descent, or with momentum."""


class Adagrad(GradientTransforms, keras.optimizers.Adagrad):
    """Keras's Adagrad."""


class RMSprop(GradientTransforms, keras.optimizers.RMSprop):
    """Keras's RMSprop."""


class Ftrl(GradientTransforms, keras.optimizers.Ftrl):
    """Keras's Ftrl."""
