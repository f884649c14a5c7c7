"""Loading T2T's variables: every kind of source, every naming dialect, all or nothing."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.convert import load_t2t_weights
from tensor2keras.convert.t2t import canonical_name
from tests.models.tiny import tiny_model

TABLE = "transformer/symbol_modality_20_16/shared/weights"


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def variables(model):
    """What T2T would have saved: new values under its names, the embedding in 16 shards, dense kernels as they are."""
    random = np.random.default_rng(5)
    arrays = {variable.path: random.normal(size=variable.shape).astype("float32") for variable in model.weights}
    table = arrays.pop(TABLE)
    arrays = {name.replace("/dense_relu_dense", ""): array for name, array in arrays.items()}
    return arrays | {f"{TABLE}_{i}": shard for i, shard in enumerate(np.array_split(table, 16))}


def value(model, path):
    return ops.convert_to_numpy(next(variable for variable in model.weights if variable.path == path))


def rename(variables, old, new):
    return {name.replace(old, new): array for name, array in variables.items()}


@pytest.mark.parametrize(
    "dialect",
    [
        lambda variables: variables,
        lambda variables: rename(variables, "transformer/", "transformer/parallel_0_3/transformer/transformer/"),
        lambda variables: rename(variables, "transformer/body/", "transformer/body/parallel_0/body/"),
        lambda variables: {f"{name}:0": array for name, array in variables.items()},
    ],
    ids=["plain", "parallel outside", "parallel inside", "tensor names"],
)
def test_every_dialect_is_read(model, variables, dialect):
    report = load_t2t_weights(model, dialect(variables))
    assert len(report.loaded) == len(model.weights)
    shards = [variables[f"{TABLE}_{i}"] for i in range(16)]
    np.testing.assert_array_equal(value(model, TABLE), np.concatenate(shards))
    kernel = "transformer/body/decoder/layer_1/encdec_attention/multihead_attention/k/kernel"
    np.testing.assert_array_equal(value(model, kernel), variables[kernel])


@pytest.mark.parametrize("prefix", ["", "var/"])
def test_npz(tmp_path, model, variables, prefix):
    np.savez(tmp_path / "weights.npz", **{prefix + name: array for name, array in variables.items()})
    if prefix:  # what else such a file holds is left out
        np.savez(tmp_path / "weights.npz", logits=np.ones(3), **{f"var/{name}": a for name, a in variables.items()})
    assert len(load_t2t_weights(model, tmp_path / "weights.npz").loaded) == len(model.weights)


def test_training_state_is_skipped(model, variables):
    state = {
        "global_step": np.int64(7),
        "training/beta1_power": np.float32(0),
        f"training/{TABLE}_0/Adam": np.zeros((2, 16)),
    }
    assert load_t2t_weights(model, variables | state).unused == []


def test_a_1x1_convolution_is_a_dense_layer(model, variables):
    name = "transformer/body/encoder/layer_0/ffn/conv1/kernel"
    load_t2t_weights(model, variables | {name: variables[name][None, None]})


def test_wrong_shape_names_variable_and_both_shapes_and_loads_nothing(model, variables):
    name = "transformer/body/encoder/layer_0/self_attention/multihead_attention/q/kernel"
    before = value(model, TABLE)
    with pytest.raises(ValueError, match=rf"{name}: \(16, 12\) in the source, \(16, 16\) in the model"):
        load_t2t_weights(model, variables | {name: np.zeros((16, 12))})
    np.testing.assert_array_equal(value(model, TABLE), before)


def test_missing_and_unused_variables_are_errors_only_when_strict(model, variables):
    name = "transformer/body/target_space_embedding/kernel"
    incomplete = {key: array for key, array in variables.items() if key != name} | {"transformer/other": np.zeros(3)}
    with pytest.raises(
        ValueError, match=r"1 missing:\n  .*target_space_embedding.*\n1 unused:\n  transformer/other \(3,\)"
    ):
        load_t2t_weights(model, incomplete)
    report = load_t2t_weights(model, incomplete, strict=False)
    assert report.missing == [f"{name} (32, 16)"]
    assert report.unused == ["transformer/other (3,)"]


def test_nothing_at_the_path(tmp_path, model):
    with pytest.raises(FileNotFoundError, match=r"looked for .*model.ckpt-1.index"):
        load_t2t_weights(model, tmp_path / "model.ckpt-1")
    with pytest.raises(FileNotFoundError, match=r"has no `checkpoint` file"):
        load_t2t_weights(model, tmp_path)


@pytest.mark.parametrize("source", ["", "model.ckpt-1"])
def test_real_checkpoint_by_folder_and_by_prefix(shared, source):
    from tensor2keras import registry
    from tests.models.tiny import symbol_problem

    problem = symbol_problem()
    problem["features"] = {name: {"modality": "symbol", "vocab_size": 8190} for name in ("inputs", "targets")}
    model = registry.model("transformer", registry.hparams("transformer_test", problem=problem))
    report = load_t2t_weights(model, shared / "t2t" / source)
    assert len(report.loaded) == len(model.weights)


def test_scopes_that_repeat_are_one():
    assert (
        canonical_name("m/class_label_modality_7_3/class_label_modality_7_3/dense/bias")
        == "m/class_label_modality_7_3/dense/bias"
    )


def test_experts_keep_their_numbers():
    name = "m/parallel_0/body/layer_0/ffn/local_moe/parallel_3/w_in"
    assert canonical_name(name) == "m/body/layer_0/ffn/local_moe/parallel_3/w_in"
