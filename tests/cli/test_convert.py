"""t2t-convert on the real T2T directory, and t2t-decoder on it as it is."""

import json

import pytest

from tensor2keras.cli import convert, decoder
from tensor2keras.training.loading import load_model


@pytest.fixture(scope="module")
def t2t_dir(shared):
    return shared / "t2t"


def test_the_converted_run_stands_alone_and_decodes_as_the_original_does(t2t_dir, tmp_path, capsys):
    output_dir = tmp_path / "run"
    assert convert.main([f"--from={t2t_dir}", f"--output_dir={output_dir}", "--check"]) == 0
    printed = capsys.readouterr().out
    assert "66 variables loaded" in printed
    assert "problem translate_ende_wmt8k" in printed
    loss = float(printed.rpartition(": ")[2])
    assert 8.5 < loss < 9.5  # that of an untrained model is ln 8190 = 9.01
    assert sorted(path.name for path in output_dir.iterdir()) == [
        "checkpoints",
        "flags.txt",
        "hparams.json",
        "vocab.translate_ende_wmt8k.8192.subwords",
    ]
    assert json.loads((output_dir / "hparams.json").read_text())["model"] == "transformer"
    assert load_model(output_dir).count_params() == 139_200

    (tmp_path / "in").write_text("Hello world.\nGood morning\n")
    for name, directory in (("ours", output_dir), ("theirs", t2t_dir), ("prefix", t2t_dir / "model.ckpt-1")):
        where = f"--checkpoint_path={directory}" if name == "prefix" else f"--output_dir={directory}"
        flags = [where, f"--decode_from_file={tmp_path / 'in'}", f"--decode_to_file={tmp_path / name}"]
        assert decoder.main([*flags, "--decode_hparams=extra_length=2,beam_size=2", "--keep_timestamp"]) == 0
    assert (tmp_path / "ours").read_text() == (tmp_path / "theirs").read_text() == (tmp_path / "prefix").read_text()
    assert (tmp_path / "theirs").stat().st_mtime == (t2t_dir / "model.ckpt-1.index").stat().st_mtime


def test_a_vocabulary_from_elsewhere(t2t_dir, tmp_path, capsys):
    vocabulary = tmp_path / "my.vocab"
    vocabulary.write_bytes((t2t_dir / "vocab.translate_ende_wmt8k.8192.subwords").read_bytes())
    flags = [f"--from={t2t_dir / 'model.ckpt-1'}", f"--output_dir={tmp_path / 'run'}", f"--vocab={vocabulary}"]
    assert convert.main([*flags, "--problem=translate_ende_wmt8k"]) == 0
    copied = tmp_path / "run" / "vocab.translate_ende_wmt8k.8192.subwords"
    assert copied.read_bytes() == vocabulary.read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--from is required"),
        (["--from=nowhere"], "no checkpoint at nowhere (looked for nowhere.index)"),
        (["--from={t2t}", "--problem=translate_ende_wmt32k"], "(8190, 16) in the source, (33708, 16) in the model"),
        (["--from={t2t}", "--hparams=num_hidden_layers=3"], "missing"),
        (["--from={t2t}", "--vocab=nowhere"], "--vocab=nowhere needs --problem, and must be a file"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(t2t_dir, tmp_path, capsys, flags, message):
    flags = [flag.format(t2t=t2t_dir) for flag in flags]
    assert convert.main([*flags, f"--output_dir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.count("\n") == 0
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_written_over(t2t_dir, tmp_path, capsys):
    (tmp_path / "hparams.json").write_text("{}")
    assert convert.main([f"--from={t2t_dir}", f"--output_dir={tmp_path}"]) == 2
    assert "holds a run already" in capsys.readouterr().err
