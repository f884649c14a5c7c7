"""What several tests share."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state


def load_case(folder: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of `name`.npz and, where there is one, the description in `name`.json."""
    with np.load(folder / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    description = folder / f"{name}.json"
    return arrays, json.loads(description.read_text()) if description.exists() else {}


@contextlib.contextmanager
def shapes_alone() -> Iterator[None]:
    """Gives variables made in the block shapes but no values, so that models of any size can be made."""
    name = "uninitialized_variables"  # which Keras gives values at the end of the next scope of any test
    before = list(global_state.get_global_attribute(name, []))
    with keras.StatelessScope(initialize_variables=False):
        yield
    global_state.set_global_attribute(name, before)


def fewer_on_jax(cases: Iterable[str], few: Iterable[str]) -> list[str]:
    """All cases; on JAX, where each compiles hundreds of programs, a few of a model's.

    The layers in which a model's other cases differ are compared on every backend, all of their cases.
    """
    cases, few = list(cases), list(few)
    assert set(few) <= set(cases)
    return few if os.environ.get("KERAS_BACKEND") == "jax" else cases
