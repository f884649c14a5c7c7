import pytest

from tensor2keras import training
from tensor2keras.cli import evaluate
from tests.training.tiny import TinyProblem, tiny_hparams


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = training.TrainOptions(train_steps=4, eval_every=2)
    training.train_and_evaluate(TinyProblem(), "tiny_model", tiny_hparams(), folder, options, hparams_set="tiny_set")
    return folder


def table(capsys):
    header, *rows = capsys.readouterr().out.splitlines()
    return [dict(zip(header.split(), map(float, row.split()), strict=True)) for row in rows]


def test_newest_checkpoint_has_the_metrics_of_training(run_dir, capsys):
    from tests.training.tiny import rows_of

    assert evaluate.main([f"--output_dir={run_dir}", "--data_dir=d"]) == 0
    (row,) = table(capsys)
    assert row["step"] == 4
    assert row["loss"] == pytest.approx(rows_of(run_dir, "validation")[-1][1], abs=1e-5)


def test_all_checkpoints_on_the_test_split(run_dir, capsys):
    argv = [f"--output_dir={run_dir}", "--data_dir=d", "--checkpoint_path=all", "--eval_use_test_set", "--eval_steps=2"]
    assert evaluate.main(argv) == 0
    assert [row["step"] for row in table(capsys)] == [2, 4]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--checkpoint_path=model.ckpt-3"], "no checkpoint model.ckpt-3; steps saved in {run_dir}: 2, 4"),
        (["--model=transformer"], "--model=transformer, but"),
        (["--hparams_set=transformer_tiny"], "was trained with --hparams_set=tiny_set"),
        (["--output_dir=/nowhere"], "is not the output_dir of a training run"),
    ],
)
def test_what_does_not_fit_is_one_line(run_dir, capsys, flags, message):
    assert evaluate.main([f"--output_dir={run_dir}", "--data_dir=d", *flags]) == 2
    error = capsys.readouterr().err
    assert message.format(run_dir=run_dir) in error
    assert error.count("\n") == 1
