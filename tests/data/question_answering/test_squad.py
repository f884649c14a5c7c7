"""SQuAD on small files of its layout and on a mocked tfds data set; never on the network."""

import gzip
import json

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tests.data.problem_test_case import batch_hparams, run_problem_test


def squad(question, answers, context="The sky is blue."):
    asked = {"id": "1", "question": question, "answers": [{"text": text, "answer_start": 0} for text in answers]}
    return json.dumps(
        {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": [asked]}]}]}
    )


@pytest.fixture
def files(raw):
    (raw / "train-v1.1.json").write_text(squad(" What colour? ", ["blue", "The sky"]))
    (raw / "dev-v1.1.json.gz").write_bytes(gzip.compress(squad("Why?", ["because"]).encode()))


def test_text_to_text(files, dirs, no_network):
    problem = run_problem_test(registry.problem("squad_text2text", **dirs))
    assert problem.vocabulary_files() == ["vocab.squad_text2text.32768.subwords"]
    assert problem.samples_as_text("train") == [
        {"inputs": "squad context: The sky is blue. question: What colour?", "targets": "blue"}
    ]


def test_concatenated_question_and_context(files, dirs, no_network):
    run_problem_test(registry.problem("squad", **dirs))
    problem = run_problem_test(registry.problem("squad_concat", **dirs))  # on the same data
    assert problem.dataset_filename() == "squad"
    assert set(problem.get_hparams()["features"]) == {"inputs", "targets"}
    features, _, _ = next(iter(problem.dataset("validation", batch_hparams())))
    encoder = problem.get_feature_encoders()["inputs"]
    assert features["inputs"][0].numpy().tolist() == [
        *encoder.encode("Why?"),
        1,
        2,  # <EOQ>
        *encoder.encode("The sky is blue."),
        1,
    ]


def test_questions_without_answer_are_left_out(files, dirs, raw, no_network):
    (raw / "dev-v1.1.json").write_text(squad("Why?", []))
    with pytest.raises(ValueError, match="'validation' has no samples"):
        registry.problem("squad_text2text", **dirs).generate_data()


@pytest.mark.parametrize("content", [squad("Why?", ["x"])[:-5], "[]", '{"version": 1}', '{"data": [{"title": 1}]}'])
def test_a_file_of_another_kind_is_named(content, dirs, raw, no_network):
    (raw / "train-v1.1.json").write_text(content)
    with pytest.raises(ValueError, match=r"train-v1\.1\.json: not a whole file of SQuAD's JSON"):
        registry.problem("squad_text2text", **dirs).generate_data()


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    problem = registry.problem("squad_text2text", **dirs)
    with tfds.testing.mock_data(num_examples=3):
        for sample in problem.generate_samples(**dirs, dataset_split="validation"):
            assert sample["inputs"].startswith("squad context: ")


def test_without_network_the_error_says_what_to_put_where(dirs, no_network):
    with pytest.raises(FileNotFoundError, match=r"put train-v1\.1\.json, dev-v1\.1\.json \(or \.gz\) into"):
        registry.problem("squad_text2text", **dirs).generate_data()
