import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from absl import flags as absl_flags

from tensor2keras._import_hooks import MissingBackendError
from tensor2keras.cli import common

SRC = Path(__file__).resolve().parents[2] / "src"


def define_flags(flags):
    common.define_common_flags(flags)
    absl_flags.DEFINE_integer("train_steps", 250000, "Updates.", flag_values=flags, module_name="Training")
    absl_flags.DEFINE_bool("generate_data", False, "Generate.", flag_values=flags, module_name="Training")


def parse(*argv):
    flags = absl_flags.FlagValues()
    define_flags(flags)
    common._define_general_flags(flags)
    return common.parse("prog", flags, argv)


def run(command, *argv):
    return common.run("prog", "Does it.\n\n    prog --problem=p", define_flags, command, argv)


def failing(error):
    def command(args):
        raise error

    return command


@pytest.mark.parametrize(
    "argv",
    [
        ["--data_dir=/d", "--train_steps=5", "--generate_data"],
        ["--data-dir=/d", "--train-steps=5", "--generate-data"],
        ["--data-dir", "/d", "--train_steps", "5", "--generate_data=true"],
        ["--nogenerate_data", "--generate_data", "--train_steps=1", "--train_steps=5", "--data_dir=/d"],
    ],
)
def test_dashes_underscores_equals_and_spaces_mean_the_same(argv):
    args = parse(*argv)
    assert (args.data_dir, args.train_steps, args.generate_data) == ("/d", 5, True)


def test_defaults():
    args = parse()
    assert (args.problem, args.hparams, args.tmp_dir, args.train_steps, args.hp) == (
        None,
        "",
        "/tmp/t2t_datagen",
        250000,
        {},
    )


def test_home_and_variables_are_expanded_in_paths_only(monkeypatch):
    monkeypatch.setenv("T2K_TEST", "here")
    args = parse(
        "--data_dir=~/data", "--output_dir=$T2K_TEST/${T2K_TEST}", "--hparams=name=$T2K_TEST", "--t2t_usr_dir=~/a,~/b"
    )
    assert args.data_dir == os.path.expanduser("~/data")
    assert args.output_dir == "here/here"
    assert args.hparams == "name=$T2K_TEST"
    assert args.t2t_usr_dir == f"{os.path.expanduser('~/a')},{os.path.expanduser('~/b')}"


def test_unset_variable_in_a_path_is_an_error():
    with pytest.raises(ValueError, match="T2K_NO_SUCH is not set"):
        parse("--output_dir=$T2K_NO_SUCH/x")


def test_hparams_are_collected_from_flags_of_their_own():
    args = parse("--hp_hidden_size", "64", "--hp-dropout=0.1", "--hp_shift", "-1", "--hparams=dropout=0.3,batch_size=7")
    assert args.hp == {"hidden_size": "64", "dropout": "0.1", "shift": "-1"}
    assert common.overrides(args) == {"hidden_size": "64", "dropout": "0.1", "shift": "-1", "batch_size": "7"}


def test_given_flags_are_kept_for_a_flagfile(tmp_path):
    args = parse("--train-steps", "5", "--data-dir=d", "--generate-data", "--hp_dropout", "0.1", "--use_tpu")
    assert args.given == [
        "--train_steps=5",
        f"--data_dir={os.path.abspath('d')}",
        "--generate_data",
        "--hp_dropout=0.1",
    ]
    (tmp_path / "flags.txt").write_text("".join(f"{flag}\n" for flag in args.given))
    again = parse(f"--flagfile={tmp_path / 'flags.txt'}")
    assert (again.train_steps, again.generate_data, again.hp) == (5, True, {"dropout": "0.1"})


@pytest.mark.parametrize(
    "argv",
    [["--use_tpu"], ["--nouse_tpu"], ["--use-tpu=false"], ["--ps_replicas=3"], ["--ps_replicas", "3"], ["--nosync"]],
)
def test_flags_that_mean_nothing_today_are_accepted_with_one_line(argv, capsys):
    assert parse(*argv, "--train_steps=5").train_steps == 5
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is accepted and ignored: " in message


def test_every_ignored_flag_says_why():
    assert all(len(why) > 10 for _, why in common.IGNORED_FLAGS.values())


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--problm=x"], "prog: unknown flag --problm; did you mean --problem"),
        (["--zzzzzz"], "prog: unknown flag --zzzzzz; --help lists the flags"),
        (["--train_steps=many"], "train_steps"),
        (["--train_steps"], "prog: --train_steps needs a value"),
        (["--hp_dropout"], "prog: --hp_dropout needs a value"),
        (["file"], "prog: unexpected argument 'file'"),
        (["--notrain_steps"], "prog: unknown flag --notrain_steps; did you mean --train_steps"),
    ],
)
def test_wrong_flags_end_with_one_line_and_code_2(argv, message, capsys):
    assert run(lambda args: 0, *argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (KeyError("unknown model 'x'; did you mean y?"), "prog: unknown model 'x'; did you mean y?", 2),
        (ValueError("two\nlines"), "prog: two lines", 2),
        (ValueError("a\x1b[2J\x9bü\u2028"), r"prog: a\x1b[2J\x9bü", 2),
        (FileNotFoundError("no data in d"), "prog: no data in d", 2),
        (FloatingPointError("the loss is nan"), "prog: the loss is nan", 1),
        (RuntimeError("no device\nleft"), "prog: RuntimeError: no device left (--debug shows the traceback)", 2),
        (IndexError("out of range"), "prog: IndexError: out of range (--debug shows the traceback)", 2),
        (ZeroDivisionError(), "prog: ZeroDivisionError (--debug shows the traceback)", 2),
        (
            ModuleNotFoundError("No module named 'x'"),
            "prog: ModuleNotFoundError: No module named 'x' (--debug shows the traceback)",
            2,
        ),
        (MemoryError("4 TB"), "prog: 4 TB", 2),
        (MissingBackendError("jax is not installed"), "prog: jax is not installed", 2),
        (KeyboardInterrupt("stopped at step 3"), "prog: stopped at step 3", 130),
        (KeyboardInterrupt(), "prog: interrupted", 130),
    ],
)
def test_errors_are_one_line_without_traceback(error, line, code, capsys):
    assert run(failing(error)) == code
    assert capsys.readouterr().err == line + "\n"


def test_an_error_of_tensorflow_is_one_line_without_its_graph(capsys):
    tf = pytest.importorskip("tensorflow")
    message = (
        "Graph execution error:\n\nDetected at node gather defined at (most recent call last):\n"
        '  File "x.py", line 3, in <module>\n\nindices[0] = 9 is not in [0, 5)\n\t [[{{node gather}}]] [Op:f_1]'
    )
    assert run(failing(tf.errors.InvalidArgumentError(None, None, message))) == 2
    expected = "prog: InvalidArgumentError: indices[0] = 9 is not in [0, 5) (--debug shows the traceback)\n"
    assert capsys.readouterr().err == expected
    message = "{{function_node f}} assertion failed: [no example in [0, 2]] [[{{node Assert}}]]"
    assert run(failing(tf.errors.InvalidArgumentError(None, None, message))) == 2
    assert capsys.readouterr().err == "prog: no example in [0, 2]\n"


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_debug_shows_the_traceback(how, capsys, monkeypatch):
    if how == "environment":
        monkeypatch.setenv("T2K_DEBUG", "1")
    assert run(failing(ValueError("why")), *(["--debug"] if how == "flag" else [])) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "whose"), [([], "tensor2keras"), (["--t2t_usr_dir="], "tensor2keras or of the code")]
)
def test_a_bug_is_one_line_that_names_the_file_of_its_traceback(flags, whose, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run(failing(TypeError("a\nbug")), *flags) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"prog: this is a fault of {whose}")
    assert ": TypeError: a bug; the traceback is in " in error
    assert error.count("\n") == 1
    assert "in command\n" in Path(error.split()[-1]).read_text()


def test_required_flag():
    with pytest.raises(ValueError, match="--problem is required"):
        common.require(parse("--model=m"), "model", "problem")


def test_help_is_grouped_and_shows_defaults_and_the_example(capsys):
    assert run(failing(AssertionError), "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith("prog: Does it.")
    assert "prog --problem=p" in text
    headings = ("Problem and model:", "--problem   ", "Directories:", "--data_dir", "Training:", "General:")
    places = [text.index(part) for part in headings]
    assert places == sorted(places)
    assert "Updates. (default: 250000)" in text
    assert "--[no]generate_data" in text


def test_help_needs_neither_tensorflow_nor_keras_nor_a_second():
    code = (
        "import sys, tensor2keras; from tensor2keras.cli import trainer, evaluate, avg_all\n"
        "assert all(command.main(['--help']) == 0 for command in (trainer, evaluate, avg_all))\n"
        "assert not {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
