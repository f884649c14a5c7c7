"""A model case of golden/models: its model with T2T's weights, and its batch in this project's shapes."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tensor2keras import convert, registry
from tests.helpers import load_case

CLASSES = ("class_label",)


class ModelCase(NamedTuple):
    model: Any
    features: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]
    info: dict[str, Any]


def load_model_case(folder: Path, name: str, weights: Any = None) -> ModelCase:
    """Builds the model of `name`.json with the variables of `name`.npz (or of `weights`)."""
    arrays, info = load_case(folder, name)
    info = {"case": name, "model": "transformer", "hparams_set": "transformer_test", **info}
    model = registry.model(info["model"], hparams_of(info, arrays))
    convert.load_t2t_weights(model, arrays if weights is None else weights)
    modalities = info["problem_hparams"]["modality"]
    features = {
        key.removeprefix("feature/"): in_our_shape(value, modalities.get(key.removeprefix("feature/")))
        for key, value in arrays.items()
        if key.startswith("feature/") and key != "feature/target_space_id"
    }
    return ModelCase(model, features, arrays, info)


def hparams_of(info: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    """The case's hyperparameters, its problem as plain data."""
    problem = info["problem_hparams"]
    features = {
        name: {
            "modality": modality,
            "vocab_size": problem["vocab_size"][name],
            "shape": arrays[f"feature/{name}"].shape[1:],
        }
        for name, modality in problem["modality"].items()
    }
    hparams = registry.hparams(
        info["hparams_set"],
        problem={
            "name": info["case"],
            "features": features,
            "target_space_id": int(arrays.get("feature/target_space_id", 0)),
            "loss_multiplier": problem["loss_multiplier"],
        },
    )
    plain = {
        name: value
        for name, value in info["hparams"].items()
        if name in hparams and name != "problem" and not isinstance(value, dict)
    }
    with hparams.ignore_type():
        for name, value in plain.items():
            hparams[name] = value
    return convert.as_in_t2t(hparams)


def in_our_shape(array: np.ndarray, modality: str | None) -> np.ndarray:
    """[batch, length, 1, 1] -> [batch, length] for symbols, [batch] for labels; the rest as it is."""
    if modality in CLASSES:
        return array.reshape(array.shape[0])
    if array.ndim == 4 and array.shape[2:] == (1, 1):
        return array[:, :, 0, 0]
    return array
