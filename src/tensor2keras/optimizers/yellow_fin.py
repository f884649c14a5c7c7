"""YellowFin: momentum gradient descent that tunes its learning rate and momentum by estimates of the curvature."""

import math
from typing import Any

import keras
from keras import ops

from tensor2keras.optimizers.gradients import GradientTransforms
from tensor2keras.types import Tensor

AVERAGES = ("grad_norm", "grad_norm_squared", "log_h_min", "log_h_max", "distance", "sparsity")


class YellowFin(GradientTransforms, keras.optimizers.Optimizer):
    """Momentum gradient descent with learning rate and momentum tuned after each update.

    Args:
        learning_rate: initial learning rate; for a schedule, its value at step 0.
        momentum: initial momentum.
        beta: decay of all moving averages, which are bias-corrected, and of the tuned values.
        curvature_window: steps over which the extreme curvatures are taken.
        **kwargs: arguments of `GradientTransforms` and `keras.optimizers.Optimizer`.

    Reference:
        https://arxiv.org/abs/1706.03471; T2T `utils/yellowfin.py`
    """

    def __init__(
        self,
        learning_rate: Any = 1.0,
        momentum: float = 0.0,
        beta: float = 0.999,
        curvature_window: int = 20,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.beta, self.curvature_window = momentum, beta, curvature_window

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._accumulators, self._gradient_averages = self.add_optimizer_variables(
            variables, ["momentum", "gradient_average"]
        )

        def shared(name: str, shape: tuple[int, ...] = (), initial: float = 0.0) -> Any:
            """Adds a float32 variable that has the same value on all replicas."""
            initializer = keras.initializers.Constant(initial)
            return self.add_variable(shape, initializer, "float32", aggregation="only_first_replica", name=name)

        self._rate = shared("tuned_rate")  # from the first update on
        self._mu = shared("tuned_momentum", initial=self.momentum)
        self._averages = {name: shared(name) for name in AVERAGES}
        self._curvatures = shared("log_curvatures", (self.curvature_window,))

    def after_update_step(self, grads: list[Tensor], variables: list[keras.Variable], learning_rate: Tensor) -> None:
        super().after_update_step(grads, variables, learning_rate)
        self._tune(grads, variables, learning_rate)

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        index, dtype = self.variable_index(variable), variable.dtype
        gradient = ops.cast(gradient, dtype)
        accumulator, average = self._accumulators[index], self._gradient_averages[index]
        self.assign(accumulator, ops.cast(self._mu, dtype) * accumulator + gradient)
        self.assign_sub(variable, ops.cast(self._current_rate(learning_rate), dtype) * accumulator)
        self.assign_add(average, (1.0 - self.beta) * (gradient - average))

    def _current_rate(self, learning_rate: Tensor) -> Tensor:
        """Returns the tuned rate; at the first step, `learning_rate`."""
        return ops.where(self.iterations > 0, ops.convert_to_tensor(self._rate), ops.cast(learning_rate, "float32"))

    def _tune(self, grads: list[Tensor], variables: list[keras.Variable], learning_rate: Tensor) -> None:
        """Tunes learning rate and momentum of the next update (algorithms 1 to 4 of the paper)."""
        step = ops.cast(self.iterations, "int32")
        correction = 1.0 - ops.power(self.beta, ops.cast(step, "float32") + 1.0)

        def average(name: str, value: Tensor) -> Tensor:
            biased = self._averages[name]
            new = self.beta * biased + (1.0 - self.beta) * value
            biased.assign(new)
            return new / correction

        count = sum(ops.cast(ops.count_nonzero(gradient), "float32") for gradient in grads)
        sparsity = average("sparsity", count / sum(math.prod(variable.shape) for variable in variables))
        norm_squared = sum(ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in grads)
        norm_squared_average = average("grad_norm_squared", norm_squared)

        window = ops.arange(self.curvature_window, dtype="int32")
        curvatures = ops.where(
            window == step % self.curvature_window, ops.log(norm_squared), ops.convert_to_tensor(self._curvatures)
        )
        self._curvatures.assign(curvatures)
        seen = window <= step
        h_min = average("log_h_min", ops.min(ops.where(seen, curvatures, float("inf"))))
        h_max = average("log_h_max", ops.max(ops.where(seen, curvatures, float("-inf"))))
        h_min, h_max = ops.exp(h_min) * sparsity, ops.exp(h_max) * sparsity

        gradient_averages = (self._gradient_averages[self.variable_index(variable)] for variable in variables)
        mean_squared = sum(ops.sum(ops.square(ops.cast(value, "float32") / correction)) for value in gradient_averages)
        variance = ops.maximum(1e-6, norm_squared_average - mean_squared) * sparsity
        norm_average = average("grad_norm", ops.sqrt(norm_squared))
        distance = average("distance", norm_average / norm_squared_average) / ops.sqrt(sparsity)

        # the root in [0, 1) of the cubic that minimises distance and variance after one step
        p = ops.square(distance) * ops.square(h_min) / 2.0 / variance
        w_cubed = (-ops.sqrt(ops.square(p) + 4.0 / 27.0 * p**3) - p) / 2.0
        w = ops.sign(w_cubed) * ops.power(ops.abs(w_cubed), 1.0 / 3.0)
        root = w - p / 3.0 / w + 1.0
        ratio = ops.sqrt(h_max / h_min)
        momentum = ops.maximum(ops.square(root), ops.square((ratio - 1.0) / (ratio + 1.0)))
        rate = ops.square(1.0 - ops.sqrt(momentum)) / h_min
        old_momentum, old_rate = ops.convert_to_tensor(self._mu), self._current_rate(learning_rate)
        for variable, old, target in ((self._mu, old_momentum, momentum), (self._rate, old_rate, rate)):
            variable.assign(ops.where(step > 0, self.beta * old + (1.0 - self.beta) * target, old))
