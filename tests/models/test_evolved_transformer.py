"""The Evolved Transformer; what every model does is tested in `test_every_model.py`."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.models.tiny import features, run, tiny_hparams, tiny_model


def tiny_evolved(hparams_set="evolved_transformer_tiny", **overrides):
    small = {"num_encoder_layers": 1, "num_decoder_layers": 2}
    return tiny_model("evolved_transformer", hparams_set, **{**small, **overrides})


@pytest.mark.parametrize(
    ("layers", "learning"), [(0, {"softmax"}), (1, {"softmax", "layer_1", "layer_prepostprocess"})]
)
def test_only_the_decoders_top_learns(layers, learning):
    model = tiny_evolved("evolved_transformer_tpu_basic", num_trainable_top_decoder_layers=layers)
    before = {variable.path: ops.convert_to_numpy(variable) for variable in model.variables}
    batch = features()
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    model.train_on_batch(batch, batch["targets"], sample_weight=np.full(batch["targets"].shape, 1 / 15, "float32"))
    changed = {
        variable.path for variable in model.variables if np.any(before[variable.path] != ops.convert_to_numpy(variable))
    }
    parts = {path.split("decoder/")[1].split("/")[0] if "decoder/" in path else path.split("/")[-2] for path in changed}
    assert parts == learning


def test_the_callers_hparams_are_not_changed():
    hparams = tiny_hparams("evolved_transformer_tpu_basic", num_trainable_top_decoder_layers=0)
    before = hparams.to_json()
    assert hparams.shared_embedding_and_softmax_weights
    model = registry.model("evolved_transformer", hparams)
    assert hparams.to_json() == before
    assert not model.hparams.shared_embedding_and_softmax_weights
    assert type(model).from_config(model.get_config()).hparams == model.hparams


def test_padding_of_inputs_is_not_seen_by_the_convolutions():
    model, batch = tiny_evolved(), features()
    padded = {**batch, "inputs": np.pad(batch["inputs"], ((0, 0), (0, 4)))}
    np.testing.assert_allclose(run(model, padded), run(model, batch), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attends", [True, False])
def test_without_self_attention_the_encoder_sees_as_far_as_its_convolutions(attends):
    hparams = tiny_hparams("evolved_transformer_tiny", num_encoder_layers=1, num_decoder_layers=1)
    model = registry.model("evolved_transformer", hparams.extend(et_encoder_self_attention=attends))
    model.build()
    x = np.random.default_rng(0).normal(size=(1, 12, 16)).astype("float32")
    changed = x.copy()
    changed[:, 0] *= -1
    before, after = (ops.convert_to_numpy(model.encode({"inputs": features})[0]) for features in (x, changed))
    difference = np.abs(after - before).max(axis=(0, 2))
    assert difference[5] > 1e-4  # one from the convolution of 3, four from that of 9
    assert np.all((difference[6:] > 1e-6) == attends)


@pytest.mark.parametrize(("heads", "doubled"), [(2, 4), (8, 16), (16, 16)])
def test_heads_double_up_to_sixteen(heads, doubled):
    model = tiny_evolved(num_heads=heads, hidden_size=32)
    assert model.decoder.layers[0].doubled_attention.attention.num_heads == doubled
    assert model.decoder.layers[0].self_attention.attention.num_heads == heads


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"prepend_mode": "prepend_inputs_masked_attention"},
            "prepend_mode=.* is not supported by evolved_transformer; allowed: none",
        )
    ],
)
def test_what_is_not_supported_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny_evolved(**overrides)
