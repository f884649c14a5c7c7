"""Layers and their options come back from JSON as they were."""

import dataclasses
import importlib
import json
import pkgutil

import keras
import pytest

import tensor2keras.layers
from tensor2keras.layers.initializer import get_initializer
from tensor2keras.layers.layer import Layer, Options


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class Part(Options):
    size: int
    initializer: keras.initializers.Initializer
    axes: tuple[int, ...] = ()


@keras.saving.register_keras_serializable("tests")
class Whole(Layer):
    def __init__(self, parts: list[Part], rate: float = 0.5, name: str = "whole", **kwargs):
        super().__init__(name=name, **kwargs)
        self.parts = parts


@keras.saving.register_keras_serializable("tests")
class Specialised(Whole):
    def __init__(self, **kwargs):
        super().__init__(rate=0.25, **kwargs)


def through_json(layer):
    return keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(layer))))


@pytest.mark.parametrize("kind", [Whole, Specialised])
def test_constructor_arguments_come_back_from_json(kind):
    part = Part(3, get_initializer("uniform", 2.0))
    layer = through_json(kind(parts=[part], dtype="mixed_bfloat16", trainable=False, name="mine"))
    assert (type(layer), layer.name, layer.trainable) == (kind, "mine", False)
    assert layer.dtype_policy.name == "mixed_bfloat16"
    (copy,) = layer.parts
    assert copy.size == 3
    assert copy.initializer.get_config() == part.initializer.get_config()


def test_wrong_arguments_are_the_constructors_error():
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required positional argument: 'parts'"):
        Whole()


def test_options_are_equal_by_value_and_cannot_change():
    part = Part(3, "zeros")
    assert part == Part(3, "zeros") != Part(4, "zeros")
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.size = 4


def layer_classes():
    for module in pkgutil.walk_packages(tensor2keras.layers.__path__, "tensor2keras.layers."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name and issubclass(value, keras.layers.Layer):
                yield value


def test_every_layer_is_registered_under_its_own_name():
    importlib.import_module("tensor2keras.models.transformer")  # models may have the names of layers
    unregistered = [
        cls.__qualname__
        for cls in layer_classes()
        if keras.saving.get_registered_object(keras.saving.get_registered_name(cls)) is not cls and cls is not Layer
    ]
    assert not unregistered
