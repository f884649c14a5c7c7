"""A run's directory that somebody else made: no file of it executes code, or chooses where a command writes."""

import io
import json
import pickle
import shutil
import sys
import zipfile

import h5py
import numpy as np
import pytest

from tensor2keras import training
from tensor2keras.cli import avg_all, decoder, evaluate, trainer, translate_all
from tensor2keras.convert import read_flags
from tests.cli.trained_run import SMALL, make_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("untrusted"))


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """A copy of the run, and files outside of it that nothing may change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("builtins.input", lambda prompt: "q")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "evil.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    (tmp_path / "source").write_text("one\n")
    (tmp_path / "outside").write_bytes(bytes(64))
    return shutil.copytree(made, tmp_path / "run")


@pytest.fixture
def commands(run, tmp_path):
    """Everything that opens a run, by name: functions that return exit codes."""
    where, source = f"--output_dir={run}", tmp_path / "source"
    places = [f"--model_dir={run}", f"--source={source}", f"--translations_dir={tmp_path / 'translations'}"]

    def loaded(function):
        try:
            function(run)
        except (ValueError, KeyError):
            return 2
        return 0

    return {
        "decoder": lambda *flags: decoder.main([where, f"--decode_from_file={source}", "--decode_to_file=-", *flags]),
        "prompt": lambda *flags: decoder.main([where, "--decode_interactive", *flags]),
        "eval": lambda *flags: evaluate.main([where, *flags]),
        "translate-all": lambda *flags: translate_all.main([*places, "--decode_hparams=extra_length=1", *flags]),
        "avg-all": lambda: avg_all.main([f"--model_dir={run}", f"--output_dir={tmp_path / 'avg'}", "--n=2"]),
        "load_model": lambda: loaded(training.load_model),
        "open_run": lambda: loaded(training.open_run),
    }


def unharmed(tmp_path):
    """Returns whether no code was executed and nothing was written beside the places that the user named."""
    named = {"code", "source", "outside", "run", "config", "translations", "avg"}
    there = {path.name for path in tmp_path.iterdir()}
    is_same = (tmp_path / "outside").read_bytes() == bytes(64)
    return is_same and there <= named and "evil" not in sys.modules


@pytest.mark.parametrize("relative", [False, True])
def test_code_that_flags_txt_names_is_not_imported(run, commands, tmp_path, capsys, monkeypatch, relative):
    path = "code" if relative else str(tmp_path / "code")
    (run / "flags.txt").open("a").write(f"--t2t_usr_dir={path}\n")
    for name in ("decoder", "prompt", "eval", "translate-all"):
        assert commands[name]() == 2, name
        error = capsys.readouterr().err.splitlines()[-1]
        assert f"flags.txt names --t2t_usr_dir={path}" in error
        assert ("a relative path" if relative else "--trust_usr_dir imports it") in error
    if relative:
        assert commands["prompt"]("--trust_usr_dir") == 2
        assert unharmed(tmp_path)
        return
    for name in ("avg-all", "load_model", "open_run"):
        assert commands[name]() == 0, name
    assert (tmp_path / "avg" / "flags.txt").read_text() == (run / "flags.txt").read_text()  # asked about there too
    assert commands["prompt"]("--notrust_usr_dir") == 0
    assert unharmed(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert commands["prompt"]("--trust_usr_dir") == 0
    del sys.modules["evil"]
    assert (tmp_path / "executed").exists()


def test_flags_txt_sets_nothing_but_what_describes_the_run(run, commands, tmp_path, capsys):
    flags = ("decode_to_file", "output_dir", "translations_dir", "decoder_command", "flagfile", "decode_from_file")
    (run / "flags.txt").open("a").write("".join(f"--{name}={tmp_path / 'set_by_flags'}\n" for name in flags))
    for name in ("prompt", "avg-all"):
        assert commands[name]() == 0, name
    assert commands["translate-all"]("--min_steps=1000") == 2
    assert "no checkpoint of 1000 steps or more" in capsys.readouterr().err
    assert read_flags(run).keys() == {"data_dir"}
    assert unharmed(tmp_path)


def test_a_problem_in_hparams_json_is_no_path(run, commands, tmp_path, capsys):
    description = json.loads((run / "hparams.json").read_text())
    description["hparams"]["problem"]["name"] = "../written"
    (run / "hparams.json").write_text(json.dumps(description))
    for name, command in commands.items():
        assert command() == 2, name
    assert capsys.readouterr().err.count("hparams.problem.name must be a name") == len(commands) - 2
    assert unharmed(tmp_path)


class Evil:
    """An object that writes a file when it is unpickled."""

    def __reduce__(self):
        return open, ("executed", "w")


def external(path):
    """Replaces a weight by one whose values are in another file."""
    with h5py.File(path, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        shape, dtype = file[names[0]].shape, file[names[0]].dtype
        del file[names[0]]
        file.create_dataset(names[0], shape, dtype, external=[("outside", 0, h5py.h5f.UNLIMITED)])


def pickled(path):
    path.write_bytes(pickle.dumps(Evil()))


@pytest.mark.parametrize("change", [external, pickled])
def test_weights_are_numbers_of_their_own_file(run, commands, tmp_path, capsys, change):
    for path in (run / "checkpoints").glob("*.h5"):
        change(path)
    for name in ("prompt", "avg-all"):
        assert commands[name]() == 2, name
    assert unharmed(tmp_path)


def test_state_and_best_and_metrics_are_data(run, tmp_path, capsys):
    with zipfile.ZipFile(run / "backup.npz", "w") as archive:
        entry = io.BytesIO()
        np.save(entry, np.array([Evil()], dtype=object))
        archive.writestr("optimizer/0.npy", entry.getvalue())
    (run / "backup").mkdir()
    (run / "backup.npz").rename(run / "backup" / "model.ckpt-200.state.npz")
    (run / "checkpoints" / "best.json").write_text('{"step": "../../../outside", "metric": "x", "value": 1.0}')
    assert decoder.main([f"--output_dir={run}", "--checkpoint_path=best", "--decode_interactive"]) == 2
    assert "best.json does not name the best checkpoint" in capsys.readouterr().err
    names = ["--problem=reversed_letters", "--model=transformer", "--hparams_set=transformer_tiny"]
    sizes = [f"--hp_{name}={value}" for name, value in SMALL.items()]
    where = [f"--output_dir={run}", f"--data_dir={tmp_path / 'data'}", "--train_steps=250000"]
    assert trainer.main([*names, *sizes, *where]) == 2
    assert "model.ckpt-200.state.npz is damaged or cut short" in capsys.readouterr().err
    assert unharmed(tmp_path)
