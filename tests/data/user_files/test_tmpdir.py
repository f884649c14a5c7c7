"""Text problems on the user's files in tmp_dir, and the files that are refused."""

import gzip
import json
import shutil

import pytest

from tensor2keras import registry
from tests.data.problem_test_case import run_problem_test
from tests.data.user_text import ENGLISH, problem_of, write, write_pairs


def test_text2text_from_files(tmp_path, raw):
    write_pairs(raw, "train")
    write_pairs(raw, "eval", 0, 5)
    write_pairs(raw, "test", 5, 9)
    problem = run_problem_test(problem_of("text2text_tmpdir", tmp_path), splits=("train", "validation", "test"))
    assert problem.num_training_examples == 40
    assert (tmp_path / "data" / "vocab.text2text_tmpdir.32768.subwords").exists()


def test_vocabulary_of_words(tmp_path, raw):
    write_pairs(raw, "train")
    write(raw / "vocab.txt", ["the", "dog", "runs", "der", "Hund"])
    problem = run_problem_test(problem_of("text2text_tmpdir_tokens", tmp_path), same_text=False, batches=False)
    assert problem.get_hparams()["features"]["inputs"]["vocab_size"] == 2 + 1 + 5
    assert problem.samples_as_text()[0]["inputs"].startswith("the dog <UNK>")


def test_language_model(tmp_path, raw):
    write(raw / "train.txt", ENGLISH)
    problem = run_problem_test(problem_of("text2self_tmpdir", tmp_path))
    assert not problem.has_inputs


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {},
            r"no training text in .*raw; put inputs\.train\.txt and targets\.train\.txt there \(or train\.tsv or",
        ),
        ({"inputs.train.txt": b"a\n"}, r"targets\.train\.txt is not there"),
        ({"inputs.train.txt": b"a\nb\nc\n", "targets.train.txt": b"A\nB\n"}, r"targets\.train\.txt ends before line 3"),
        ({"inputs.train.txt": b"a\nb\n", "targets.train.txt": b"A\nB\nC\n"}, r"inputs\.train\.txt ends after line 2"),
        (
            {"inputs.train.txt": b"a\nb\n", "targets.train.txt": b"A\nB\xff\n"},
            r"targets\.train\.txt, line 2: not UTF-8.*byte 2",
        ),
        ({"inputs.train.txt": b"", "targets.train.txt": b""}, "no training text"),
        ({"inputs.train.txt": b"\n\n", "targets.train.txt": b"a\nb\n"}, "no training text"),
        ({"inputs.train.txt": b"a\n", "targets.train.txt": b"A\n"}, "the split 'validation' has no samples"),
        ({"train.tsv": b"a\tA\nb\n"}, r"train\.tsv, line 2: 1 columns, expected 2 \(inputs, targets\)"),
        ({"train.tsv": b"a\t\n\tA\n"}, "no training text"),
        ({"train.tsv": b"a\tA\tx\n"}, r"train\.tsv, line 1: 3 columns"),
        ({"train.jsonl": b'{"inputs": "a", "targets": "A"}\n{"inputs": \n'}, r"train\.jsonl, line 2: not JSON"),
        (
            {"train.jsonl": b'{"inputs": "a"}\n'},
            r"train\.jsonl, line 1: expected an object with the keys inputs, targets",
        ),
        ({"train.jsonl": b'{"inputs": "a", "targets": 3}\n'}, r"train\.jsonl, line 1: targets is not text"),
        (
            {"train.jsonl": b'{"inputs": "\\ud83d\\ude00", "targets": "A"}\n{"inputs": "a", "targets": "A \\ud800"}\n'},
            r"train\.jsonl, line 2: targets has '\\ud800', half of a surrogate pair",
        ),
        ({"train.jsonl": b"[" * 100000}, r"train\.jsonl, line 1: not JSON \(maximum recursion depth"),
        ({"train.jsonl": b'{"inputs": ' + b"1" * 5000}, r"train\.jsonl, line 1: not JSON \(Exceeds the limit"),
        ({"train.jsonl": b'["a", "A"]\n'}, r"train\.jsonl, line 1: expected an object"),
        (
            {"inputs.train.txt.gz": b"no gzip", "targets.train.txt": b"A\n"},
            r"inputs\.train\.txt\.gz: not a whole gzip file",
        ),
    ],
)
def test_bad_files_are_refused_by_name_and_line(files, message, tmp_path, raw):
    for name, content in files.items():
        (raw / name).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        problem_of("text2text_tmpdir", tmp_path).generate_data()
    assert [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()] in ([], [".lock"])


def test_changed_text_is_refused_until_the_data_are_removed(tmp_path, raw, caplog):
    write_pairs(raw, "train")
    assert problem_of("text2text_tmpdir", tmp_path).generate_data() is True
    assert problem_of("text2text_tmpdir", tmp_path).generate_data() is False
    write_pairs(raw, "train", 5)
    write_pairs(raw, "eval", 0, 5)
    data, vocabulary = tmp_path / "data/text2text_tmpdir/1.0.0", tmp_path / "data/vocab.text2text_tmpdir.32768.subwords"
    changes = "inputs.eval.txt is new, inputs.train.txt has changed, targets.eval.txt is new (and 1 more)"
    with pytest.raises(ValueError) as error:  # noqa: PT011
        problem_of("text2text_tmpdir", tmp_path).generate_data()
    assert str(error.value) == (
        f"the data in {data} were generated from other files than those in {raw}: {changes}; remove {data}, "
        f"{vocabulary} to generate them again or give another --data_dir to keep both"
    )
    shutil.rmtree(data)
    problem = problem_of("text2text_tmpdir", tmp_path)
    problem.generate_data()
    assert f"{vocabulary} exists and is used as it is" in caplog.text
    assert problem.num_training_examples == 35


def test_text_of_another_folder_is_refused_unless_it_is_the_same(tmp_path, raw):
    write_pairs(raw, "train")
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    (tmp_path / "other").mkdir()
    write_pairs(tmp_path / "other", "train")
    other = {"data_dir": tmp_path / "data", "tmp_dir": tmp_path / "other"}
    assert registry.problem("text2text_tmpdir_rev", **other).generate_data() is False
    write_pairs(tmp_path / "other", "train", 1)
    with pytest.raises(ValueError, match=rf"has changed.*, give --tmp_dir={raw}, which they are from, or give another"):
        registry.problem("text2text_tmpdir", **other).generate_data()
    for names in (["inputs.train.txt", "targets.train.txt"], []):  # half of the files gone, then all
        for name in names:
            (tmp_path / "other" / name).unlink()
    assert registry.problem("text2text_tmpdir", **other).generate_data() is False


@pytest.mark.parametrize(
    ("name", "file"), [("text2text_tmpdir_tokens", "vocab.txt"), ("text2class_tmpdir", "labels.txt")]
)
def test_lists_of_words_and_labels_are_sources_as_well(name, file, tmp_path, raw):
    write_pairs(raw, "train")
    write(raw / "labels.train.txt", ["a", "b"] * 20)
    write(raw / file, ["a", "b"])
    problem_of(name, tmp_path).generate_data()
    write(raw / file, ["a", "b", "c"])
    with pytest.raises(ValueError, match=rf"{file} has changed; remove"):
        problem_of(name, tmp_path).generate_data()


def test_generated_data_need_no_text(tmp_path, raw, caplog):
    write_pairs(raw, "train")
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    metadata = tmp_path / "data/text2text_tmpdir/1.0.0/metadata.json"
    content = json.loads(metadata.read_text())
    del content["sources"]
    metadata.write_text(json.dumps(content))  # as of version 0.1.0
    assert problem_of("text2text_tmpdir", tmp_path).generate_data() is False
    assert "does not record the files it was generated from" in caplog.text
    for path in raw.iterdir():
        path.unlink()
    problem = problem_of("text2text_tmpdir", tmp_path)
    problem.generate_data()
    assert problem.num_training_examples == 38


def test_one_text_by_bytes_with_its_last_tenth_held_out(tmp_path):
    text = "\n".join(f"ligne numéro {number}" for number in range(200)).encode()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/train.txt.gz").write_bytes(gzip.compress(text))
    problem = registry.problem(
        "text2self_tmpdir_characters", data_dir=str(tmp_path / "data"), tmp_dir=str(tmp_path / "raw")
    )
    problem.generate_data()
    middle = len(text) - len(text) // 10
    overlapping = [text[start : min(start + 512, middle)] for start in range(0, middle - 384, 128)]
    assert list(problem.pieces("train")) == overlapping
    assert overlapping[-1] == text[:middle][-len(overlapping[-1]) :]
    assert b"".join(problem.pieces("validation")) == text[middle:]
    first = [byte + 2 for byte in text[:512]]
    found = [example["targets"].tolist() for example in problem.as_dataset(split="train").as_numpy_iterator()]
    assert first in found
    (tmp_path / "raw/dev.txt").write_bytes(b"x" * 600)
    assert b"".join(piece[:128] for piece in problem.pieces("train")).startswith(text[:-512])
    assert [len(piece) for piece in problem.pieces("validation")] == [512, 88]


def test_text_by_bytes_refuses_other_files(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"targets": "a"}\n')
    problem = registry.problem("text2self_tmpdir_characters", data_dir=str(tmp_path / "data"), tmp_dir=str(tmp_path))
    with pytest.raises(ValueError, match=r"reads plain text; put train\.txt into"):
        problem.generate_data()
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress(bytes(range(256)) * 20)[:100])
    with pytest.raises(ValueError, match=r"train\.txt\.gz: not a whole gzip file"):
        problem.generate_data()
