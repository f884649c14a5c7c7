"""t2t-translate-all: one file a checkpoint, none twice."""

import pytest

from tensor2keras.cli import translate_all
from tests.cli.trained_run import make_run

FAST = "extra_length=4,identity_output=True"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("translate_all"))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "dev"
    path.write_text("one\ntwo\n")
    return path


def translate(run_dir, source, folder, *flags: str) -> int:
    where = (f"--model_dir={run_dir}", f"--source={source}", f"--translations_dir={folder}")
    return translate_all.main([*where, f"--decode_hparams={FAST}", *flags])


def test_every_checkpoint_translates_once(run_dir, source, tmp_path, capsys):
    folder = tmp_path / "translations"
    assert translate(run_dir, source, folder) == 0
    names = ["reversed_letters-100", "reversed_letters-200", "reversed_letters-flags.txt"]
    assert sorted(path.name for path in folder.iterdir()) == names
    first, second = (folder / name for name in names[:2])
    assert len(first.read_text().splitlines()) == 2
    assert first.read_text() != second.read_text()  # each with its own weights
    assert first.stat().st_mtime == (run_dir / "checkpoints" / "model.ckpt-100.weights.h5").stat().st_mtime
    first.write_text("kept")
    assert translate(run_dir, source, folder) == 0
    assert first.read_text() == "kept"
    assert "exists already" in capsys.readouterr().err


def test_min_steps_leaves_early_checkpoints_out(run_dir, source, tmp_path):
    assert translate(run_dir, source, tmp_path, "--min_steps=150") == 0
    assert [path.name for path in tmp_path.glob("reversed_letters-[0-9]*")] == ["reversed_letters-200"]


def test_another_command_can_decode(run_dir, source, tmp_path):
    command = f"--decoder_command=echo {{params}} >> {tmp_path}/log"
    assert translate(run_dir, source, tmp_path, command, "--trust_usr_dir") == 0
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 2
    assert "--decode_hparams=beam_size=4,alpha=0.6" in lines[0]
    assert " --trust_usr_dir" in lines[0]
    assert f"--decode_to_file={tmp_path}/reversed_letters-100" in lines[0]


def test_command_that_fails_stops_everything(run_dir, source, tmp_path, capsys):
    assert translate(run_dir, source, tmp_path, "--decoder_command=false") == 2
    assert "failed: false" in capsys.readouterr().err


def test_no_checkpoint_is_an_error(run_dir, source, tmp_path, capsys):
    assert translate(run_dir, source, tmp_path, "--min_steps=1000") == 2
    assert "no checkpoint of 1000 steps or more" in capsys.readouterr().err
