"""Every registered model, small: the hyperparameter set, the problem and the overrides to try it with."""

from typing import Any, NamedTuple

import numpy as np

from tensor2keras import registry
from tests.models.tiny import symbol_problem

TRANSFORMER = {"hidden_size": 16, "filter_size": 24, "num_heads": 2, "num_hidden_layers": 2}


class Small(NamedTuple):
    """How to make a small model."""

    hparams_set: str
    problem: dict[str, Any]
    overrides: dict[str, Any]


def classes() -> dict[str, Any]:
    """Text to one of three classes."""
    symbol = {"modality": "symbol", "vocab_size": 20}
    return {"name": "tiny", "features": {"inputs": symbol, "targets": {"modality": "class_label", "vocab_size": 3}}}


def real_values() -> dict[str, Any]:
    """Text to a real number."""
    symbol = {"modality": "symbol", "vocab_size": 20}
    return {"name": "tiny", "features": {"inputs": symbol, "targets": {"modality": "real", "vocab_size": 1}}}


ZOO = {
    "transformer": Small("transformer_tiny", symbol_problem(), TRANSFORMER),
    "transformer_encoder": Small("transformer_tiny", classes(), TRANSFORMER),
    "transformer_regressor": Small("transformer_tiny", real_values(), TRANSFORMER),
    "transformer_scorer": Small("transformer_tiny", symbol_problem(), TRANSFORMER),
}


def package_models() -> list[str]:
    """The registered models that this package defines."""
    return [name for name in registry.models if registry.models[name].__module__.startswith("tensor2keras.")]


def make(name: str) -> Any:
    """The small model of this name, built."""
    small = ZOO[name]
    model = registry.model(name, registry.hparams(small.hparams_set, small.problem, small.overrides))
    model.build()
    return model


def batch(name: str, seed: int = 0) -> dict[str, np.ndarray]:
    """A batch of three examples for the small model of this name."""
    random = np.random.default_rng(seed)
    features = {}
    for feature, spec in ZOO[name].problem["features"].items():
        modality, size = spec["modality"], spec.get("vocab_size")
        if modality == "symbol":
            features[feature] = random.integers(2, size, (3, 6)).astype("int32")
        elif modality == "class_label":
            features[feature] = random.integers(0, size, 3).astype("int32")
        else:
            features[feature] = random.normal(size=(3, *spec.get("shape", (1,)))).astype("float32")
    return features
