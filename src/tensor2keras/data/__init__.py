"""Problems, text encoders and batches.

Importing the package loads no TensorFlow, so that encoders can be used alone; `all_problems` registers every problem.
"""

import importlib
from typing import Any

_MODULE_OF = {  # public name -> the module that defines it
    "DatasetSplit": "splits",
    "Problem": "problem",
    "SpaceID": "space_id",
    "from_files": "user_files",
    "from_tfds": "user_files",
}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
