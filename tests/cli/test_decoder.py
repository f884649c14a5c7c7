"""t2t-decoder on a small run: files, standard input, references, scores, beams and errors."""

import io
import json

import numpy as np
import pytest
from absl import flags as absl_flags

from tensor2keras.cli import decoder
from tests.cli.trained_run import make_run

FAST = "extra_length=4,batch_size=4"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("decoder"))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("one\nthree\n\ntwo\n")
    return path


def decode(run_dir, *flags: str) -> int:
    return decoder.main([f"--output_dir={run_dir}", f"--decode_hparams={FAST}", *flags])


def test_tensor2tensors_flags_are_there():
    flags = absl_flags.FlagValues()
    decoder.define_flags(flags)
    expected = {
        "decode_from_file": "",
        "decode_to_file": "",
        "decode_interactive": False,
        "decode_hparams": "",
        "decode_reference": "",
        "decode_shards": 1,
        "score_file": "",
        "checkpoint_path": None,
        "keep_timestamp": False,
        "eval_use_test_set": False,
        "problem": None,
        "model": None,
        "hparams_set": None,
        "hparams": "",
        "data_dir": None,
        "output_dir": "",
    }
    assert {name: flags[name].default for name in expected} == expected


def test_output_dir_and_a_file_suffice(run_dir, source, tmp_path, capsys):
    target = tmp_path / "out" / "words.rev"
    assert decode(run_dir, f"--decode_from_file={source}", f"--decode_to_file={target}") == 0
    lines = target.read_text().split("\n")
    assert len(lines) == 5
    assert lines[2] == ""  # the empty line
    assert "3/3 sentences" in capsys.readouterr().err
    assert [path.name for path in target.parent.iterdir()] == ["words.rev"]  # no temporary file left


def test_each_line_is_decoded_as_if_alone(run_dir, source, tmp_path):
    target, alone = tmp_path / "all", tmp_path / "alone"
    decode(run_dir, f"--decode_from_file={source}", f"--decode_to_file={target}")
    word = tmp_path / "word"
    word.write_text("three\n")
    decode(run_dir, f"--decode_from_file={word}", f"--decode_to_file={alone}")
    assert target.read_text().split("\n")[1] == alone.read_text().removesuffix("\n")


def test_standard_input_and_output(run_dir, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\n\n"), encoding="utf-8"))
    assert decode(run_dir, "--decode_from_file=-", "--decode_to_file=-") == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_beams_with_scores_are_tab_separated_best_first(run_dir, source, tmp_path):
    target = tmp_path / "beams"
    hp = f"{FAST},beam_size=3,return_beams=True,write_beam_scores=True,identity_output=True"
    assert decode(run_dir, f"--decode_from_file={source}", f"--decode_to_file={target}", f"--decode_hparams={hp}") == 0
    columns = target.read_text().split("\n")[0].split("\t")
    assert len(columns) == 6
    scores = [float(score) for score in columns[1::2]]
    assert scores == sorted(scores, reverse=True)
    assert all(part.isdecimal() for part in columns[0].split())


def test_default_output_name_is_tensor2tensors(run_dir, source):
    assert decode(run_dir, f"--decode_from_file={source}") == 0
    assert source.with_name("words.txt.reversed_letters.beam4.alpha0.6.decodes").exists()


def test_reference_prints_bleu_with_its_signature(run_dir, source, tmp_path, capsys):
    target = tmp_path / "first"
    decode(run_dir, f"--decode_from_file={source}", f"--decode_to_file={target}")
    reference = tmp_path / "reference"
    reference.write_text("x y\n" * 4)
    decode(run_dir, f"--decode_from_file={source}", f"--decode_to_file={target}", f"--decode_reference={reference}")
    printed = capsys.readouterr().err
    assert "BLEU = " in printed
    assert "chrF2 = " in printed
    assert "tok:13a" in printed
    reference.write_text("x y\n")
    assert decode(run_dir, f"--decode_from_file={source}", "--decode_to_file=-", f"--decode_reference={reference}") == 2
    assert "has 1 lines, 4 were decoded" in capsys.readouterr().err


def test_score_file_writes_the_loss_of_each_line(run_dir, tmp_path):
    from tensor2keras.training import load_model

    pairs, target = tmp_path / "pairs.tsv", tmp_path / "scores"
    pairs.write_text("one\teno\nthree\teerht\n")
    assert decode(run_dir, f"--score_file={pairs}", f"--decode_to_file={target}") == 0
    model, encode = load_model(run_dir), lambda word: np.array([[*(byte + 2 for byte in word.encode()), 1]])
    ids = encode("eno")
    logits = np.asarray(model({"inputs": encode("one"), "targets": ids}), "float64")[0]
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -np.mean([log_probs[i, token] for i, token in enumerate(ids[0])])
    scores = [float(line) for line in target.read_text().splitlines()]
    assert scores[0] == pytest.approx(expected, abs=1e-4)
    assert len(scores) == 2


def test_interactive_mode_decodes_until_quit(run_dir, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("dl=2\none\nns=2\ntwo\nq\nnever read\n"))
    assert decode(run_dir, "--decode_interactive", f"--decode_hparams={FAST},beam_size=1") == 0
    printed = capsys.readouterr().out
    assert "decode_length=2" in printed
    assert "num_samples=2" in printed


def test_interactive_mode_ends_the_prompts_line_at_the_end_of_input(run_dir, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("ns=0\n"))
    assert decode(run_dir, "--decode_interactive") == 0
    printed = capsys.readouterr().out
    assert "ns=0 must be at least 1\n" in printed
    assert printed.endswith("\n> \n")


def test_data_set_is_decoded_beside_its_inputs_and_targets(run_dir, tmp_path):
    from tensor2keras import registry

    registry.problem("reversed_letters", data_dir=str(run_dir.parent / "data")).generate_data()
    target = tmp_path / "validation"
    assert decode(run_dir, f"--decode_to_file={target}") == 0
    assert sorted((tmp_path / "validation.inputs").read_text().split()) == ["one", "three", "two"]
    assert sorted((tmp_path / "validation.targets").read_text().split()) == ["eerht", "eno", "owt"]
    assert target.read_text().count("\n") == 3


def test_checkpoint_path_chooses_the_weights_and_their_time(run_dir, source, tmp_path):
    import os

    checkpoint = run_dir / "checkpoints" / "model.ckpt-100.weights.h5"
    os.utime(checkpoint, (1e9, 1e9))
    old, new = tmp_path / "old", tmp_path / "new"
    flags = (f"--decode_from_file={source}", f"--decode_hparams={FAST},identity_output=True")
    decode(run_dir, *flags, f"--decode_to_file={old}", f"--checkpoint_path={checkpoint}", "--keep_timestamp")
    decode(run_dir, *flags, f"--decode_to_file={new}")
    assert old.read_text() != new.read_text()
    assert old.stat().st_mtime == 1e9


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--decode_from_file=/no/such/file"], "/no/such/file: no such file"),
        (["--decode_hparams=beam_siz=4"], "unknown hparam 'beam_siz'; closest: beam_size"),
        (["--decode_hparams=beam_size=wide"], "beam_size='wide' is not of type int"),
        (["--score_file=/dev/null"], "--score_file needs --decode_to_file"),
        (["--model=byte_net", "--decode_from_file=-"], "was trained with --model=transformer"),
    ],
)
def test_mistakes_are_one_line(run_dir, flags, message, capsys):
    assert decode(run_dir, *flags) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "Traceback" not in error


def test_directory_that_is_no_run(tmp_path, capsys):
    assert decoder.main([f"--output_dir={tmp_path}", "--decode_from_file=-"]) == 2
    assert "has no hparams.json" in capsys.readouterr().err


def test_bytes_that_are_no_text_are_named_by_line(run_dir, tmp_path, capsys):
    path = tmp_path / "broken"
    path.write_bytes(b"fine\n\xff\xfe\n")
    assert decode(run_dir, f"--decode_from_file={path}") == 2
    assert f"{path}, line 2: not UTF-8" in capsys.readouterr().err


def test_hyperparameters_without_effect_say_why(run_dir, source, capsys):
    decode(run_dir, f"--decode_from_file={source}", "--decode_to_file=-", f"--decode_hparams={FAST},block_size=4")
    assert "block_size=4 has no effect" in capsys.readouterr().err


def test_hparams_file_holds_what_decoding_needs(run_dir):
    assert json.loads((run_dir / "hparams.json").read_text())["model"] == "transformer"
