"""Adafactor: the second moments of a matrix are stored as means over its rows and over its columns."""

from typing import Any

import keras
from keras import ops

from tensor2keras.optimizers.gradients import GradientTransforms
from tensor2keras.types import Tensor


@keras.saving.register_keras_serializable("tensor2keras")
class AdafactorSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Adafactor's default learning rate: scale * min(1 / sqrt(step + 1), 0.01).

    Args:
        scale: factor of the rate.
    """

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def __call__(self, step: Tensor) -> Tensor:
        return self.scale * ops.minimum(ops.rsqrt(ops.cast(step, "float32") + 1.0), 0.01)

    def get_config(self) -> dict[str, Any]:
        return {"scale": self.scale}


DECAY_TYPES = ("pow", "adam")


class Adafactor(GradientTransforms, keras.optimizers.Optimizer):
    """Adafactor as in T2T.

    For a variable of two or more dimensions the second moment of the gradient, v, is stored as its means over the last
    axis, r, and over the last but one, c:

        v = r c / mean(r);  x = gradient / sqrt(v);  x /= max(1, rms(x) / clipping_threshold)
        variable -= learning_rate * max(rms(variable), epsilon2) * x

    For variables of one or no dimension v itself is stored. Slots are float32. `keras.optimizers.Adafactor` stores a
    full-size v in addition to r and c, always bounds the rate by 1 / sqrt(step) and has no momentum.

    Args:
        learning_rate: a float or a schedule; relative to the size of the variable if `multiply_by_parameter_scale`.
            None: `AdafactorSchedule`, 20 times smaller if not relative.
        multiply_by_parameter_scale: whether the rate is relative to max(rms(variable), epsilon2).
        decay_type: decay of the moments as a function of the step t = 1, 2, ...: "pow" is 1 - t ** -memory_exponent,
            "adam" is that of Adam with `beta2`, its bias correction included.
        memory_exponent: exponent for "pow".
        beta2: decay for "adam".
        decay_rate: constant decay that replaces `decay_type`.
        beta1: decay of the momentum of the updates; 0 for no momentum.
        clipping_threshold: largest rms of an update before it is multiplied by the learning rate; None does not clip.
        factored: whether to store r and c rather than v.
        epsilon1: added to the squared gradient.
        epsilon2: lower bound of rms(variable).
        **kwargs: arguments of `GradientTransforms` and `keras.optimizers.Optimizer`.

    Raises:
        ValueError: unknown decay_type.

    Reference:
        https://arxiv.org/abs/1804.04235; T2T `utils/adafactor.py`
    """

    def __init__(
        self,
        learning_rate: Any = None,
        multiply_by_parameter_scale: bool = True,
        decay_type: str = "pow",
        memory_exponent: float = 0.8,
        beta2: float = 0.999,
        decay_rate: float | None = None,
        beta1: float = 0.0,
        clipping_threshold: float | None = 1.0,
        factored: bool = True,
        epsilon1: float = 1e-30,
        epsilon2: float = 1e-3,
        **kwargs: Any,
    ):
        if decay_type not in DECAY_TYPES:
            raise ValueError(f"unknown decay_type {decay_type!r}; known: {', '.join(DECAY_TYPES)}")
        if learning_rate is None:
            learning_rate = AdafactorSchedule(1.0 if multiply_by_parameter_scale else 0.05)
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.multiply_by_parameter_scale = multiply_by_parameter_scale
        self.decay_type = decay_type
        self.memory_exponent = memory_exponent
        self.beta2 = beta2
        self.decay_rate = decay_rate
        self.beta1 = beta1
        self.clipping_threshold = clipping_threshold
        self.factored = factored
        self.epsilon1 = epsilon1
        self.epsilon2 = epsilon2

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.beta1 else []
        self._moments = [self._add_moments(variable) for variable in variables]

    def _add_moments(self, variable: keras.Variable) -> list[keras.Variable]:
        """Adds the slots [r, c] of a factored variable, [v] of another."""
        shape, name = tuple(variable.shape), variable.path.replace("/", "_")
        shapes = {"row": shape[:-1], "column": shape[:-2] + shape[-1:]} if self._is_factored(shape) else {"full": shape}
        return [
            self.add_variable(slot_shape, dtype="float32", name=f"{name}_{slot}") for slot, slot_shape in shapes.items()
        ]

    def _is_factored(self, shape: tuple[int, ...]) -> bool:
        return self.factored and len(shape) >= 2

    def slots(self, index: int) -> list[keras.Variable]:
        """Returns the momentum, if any, and the moments of the model's variable `index`, in T2T's order of slots."""
        momentum = [self._momentums[index]] if self.beta1 else []
        return [*momentum, *self._moments[index]]

    def _decay(self) -> Tensor | float:
        if self.decay_rate is not None:
            return self.decay_rate
        step = ops.cast(self.iterations, "float32") + 1.0
        if self.decay_type == "pow":
            return 1.0 - ops.power(step, -self.memory_exponent)
        return self.beta2 * (1.0 - ops.power(self.beta2, step - 1.0)) / (1.0 - ops.power(self.beta2, step))

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        index = self.variable_index(variable)
        decay = self._decay()
        gradient = ops.cast(gradient, "float32")
        squared = ops.square(gradient) + self.epsilon1

        def update_moment(moment: keras.Variable, value: Tensor) -> Tensor:
            new = decay * moment + (1.0 - decay) * value
            self.assign(moment, new)
            return new

        moments = self._moments[index]
        if len(moments) == 2:
            row = update_moment(moments[0], ops.mean(squared, axis=-1))  # [..., rows]
            column = update_moment(moments[1], ops.mean(squared, axis=-2))  # [..., columns]
            row = row / ops.mean(row, axis=-1, keepdims=True)
            x = gradient * ops.expand_dims(ops.rsqrt(row), -1) * ops.expand_dims(ops.rsqrt(column), -2)
        else:
            x = gradient * ops.rsqrt(update_moment(moments[0], squared))

        rate = ops.cast(learning_rate, "float32")
        if self.multiply_by_parameter_scale:
            rate = rate * ops.maximum(_rms(ops.cast(variable, "float32")), self.epsilon2)
        if self.clipping_threshold is not None:
            rate = rate / ops.maximum(1.0, _rms(x) / self.clipping_threshold)
        update = rate * x
        if self.beta1:
            momentum = self._momentums[index]
            update = self.beta1 * ops.cast(momentum, "float32") + (1.0 - self.beta1) * update
            self.assign(momentum, ops.cast(update, momentum.dtype))
        self.assign_sub(variable, ops.cast(update, variable.dtype))


def _rms(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(ops.square(x)))
