"""T2T's variants of Adam: plain, with decoupled weight decay, and with gradients averaged over several steps."""

from typing import Any

import keras
from keras import ops

from tensor2keras.backend import adam_moments
from tensor2keras.optimizers.gradients import GradientTransforms
from tensor2keras.types import Tensor


class Adam(GradientTransforms, keras.optimizers.Adam):
    """Adam, or AMSGrad with `amsgrad=True`; every row of every variable is updated at every step.

    T2T's `adam` is LazyAdam, which does not update rows of an embedding that are missing in a sparse gradient. T2T's
    embeddings have dense gradients, for which LazyAdam equals Adam.

    Reference:
        https://arxiv.org/abs/1412.6980, https://openreview.net/forum?id=ryQu7f-RZ
    """

    def slots(self, index: int) -> list[keras.Variable]:
        """Returns the moments of the model's variable `index`, in the order in which T2T numbers its slots."""
        return list(adam_moments(self, index))


class AdamW(Adam):
    """Adam with decoupled weight decay: each update first subtracts `decay * variable`, whatever the learning rate.

    `keras.optimizers.AdamW` multiplies the decay by the learning rate; T2T does not.

    Args:
        learning_rate: a float or a schedule.
        decay: fraction of each variable that is subtracted from it at each update.
        **kwargs: arguments of `Adam`.

    Reference:
        https://arxiv.org/abs/1711.05101
    """

    def __init__(self, learning_rate: Any = 0.001, decay: float = 0.0, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.decay = decay

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        self.assign_sub(variable, ops.multiply(variable, ops.cast(self.decay, variable.dtype)))
        super().update_step(gradient, variable, learning_rate)


class MultistepAdam(GradientTransforms, keras.optimizers.Optimizer):
    """Adam that averages the gradients of `accumulate_steps` steps before each update, as a larger batch would.

    `iterations` counts steps, not updates: a schedule takes `steps_per_update=accumulate_steps`.

    Args:
        learning_rate: a float or a schedule.
        beta_1, beta_2: decay rates of the first and the second moment.
        epsilon: added to the root of the second moment.
        accumulate_steps: steps from one update to the next.
        **kwargs: arguments of `GradientTransforms` and `keras.optimizers.Optimizer`.

    Reference:
        https://arxiv.org/abs/1805.00456
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        accumulate_steps: int = 1,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        if accumulate_steps < 1:
            raise ValueError(f"accumulate_steps={accumulate_steps} must be at least 1")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.accumulate_steps = accumulate_steps

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities, self._sums = self.add_optimizer_variables(
            variables, ["momentum", "velocity", "gradient_sum"]
        )

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        index, dtype = self.variable_index(variable), variable.dtype
        slots = self._momentums[index], self._velocities[index], self._sums[index]
        momentum, velocity, total = (ops.convert_to_tensor(slot) for slot in slots)
        # Values are chosen rather than branches taken, which works in compiled steps of all backends and on replicas.
        now = ops.equal(ops.mod(self.iterations + 1, self.accumulate_steps), 0)
        updates = ops.cast((self.iterations + 1) // self.accumulate_steps, dtype)  # this one included
        new_total = total + ops.cast(gradient, dtype)
        mean = new_total / self.accumulate_steps
        new_momentum = self.beta_1 * momentum + (1 - self.beta_1) * mean
        new_velocity = self.beta_2 * velocity + (1 - self.beta_2) * ops.square(mean)
        correction = ops.sqrt(1 - ops.power(self.beta_2, updates)) / (1 - ops.power(self.beta_1, updates))
        rate = ops.where(now, ops.cast(learning_rate, dtype) * correction, 0.0)
        self.assign_sub(variable, rate * new_momentum / (ops.sqrt(new_velocity) + self.epsilon))
        self.assign(slots[0], ops.where(now, new_momentum, momentum))
        self.assign(slots[1], ops.where(now, new_velocity, velocity))
        self.assign(slots[2], ops.where(now, 0.0, new_total))
