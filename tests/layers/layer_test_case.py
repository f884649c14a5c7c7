"""What every layer's test shares: T2T's numbers for a case, and what Keras promises of a layer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tests.helpers import load_case


def golden_case(golden: Path, name: str) -> tuple[dict[str, Any], dict[str, Any], list[np.ndarray], dict[str, Any]]:
    """The arguments, input tensors, output arrays and variables (by T2T's name) of one case."""
    arrays, _ = load_case(golden / "layers", name)
    args = json.loads((golden / "layers" / "index.json").read_text())[name]["args"]
    inputs = {key[3:]: ops.convert_to_tensor(value) for key, value in arrays.items() if key.startswith("in/")}
    outputs = [arrays[key] for key in sorted(arrays) if key.startswith("out/")]
    variables = {key.removeprefix("var/layer/"): value for key, value in arrays.items() if key.startswith("var/")}
    return args, inputs, outputs, variables


def assign(layer: keras.layers.Layer, variables: dict[str, np.ndarray]) -> None:
    """Gives a built layer T2T's variables by path; there must be neither more nor fewer."""
    assert {variable.path for variable in layer.weights} == set(variables)
    for variable in layer.weights:
        variable.assign(variables[variable.path])


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(
        ops.convert_to_numpy(actual), ops.convert_to_numpy(expected), rtol=tolerance, atol=tolerance
    )


def to_json(value: Any) -> Any:
    """What is left of a config in a file: tuples become lists."""
    return json.loads(json.dumps(value))


def _flat(inputs: tuple) -> list:
    return [x for x in keras.tree.flatten(inputs) if x is not None]


def _symbols(inputs: tuple, known_lengths: tuple[int, ...]) -> tuple:
    """A `keras.Input` for each of nested arrays, of unknown batch size and lengths.

    Lengths are the sizes of the first array's axes between batch and channels, wherever they are found again.
    """
    batch_size, *lengths, _ = _flat(inputs)[0].shape
    lengths = set(lengths) - set(known_lengths)

    def symbol(x: Any) -> Any:
        if x is None:
            return None
        shape = [None if size in lengths or (i == 0 and size == batch_size) else size for i, size in enumerate(x.shape)]
        return keras.Input(batch_shape=shape, dtype=keras.backend.standardize_dtype(x.dtype))

    return keras.tree.map_structure(symbol, inputs)


def _in_bfloat16(config: Any) -> Any:
    """A config with this dtype policy, for layers among the arguments, too."""
    if isinstance(config, dict):
        return {key: "mixed_bfloat16" if key == "dtype" else _in_bfloat16(value) for key, value in config.items()}
    return [_in_bfloat16(value) for value in config] if isinstance(config, (list, tuple)) else config


def _assert_all_close(actual: Any, expected: Any, tolerance: float) -> None:
    """`assert_close` of all tensors of nested ones."""
    for one, other in zip(keras.tree.flatten(actual), keras.tree.flatten(expected), strict=True):
        assert_close(ops.cast(one, "float32"), ops.cast(other, "float32"), tolerance)


def run_layer_test(
    layer: keras.layers.Layer, *inputs: Any, tolerance: float = 1e-6, known_lengths: tuple[int, ...] = ()
) -> Any:
    """The layer's output on `inputs` (arrays, None or named tuples of them), after checking that

    - `build` on the first input's shape makes every variable, so that the call makes none;
    - a copy that went through JSON has the same config, the same variables by name and shape and, given their values,
      the same output;
    - a functional model of the layer, whose batch size and lengths (but `known_lengths`) are unknown, computes that
      output;
    - in bfloat16 the output is bfloat16 and within 0.1 of that in float32 (not on JAX).
    """
    inputs = keras.tree.map_structure(lambda x: ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x, inputs)
    shape = _flat(inputs)[0].shape
    if not layer.built:
        layer.build(shape)
    count = len(layer.variables)
    output = layer(*inputs)
    assert len(layer.variables) == count, "variables made by the call, not by build"

    serialized = to_json(keras.saving.serialize_keras_object(layer))
    copy = keras.saving.deserialize_keras_object(serialized)
    assert type(copy) is type(layer)
    assert to_json(copy.get_config()) == serialized["config"]
    assert copy.built
    assert [(v.path, v.shape) for v in copy.weights] == [(v.path, v.shape) for v in layer.weights]
    copy.set_weights(layer.get_weights())
    _assert_all_close(copy(*inputs), output, tolerance)

    arguments = _symbols(inputs, known_lengths)
    model = keras.Model(_flat(arguments), layer(*arguments))
    _assert_all_close(model(_flat(inputs)), output, tolerance)

    if keras.backend.backend() == "jax":  # which compiles every operation once more for another dtype
        return output
    half = type(layer).from_config(_in_bfloat16(layer.get_config()))
    half.build(shape)
    half.set_weights(layer.get_weights())
    rounded = half(*inputs)
    assert {keras.backend.standardize_dtype(y.dtype) for y in keras.tree.flatten(rounded)} == {"bfloat16"}
    _assert_all_close(rounded, output, 0.1)
    return output


def check_convolution(golden: Path, name: str, make: Callable[..., keras.layers.Layer], prefix: str = "") -> None:
    """The layer that `make` makes of a golden case's arguments computes its output."""
    args, inputs, expected, variables = golden_case(golden, name)
    layer = make(**args)
    layer.build(next(iter(inputs.values())).shape)
    one_dimensional = len(next(iter(inputs.values())).shape) == 3  # T2T's kernels then are [length, 1, in, out]
    for key, value in variables.items():
        variables[key] = np.squeeze(value, 1) if one_dimensional and value.ndim == 4 else value
    assign(layer, {prefix + key: value for key, value in variables.items()})
    assert_close(layer(*inputs.values()), expected[0])


def run_causality_test(layer: keras.layers.Layer, shape: tuple) -> None:
    """`run_layer_test` of a convolution with LEFT padding that keeps the shape; no position sees later ones."""
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    y = run_layer_test(layer, x)
    assert tuple(y.shape) == shape
    assert tuple(layer.compute_output_shape(shape)) == shape
    changed = x.copy()
    changed[:, 5:] += 1.0
    assert_close(layer(changed)[:, :5], y[:, :5])
