"""What several tests share."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def load_case(folder: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of `name`.npz and, where there is one, the description in `name`.json."""
    with np.load(folder / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    description = folder / f"{name}.json"
    return arrays, json.loads(description.read_text()) if description.exists() else {}


def fewer_on_jax(cases: Iterable[str], few: Iterable[str]) -> list[str]:
    """All cases; on JAX, where each compiles hundreds of programs, a few of a model's.

    The layers in which a model's other cases differ are compared on every backend, all of their cases.
    """
    cases, few = list(cases), list(few)
    assert set(few) <= set(cases)
    return few if os.environ.get("KERAS_BACKEND") == "jax" else cases
