"""A T2T directory as it is: hyperparameters, problem, vocabulary, checkpoint; and what is told when something is not
there.
"""

import json
import shutil

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert import is_t2t_run, load_t2t_model, open_t2t_run, save_t2t_checkpoint
from tests.models.tiny import symbol_problem, tiny_model


@pytest.fixture
def run(tmp_path):
    """A directory as T2T leaves it, of a tiny model: no flags, no vocabulary."""
    model = tiny_model()
    save_t2t_checkpoint(model, tmp_path / "t2t" / "model.ckpt-250", step=250)
    saved = model.hparams.to_dict()
    del saved["problem"]
    (tmp_path / "t2t" / "hparams.json").write_text(json.dumps(saved))
    return tmp_path / "t2t"


def edit(run, **values):
    path = run / "hparams.json"
    saved = json.loads(path.read_text()) | values
    path.write_text(json.dumps({name: value for name, value in saved.items() if value is not None}))


def test_the_real_directory(shared):
    run = open_t2t_run(shared / "t2t")
    assert (run.model_name, run.problem.name, run.step) == ("transformer", "translate_ende_wmt8k", 1)
    assert "target_modality='default'" in str(run.report)
    with np.load(shared / "t2t" / "golden_transformer_test.npz") as archive:
        features = {name: archive[name][None].astype("int32") for name in ("inputs", "targets")}
        expected, loss = archive["logits"][:, :, 0, 0], float(archive["loss"])
    logits = run.model(features)
    np.testing.assert_allclose(ops.convert_to_numpy(logits), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    found = run.model.compute_loss(features, features["targets"], logits, training=False)
    assert float(found) == pytest.approx(loss, rel=1e-5)
    assert loss == pytest.approx(9.362895, rel=1e-6)
    decoded = run.model.infer({"inputs": features["inputs"]}, beam_size=4, top_beams=4, decode_length=5)
    assert decoded["outputs"].shape[:2] == (1, 4)
    assert np.all(np.diff(ops.convert_to_numpy(decoded["scores"])) <= 0)


def test_a_plain_problem_and_overrides(run):
    model = load_t2t_model(run, symbol_problem(), overrides="relu_dropout=0.25")
    assert model.hparams.relu_dropout == 0.25
    assert model.hparams.hidden_size == 16


def test_flags_say_the_problem_and_model(run, tmp_path):
    data_dir = tmp_path / "data"
    problem = registry.problem("algorithmic_reverse_decimal40", data_dir=data_dir)
    model = tiny_model(problem=problem.get_hparams())
    save_t2t_checkpoint(model, run / "model.ckpt-300", step=300)
    (run / "flags.txt").write_text(
        f"--noregistry_help\n--problem=algorithmic_reverse_decimal40\n--model=transformer\n--data_dir={data_dir}\n"
        "--hparams_set=transformer_tiny\n"
    )
    opened = open_t2t_run(run)
    assert (opened.problem.name, opened.step) == ("algorithmic_reverse_decimal40", 300)


def test_old_removed_and_young_hyperparameters(run):
    edit(
        run,
        mask_padding=None,
        residual_dropout=0.35,
        layer_prepostprocess_dropout=None,
        made_up=[1],
        learning_rate_schedule=None,
    )
    opened = open_t2t_run(run, symbol_problem())
    hparams = opened.model.hparams
    assert hparams.layer_prepostprocess_dropout == 0.35
    assert hparams.made_up == [1]
    assert hparams.mask_padding is False
    assert "mask_padding" not in str(opened.report)
    masked = open_t2t_run(run, symbol_problem(), overrides="mask_padding=True")
    assert masked.model.mask_padding
    assert hparams.learning_rate_schedule == "legacy"  # what T2T did before it had the name
    assert "without effect: made_up=[1]" in str(opened.report)
    assert "hyperparameters missing in hparams.json are at T2T's default" in str(opened.report)


@pytest.mark.parametrize("value", ["wide", [16], None, 10**12])
def test_sizes_that_no_model_has_name_the_file(run, value):
    file = run / "hparams.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"hidden_size": value}))
    with pytest.raises(ValueError, match=rf"no transformer can be built from {file}: "):
        load_t2t_model(run, symbol_problem())


def test_what_cannot_be_told(run, tmp_path):
    with pytest.raises(ValueError, match=r"cannot tell the problem of .*; give problem"):
        load_t2t_model(run)
    with pytest.raises(FileNotFoundError, match="no `checkpoint` file"):
        load_t2t_model(tmp_path)
    (run / "hparams.json").write_text("{")
    with pytest.raises(ValueError, match=r"hparams.json, line 1: not JSON"):
        load_t2t_model(run, symbol_problem())
    (run / "hparams.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"hparams\.json holds \[1\], not an object of hyperparameters"):
        load_t2t_model(run, symbol_problem())
    (run / "hparams.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"hparams.json does not exist"):
        load_t2t_model(run, symbol_problem())


def test_a_vocabulary_of_another_size(shared, tmp_path):
    for path in (shared / "t2t").iterdir():
        if "32768" not in path.name:
            shutil.copy(path, tmp_path)
    vocabulary = tmp_path / "vocab.translate_ende_wmt8k.8192.subwords"
    vocabulary.chmod(0o644)
    vocabulary.write_text("".join(vocabulary.read_text().splitlines(keepends=True)[:8000]))
    with pytest.raises(
        ValueError, match=r"translate_ende_wmt8k \(8000 entries\)\) none has the checkpoint's size \[8190"
    ):
        load_t2t_model(tmp_path)
    with pytest.raises(ValueError, match=r"model.ckpt-1 .*symbol_modality_8190_16/.*: \(8190, 16\) .*, \(8000, 16\)"):
        load_t2t_model(tmp_path, "translate_ende_wmt8k")


def test_which_paths_are_t2t_runs(run, tmp_path):
    assert is_t2t_run(run)
    assert is_t2t_run(run / "model.ckpt-250")
    assert not is_t2t_run(tmp_path)
    assert not is_t2t_run(tmp_path / "nothing")
