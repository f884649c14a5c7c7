"""Text problems on the user's files in tmp_dir, and the files that are refused."""

import gzip

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
    left = tmp_path / "data" / "text2text_tmpdir"
    assert not left.exists() or [path.name for path in left.iterdir()] == [".lock"]


def test_changed_text_is_pointed_out(tmp_path, raw, caplog):
    write_pairs(raw, "train")
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    write_pairs(raw, "train", 5)
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    assert f"The text in {raw} has changed; remove" in caplog.text


def test_generated_data_need_no_text(tmp_path, raw):
    write_pairs(raw, "train")
    problem_of("text2text_tmpdir", tmp_path).generate_data()
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
