"""Where T2T's variables come from: a TensorFlow 1 checkpoint, a folder of them, an .npz file or a dict of arrays."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Source = str | os.PathLike | Mapping[str, np.ndarray]


def read_variables(source: Source) -> dict[str, np.ndarray]:
    """All arrays of a source by variable name.

    Args:
        source: a checkpoint's prefix (`model.ckpt-1000`); a folder with a `checkpoint` file, whose newest is read; an
            `.npz` file, names with or without a leading `var/` (other entries are left out if some have it); or a
            mapping.

    Raises:
        FileNotFoundError: nothing there, with what was looked for.
    """
    if isinstance(source, Mapping):
        return _model_variables({name: np.asarray(array) for name, array in source.items()})
    path = Path(os.path.expandvars(os.path.expanduser(os.fspath(source))))
    if path.suffix == ".npz":
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
        with np.load(path) as archive:
            return _model_variables({name: archive[name] for name in archive.files})
    return _read_checkpoint(_newest_in(path) if path.is_dir() else path)


def _model_variables(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    marked = {name.removeprefix("var/"): array for name, array in arrays.items() if name.startswith("var/")}
    return marked or arrays


def _newest_in(folder: Path) -> Path:
    state = folder / "checkpoint"
    if not state.is_file():
        raise FileNotFoundError(
            f"{folder} has no `checkpoint` file; give a checkpoint's prefix such as {folder}/model.ckpt-1000"
        )
    for line in state.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model_checkpoint_path":
            # the name alone, because folders are moved after training
            return folder / Path(value.strip().strip('"')).name
    raise FileNotFoundError(f"{state} names no model_checkpoint_path")


def _read_checkpoint(prefix: Path) -> dict[str, np.ndarray]:
    if not Path(f"{prefix}.index").is_file() and not prefix.is_file():
        raise FileNotFoundError(f"no checkpoint at {prefix} (looked for {prefix}.index)")
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
