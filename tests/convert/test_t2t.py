"""T2T's variables in and out: every kind of source, every naming dialect, optimizer state, all or nothing."""

import zipfile

import numpy as np
import pytest
from keras import ops

from tensor2keras.convert import load_t2t_weights, save_t2t_checkpoint
from tests.models.tiny import symbol_problem, tiny_model

TABLE = "transformer/symbol_modality_20_16/shared/weights"
QUERY = "transformer/body/encoder/layer_0/self_attention/multihead_attention/q/kernel"


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


def fuse(variables):
    """q, k and v of each self-attention as one matrix, k and v of each attention to the encoder."""
    fused = dict(variables)
    for name in variables:
        if name.endswith("/q/kernel"):
            scope = name.removesuffix("/q/kernel")
            q, k, v = (fused.pop(f"{scope}/{part}/kernel") for part in "qkv")
            if "self_attention" in scope:
                fused[f"{scope}/qkv_transform_single/kernel"] = np.concatenate([q, k, v], axis=-1)[None]
            else:
                fused |= {f"{scope}/q_transform/kernel": q, f"{scope}/kv_transform/kernel": np.hstack([k, v])}
    return fused


@pytest.mark.parametrize(
    "dialect",
    [
        lambda variables: variables,
        lambda variables: rename(variables, "transformer/", "transformer/parallel_0_3/transformer/transformer/"),
        lambda variables: rename(variables, "transformer/body/", "transformer/body/parallel_0/body/"),
        lambda variables: rename(rename(variables, "transformer/body/", "body/model/parallel_0/"), "transformer/", ""),
        lambda variables: rename(variables, "/ffn/conv", "/ffn/conv_hidden_relu/conv"),
        lambda variables: {f"{name}:0": array for name, array in variables.items()},
        fuse,
    ],
    ids=["plain", "parallel outside", "parallel inside", "no model scope", "old ffn", "tensor names", "fused"],
)
def test_every_dialect_is_read(model, variables, dialect):
    report = load_t2t_weights(model, dialect(variables))
    assert len(report.loaded) == len(model.weights)
    assert report.unused == []
    shards = [variables[f"{TABLE}_{i}"] for i in range(16)]
    np.testing.assert_array_equal(value(model, TABLE), np.concatenate(shards))
    for kernel in (
        "transformer/body/decoder/layer_1/encdec_attention/multihead_attention/k/kernel",
        "transformer/body/decoder/layer_0/self_attention/multihead_attention/v/kernel",
    ):
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


def test_3d_attention_variables():
    model = tiny_model(attention_variables_3d=True)
    arrays = {
        variable.path.replace("/dense_relu_dense", ""): np.full(variable.shape, 0.5, "float32")
        for variable in model.weights
    }
    name = QUERY.removesuffix("/kernel")
    assert arrays[name].shape == (16, 2, 8)
    load_t2t_weights(model, arrays)
    np.testing.assert_array_equal(value(model, name), arrays[name])


def test_wrong_shape_names_source_variable_and_both_shapes_and_loads_nothing(model, variables, tmp_path):
    before = value(model, TABLE)
    path = tmp_path / "weights.npz"
    np.savez(path, **variables | {QUERY: np.zeros((16, 12))})
    with pytest.raises(ValueError, match=rf"{path} .*nothing was loaded.*{QUERY}: \(16, 12\) .*, \(16, 16\) in the"):
        load_t2t_weights(model, path)
    np.testing.assert_array_equal(value(model, TABLE), before)


def test_another_vocabulary_is_told_by_its_shape(model, variables):
    shards = {name: array for name, array in variables.items() if name.startswith(TABLE)}
    others = {name: array for name, array in variables.items() if name not in shards}
    shards |= {f"{TABLE}_16": np.zeros((3, 16), "float32")}
    with pytest.raises(ValueError, match=r"symbol_modality_23_16/shared/weights_\*: \(23, 16\) .*, \(20, 16\) in the"):
        load_t2t_weights(model, others | rename(shards, "_20_16", "_23_16"))


def test_a_missing_shard(model, variables):
    del variables[f"{TABLE}_7"]
    with pytest.raises(ValueError, match=r"weights_\* has shards .*some are missing"):
        load_t2t_weights(model, variables)


def test_missing_variables_are_errors_only_when_strict(model, variables):
    name = "transformer/body/target_space_embedding/kernel"
    incomplete = {key: array for key, array in variables.items() if key != name} | {"transformer/other": np.zeros(3)}
    with pytest.raises(ValueError, match=r"1 missing \(transformer/body/target_space_embedding/kernel \(32, 16\)\)"):
        load_t2t_weights(model, incomplete)
    report = load_t2t_weights(model, incomplete, strict=False)
    assert report.missing == [f"{name} (32, 16)"]
    assert report.unused == ["transformer/other (3,)"]
    assert "1 unused:\n  transformer/other (3,)" in str(report)


def test_another_model(model):
    encoder = tiny_model("transformer_encoder", problem=symbol_problem())
    arrays = {f"lstm_seq2seq/{variable.path}": ops.convert_to_numpy(variable) for variable in encoder.weights}
    with pytest.raises(
        ValueError, match=r"does not fit the model 'transformer', nothing was loaded: \d+ missing .*more"
    ):
        load_t2t_weights(model, arrays)


def test_nothing_at_the_path(tmp_path, model):
    with pytest.raises(FileNotFoundError, match=r"looked for .*model.ckpt-1.index"):
        load_t2t_weights(model, tmp_path / "model.ckpt-1")
    with pytest.raises(FileNotFoundError, match=r"has no `checkpoint` file"):
        load_t2t_weights(model, tmp_path)


def test_an_npz_file_that_declares_terabytes_is_damaged(tmp_path, model):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive, archive.open("x.npy", "w") as entry:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(entry, header)
        entry.write(b"1234")
    with pytest.raises(ValueError, match=r"w\.npz is damaged or cut short: Unable to allocate 3\.64 TiB"):
        load_t2t_weights(model, tmp_path / "w.npz")


@pytest.mark.parametrize("damage", ["index", "data", "no data", "npz"])
def test_a_damaged_file_is_one_clear_error_and_loads_nothing(tmp_path, model, variables, damage):
    save_t2t_checkpoint(model, tmp_path / "model.ckpt-3")
    source = tmp_path / "model.ckpt-3"
    broken = {
        "index": source.with_name("model.ckpt-3.index"),
        "data": source.with_name("model.ckpt-3.data-00000-of-00001"),
        "no data": source.with_name("model.ckpt-3.data-00000-of-00001"),
        "npz": tmp_path / "weights.npz",
    }[damage]
    if damage == "npz":
        np.savez(broken, **variables)
        source = broken
    if damage == "no data":
        broken.unlink()
    else:
        broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    before = value(model, TABLE)
    with pytest.raises(ValueError, match=rf"{source} is damaged or"):
        load_t2t_weights(model, source)
    np.testing.assert_array_equal(value(model, TABLE), before)


def test_saving_and_loading_is_exact(tmp_path):
    import tensorflow as tf

    model, other = tiny_model(), tiny_model()
    for variable in other.weights:
        variable.assign(np.zeros(variable.shape))
    assert save_t2t_checkpoint(model, tmp_path / "run" / "model.ckpt-12", step=12) == tmp_path / "run/model.ckpt-12"
    report = load_t2t_weights(other, tmp_path / "run")
    assert report.unused == []
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    saved = tf.train.load_checkpoint(str(tmp_path / "run")).get_variable_to_shape_map()
    assert saved[f"{TABLE}_3"] == [2, 16]
    assert saved[f"{TABLE}_4"] == [1, 16]
    assert saved["transformer/body/encoder/layer_0/ffn/conv1/kernel"] == [16, 24]
    assert tf.train.load_checkpoint(str(tmp_path / "run")).get_tensor("global_step") == 12
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint",
        "model.ckpt-12.data-00000-of-00001",
        "model.ckpt-12.index",
    ]


@pytest.mark.parametrize("source", ["", "model.ckpt-1"])
def test_real_checkpoint_by_folder_and_by_prefix(shared, source):
    from tensor2keras import registry

    problem = symbol_problem()
    problem["features"] = {name: {"modality": "symbol", "vocab_size": 8190} for name in ("inputs", "targets")}
    model = registry.model("transformer", registry.hparams("transformer_test", problem=problem))
    report = load_t2t_weights(model, shared / "t2t" / source)
    assert len(report.loaded) == len(model.weights)
