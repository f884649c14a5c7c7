"""Raw samples from aligned files, tfds data sets and the network."""

import pytest
import tensorflow_datasets as tfds

from tensor2keras.data import Problem, sources
from tests.data.user_text import ENGLISH, GERMAN, write_pairs


def test_aligned_lines_of_required_files(raw):
    write_pairs(raw, "train", 0, 2)
    paths = [sources.require_file(str(raw), f"{side}.train.txt") for side in ("inputs", "targets")]
    assert list(sources.aligned_lines(*paths)) == list(zip(ENGLISH[:2], GERMAN[:2], strict=True))
    with pytest.raises(sources.MissingDataError, match=r"put other\.txt \(or \.gz\) into"):
        sources.require_file(str(raw), "other.txt")


def test_official_builder_through_mocked_tfds(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "network_reachable", lambda: True)
    with tfds.testing.mock_data(num_examples=3):
        samples = list(sources.tfds_samples("wmt14_translate/de-en", "train", "en", "de", str(tmp_path)))
    assert len(samples) == 3
    assert all(isinstance(text, str) for sample in samples for text in (sample["inputs"], sample["targets"]))


def test_without_network_it_fails_at_once_and_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "network_reachable", lambda: False)
    with pytest.raises(FileNotFoundError, match=r"no network can fetch it; put train\.en"):
        next(sources.tfds_samples("wmt14_translate/de-en", "train", "en", "de", str(tmp_path), instead="put train.en"))
    with pytest.raises(FileNotFoundError, match="'wmt14_translate/de-en' is not prepared in"):
        Problem.from_tfds("wmt14_translate/de-en", inputs="en", targets="de", data_dir=tmp_path)


def test_network_check_is_quick():
    assert not sources.network_reachable("http://127.0.0.1:9/", seconds=1)


def test_unknown_tfds_data_set(tmp_path):
    with pytest.raises(ValueError, match="tfds has no data set 'no_such_set'"):
        sources.tfds_builder("no_such_set", str(tmp_path))
