"""Wikipedia language models on small files of T2T's names; never on the network."""

import pytest

from tensor2keras import registry
from tensor2keras.data.language_model import wiki_lm
from tests.data.problem_test_case import run_problem_test
from tests.data.raw_files import lines, put

FILES = {
    f"{language}wiki_{part}.txt.gz": lines(f"{language} {part} one.", f"{language} {part} two.")
    for language in ("en", "de", "fr", "ro")
    for part in ("train", "eval", "test")
}


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [
        ("languagemodel_en_wiki32k", "vocab.languagemodel_en_wiki32k.32000.subwords"),
        ("languagemodel_en_wiki64k", "vocab.languagemodel_en_wiki64k.64000.subwords"),
        ("languagemodel_en_wiki64k_shorter", "vocab.languagemodel_en_wiki64k.64000.subwords"),
        ("languagemodel_de_wiki64k", "vocab.languagemodel_de_wiki64k.64000.subwords"),
        ("languagemodel_de_en_fr_ro_wiki64k", "vocab.languagemodel_de_en_fr_ro_wiki64k.64000.subwords"),
    ],
)
def test_generation_end_to_end(name, vocabulary, dirs, raw, no_network):
    put(raw, FILES)
    problem = run_problem_test(registry.problem(name, **dirs), splits=("train", "validation", "test"))
    assert problem.vocabulary_files() == [vocabulary]


def test_four_languages_in_turn(dirs, raw, no_network):
    put(raw, FILES)
    problem = registry.problem("languagemodel_de_en_fr_ro_wiki64k", **dirs)
    found = [sample["targets"] for sample in problem.generate_samples(**dirs, dataset_split="validation")]
    assert found == [f"{language} eval one. {language} eval two." for language in ("de", "fr", "en", "ro")]


def test_lines_are_joined_below_the_limit():
    texts = ["a" * 12, "b" * 12, "c" * 40, "d" * 12, "e"]
    assert list(wiki_lm.joined_lines(iter(texts), 30)) == ["a" * 12 + " " + "b" * 12, "d" * 12 + " e"]


def test_the_missing_file_is_named(dirs, no_network):
    with pytest.raises(FileNotFoundError, match=r"put enwiki_train\.txt \(or \.gz\) into"):
        registry.problem("languagemodel_en_wiki32k", **dirs).generate_data()
