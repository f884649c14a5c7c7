"""Reading T2T's variables from a TensorFlow 1 checkpoint, an `.npz` file or a dict of arrays; writing a checkpoint."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tensor2keras import files
from tensor2keras.convert.slots import is_training_state

Source = str | os.PathLike | Mapping[str, np.ndarray]


def read_variables(
    source: Source, wanted: Callable[[str], bool] = lambda name: True
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns a source's arrays by variable name: those of the model, and those of the training state.

    Args:
        source: a checkpoint's prefix (`model.ckpt-1000`); a folder with a `checkpoint` file, whose newest is read; an
            `.npz` file, names with or without a leading `var/` (other entries are left out if some have it); or a
            mapping.
        wanted: whether to read the variable of a name.

    Raises:
        FileNotFoundError: there is no such source.
        ValueError: the file is damaged or cut short.
    """
    if isinstance(source, Mapping):
        arrays = _marked({name: np.asarray(array) for name, array in source.items()})
    elif resolve(source).suffix == ".npz":
        arrays = _marked(read_npz(resolve(source)))
    else:
        arrays = _read_checkpoint(resolve(source), wanted)
    arrays = {name.removesuffix(":0"): array for name, array in arrays.items() if wanted(name)}
    state = {name: array for name, array in arrays.items() if is_training_state(name)}
    return {name: array for name, array in arrays.items() if name not in state}, state


def describe(source: Source) -> str:
    """Returns the name of a source for messages."""
    return "the given dict" if isinstance(source, Mapping) else str(resolve(source))


def resolve(source: str | os.PathLike) -> Path:
    """Returns the `.npz` file or checkpoint prefix that a path names; for a folder, its newest checkpoint."""
    path = Path(files.expand(source))
    return newest_in(path) if path.is_dir() else path


def newest_in(folder: Path) -> Path:
    """Returns the prefix of a folder's newest checkpoint, which its `checkpoint` file names."""
    state = folder / "checkpoint"
    if not state.is_file():
        raise FileNotFoundError(
            f"{folder} has no `checkpoint` file; give a checkpoint's prefix such as {folder}/model.ckpt-1000"
        )
    for line in files.read_lines(state):
        key, _, value = line.partition(":")
        if key.strip() == "model_checkpoint_path":
            # the name alone, because folders are moved after training
            return folder / Path(value.strip().strip('"')).name
    raise FileNotFoundError(f"{state} names no model_checkpoint_path")


def write_checkpoint(arrays: Mapping[str, np.ndarray], prefix: str | os.PathLike) -> Path:
    """Writes a TensorFlow 1 checkpoint and the `checkpoint` file that names it, atomically; returns the prefix."""
    import tensorflow as tf

    prefix = Path(files.expand(prefix))
    ordered = sorted(arrays)
    # the index last, because readers look for it
    with files.atomic_path(prefix, suffixes=(".data-00000-of-00001", ".index")) as temporary:
        tf.raw_ops.SaveV2(
            prefix=str(temporary),
            tensor_names=ordered,
            shape_and_slices=[""] * len(ordered),
            tensors=[tf.constant(arrays[name]) for name in ordered],
        )
    files.write_text(
        prefix.with_name("checkpoint"),
        f'model_checkpoint_path: "{prefix.name}"\nall_model_checkpoint_paths: "{prefix.name}"\n',
    )
    return prefix


def _marked(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the entries `var/NAME` under NAME if there are any, else all entries."""
    marked = {name.removeprefix("var/"): array for name, array in arrays.items() if name.startswith("var/")}
    return marked or arrays


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an `.npz` file by name; ValueError if it is damaged or declares more than memory holds."""
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # of zipfile, zlib and NumPy, by what is wrong
        raise ValueError(f"{path} is damaged or cut short: {error}") from None


def variable_shapes(prefix: Path) -> dict[str, list[int]]:
    """Returns {variable name: shape} of a checkpoint without reading its arrays."""
    return _open(prefix).get_variable_to_shape_map()


def _read_checkpoint(prefix: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    reader = _open(prefix)
    import tensorflow as tf

    try:
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if wanted(name)}
    except (tf.errors.OpError, RuntimeError, ValueError, IndexError, MemoryError) as error:
        raise _damaged(prefix, error) from None


def _open(prefix: Path) -> Any:
    if not Path(f"{prefix}.index").is_file() and not prefix.is_file():
        raise FileNotFoundError(f"no checkpoint at {prefix} (looked for {prefix}.index)")
    import tensorflow as tf

    try:
        return tf.train.load_checkpoint(str(prefix))
    except (tf.errors.OpError, RuntimeError, ValueError, IndexError, MemoryError) as error:
        raise _damaged(prefix, error) from None


def _damaged(prefix: Path, error: Exception) -> ValueError:
    return ValueError(f"{prefix} is damaged or incomplete: {str(error).strip().partition(chr(10))[0]}")
