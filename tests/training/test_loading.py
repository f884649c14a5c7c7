import numpy as np
import pytest

from tensor2keras.training import checkpoints, loading
from tests.training.tiny import build


def test_load_model_reads_the_run(tmp_path):
    model = build(dropout=0.5)
    path = checkpoints.save_weights(model, tmp_path, 7)
    loading.write_run(tmp_path, "tiny_model", model.hparams)
    for loaded in (
        loading.load_model(tmp_path),
        loading.load_model(checkpoint_path=path),
        loading.load_model(tmp_path, "best"),
    ):
        assert loaded.hparams.dropout == 0.5
        for a, b in zip(model.weights, loaded.weights, strict=True):
            np.testing.assert_array_equal(a, b)
    assert loading.load_model(tmp_path, overrides="dropout=0.25").hparams.dropout == 0.25


def test_load_model_of_no_run(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"hparams\.json does not exist: .* is not the output_dir of a training"
    ):
        loading.load_model(tmp_path)


def test_differences_name_both_values():
    old = {
        "model": "a",
        "random_seed": 1,
        "hparams_set": "s",
        "hparams": {"x": 1, "problem": {"name": "p"}, "train_steps": 5},
    }
    new = {
        "model": "b",
        "random_seed": 2,
        "hparams_set": "t",
        "hparams": {"x": 1, "problem": {"name": "q"}, "y": [2], "train_steps": 6},
    }
    assert loading.differences(old, new) == [
        "model: 'a', now 'b'", "problem.name: 'p', now 'q'", "random_seed: 1, now 2", "y: '(not set)', now [2]"
    ]  # fmt: skip


@pytest.mark.parametrize(("suffixes", "name"), [({}, "p"), ({"was_reversed": True, "was_copy": True}, "p_rev_copy")])
def test_full_problem_name(suffixes, name):
    assert loading.full_problem_name({"name": "p", **suffixes}) == name
