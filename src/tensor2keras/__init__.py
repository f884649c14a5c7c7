"""tensor2keras: Tensor2Tensor's problems, models and hyperparameters as a Keras 3 library.

Importing the package loads no TensorFlow; names resolve on first use.
"""

import importlib
from typing import Any

from tensor2keras import _keras_registration, _moved

__version__ = "0.1.0"

_MODULES = (
    "convert",
    "data",
    "decoding",
    "hparams",
    "layers",
    "metrics",
    "models",
    "optimizers",
    "registry",
    "training",
)
_NAMES = {
    "HParams": "hparams",
    "Problem": "data.problem",
    "T2TModel": "models.t2t_model",
    "decode": "decoding.text",
}
__all__ = sorted([*_MODULES, *_NAMES])

_moved.install()
_keras_registration.install()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
