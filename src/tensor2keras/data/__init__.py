"""Problems, text encoders and batches.

Importing the package loads no TensorFlow, so that encoders can be used alone; `all_problems` registers every problem.
"""

import importlib
from typing import Any

__all__ = ["DatasetSplit", "Problem", "SpaceID"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.problem"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
