"""Small image models with random weights, and images for them."""

from typing import Any

import numpy as np
from keras import ops

from tensor2keras import registry

SIZE = 4  # height and width
CLASSES = 5


def image_problem(inputs: str | None = "class_label") -> dict[str, Any]:
    """The plain data of a problem of images by class, by images ("image") or by nothing (None)."""
    features = {"targets": {"modality": "image", "vocab_size": 256}}
    if inputs:
        features["inputs"] = {"modality": inputs, "vocab_size": CLASSES if inputs == "class_label" else 256}
    return {"name": "tiny_images", "features": features, "was_reversed": True, "eval_metrics": ["bits_per_dim"]}


def tiny_image_hparams(hparams_set: str = "imagetransformer_base", problem: Any = None, **overrides: Any) -> Any:
    """A set cut down to two layers of width 16 for images of 4 x 4, without dropout."""
    small = {
        "hidden_size": 16,
        "filter_size": 24,
        "num_heads": 2,
        "num_decoder_layers": 2,
        "img_len": SIZE,
        "block_length": 8,
        "block_width": 4,
        "max_length": 32,
        "layer_prepostprocess_dropout": 0.0,
    }
    hparams = registry.hparams(hparams_set, problem=problem or image_problem(), overrides=small)
    with hparams.unlocked():
        hparams.update(overrides)
    return hparams


def tiny_image_model(name: str = "imagetransformer", *args: Any, **kwargs: Any) -> Any:
    """A built model; every variable is random, so that none can hide behind a zero or a one."""
    model = registry.model(name, tiny_image_hparams(*args, **kwargs))
    model.build()
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + random.normal(scale=0.1, size=variable.shape))
    return model


def images(batch: int = 3, size: int = SIZE, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (batch, size, size, channels)).astype("int32")


def image_features(batch: int = 3, channels: int = 3) -> dict[str, np.ndarray]:
    return {"inputs": np.arange(batch, dtype="int32") % CLASSES, "targets": images(batch, channels=channels)}
