import numpy as np
import pytest

from tensor2keras.training import checkpoints
from tests.training.tiny import TinyModel, build, fill, tiny_hparams


def weights(model):
    return [np.asarray(variable) for variable in model.weights]


def test_restore_brings_back_weights_optimizer_and_seeds(tmp_path):
    model = build()
    fill(model, 3.0)
    model.optimizer.iterations.assign(17)
    (seed,) = checkpoints.seed_variables(model)
    seed.assign(np.array([5, 9], "uint32"))
    checkpoints.save(model, tmp_path, 17)

    other = build()
    assert checkpoints.restore(other, tmp_path) == 17
    for a, b in zip(weights(model), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == 17
    np.testing.assert_array_equal(checkpoints.seed_variables(other)[0], [5, 9])


def test_restore_of_an_empty_directory_is_step_0(tmp_path):
    assert checkpoints.restore(build(), tmp_path) == 0


def test_checkpoint_without_its_state_falls_back_to_the_one_before(tmp_path):
    """Killed after the weights were written and before the state was."""
    model = build()
    fill(model, 1.0)
    checkpoints.save(model, tmp_path, 1)
    fill(model, 2.0)
    checkpoints.save_weights(model, tmp_path, 2)
    assert checkpoints.restore(model, tmp_path) == 1
    assert float(model.trainable_variables[0][0, 0]) == 1.0


def test_checkpoints_without_any_state_say_what_to_do(tmp_path):
    checkpoints.save_weights(build(), tmp_path, 2)
    with pytest.raises(ValueError, match="--warm_start_from"):
        checkpoints.restore(build(), tmp_path)


def test_numbered_files_hold_weights_only(tmp_path):
    model = build()
    model.optimizer.iterations.assign(3)
    path = checkpoints.save(model, tmp_path, 1)
    other = build()
    checkpoints.load_weights(other, path)
    assert int(other.optimizer.iterations) == 0

    uncompiled = TinyModel(tiny_hparams())
    uncompiled.build()
    uncompiled.load_weights(path)  # a plain Keras file


def test_list_latest_best_and_prune(tmp_path, caplog):
    model = build()
    for step in (2, 10, 9, 30):
        checkpoints.save_weights(model, tmp_path, step)
    (tmp_path / "checkpoints/tmp.model.ckpt-31.weights.h5").write_text("left by a kill")
    assert [step for step, _ in checkpoints.list_checkpoints(tmp_path)] == [2, 9, 10, 30]
    assert checkpoints.best(tmp_path) == checkpoints.latest(tmp_path)
    assert "no evaluation with finite values" in caplog.text
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoints.mark_best(tmp_path, 2, "loss", np.nan)
    checkpoints.mark_best(tmp_path, 2, "loss", 1.5)
    checkpoints.prune(tmp_path, 2)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "best.json", "model.ckpt-10.weights.h5", "model.ckpt-2.weights.h5", "model.ckpt-30.weights.h5"
    ]  # fmt: skip
    assert checkpoints.step_of(checkpoints.best(tmp_path)) == 2
    assert checkpoints.best_record(tmp_path) == {"step": 2, "metric": "loss", "value": 1.5}


@pytest.mark.parametrize(
    "name", ["", "checkpoints", "checkpoints/model.ckpt-7.weights.h5", "checkpoints/model.ckpt-7", "model.ckpt-7"]
)
def test_a_checkpoint_can_be_named_in_many_ways(tmp_path, name):
    path = checkpoints.save_weights(build(), tmp_path, 7)
    assert checkpoints.resolve(tmp_path / name) == path


def test_unknown_checkpoint_lists_the_steps_there_are(tmp_path):
    checkpoints.save_weights(build(), tmp_path, 7)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*model\.ckpt-8; steps saved .*: 7"):
        checkpoints.resolve(tmp_path / "checkpoints/model.ckpt-8")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint model\.ckpt-8; steps saved in .*: 7"):
        checkpoints.resolve("model.ckpt-8", tmp_path)
    assert checkpoints.step_of(checkpoints.resolve("model.ckpt-7", tmp_path)) == 7
    with pytest.raises(FileNotFoundError, match="train first"):
        checkpoints.latest(tmp_path / "elsewhere")


def test_weights_of_another_model_say_what_does_not_fit(tmp_path):
    path = checkpoints.save_weights(build(), tmp_path, 7)
    other = TinyModel(tiny_hparams())
    other.embedding.units = 9
    other.build()
    with pytest.raises(ValueError, match=r"embedding/0 is \(12, 8\) in the file and \(12, 9\) in the model$"):
        checkpoints.load_weights(other, path)


def test_damaged_checkpoint_is_a_clear_error(tmp_path):
    path = checkpoints.save_weights(build(), tmp_path, 7)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"checkpoint .*model\.ckpt-7.* does not fit this model"):
        checkpoints.load_weights(build(), path)


@pytest.mark.parametrize("content", ["null", "[1]", '{"step": "../../x", "value": 1}', '{"step": 1, "value": "x"}'])
def test_a_best_json_that_names_no_step_is_named(tmp_path, content):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.json").write_text(content)
    with pytest.raises(ValueError, match=r"best\.json does not name the best checkpoint"):
        checkpoints.best(tmp_path)
