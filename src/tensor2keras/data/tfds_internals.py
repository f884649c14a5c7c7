"""All uses of TensorFlow Datasets' private API, each with its reason.

`tests/data/test_tfds_internals.py` fails when a new version of tfds moves one of these parts.
"""

import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow_datasets as tfds
from absl import logging
from tensorflow_datasets.core.utils import file_utils, shard_utils, tqdm_utils


class LocalInfo(tfds.core.DatasetInfo):
    """Metadata of a data set that tfds's bucket does not hold."""

    def initialize_from_bucket(self) -> None:
        """Does nothing: tfds would access the network for every builder, and leave an empty folder behind."""


class LocalBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A tfds builder that is not in tfds's registry, downloads nothing through tfds and prints nothing.

    Data are in `data_dir/<dataset_filename()>/<config>/<version>`.

    Attributes:
        constructor_arguments: keyword arguments from which a pickled builder is restored; set by the subclass.
    """

    constructor_arguments: dict[str, Any]
    code_path = None  # tfds looks for files beside the class's source, which a notebook's class does not have

    def __init_subclass__(cls, **kwargs: Any):
        # tfds's registry refuses a class that is defined again, as in a notebook's cell that runs twice.
        super().__init_subclass__(**{**kwargs, "skip_registration": True})

    def __getstate__(self) -> dict[str, Any]:  # tfds pickles the arguments of its own constructor
        return self.constructor_arguments

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        self.__init__(**arguments)

    def dataset_filename(self) -> str:
        """Returns the name of the folder with the data, which several builders may share."""
        return self.name

    def _build_data_dir(self, given_data_dir: str | None) -> tuple[str, str]:
        # Overridden because tfds names the folder by `name`.
        root, directory = file_utils.get_data_dir_and_dataset_dir(
            given_data_dir=given_data_dir,
            builder_name=self.dataset_filename(),
            config_name=self.builder_config_name,
            version=self.version,
        )
        return os.fspath(root), os.fspath(directory)

    def _make_download_manager(self, download_dir: Any, download_config: Any) -> types.SimpleNamespace:
        # Overridden because tfds's manager creates folders for downloads, which `data.sources` stores elsewhere.
        del download_dir, download_config
        return types.SimpleNamespace(downloaded_size=0)

    def _log_download_bytes(self) -> None:
        # Overridden because tfds prints a download size that it does not know.
        logging.info("Generating %s in %s", self.name, self.data_dir)

    def _log_download_done(self) -> None:
        # Overridden because tfds prints what `t2t-datagen` shows in its own form.
        pass


class DownloadConfig(tfds.download.DownloadConfig):
    """tfds's configuration, with `num_shards_of(num_examples)` files for a split instead of one number for all."""

    def __init__(self, num_shards_of: Callable[[int], int], **kwargs: Any):
        super().__init__(**kwargs)
        self._num_shards_of = num_shards_of

    def get_shard_config(self) -> shard_utils.ShardConfig:
        """Returns the rule for the number of files, which tfds applies when it writes a split."""
        return _ShardConfig(self._num_shards_of)


class _ShardConfig(shard_utils.ShardConfig):
    def __init__(self, num_shards_of: Callable[[int], int]):
        super().__init__()
        self._num_shards_of = num_shards_of

    def get_number_shards(self, total_size: int, num_examples: int, uses_precise_sharding: bool = True) -> int:
        """Returns tfds's number or ours, whichever is larger: no file grows beyond tfds's largest size."""
        return max(self._num_shards_of(num_examples), total_size // self.max_shard_size + 1)


@contextlib.contextmanager
def progress_bars_on_terminals() -> Iterator[None]:
    """Turns progress bars off in the block if stderr is a file or a pipe, where every update would add a line."""
    wanted = tqdm_utils._active
    tfds.display_progress_bar(wanted and (sys.stderr.isatty() or "ipykernel" in sys.modules))
    try:
        yield
    finally:
        tfds.display_progress_bar(wanted)


def progress_bar(items: Iterable[Any], description: str, unit: str) -> Iterable[Any]:
    """Yields the items under a progress bar, which `tfds.disable_progress_bar()` turns off with tfds's own."""
    return tqdm_utils.tqdm(items, desc=description, unit=unit, leave=False)
