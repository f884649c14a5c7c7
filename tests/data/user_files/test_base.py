"""Held-out samples, samples left out, and the classes of the user's own data."""

import pytest

from tests.data.problem_test_case import run_problem_test
from tests.data.user_text import ENGLISH, LABELS, problem_of, write, write_pairs


def test_without_validation_files_some_training_samples_are_held_out(tmp_path, raw, caplog):
    write_pairs(raw, "train")
    problem = run_problem_test(problem_of("text2text_tmpdir", tmp_path), batches=False)
    held_out = {sample["inputs"] for sample in problem.samples_as_text("validation", 40)}
    trained = {sample["inputs"] for sample in problem.samples_as_text("train", 40)}
    assert held_out == {ENGLISH[1], ENGLISH[21]}
    assert trained == set(ENGLISH) - held_out
    assert "every 20th training sample is held out" in caplog.text


def test_samples_with_an_empty_side_are_left_out(tmp_path, raw, caplog):
    write(raw / "inputs.train.txt", ["a", "", "c", "d"])
    write(raw / "targets.train.txt", ["A", "B", "", "D"])
    problem = problem_of("text2text_tmpdir", tmp_path)
    assert [row["inputs"] for _, row in problem.rows("train")] == ["a"]
    assert [row["inputs"] for _, row in problem.rows("validation")] == ["d"]
    assert "left out 2 samples with an empty side" in caplog.text


def test_classes_by_name(tmp_path, raw):
    write(raw / "inputs.train.txt", ENGLISH)
    write(raw / "labels.train.txt", LABELS)
    problem = run_problem_test(problem_of("text2class_tmpdir", tmp_path), same_text=False)
    assert problem.class_labels(str(tmp_path / "data")) == ["even", "odd"]
    for sample in problem.samples_as_text("train", 40):
        assert sample["targets"] == LABELS[ENGLISH.index(sample["inputs"])]


@pytest.mark.parametrize(
    ("labels", "given", "classes"),
    [
        (["2", "0", "1"], None, ["0", "1", "2"]),
        ([str(number) for number in range(11, -1, -1)], None, [str(number) for number in range(12)]),
        (["2", "0", "10"], None, ["0", "10", "2"]),
        (["1", "2", "3"], None, ["1", "2", "3"]),
        (["007", "012", "007"], None, ["007", "012"]),
        (["20240102", "20240101", "20240101"], None, ["20240101", "20240102"]),
        (["0", "1", "\u0661"], None, ["0", "1", "\u0661"]),
        (["b", "a", "b"], None, ["a", "b"]),
        (["b", "a", "b"], ["b", "a", "c"], ["b", "a", "c"]),
    ],
)
def test_what_the_classes_are(labels, given, classes, tmp_path, raw):
    write(raw / "inputs.train.txt", ENGLISH[: len(labels)])
    write(raw / "labels.train.txt", labels)
    if given:
        write(raw / "labels.txt", given)
    problem = problem_of("text2class_tmpdir", tmp_path)
    problem.generate_data()
    assert problem.class_labels(str(tmp_path / "data")) == classes
    numbers = {row["targets"] for split in problem.info.splits for row in problem.samples_as_text(split, 20)}
    assert numbers == set(labels)


@pytest.mark.parametrize(("name", "comma"), [("train.tsv", "\t"), ("train.csv", ",")])
def test_a_header_is_no_class(tmp_path, raw, name, comma, caplog):
    write(raw / name, [f"text{comma}label", f"a dog{comma}pos", f"a cat{comma}neg", f"a cow{comma}neg"])
    problem = problem_of("text2class_tmpdir", tmp_path)
    assert problem.find_labels(str(raw)) == ["neg", "pos"]
    assert [row["inputs"] for split in ("train", "validation") for _, row in problem.rows(split)] == [
        "a dog", "a cow", "a cat"
    ]  # fmt: skip
    assert f"{name}, line 1 is a header, not a sample: text, label" in caplog.text


def test_unknown_label_in_validation_is_refused(tmp_path, raw):
    for split, labels in (("train", ["a", "b", "a"]), ("eval", ["a", "c", "b"])):
        write(raw / f"inputs.{split}.txt", ENGLISH[:3])
        write(raw / f"labels.{split}.txt", labels)
    with pytest.raises(ValueError, match=r"inputs\.eval\.txt, line 2: unknown label 'c'; the training set has: a, b"):
        problem_of("text2class_tmpdir", tmp_path).generate_data()
    assert [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()] == [".lock"]
    write(raw / "labels.eval.txt", ["x", "y", "x"])
    write(raw / "labels.train.txt", ["x", "y", "x"])
    problem = problem_of("text2class_tmpdir", tmp_path)
    problem.generate_data()
    assert problem.class_labels(str(tmp_path / "data")) == ["x", "y"]
