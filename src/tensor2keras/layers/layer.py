"""Serialization of layers and of the dataclasses that hold the arguments of their parts.

Classes are registered with `@keras.saving.register_keras_serializable("tensor2keras")`.
"""

import contextlib
import dataclasses
import inspect
from typing import Any, Self

import keras


class Layer(keras.layers.Layer):
    """A Keras layer whose config is its constructor's arguments.

    `keras.layers.Layer` has such a config where all arguments are numbers, strings and lists and dicts of them. Here an
    argument can also be anything that `keras.saving.serialize_keras_object` takes: an initializer, a dtype policy, a
    layer, an `Options`.

    Example:
        ```python
        @keras.saving.register_keras_serializable("mine")
        class Scale(Layer):
            def __init__(self, factor: float, name: str = "scale", **kwargs):
                super().__init__(name=name, **kwargs)
                self.factor = factor


        Scale(2.0).get_config()  # {"factor": 2.0, "name": "scale", "trainable": True, "dtype": {...}}
        ```
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls, *args, **kwargs)
        with contextlib.suppress(TypeError):  # wrong arguments: __init__ says which
            layer._arguments = inspect.signature(cls.__init__).bind(None, *args, **kwargs)
            layer._arguments.apply_defaults()
        return layer

    def get_config(self) -> dict[str, Any]:
        _, *arguments = self._arguments.arguments.items()  # the first is self
        arguments = dict(arguments)
        arguments |= arguments.pop("kwargs", {})
        return keras.saving.serialize_keras_object({**arguments, **super().get_config()})

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


@dataclasses.dataclass(frozen=True)
class Options:
    """Arguments of a part of a layer: base of frozen dataclasses that Keras can serialize."""

    def get_config(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return keras.saving.serialize_keras_object(values)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))
