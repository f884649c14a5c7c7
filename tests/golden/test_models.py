"""Models with T2T's weights compute T2T's logits, losses (1e-4 relative) and gradients (1e-3)."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.convert import names
from tensor2keras.convert.t2t import t2t_variables
from tests.golden.model_cases import load_model_case
from tests.helpers import fewer_on_jax, load_case

CASES = (
    "adaptive_universal_transformer",
    "attention_lm",
    "basic_fc_small",
    "bytenet_base",
    "evolved_transformer",
    "imagetransformer2d",
    "imagetransformer_base",
    "imagetransformer_dmol",
    "lstm_attention",
    "lstm_attention_bidirectional",
    "lstm_seq2seq",
    "neural_gpu",
    "slicenet",
    "resnet_50_small",
    "revnet",
    "shake_shake",
    "text_cnn",
    "transformer_base",
    "transformer_base_packed",
    "transformer_base_v1",
    "transformer_encoder_cls",
    "transformer_librispeech",
    "transformer_prepend_full",
    "transformer_relative",
    "transformer_tiny",
    "transformer_tiny_lm",
    "universal_transformer_base",
    "xception",
)
FEW = (
    "adaptive_universal_transformer",
    "attention_lm",
    "bytenet_base",
    "evolved_transformer",
    "imagetransformer_dmol",
    "lstm_attention_bidirectional",
    "neural_gpu",
    "revnet",
    "shake_shake",
    "text_cnn",
    "transformer_base_packed",
    "transformer_librispeech",
)
GRADIENT_CASES = ("lstm_attention", "imagetransformer_base", "transformer_base")
GRADIENT_NORM_CASES = ("resnet_50_small", "revnet", "xception")


@pytest.fixture(scope="module", params=fewer_on_jax(CASES, FEW))
def case(request, golden):
    return load_model_case(golden / "models", request.param)


def loss_of(case, training):
    logits = case.model(case.features, training=training)
    return case.model.compute_loss(case.features, case.features["targets"], logits, training=training)


def test_logits(case):
    actual = ops.convert_to_numpy(case.model(case.features))
    expected = case.arrays["logits"].reshape(actual.shape)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_losses(case):
    for name, training in (("eval_loss", False), ("train_loss", True)):
        parts = [float(value) for key, value in case.arrays.items() if key.startswith(f"{name}/")]
        if parts or not training:  # none where T2T draws at random in training
            assert float(loss_of(case, training)) == pytest.approx(sum(parts), rel=1e-4), name


def test_checkpoints_are_written_under_t2ts_names_and_shapes(case):
    expected = {key.removeprefix("var/"): array.shape for key, array in case.arrays.items() if key.startswith("var/")}
    assert {name: array.shape for name, array in t2t_variables(case.model).items()} == expected


@pytest.mark.parametrize("name", fewer_on_jax(GRADIENT_CASES, ["imagetransformer_base"]))
def test_gradients(golden, name):
    case = load_model_case(golden / "models", name)
    expected, _ = load_case(golden / "models", f"{name}.grads")
    expected = joined_shards({key.removeprefix("grad/"): value for key, value in expected.items()})
    actual = gradients(case)
    assert len(actual) == len(expected)
    for variable, gradient in actual.items():
        wanted = expected[variable]
        np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max(), err_msg=variable)


@pytest.mark.parametrize("name", fewer_on_jax(GRADIENT_NORM_CASES, ["revnet"]))
def test_gradient_norms(golden, name):
    case = load_model_case(golden / "models", name)
    expected = {key: norm for key, norm in case.info["train_grad_norms"].items() if norm is not None}
    actual = {key: np.linalg.norm(gradient) for key, gradient in gradients(case).items()}
    assert set(actual) == set(expected)
    largest = max(expected.values())
    for variable, norm in actual.items():
        assert norm == pytest.approx(expected[variable], rel=1e-3, abs=1e-6 * largest), variable


def joined_shards(arrays):
    """weights_0, weights_1, ... of one table under the name `weights`."""
    tables = {key.rpartition("_")[0] for key in arrays if key.endswith("/weights_0")}
    joined = {key: value for key, value in arrays.items() if "/weights_" not in key}
    for table in tables:
        shards = [key for key in arrays if key.startswith(f"{table}_")]
        joined[table] = np.concatenate([arrays[f"{table}_{i}"] for i in range(len(shards))])
    return joined


def gradients(case):
    """{variable path: gradient of the training loss}, on any backend."""
    variables = case.model.trainable_variables
    paths = [names.t2t_name(variable.path) for variable in variables]
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = loss_of(case, training=True)
        values = tape.gradient(loss, [variable.value for variable in variables])
    elif backend == "jax":
        import jax

        def loss(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return loss_of(case, training=True)

        values = jax.grad(loss)([variable.value for variable in variables])
    else:
        loss_of(case, training=True).backward()
        values = [variable.value.grad for variable in variables]
    return dict(zip(paths, map(ops.convert_to_numpy, values), strict=True))


def test_real_checkpoint(golden, shared):
    case = load_model_case_of_checkpoint(golden, shared)
    logits = ops.convert_to_numpy(case.model(case.features)).astype("float64")
    first = case.arrays["logits_first64"][:, :, 0, 0]
    np.testing.assert_allclose(logits[..., :64], first, rtol=1e-4, atol=1e-4 * np.abs(first).max())
    np.testing.assert_allclose(np.log(np.exp(logits).sum(-1)), case.arrays["logsumexp"][:, :, 0, 0], rtol=1e-4)
    np.testing.assert_array_equal(logits.argmax(-1), case.arrays["argmax"][:, :, 0, 0])
    assert float(loss_of(case, training=False)) == pytest.approx(float(case.arrays["eval_loss/training"]), rel=1e-4)


def test_real_checkpoint_with_its_own_logits_and_loss(golden, shared):
    case = load_model_case_of_checkpoint(golden, shared)
    with np.load(shared / "t2t" / "golden_transformer_test.npz") as archive:
        stored = {key: archive[key] for key in archive.files}
    features = {name: stored[name][None].astype("int32") for name in ("inputs", "targets")}
    logits = case.model(features)
    expected = stored["logits"][:, :, 0, 0]
    np.testing.assert_allclose(ops.convert_to_numpy(logits), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    loss = case.model.compute_loss(features, features["targets"], logits, training=False)
    assert float(loss) == pytest.approx(float(stored["loss"]), rel=1e-4)  # 9.362895


def load_model_case_of_checkpoint(golden, shared):
    return load_model_case(golden / "models", "t2t_test_ckpt", weights=shared / "t2t")
