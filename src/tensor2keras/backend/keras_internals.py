"""All uses of Keras's private API, each with the reason why it is needed.

`tests/backend/test_keras_internals.py` fails when a new version of Keras changes one of them.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
from keras import ops

from tensor2keras.types import Shape, Tensor


class OptimizerHooks:
    """Mixin of optimizers with hooks between gradients and update.

    It comes before a `keras.optimizers.Optimizer` among a class's bases. An update is: dense gradients, summed over
    replicas; `prepare_gradients`; Keras's clipping and weight decay; Keras's `update_step` for each variable;
    `after_update_step`.

    Keras has no public hook between the sum over replicas and the clipping: it clips the gradient of each replica, so
    that the update would depend on the number of replicas.
    """

    def prepare_gradients(self, grads: list[Tensor], variables: list[Any]) -> list[Tensor]:
        """Returns the gradients to clip and apply; called once per step."""
        del variables
        return grads

    def after_update_step(self, grads: list[Tensor], variables: list[Any], learning_rate: Tensor) -> None:
        """Does nothing; called with the clipped gradients after every variable has been updated."""

    def variable_index(self, variable: Any) -> int:
        """Returns the index of a variable among those the optimizer was built with.

        On TensorFlow `update_step` gets variables of the backend, which `list.index` does not find.
        """
        return self._get_variable_index(variable)

    def _backend_apply_gradients(self, grads: list[Tensor], trainable_variables: list[Any]) -> None:
        grads = [ops.convert_to_tensor(gradient) for gradient in grads]  # TensorFlow's may be sparse
        sum_over_replicas = getattr(super(), "_all_reduce_sum_gradients", None)  # only TensorFlow's optimizers have it
        if sum_over_replicas:
            grads = [gradient for gradient, _ in sum_over_replicas(list(zip(grads, trainable_variables, strict=True)))]
        super()._backend_apply_gradients(self.prepare_gradients(grads, trainable_variables), trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars: list[tuple[Tensor, Any]]) -> list[tuple[Tensor, Any]]:
        # Keras calls this after clipping, when the gradients are summed already.
        return grads_and_vars

    def _backend_update_step(self, grads: list[Tensor], trainable_variables: list[Any], learning_rate: Tensor) -> None:
        super()._backend_update_step(grads, trainable_variables, learning_rate)
        self.after_update_step(grads, trainable_variables, learning_rate)


def adam_moments(optimizer: keras.optimizers.Adam, index: int) -> tuple[keras.Variable, keras.Variable]:
    """Returns Adam's first and second moment of the variable `index`; `optimizer.variables` does not distinguish them.

    The optimizer must be built.
    """
    return optimizer._momentums[index], optimizer._velocities[index]


def sync_variables(model: keras.Model) -> None:
    """Updates a model's variables inside `fit`, where Keras keeps their values outside the model on JAX."""
    if keras.backend.backend() == "jax":
        model.jax_state_sync()


def called_shapes(model: keras.Model, call: Callable[[], Any], methods: tuple[str, ...] = ("call",)) -> dict[Any, Any]:
    """Returns the shapes that a model's layers, nested ones included, return in `call()`: a tuple, or one a tensor.

    Keras has no public hook for a layer's output. Of several calls of a layer the last counts.

    Args:
        model: the model.
        call: calls it.
        methods: names of the layers' methods that return their outputs.
    """
    shapes: dict[Any, Any] = {}

    def recording(layer: Any, method: Callable) -> Callable:
        @functools.wraps(method)
        def call_and_record(*args: Any, **kwargs: Any) -> Any:
            outputs = method(*args, **kwargs)
            found = [tuple(x.shape) for x in keras.tree.flatten(outputs) if hasattr(x, "shape")]
            shapes[layer] = found[0] if len(found) == 1 else tuple(found)
            return outputs

        return call_and_record

    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers(include_self=False):
            for name in methods:
                if hasattr(layer, name):
                    layer.__dict__[name] = recording(layer, getattr(layer, name))
                    stack.callback(layer.__dict__.pop, name)
        call()
    return shapes


@contextlib.contextmanager
def output_shapes_in_summary(shapes: Mapping[Any, Shape]) -> Iterator[None]:
    """Has `keras.Model.summary` show these output shapes of layers in the block.

    Keras shows "?" for layers that are not called with symbolic tensors, unless they have an `output_shape` and the
    shapes they were built with.
    """
    before = {layer: layer._build_shapes_dict for layer in shapes}
    try:
        for layer, shape in shapes.items():
            layer.__dict__.update(output_shape=shape, _build_shapes_dict={"input_shape": shape})
        yield
    finally:
        for layer, build_shapes in before.items():
            del layer.__dict__["output_shape"]
            layer.__dict__["_build_shapes_dict"] = build_shapes
