"""One Billion Word Benchmark on small files of its layout and on a mocked tfds data set; never on the network."""

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data.language_model import lm1b
from tests.data.problem_test_case import run_problem_test
from tests.data.raw_files import lines, put, put_tar

CORPUS = {name: lines("The cat sat .", f"Word{part} ran .") for part, name in enumerate(lm1b.FILES["train"])}
CORPUS[lm1b.FILES["validation"][0]] = lines("The zebra sat .")
WORDS = {"vocab-2016-09-10.txt.en": lines("The", "cat", "sat", "ran", ".")}

# name: (vocabulary file, packed length), T2T's values
VALUES = {
    "languagemodel_lm1b32k": ("vocab.languagemodel_lm1b32k.32768.subwords", None),
    "languagemodel_lm1b32k_packed": ("vocab.languagemodel_lm1b32k.32768.subwords", 256),
    "languagemodel_lm1b8k": ("vocab.languagemodel_lm1b8k.8192.subwords", None),
    "languagemodel_lm1b8k_packed": ("vocab.languagemodel_lm1b8k.8192.subwords", 256),
    "languagemodel_lm1b_characters": (None, None),
    "languagemodel_lm1b_characters_packed": (None, 1024),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_t2ts(name, dirs):
    problem = registry.problem(name, **dirs)
    vocabulary, packed_length = VALUES[name]
    assert problem.vocabulary_files() == ([vocabulary] if vocabulary else [])
    assert problem.packed_length == packed_length
    assert not problem.has_inputs


def test_unknown_words_become_unk(dirs, raw, no_network):
    put(raw, {**CORPUS, **WORDS})
    problem = registry.problem("languagemodel_lm1b_characters", **dirs)
    found = [sample["targets"] for sample in problem.generate_samples(**dirs, dataset_split="train")]
    assert found == ["The cat sat .", "UNK ran ."] * 99
    assert list(problem.generate_samples(**dirs, dataset_split="validation")) == [{"targets": "The UNK sat ."}]


def test_generation_end_to_end_from_the_archive(dirs, raw, no_network):
    put(raw, WORDS)
    put_tar(raw / lm1b.ARCHIVE.name, CORPUS)
    problem = registry.problem("languagemodel_lm1b32k_packed", **dirs)
    run_problem_test(problem, same_text=False)
    assert (raw.parent / "data/vocab.languagemodel_lm1b32k.32768.subwords").exists()


def test_a_missing_part_is_an_error_not_a_smaller_corpus(dirs, raw, no_network):
    put(raw, {**CORPUS, **WORDS})
    (raw / lm1b.FILES["train"][7]).unlink()
    with pytest.raises(FileNotFoundError, match=r"news\.en-00008-of-00100"):
        list(registry.problem("languagemodel_lm1b32k", **dirs).generate_samples(**dirs, dataset_split="train"))


def test_without_network_the_errors_say_what_to_put_where(dirs, raw, no_network):
    problem = registry.problem("languagemodel_lm1b32k", **dirs)
    with pytest.raises(FileNotFoundError, match=r"vocab-2016-09-10\.txt\.en is not there"):
        problem.generate_data()
    put(raw, WORDS)
    with pytest.raises(FileNotFoundError, match=rf"put {lm1b.ARCHIVE.name}, or extracted"):
        problem.generate_data()


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, raw, monkeypatch):
    put(raw, WORDS)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=100):
        samples = registry.problem("languagemodel_lm1b32k", **dirs).generate_samples(**dirs, dataset_split="train")
        assert len(list(samples)) == 100
