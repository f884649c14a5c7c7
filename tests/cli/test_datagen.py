"""t2t-datagen: lists problems, generates one, and tells mistakes in one line."""

import re

import pytest

from tensor2keras.cli import datagen, trainer
from tensor2keras.data.user_files import tmpdir

USER_PROBLEM = """
from tensor2keras import registry
from tensor2keras.data.text_problem import Text2TextProblem

@registry.register_problem
class DatagenEcho(Text2TextProblem):
    "Says everything twice."
    approx_vocab_size = 2**8
    is_generate_per_split = False

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for number in range(202):
            yield {"inputs": f"say {number}", "targets": f"say say {number}"}
"""


@pytest.fixture
def text(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for split, count in (("train", 30), ("eval", 4)):
        (raw / f"inputs.{split}.txt").write_text("".join(f"one dog {i}\n" for i in range(count)))
        (raw / f"targets.{split}.txt").write_text("".join(f"ein Hund {i}\n" for i in range(count)))
    return [f"--data_dir={tmp_path / 'data'}", f"--tmp_dir={raw}"]


def test_without_arguments_it_lists_all_problems(capsys):
    assert datagen.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"problems \(\d+\):", lines[0])
    assert any(re.match(r"  text2text_tmpdir +Your own text to text, from inputs\.train\.txt", line) for line in lines)


def test_it_prints_counts_vocabulary_and_samples(text, capsys):
    assert datagen.main(["--problem=text2text_tmpdir", *text]) == 0
    out = capsys.readouterr().out
    assert re.search(r"train +30 examples in 1 file\n", out)
    assert re.search(r"validation +4 examples in 1 file\n", out)
    assert re.search(r"inputs +\d+ values \(symbol\)\n", out)
    assert "vocab.text2text_tmpdir.32768.subwords" in out
    pairs = re.findall(r"inputs: one dog (\d+)\n.*targets: ein Hund (\d+)\n", out)
    assert len(pairs) == 3
    assert all(inputs == targets for inputs, targets in pairs)


def test_ctrl_c_is_one_line(text, capsys, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(tmpdir.Text2textTmpdir, "generate_samples", interrupt)
    assert datagen.main(["--problem=text2text_tmpdir", *text]) == 130
    line = "t2t-datagen: interrupted; text2text_tmpdir is not generated, the same command does it\n"
    assert capsys.readouterr().err == line  # and no progress bar, because stderr is no terminal


FOUND = " (found, not generated)"


def test_second_run_finds_the_data_and_changes_nothing(text, tmp_path, capsys):
    command = ["--problem", "text2text_tmpdir_rev", "--random-seed=1", *text]
    assert datagen.main(command) == 0
    first, files = (
        capsys.readouterr().out,
        sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "data").rglob("*1.0.0*")),
    )
    assert "inputs: ein Hund" in first
    assert FOUND not in first
    assert datagen.main(command) == 0
    assert capsys.readouterr().out.replace(f"{FOUND}\n", "\n", 1) == first
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "data").rglob("*1.0.0*")) == files


@pytest.mark.parametrize("generate", [["--generate_data"], []])
def test_data_of_another_text_are_refused_and_not_trained_on(text, tmp_path, capsys, generate):
    assert datagen.main(["--problem=text2text_tmpdir", *text]) == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "train.tsv").write_text("one cat\teine Katze\n" * 30)
    other = ["--problem=text2text_tmpdir", f"--data_dir={tmp_path}/data", f"--tmp_dir={tmp_path}/other"]
    model = ["--model=transformer", "--hparams_set=transformer_test", f"--output_dir={tmp_path}/run"]
    capsys.readouterr()
    for command in (lambda: datagen.main(other), lambda: trainer.main([*other, *model, *generate])):
        assert command() == 2
        (line,) = (line for line in capsys.readouterr().err.splitlines() if "were generated from other files" in line)
        assert ".train.txt is gone" in line
        assert "--data_dir" in line
    assert not (tmp_path / "run").exists()


def test_patterns(text, tmp_path, capsys):
    command = ["--problem=text2text_tmpdir*", "--exclude_problems=*_tokens"]
    assert datagen.main([*command, "--only_list"]) == 0
    assert capsys.readouterr().out == "text2text_tmpdir\n"
    assert datagen.main([*command, *text]) == 0
    assert (tmp_path / "data" / "text2text_tmpdir").exists()


def test_size_of_the_vocabulary(text, tmp_path, capsys):
    command = ["--problem=text2text_tmpdir", *text]
    assert datagen.main([*command, "--approx_vocab_size=100"]) == 0
    first = capsys.readouterr().out
    assert "vocab.text2text_tmpdir.100.subwords" in first
    assert datagen.main(command) == 0  # the vocabulary that is there
    assert capsys.readouterr().out.replace(FOUND, "", 1) == first
    assert datagen.main([*command, "--approx_vocab_size=200"]) == 2
    message = (
        r"encoded by vocab\.text2text_tmpdir\.100\.subwords, not by vocab\.text2text_tmpdir\.200\.subwords; remove"
    )
    assert re.search(message, capsys.readouterr().err)


def test_problem_of_the_users(tmp_path, capsys):
    (tmp_path / "datagen_echo_problem.py").write_text(USER_PROBLEM)
    command = [f"--t2t_usr_dir={tmp_path}", "--problem=datagen_echo", f"--data_dir={tmp_path / 'data'}"]
    assert datagen.main(command) == 0
    assert re.search(r"train +200 examples in 1 file\n  validation +2 examples", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--problem=text2text_tmpdr", "--data_dir=x"],
            r"unknown problem 'text2text_tmpdr'; did you mean .*text2text_tmpdir",
        ),
        (["--problem=text2text_tmpdir"], "--data_dir is required"),
        (["--problem=nothing_like_*", "--data_dir=x"], "no problem matches"),
        (
            ["--problem=text2text_tmpdir", "--data_dir={tmp}/data", "--tmp_dir={tmp}"],
            r"no training text in .*; put inputs\.train\.txt",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, message, tmp_path, capsys):
    assert datagen.main([argument.format(tmp=tmp_path) for argument in arguments]) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(rf"t2t-datagen: .*{message}.*\n", err)


def test_old_flags_are_accepted_with_one_line(text, capsys):
    assert datagen.main(["--problem=text2text_tmpdir", "--task_id=3", *text]) == 0
    assert "--task_id is accepted and ignored" in capsys.readouterr().err
