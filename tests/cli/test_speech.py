"""Commands on recordings: what t2t-decoder reads and scores, and t2t-eval --decode."""

import re

import pytest

from tensor2keras import registry
from tensor2keras.cli import datagen, decoder, evaluate
from tensor2keras.training import checkpoints
from tensor2keras.training.loading import write_run
from tests.data.recordings import write_table

pytest.importorskip("jiwer")
SMALL = {"hidden_size": 16, "filter_size": 16, "num_heads": 2, "num_hidden_layers": 1, "num_encoder_layers": 1}
FAST = {"ffn_layer": "dense_relu_dense", "num_decoder_layers": 1, "num_zeropad_frames": 0, "batch_size": 4}
SCORE = re.compile(r"WER [\d.]+ %  CER [\d.]+ %  \(jiwer; of (\d+) words ")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    write_table(folder, count=2)
    write_table(folder, "dev.tsv", 3, 2)
    return folder


@pytest.fixture(scope="module", params=["transformer", "transformer_encoder"])
def run_dir(request, recordings, tmp_path_factory):
    """A run with a checkpoint of weights that were never trained."""
    folder = tmp_path_factory.mktemp("run")
    problem = registry.problem("speech_tmpdir", data_dir=str(folder / "data"), tmp_dir=str(recordings))
    problem.generate_data()
    settings = {**SMALL, **FAST, "ctc_targets": request.param == "transformer_encoder"}
    hparams = registry.hparams("transformer_librispeech", problem, settings)
    write_run(folder / "run", request.param, hparams, flags=[f"--data_dir={folder / 'data'}"])
    model = registry.model(request.param, hparams)
    model.build()
    checkpoints.save_weights(model, folder / "run", 10)
    return folder / "run"


def decode(run_dir, *flags):
    settings = "extra_length=0,batch_size=4,beam_size=1"
    return decoder.main([f"--output_dir={run_dir}", f"--decode_hparams={settings}", *flags])


def test_files_named_by_lines_are_decoded_and_scored(run_dir, recordings, tmp_path, capsys):
    (tmp_path / "files.txt").write_text(f"{recordings}/wav/2.wav\n{recordings}/wav/3.wav\n")
    (tmp_path / "texts.txt").write_text("FOUR\nSIX\n")
    flags = (f"--decode_from_file={tmp_path}/files.txt", f"--decode_to_file={tmp_path}/out.txt")
    assert decode(run_dir, *flags, f"--decode_reference={tmp_path}/texts.txt") == 0
    assert len((tmp_path / "out.txt").read_text().split("\n")) == 3
    assert SCORE.search(capsys.readouterr().err)[1] == "2"


def test_a_split_is_decoded_and_scored(run_dir, tmp_path, capsys):
    assert decode(run_dir, f"--decode_to_file={tmp_path}/out.txt") == 0
    assert sorted((tmp_path / "out.txt.targets").read_text().splitlines()) == ["FOUR", "SEVEN EIGHT", "SIX"]
    heard = (tmp_path / "out.txt.inputs").read_text().splitlines()
    assert sorted(heard) == ["features 40x80x3", "features 50x80x3", "features 60x80x3"]
    assert SCORE.search(capsys.readouterr().err)[1] == "4"


def test_a_file_that_is_not_there_is_named(run_dir, tmp_path, capsys):
    (tmp_path / "files.txt").write_text("none.wav\n")
    assert decode(run_dir, f"--decode_from_file={tmp_path}/files.txt") == 2
    assert "none.wav: no such audio file" in capsys.readouterr().err


def test_evaluation_lists_error_rates(run_dir, recordings, capsys):
    settings = "--decode_hparams=extra_length=0,beam_size=1"
    assert evaluate.main([f"--output_dir={run_dir}", "--decode", settings, f"--tmp_dir={recordings}"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert {"loss", "wer", "cer"} <= set(header.split())
    assert len(header.split()) == len(row.split())


def test_datagen_shows_samples(recordings, tmp_path, capsys):
    flags = ["--problem=speech_tmpdir", f"--data_dir={tmp_path}", f"--tmp_dir={recordings}"]
    assert datagen.main(flags) == 0
    shown = capsys.readouterr().out
    assert "waveforms: audio of 0." in shown
    assert "targets: ONE" in shown
