"""Checkpoints averaged over the last n, as checkpoints (T2T's `utils/avg_checkpoints.py`, `bin/t2t_avg_all.py`)."""

import contextlib
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np

from tensor2keras import files
from tensor2keras.training import checkpoints, loading


def average_run(
    model_dir: str | Path, output_dir: str | Path, n: int = 8, min_steps: int = 0, wait_minutes: float = 0
) -> Iterator[Path]:
    """Averages each checkpoint with the n - 1 before it, and yields the paths of the averages as they are written.

    Args:
        model_dir: the run's directory.
        output_dir: directory of the averages, which decodes and evaluates like any run.
        n: number of checkpoints in an average.
        min_steps: checkpoints of fewer steps are ignored.
        wait_minutes: ends when no new checkpoint has appeared for so long.

    Raises:
        ValueError: fewer than n checkpoints, or the two directories are the same.
    """
    source, target = Path(model_dir), Path(output_dir)
    if source.resolve() == target.resolve():
        raise ValueError(f"--output_dir={target} must not be the model_dir: the averages would replace its checkpoints")
    last: deque[Path] = deque(maxlen=n)
    written = 0
    for step, path in checkpoints.watch(source, min_steps, wait_minutes):
        last.append(path)
        if len(last) == n:
            if not written:
                copy_run(source, target)
            yield write_average(list(last), target, step)
            written += 1
    if not written:
        raise ValueError(f"--n={n}, but {source} has {len(last)} checkpoints of at least {min_steps} steps")


def write_average(paths: Sequence[Path], output_dir: str | Path, step: int) -> Path:
    """Writes the mean of the weights in `paths` as the checkpoint of `step` under `output_dir`; returns its path.

    Sums are float64, and the mean has the weights' dtype. Integers are rounded.

    Raises:
        ValueError: checkpoints of different models; an array that cannot be averaged.
    """
    target = Path(output_dir, "checkpoints", f"model.ckpt-{step}.weights.h5")
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(h5py.File(path, "r")) for path in paths]
        names = weight_names(sources[-1])
        for source in sources:
            if weight_names(source) != names:
                raise ValueError(f"{source.filename} and {paths[-1]} are checkpoints of different models")
        temporary = stack.enter_context(files.atomic_path(target))
        shutil.copyfile(paths[-1], temporary)
        with h5py.File(temporary, "r+") as mean:
            for name in names:
                dtypes = {_dtype(source[name]) for source in sources}
                shapes = {source[name].shape for source in sources}
                if len(shapes) > 1 or len(dtypes) > 1:
                    raise ValueError(f"{name} differs in shape or dtype: {paths[0]}, ... are of different models")
                average = sum(_read(source[name]).astype("float64") for source in sources) / len(sources)
                dtype = dtypes.pop()
                average = (np.rint(average) if dtype.kind in "iu" else average).astype(dtype)
                mean[name][...] = average.view(mean[name].dtype)
    return target


def weight_names(file: h5py.File) -> list[str]:
    """Returns the names of all arrays in a checkpoint.

    Raises:
        ValueError: an array that is none of numbers, or that is stored in another file.
    """
    names, refused = [], []

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            is_inside = not item.external and not item.is_virtual
            (names if is_inside and _dtype(item) is not None else refused).append(name)

    file.visititems(visit)
    file.visititems_links(lambda name, link: None if isinstance(link, h5py.HardLink) else refused.append(name))
    if refused:
        raise ValueError(f"{file.filename} cannot be averaged: {', '.join(refused[:3])} is no array of numbers in it")
    return sorted(names)


def _dtype(array: h5py.Dataset) -> np.dtype | None:
    """Returns the dtype of the weights in an array, or None if they are no numbers.

    HDF5 has no bfloat16: Keras stores its bytes, and the name as an attribute.
    """
    if array.attrs.get("dtype") == "bfloat16" and array.dtype.itemsize == 2:
        return np.dtype(ml_dtypes.bfloat16)
    return array.dtype if array.dtype.kind in "fiu" else None


def _read(array: h5py.Dataset) -> np.ndarray:
    return array[...].view(_dtype(array))


def copy_run(source: str | Path, target: str | Path) -> None:
    """Copies the description of a run, with the files' times, which t2t-bleu reads.

    Raises:
        FileNotFoundError, ValueError: the source has no `hparams.json`, or not one of a run.
    """
    loading.read_run(source)
    Path(target).mkdir(parents=True, exist_ok=True)
    for name in ("hparams.json", "flags.txt"):
        if Path(source, name).exists():
            shutil.copy2(Path(source, name), Path(target, name))
