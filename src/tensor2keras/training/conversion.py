"""A Tensor2Tensor run converted to one of tensor2keras: weights, vocabularies, `hparams.json` and `flags.txt`."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tensor2keras import convert, registry
from tensor2keras.symbols import EOS_ID
from tensor2keras.training import checkpoints, loading


def convert_run(
    source: str | Path,
    output_dir: str | Path,
    problem: str | None = None,
    *,
    vocab_file: str | Path | None = None,
    data_dir: str | Path | None = None,
    model: str | None = None,
    hparams_set: str | None = None,
    overrides: str | Mapping[str, Any] | None = None,
) -> convert.T2TRun:
    """Converts a Tensor2Tensor output directory; `output_dir` can then be decoded with and trained like any run.

    Args:
        source: T2T's directory, or the prefix of one of its checkpoints.
        output_dir: directory of the converted run; it must not hold a run.
        problem: name of the problem; None: found in the source.
        vocab_file: the problem's vocabulary, if it is not in the source; needs `problem`.
        data_dir, model, hparams_set, overrides: as for `convert.open_t2t_run`.

    Returns:
        The model with its problem, its step and the report of the conversion.

    Raises:
        FileNotFoundError: no directory, checkpoint, `hparams.json` or vocabulary there.
        ValueError: `output_dir` holds a run; the weights do not fit the model.
    """
    output_dir = Path(output_dir)
    if (output_dir / "hparams.json").exists():
        raise ValueError(f"--output_dir={output_dir} holds a run already; give another directory")
    if vocab_file and not (problem and Path(vocab_file).is_file()):
        raise ValueError(f"--vocab={vocab_file} needs --problem, and must be a file")
    with tempfile.TemporaryDirectory() as folder:
        if vocab_file:
            data_dir = folder
            for name in registry.problem(problem, data_dir=folder).vocabulary_files():
                shutil.copyfile(vocab_file, Path(folder, name))
        opened = convert.open_t2t_run(
            source, problem, data_dir, model=model, hparams_set=hparams_set, overrides=overrides
        )
        _write(opened, output_dir)
    return opened


def _write(opened: convert.T2TRun, output_dir: Path) -> None:
    """Writes weights, vocabularies and, last of all, `hparams.json`, which makes the directory a run."""
    checkpoints.save_weights(opened.model, output_dir, opened.step)
    for name in opened.problem.vocabulary_files():
        shutil.copyfile(Path(opened.problem.data_dir_root) / name, output_dir / name)
    flags = [
        f"--problem={loading.full_problem_name(opened.model.hparams.problem)}",
        f"--data_dir={output_dir.resolve()}",
    ]
    loading.write_run(output_dir, opened.model_name, opened.model.hparams, flags=flags)


def example_loss(opened: convert.T2TRun, inputs: str, targets: str) -> float:
    """Returns the loss on one pair of texts as T2T's evaluation reports it: without label smoothing."""
    encoders = opened.problem.get_feature_encoders()
    texts = {"inputs": inputs, "targets": targets}
    features = {name: np.array([[*encoder.encode(texts[name]), EOS_ID]], "int32") for name, encoder in encoders.items()}
    logits = opened.model(features)
    return float(opened.model.compute_loss(features, features["targets"], logits, training=False))
