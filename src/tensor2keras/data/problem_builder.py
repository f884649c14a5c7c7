"""Generation of a problem's data with TensorFlow Datasets: once, atomically, and with the vocabulary checked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from absl import logging

from tensor2keras.data import generation, source_files
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.tfds_internals import DownloadConfig, LocalBuilder, LocalInfo, progress_bars_on_terminals


class ProblemBuilder(LocalBuilder):
    """The tfds builder of `Problem`, whose samples come from the problem's hooks.

    Data are TFRecord files in `data_dir/<dataset_filename>/<version>/`, vocabularies are in `data_dir`.
    """

    VERSION = tfds.core.Version("1.0.0")
    _sources: source_files.Record | None = None

    def generate_data(self) -> bool:
        """Generates vocabulary and data unless they exist. If it is killed, the next call starts over.

        Returns:
            Whether data were generated; False: they were found.

        Raises:
            ValueError: an empty split, or data found that were encoded by another vocabulary than the present one or
                generated from other files than the user's present ones.
            FileNotFoundError, ConnectionError: the problem's sources are missing; the message names what to put where.
        """
        found = self.is_prepared()
        self.download_and_prepare()
        if found:
            logging.info("Found %s, not generated", self.data_dir)
        return not found

    def download_and_prepare(self, *, download_config: tfds.download.DownloadConfig | None = None, **kwargs) -> None:
        """Generates as `generate_data`, with tfds's arguments; `dataset_splits` sets the default number of files."""
        overwrite = download_config is not None and download_config.download_mode.overwrite_dataset
        if overwrite or not self.is_prepared():
            with generation.lock(self.data_path.parent):
                if overwrite or not self.is_prepared():  # another process may have generated them meanwhile
                    self._prepare(download_config or DownloadConfig(self._num_shards), overwrite, **kwargs)
        self._load_info()
        self._check_vocabulary()
        self.check_sources()

    def _prepare(self, download_config: tfds.download.DownloadConfig, overwrite: bool, **kwargs: Any) -> None:
        if self.data_path.exists() and not overwrite:
            raise ValueError(f"{self.data_dir} is not a whole data set: it has no dataset_info.json; remove it")
        generation.sweep_unfinished(self.data_path.parent)
        paths = self.source_files()
        self._sources = source_files.record(paths, self.tmp_dir) if paths else None
        for path in filter(Path.exists, self._vocabulary_paths() if paths else ()):
            logging.warning("%s exists and is used as it is; remove it to make it from the present files", path)
        with (
            progress_bars_on_terminals(),
            generation.removed_on_failure(self.data_path.parent, self._vocabulary_paths(), self._sources),
        ):
            self.prepare_to_generate(str(self.data_dir_root), self.tmp_dir)
            super().download_and_prepare(download_config=download_config, **kwargs)

    def is_prepared(self) -> bool:
        """Returns whether the data exist and are complete."""
        return self.data_path.exists() and super().is_prepared()  # tfds warns about a directory that is missing

    def _info(self) -> tfds.core.DatasetInfo:
        return LocalInfo(
            builder=self,
            description=(type(self).__doc__ or self.name),
            features=tfds.features.FeaturesDict(self.stored_features),
            disable_shuffling=self.already_shuffled,
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        self.info.metadata["vocabulary"] = self._vocabulary_hashes()
        if self._sources:
            self.info.metadata["sources"] = self._sources
        names = [split["split"] for split in self.dataset_splits]
        if self.is_generate_per_split:
            return {name: self._generate_examples(name, self._encoded_samples(name)) for name in names}
        parts = generation.distribute(
            self._encoded_samples(DatasetSplit.TRAIN),
            {split["split"]: split["shards"] for split in self.dataset_splits},
        )
        return {name: self._generate_examples(name, parts[name]) for name in names}

    def _generate_examples(self, split: str, samples: Iterator[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        self._split_being_written = split
        names = self.stored_features
        index = -1
        for index, sample in enumerate(samples):
            if missing := [name for name in names if name not in sample]:
                raise ValueError(f"problem {self.name}: sample {index} of {split} has no {', '.join(missing)}")
            yield index, {name: sample[name] for name in names}
        if index < 0:
            raise ValueError(f"problem {self.name}: the split {split!r} has no samples")

    def _encoded_samples(self, split: str) -> Iterator[dict[str, Any]]:
        return self.generate_encoded_samples(str(self.data_dir_root), self.tmp_dir, split)

    def _num_shards(self, num_examples: int) -> int:
        shards = {split["split"]: split["shards"] for split in self.dataset_splits}
        return max(1, min(shards[self._split_being_written], num_examples // generation.MIN_EXAMPLES_A_SHARD))

    def _check_generated(self) -> None:
        self._load_info()
        if not self.info.splits:
            raise FileNotFoundError(
                f"problem {self.name} has no data in {self.data_dir}; make them {self.how_to_generate()}"
            )

    def how_to_generate(self) -> str:
        """Returns how the problem's vocabulary and data are made, in Python and by a command, for messages."""
        command = f"t2t-datagen --problem={self.name} --data_dir={self.data_dir_root}"
        return f"with problem.generate_data() or {command}"

    def _load_info(self) -> None:
        if not self.info.splits and self.is_prepared():  # generated after this object was created
            self.info.read_from_directory(self.data_dir)

    def check_sources(self) -> None:
        """Raises ValueError if the user's files are not those that the data were generated from.

        Data can be used without the files they were generated from, in which case nothing is checked.
        """
        self._load_info()
        recorded = (self.info.metadata or {}).get("sources", {})
        try:
            paths = self.source_files() if self.info.splits else []
        except FileNotFoundError:
            return
        if paths and "files" not in recorded:
            logging.warning("%s does not record the files it was generated from: they are not compared", self.data_dir)
        elif paths and (found := source_files.differences(recorded, paths, self.tmp_dir)):
            more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
            old = recorded["directory"]
            instead = "" if old == os.path.abspath(self.tmp_dir) else f", give --tmp_dir={old}, which they are from,"
            remove = ", ".join(str(path) for path in (self.data_dir, *self._vocabulary_paths()))
            raise ValueError(
                f"the data in {self.data_dir} were generated from other files than those in {self.tmp_dir}: "
                f"{', '.join(found[:3])}{more}; remove {remove} to generate them again{instead} or give another "
                "--data_dir to keep both"
            )

    def _vocabulary_paths(self) -> list[Path]:
        return [Path(self.data_dir_root, name) for name in self.vocabulary_files()]

    def _vocabulary_hashes(self) -> dict[str, str]:
        return {name: generation.file_hash(self.data_dir_root / name) for name in self.vocabulary_files()}

    def _check_vocabulary(self) -> None:
        written, now = (self.info.metadata or {}).get("vocabulary"), self._vocabulary_hashes()
        if written is None or written == now:
            return
        if set(written) != set(now):
            raise ValueError(
                f"the data in {self.data_dir} were encoded by {', '.join(written) or 'no vocabulary'}, not by "
                f"{', '.join(now) or 'none'}; remove {self.data_dir} to generate them again"
            )
        changed = ", ".join(str(self.data_dir_root / name) for name in now if now[name] != written[name])
        raise ValueError(
            f"the data in {self.data_dir} were encoded by another vocabulary than {changed}; put the old vocabulary "
            f"back, or remove {self.data_dir} and generate again"
        )
