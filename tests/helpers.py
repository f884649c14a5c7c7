"""What several tests share."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def load_case(folder: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of `name`.npz and, where there is one, the description in `name`.json."""
    with np.load(folder / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    description = folder / f"{name}.json"
    return arrays, json.loads(description.read_text()) if description.exists() else {}
