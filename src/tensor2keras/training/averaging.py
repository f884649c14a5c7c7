"""The mean of several checkpoints' weights, as a checkpoint (T2T's `utils/avg_checkpoints.py`)."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import h5py

from tensor2keras import files


def write_average(paths: Sequence[Path], output_dir: str | Path, step: int) -> Path:
    """Writes the mean of the weights in `paths` as the checkpoint of `step` under `output_dir`; returns its path.

    Raises:
        ValueError: checkpoints of different models.
    """
    target = Path(output_dir, "checkpoints", f"model.ckpt-{step}.weights.h5")
    with files.atomic_path(target) as temporary:
        shutil.copyfile(paths[-1], temporary)
        with h5py.File(temporary, "r+") as mean:
            names = weight_names(mean)
            sums = {name: mean[name][...].astype("float64") for name in names}
            for path in paths[:-1]:
                with h5py.File(path, "r") as other:
                    if weight_names(other) != names:
                        raise ValueError(f"{path} and {paths[-1]} are checkpoints of different models")
                    for name in names:
                        sums[name] += other[name][...]
            for name in names:
                mean[name][...] = sums[name] / len(paths)
    return target


def weight_names(file: h5py.File) -> list[str]:
    """The paths of all arrays of floating-point numbers in a checkpoint."""
    names = []
    file.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" else None
    )
    return sorted(names)


def copy_run(source: str | Path, target: str | Path) -> None:
    """Copies what says which model a run trains, with the original times (t2t-bleu reckons from them)."""
    Path(target).mkdir(parents=True, exist_ok=True)
    for name in ("hparams.json", "flags.txt"):
        if Path(source, name).exists():
            shutil.copy2(Path(source, name), Path(target, name))
