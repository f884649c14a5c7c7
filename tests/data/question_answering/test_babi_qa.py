"""bAbI on small files of its layout; never on the network."""

import json

import pytest

from tensor2keras import registry
from tensor2keras.data.question_answering import babi_qa
from tests.data.problem_test_case import batch_hparams, run_problem_test
from tests.data.raw_files import lines, put, put_tar

STORY = lines(
    "1 Mary moved to the bathroom.",
    "2 Where is Mary? \tbathroom\t1",
    "3 Mary took the milk, the apple.",
    "4 What is Mary carrying? \tmilk,apple\t3",
    "1 John slept.",
    "2 Who slept? \tJohn\t1",
)
FILES = {
    f"tasks_1-20_v1-2/en/{task}_{part}.txt": STORY if task.startswith("qa1_") else lines("1 A b.", "2 C? \ta\t1")
    for task in babi_qa.TASK_NAMES[1:]
    for part in ("train", "test")
}


def test_stories(dirs, raw, no_network):
    put(raw, FILES)
    problem = registry.problem("babi_qa_concat_task1_1k", **dirs)
    assert list(problem.generate_samples(**dirs, dataset_split="validation")) == [
        {"context": "Mary moved to the bathroom .", "inputs": "Where is Mary ?", "targets": "bathroom"},
        {
            "context": "Mary moved to the bathroom . Mary took the milk , the apple .",
            "inputs": "What is Mary carrying ?",
            "targets": "milkapple",
        },
        {"context": "John slept .", "inputs": "Who slept ?", "targets": "John"},
    ]
    assert len(list(problem.generate_samples(**dirs, dataset_split="train"))) == 3 + 19  # all tasks, as T2T


def test_generation_end_to_end(dirs, raw, no_network):
    put_tar(raw / "tasks_1-20_v1-2.tar.gz", FILES)
    problem = run_problem_test(registry.problem("babi_qa_concat_task1_1k", **dirs), same_text=False)
    assert problem.dataset_filename() == "babi_qa_en_qa1_single-supporting-fact"
    assert problem.vocabulary_files() == ["vocab.babi_qa_en_qa1_single-supporting-fact.tokens"]
    features = problem.get_hparams()["features"]
    assert features["targets"]["modality"] == "class_label"
    assert features["targets"]["vocab_size"] == features["inputs"]["vocab_size"]
    encoders = problem.get_feature_encoders()
    features, targets, _ = next(iter(problem.dataset("validation", batch_hparams())))
    row = [encoders["targets"].decode(label) for label in targets.numpy()].index("John")
    ids = features["inputs"][row].numpy().tolist()
    end = ids.index(1)
    assert ids[: end + 2] == [*encoders["inputs"].encode("Who slept ?"), 1, 2]
    assert encoders["inputs"].decode(ids[end + 2 :]).startswith("John slept . <EOS>")


@pytest.mark.parametrize("name", ["babi_qa_concat_task20_10k", "babi_qa_concat_all_tasks_1k"])
def test_every_task_has_a_problem(name, dirs, golden):
    known = json.loads((golden / "problems.json").read_text())["problems"]
    assert name in registry.problems
    assert {n for n in known if n.startswith("babi")} == {n for n in registry.problems if n.startswith("babi")}


def test_odd_files(dirs, raw, no_network):
    with pytest.raises(FileNotFoundError, match=r"put tasks_1-20_v1-2\.tar\.gz into"):
        registry.problem("babi_qa_concat_task1_1k", **dirs).generate_data()
    put(raw, {**FILES, "tasks_1-20_v1-2/en/qa1_single-supporting-fact_train.txt": lines("1 A.", "Where?\tx\t1")})
    with pytest.raises(ValueError, match=r"qa1_single-supporting-fact_train\.txt, line 2: not NUMBER"):
        registry.problem("babi_qa_concat_task1_1k", **dirs).generate_data()
    with pytest.raises(ValueError, match="neither _rev nor _copy"):
        registry.problem("babi_qa_concat_task1_1k_rev", **dirs)
