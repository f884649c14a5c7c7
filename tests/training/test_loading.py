import json

import numpy as np
import pytest

from tensor2keras.training import checkpoints, loading
from tensor2keras.training.trainer import train_and_evaluate
from tests.training.tiny import TinyProblem, build, fill


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


def test_mask_padding_is_false_in_runs_recorded_before_it(tmp_path):
    model = build()
    checkpoints.save_weights(model, tmp_path, 7)
    loading.write_run(tmp_path, "tiny_model", model.hparams)
    assert "mask_padding" not in loading.read_run(tmp_path)["hparams"]
    assert loading.load_model(tmp_path).hparams.mask_padding is False
    run = {"model": "a", "hparams": {"x": 1}}
    assert loading.differences(run, {"model": "a", "hparams": {"x": 1, "mask_padding": False}}) == []
    masked = {"model": "a", "hparams": {"x": 1, "mask_padding": True}}
    assert loading.differences(run, masked) == ["mask_padding: False, now True"]


@pytest.mark.parametrize(("suffixes", "name"), [({}, "p"), ({"was_reversed": True, "was_copy": True}, "p_rev_copy")])
def test_full_problem_name(suffixes, name):
    assert loading.full_problem_name({"name": "p", **suffixes}) == name


@pytest.fixture
def run_dir(tmp_path):
    model = build()
    fill(model, 2.0)
    checkpoints.save_weights(model, tmp_path / "run", 7)
    flags = ["--data_dir=/data", "--tmp_dir=/raw", "--nothing="]
    loading.write_run(tmp_path / "run", "tiny_model", model.hparams, hparams_set="tiny_set", flags=flags)
    return tmp_path / "run"


def test_a_run_opens_with_its_problem_and_weights(run_dir, monkeypatch):
    places = {}
    monkeypatch.setattr(TinyProblem, "__init__", lambda self, **kwargs: places.update(kwargs))
    opened = loading.open_run(run_dir)
    assert isinstance(opened.problem, TinyProblem)
    assert (places["data_dir"], places["tmp_dir"]) == ("/data", "/raw")
    assert opened.weights == run_dir / "checkpoints" / "model.ckpt-7.weights.h5"
    assert float(opened.model.trainable_variables[0][0, 0]) == 2.0
    loading.open_run(checkpoint_path=opened.weights, data_dir="/elsewhere")
    assert (places["data_dir"], places["tmp_dir"]) == ("/elsewhere", "/raw")


def test_weights_outside_of_a_run_need_all_names(run_dir, tmp_path):
    path = (run_dir / "checkpoints" / "model.ckpt-7.weights.h5").rename(tmp_path / "alone.weights.h5")
    with pytest.raises(ValueError, match="is outside of a run"):
        loading.open_run(checkpoint_path=path, model="tiny_model")
    names = {"problem": "tiny_problem", "model": "tiny_model", "hparams_set": "tiny_set"}
    opened = loading.open_run(checkpoint_path=path, overrides="dropout=0.5", **names)
    assert opened.model.hparams.dropout == 0.5
    assert float(opened.model.trainable_variables[0][0, 0]) == 2.0


@pytest.mark.parametrize(("name", "value"), [("model", "transformer"), ("hparams_set", "transformer_base")])
def test_names_that_are_not_the_runs_are_refused(run_dir, name, value):
    with pytest.raises(ValueError, match=f"--{name}={value}, but .* was trained with --{name}=tiny_"):
        loading.open_run(run_dir, **{name: value})


def test_a_directory_without_a_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no hparams\.json"):
        loading.find_run(tmp_path)
    with pytest.raises(ValueError, match="an output_dir or a checkpoint_path is needed"):
        loading.find_run(None)
    assert loading.find_run(tmp_path, tmp_path / "model.ckpt-7") is None


def described(**values):
    return {"model": "tiny_model", "hparams_set": "tiny_set", "random_seed": 0, "hparams": {}} | values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: not JSON"),
        ("null", "it holds None, not a JSON object"),
        ("{}", "it holds {}, not a JSON object"),
        ("[1, 2]", r"it holds \[1, 2\], not a JSON object"),
        ("[" * 100_000, "JSON that cannot be read"),
        ('{"hparams": ' * 100_000, "JSON that cannot be read"),
        ("9" * 10_000, "JSON that cannot be read"),
        ({"hidden_size": 512}, 'was not written by tensor2keras: it has no "hparams"'),
        (described(hparams=[]), "hparams must be an object"),
        (described(model=None), "model must be a name"),
        (described(hparams_set=3), "hparams_set must be a name or null"),
        (described(random_seed="x"), "random_seed must be an integer"),
        (described(hparams={"problem": "p"}), "problem must be an object or null"),
        (described(hparams={"problem": {"name": "../../p"}}), r"problem\.name must be a name"),
        (described(hparams={"problem": {"name": ["p"]}}), r"problem\.name must be a name"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_does_not_describe_a_run_is_named(tmp_path, content, message):
    (tmp_path / "hparams.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=rf"{tmp_path}/hparams\.json.*{message}") as refused:
        loading.read_run(tmp_path)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": "high"}, r"hparam dropout='high' is not of type float \(its value is 0\.2\)"),
        ({"batch_size": [1]}, r"hparam batch_size=\[1\] is not of type int"),
        ({"batch_size": 10**12}, r"no tiny_model can be built .*hparams\.batch_size=1000000000000 is out of range"),
        ({"problem": {"name": "p", "sizes": [10**12]}}, r"hparams\.problem\.sizes=1000000000000 is out of range"),
        ({"dropout": 2.0}, "no tiny_model can be built .*between 0 and 1"),
        ({"dropout": None}, "no tiny_model can be built"),
    ],
    ids=str,
)
def test_values_that_no_model_can_be_built_from_are_named(run_dir, changes, message):
    path = run_dir / "hparams.json"
    run = json.loads(path.read_text())
    run["hparams"].update(changes)
    path.write_text(json.dumps(run))
    with pytest.raises(ValueError, match=message) as refused:
        loading.load_model(run_dir)
    assert str(path) in str(refused.value)


def test_checkpoints_without_their_description_are_not_continued(run_dir):
    loading.check_still_described(run_dir)
    (run_dir / "hparams.json").unlink()
    with pytest.raises(ValueError, match=r"hparams\.json is missing, .*--warm_start_from=.*model\.ckpt-7"):
        loading.check_still_described(run_dir)
    with pytest.raises(ValueError, match=r"hparams\.json is missing"):
        train_and_evaluate(TinyProblem(), "tiny_model", "tiny_set", run_dir)
