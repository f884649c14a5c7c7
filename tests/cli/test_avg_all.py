import numpy as np
import pytest

from tensor2keras import training
from tensor2keras.cli import avg_all
from tensor2keras.training import checkpoints
from tests.training.tiny import TinyProblem, tiny_hparams


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = training.TrainOptions(train_steps=4, eval_every=1, schedule="train")
    training.train_and_evaluate(TinyProblem(), "tiny_model", tiny_hparams(), folder, options)
    return folder


def weights(output_dir, step):
    return training.load_model(output_dir, f"{output_dir}/checkpoints/model.ckpt-{step}").get_weights()


def test_each_average_is_the_mean_of_n_checkpoints(run_dir, tmp_path):
    assert avg_all.main([f"--model_dir={run_dir}", f"--output_dir={tmp_path}", "--n=3"]) == 0
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [3, 4]
    for step in (3, 4):
        parts = [weights(run_dir, step - i) for i in range(3)]
        for mean, *values in zip(weights(tmp_path, step), *parts, strict=True):
            np.testing.assert_allclose(mean, np.mean(values, axis=0), atol=1e-6)


def test_min_steps(run_dir, tmp_path):
    assert avg_all.main([f"--model_dir={run_dir}", f"--output_dir={tmp_path}", "--n=1", "--min_steps=3"]) == 0
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [3, 4]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--n=9"], "--n=9, but"),
        (["--n=0"], "--n=0"),
        (["--model_dir=/nowhere"], "/nowhere has 0 checkpoints"),
        (["--output_dir=."], "must not be the model_dir"),
    ],
)
def test_what_cannot_be_is_one_line(run_dir, tmp_path, capsys, monkeypatch, flags, message):
    monkeypatch.chdir(run_dir)
    assert avg_all.main([f"--model_dir={run_dir}", f"--output_dir={tmp_path}", *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
