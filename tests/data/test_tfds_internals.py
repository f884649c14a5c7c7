"""tfds still has the private parts that `data/tfds_internals.py` uses, and they do what they are used for."""

import contextlib
import inspect
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import file_utils, shard_utils, tqdm_utils

from tensor2keras.data import tfds_internals

BUILDER = tfds.core.GeneratorBasedBuilder


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (BUILDER, "_build_data_dir", ["self", "given_data_dir"]),
        (BUILDER, "_make_download_manager", ["self", "download_dir", "download_config"]),
        (BUILDER, "_log_download_bytes", ["self"]),
        (BUILDER, "_log_download_done", ["self"]),
        (tfds.core.DatasetInfo, "initialize_from_bucket", ["self"]),
        (tfds.download.DownloadConfig, "get_shard_config", ["self"]),
        (shard_utils.ShardConfig, "get_number_shards", ["self", "total_size", "num_examples", "uses_precise_sharding"]),
        (
            file_utils,
            "get_data_dir_and_dataset_dir",
            ["given_data_dir", "builder_name", "config_name", "version"],
        ),
        (tqdm_utils, "tqdm", ["args", "kwargs"]),
    ],
)
def test_tfds_has_the_private_parts_that_are_used(owner, name, parameters):
    where = f"tensorflow_datasets {tfds.__version__}: {owner.__name__}.{name}"
    assert hasattr(owner, name), f"{where} is gone; see tensor2keras/data/tfds_internals.py"
    found = list(inspect.signature(getattr(owner, name)).parameters)
    assert found == parameters, f"{where} takes {found}, not {parameters}; see tensor2keras/data/tfds_internals.py"


class Numbers(tfds_internals.LocalBuilder):
    """Numbers from 0."""

    VERSION = tfds.core.Version("1.2.3")
    name = "numbers_rev"

    def dataset_filename(self):
        return "numbers"

    def _info(self):
        return tfds_internals.LocalInfo(
            builder=self, features=tfds.features.FeaturesDict({"x": np.int64}), disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 40), "test": self._generate_examples(40, 50)}

    def _generate_examples(self, start, end):
        return ((i, {"x": i}) for i in range(start, end))


def test_a_local_builder_writes_where_its_filename_says_and_prints_nothing(tmp_path, capfd):
    tfds.disable_progress_bar()
    try:
        builder = Numbers(data_dir=tmp_path)
        builder.download_and_prepare(download_config=tfds_internals.DownloadConfig(lambda count: count // 10))
    finally:
        tfds.enable_progress_bar()
    assert capfd.readouterr().out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numbers"]  # and no folder for downloads
    folder = tmp_path / "numbers/1.2.3"
    assert len(list(folder.glob("*-train.*"))) == 4
    assert len(list(folder.glob("*-test.*"))) == 1
    assert [int(example["x"]) for example in builder.as_dataset(split="test")] == list(range(40, 50))


def test_a_local_builder_is_in_no_registry_and_may_be_defined_again():
    assert "numbers" not in " ".join(tfds.list_builders(with_community_datasets=False))
    for _ in range(2):
        type("Again", (tfds_internals.LocalBuilder,), {"__module__": "notebook"})


def test_large_splits_have_more_files_than_asked_for():
    config = tfds_internals.DownloadConfig(lambda count: 2).get_shard_config()
    assert config.get_number_shards(10, 10) == 2
    assert config.get_number_shards(5 * config.max_shard_size, 10) == 6


def test_the_progress_bar_passes_the_items_on_and_can_be_turned_off(capsys):
    assert list(tfds_internals.progress_bar(iter("abc"), "Reading", "items")) == list("abc")
    with contextlib.ExitStack() as stack:
        stack.callback(tfds.enable_progress_bar)
        tfds.disable_progress_bar()
        capsys.readouterr()
        assert list(tfds_internals.progress_bar(iter("abc"), "Reading", "items")) == list("abc")
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("is_terminal", [False, True])
def test_progress_bars_are_shown_on_terminals_only(is_terminal, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with tfds_internals.progress_bars_on_terminals():
        assert list(tfds_internals.progress_bar(iter("abc"), "Reading", "items")) == list("abc")
    assert ("Reading" in capsys.readouterr().err) == is_terminal
    list(tfds_internals.progress_bar(iter("abc"), "Reading", "items"))
    assert "Reading" in capsys.readouterr().err  # as before
