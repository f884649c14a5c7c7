"""Problem: a task and its data (T2T's `data_generators/problem.py`).

A problem names its features, encodes its samples to ids, writes them once (`generate_data`) and reads them in batches
(`dataset`). A model knows of it only the plain dict of `get_hparams`. The class has three parts, a file each:
`problem_hooks` (what a subclass overrides), `problem_builder` (writing, with tfds) and `problem_reader` (reading).
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

from tensor2keras import files, registry
from tensor2keras.data.preprocessing import preprocess_example_common
from tensor2keras.data.problem_builder import ProblemBuilder
from tensor2keras.data.problem_hooks import IDS, ProblemHooks, ProblemHParams
from tensor2keras.data.problem_reader import ProblemReader
from tensor2keras.data.space_id import SpaceID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.hparams import HParams
from tensor2keras.symbols import EOS_ID, PAD_ID

__all__ = [
    "EOS_ID",
    "IDS",
    "PAD_ID",
    "DatasetSplit",
    "Problem",
    "ProblemHParams",
    "SpaceID",
    "preprocess_example_common",
]

DEFAULT_TMP_DIR = "/tmp/t2t_datagen"


class _FunctionOfData:
    """A static method that is the function of this name in `tensor2keras.data`, imported on first use."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Callable:
        return getattr(importlib.import_module("tensor2keras.data"), self._name)


class Problem(ProblemHooks, ProblemReader, ProblemBuilder):
    """Base class of all problems.

    A subclass defines `generate_encoded_samples` and `hparams` (text problems: see `text_problem`), and
    `stored_features` if the data are not id sequences `inputs` and `targets`. Data are tfds's TFRecord files in
    `data_dir/<dataset_filename>/<version>/`, vocabularies are in `data_dir` under T2T's names. `_rev` and `_copy`
    problems read the data of the problem without the suffix.

    Args:
        data_dir: directory of generated data and vocabularies, `~` and `$VARS` expanded; tfds's default if None.
        tmp_dir: directory of raw downloads and the user's own files; `/tmp/t2t_datagen` if None.
        was_reversed: inputs and targets are swapped (the suffix `_rev`).
        was_copy: targets are a copy of the inputs (the suffix `_copy`), after the swap if there is one.
        **builder_kwargs: tfds's `config`, `version` and `file_format`.

    Example:
        >>> problem = registry.problem("translate_ende_numbers", data_dir="~/t2t_data")
        >>> problem.generate_data()
        >>> batches = problem.dataset("train", hparams)
    """

    from_files = _FunctionOfData()
    from_tfds = _FunctionOfData()

    def __init__(
        self,
        data_dir: str | os.PathLike | None = None,
        tmp_dir: str | os.PathLike | None = None,
        was_reversed: bool = False,
        was_copy: bool = False,
        **builder_kwargs: Any,
    ):
        self.name = self._problem_name()
        self._was_reversed = was_reversed
        self._was_copy = was_copy
        self._encoders: dict[str, TextEncoder] | None = None
        self.tmp_dir = files.expand(tmp_dir or DEFAULT_TMP_DIR)
        super().__init__(data_dir=files.expand(data_dir) if data_dir else None, **builder_kwargs)
        self.constructor_arguments = {
            "data_dir": data_dir,
            "tmp_dir": tmp_dir,
            "was_reversed": was_reversed,
            "was_copy": was_copy,
            **builder_kwargs,
        }

    def get_feature_encoders(self, data_dir: str | None = None) -> dict[str, TextEncoder]:
        """Returns text encoders by feature name, as the model gets the features (after `_rev` and `_copy`).

        Raises:
            FileNotFoundError: the vocabulary is not there yet.
        """
        if self._encoders is None:
            self._encoders = self.feature_encoders(str(data_dir or self.data_dir_root))
        return self.maybe_reverse_and_copy(self._encoders)

    def get_hparams(self, model_hparams: HParams | None = None) -> dict[str, Any]:
        """Returns the problem as plain JSON data, for `hparams.problem`: all that a model knows of it."""
        self.get_feature_encoders()
        filled = ProblemHParams()
        if self.hparams(filled, model_hparams) is not None:
            raise ValueError(f"{type(self).__name__}.hparams changes its first argument in place and returns nothing")
        values = vars(filled)
        modality, vocab_size = values.pop("modality"), values.pop("vocab_size")
        shape = values.pop("shape", {})
        features = {name: {"modality": modality[name], "vocab_size": vocab_size.get(name)} for name in modality}
        for name, size in shape.items():
            features[name]["shape"] = size
        spaces = self.maybe_reverse_and_copy(
            {"inputs": values.pop("input_space_id"), "targets": values.pop("target_space_id")}
        )
        return {
            "name": self.name,
            "features": self.maybe_reverse_and_copy(features),
            "input_space_id": spaces["inputs"],
            "target_space_id": spaces["targets"],
            "was_reversed": self._was_reversed,
            "was_copy": self._was_copy,
            "eval_metrics": list(self.eval_metrics()),
            **values,
        }

    def _problem_name(self) -> str:
        return registry.problems.name_of(type(self)) or registry.default_name(type(self))
