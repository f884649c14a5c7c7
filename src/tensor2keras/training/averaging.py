"""Checkpoints averaged over the last n, as checkpoints (T2T's `utils/avg_checkpoints.py`, `bin/t2t_avg_all.py`)."""

import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py

from tensor2keras import files
from tensor2keras.training import checkpoints


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
    """Returns the names of all floating-point arrays in a checkpoint."""
    names = []
    file.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" else None
    )
    return sorted(names)


def copy_run(source: str | Path, target: str | Path) -> None:
    """Copies the description of a run, with the files' times, which t2t-bleu reads."""
    Path(target).mkdir(parents=True, exist_ok=True)
    for name in ("hparams.json", "flags.txt"):
        if Path(source, name).exists():
            shutil.copy2(Path(source, name), Path(target, name))
