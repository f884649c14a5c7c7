"""Serialization of layers and of the dataclasses that hold the arguments of their parts.

Subclasses of `Layer` and `Options` are registered with Keras in the package "tensor2keras.layers" (those of other
modules in the first two parts of the module's name); models, some of which have the same names, in "tensor2keras".
"""

import contextlib
import dataclasses
import inspect
from typing import Any, ClassVar, Self

import keras


class _Registered:
    """Mixin whose subclasses are registered with Keras, so that saved models find them."""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable(".".join(cls.__module__.split(".")[:2]))(cls)


class Layer(_Registered, keras.layers.Layer):
    """A Keras layer whose config is its constructor's arguments.

    `keras.layers.Layer` has such a config where all arguments are numbers, strings and lists and dicts of them. Here an
    argument can also be anything that `keras.saving.serialize_keras_object` takes: an initializer, a dtype policy, a
    layer, an `Options`.

    Example:
        ```python
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

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Returns the Keras mask of the output: that of the first input, whose positions it has.

        Layers whose outputs have other positions return None.
        """
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        _, *arguments = self._arguments.arguments.items()  # the first is self
        arguments = dict(arguments)
        arguments |= arguments.pop("kwargs", {})
        return _as_given(keras.saving.serialize_keras_object({**arguments, **super().get_config()}))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


def _as_given(config: Any) -> Any:
    """Returns a config whose layers are not built: variables get their names from the layer that builds them."""
    if isinstance(config, dict):
        return {key: _as_given(value) for key, value in config.items() if key != "build_config"}
    return [_as_given(value) for value in config] if isinstance(config, (list, tuple)) else config


@dataclasses.dataclass(frozen=True)
class Options(_Registered):
    """Base of frozen dataclasses that Keras can serialize."""

    def arguments(self) -> dict[str, Any]:
        """Returns the fields by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def get_config(self) -> dict[str, Any]:
        return keras.saving.serialize_keras_object(self.arguments())

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


@dataclasses.dataclass(frozen=True)
class LayerOptions(Options):
    """The constructor arguments of a layer, for stacks of several such layers: see `options_of`."""

    layer_class: ClassVar[type[keras.layers.Layer]]

    def make(self, **kwargs: Any) -> keras.layers.Layer:
        """Returns a new layer with these arguments; `kwargs` (`name`, `dtype`) replace some of them."""
        return self.layer_class(**{**self.arguments(), **kwargs})


def options_of(layer_class: type[keras.layers.Layer], name: str) -> type[LayerOptions]:
    """Returns a frozen dataclass called `name` whose fields are the constructor arguments of `layer_class`.

    Example:
        ```python
        AttentionOptions = options_of(MultiHeadAttention, "AttentionOptions")
        options = AttentionOptions(hidden_size=512, num_heads=8)
        wide = dataclasses.replace(options, num_heads=16)
        layer = wide.make(name="self_attention")
        ```
    """
    parameters: dict[str, inspect.Parameter] = {}
    for base in layer_class.__mro__[: layer_class.__mro__.index(keras.layers.Layer)]:  # those that **kwargs reach
        if base is not Layer and "__init__" in vars(base):
            for parameter in list(inspect.signature(base.__init__).parameters.values())[1:]:
                if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                    parameters.setdefault(parameter.name, parameter)
    fields = [
        (key, value.annotation)
        if value.default is inspect.Parameter.empty
        else (key, value.annotation, dataclasses.field(default=value.default))
        for key, value in parameters.items()
    ]
    namespace = {
        "layer_class": layer_class,
        "__module__": layer_class.__module__,
        "__doc__": f"Arguments of `{layer_class.__name__}`, described there.",
    }
    return dataclasses.make_dataclass(
        name, fields, bases=(LayerOptions,), namespace=namespace, frozen=True, kw_only=True
    )


def check_heads(num_heads: int, hidden_size: int, **sizes: int) -> None:
    """Raises ValueError if one of the sizes (`key_size`, ...) cannot be split into heads."""
    for name, size in sizes.items():
        if num_heads < 1 or size % num_heads:
            of = "hidden_size" if size == hidden_size else name
            raise ValueError(f"num_heads={num_heads} must divide {of}={size}")
