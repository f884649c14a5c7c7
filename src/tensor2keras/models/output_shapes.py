"""Output shapes of a model's layers, for `model.summary`."""

import functools
from typing import Any

import keras
from keras import ops

from tensor2keras.backend import called_shapes

_METHODS = ("call", "bottom", "targets_bottom", "top")  # of layers and modalities
_SIZES = ((2, 8), (3, 12))  # rows and length of two batches


def output_shapes(model: keras.Model) -> dict[Any, Any]:
    """Returns the shape of each layer's last output, None where it differs between two small batches of zeros.

    Args:
        model: a built T2TModel.

    Returns:
        A shape by layer; several for a layer with several outputs.
    """
    found = []
    for rows, length in _SIZES:
        batch = {}
        for name, spec in model.feature_specs().items():
            size = [n or (length if axis else rows) for axis, n in enumerate(spec.shape)]
            batch[name] = ops.zeros(size, spec.dtype)
        found.append(called_shapes(model, functools.partial(model, batch), _METHODS))
    one, other = found
    shapes = {layer: keras.tree.map_structure(_common, one[layer], other[layer]) for layer in one if layer in other}
    return dict.fromkeys(model.layers, ("not called in evaluation",)) | shapes


def _common(size: int, other: int) -> int | None:
    return size if size == other else None
