"""The 2-D and the image-to-image Transformer (tolerance 1e-5); what all image models share is in
`test_image_transformer.py`."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert.t2t import load_t2t_weights, t2t_variables
from tests.models.tiny import compile_for_few_steps, compiled_step, run
from tests.models.tiny_images import SIZE, image_problem, images, tiny_image_hparams, tiny_image_model

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
SMALL = {"problem": image_problem("image"), "num_encoder_layers": 2}
SETS = {
    "2-D": ("img2img_transformer2d_tiny", {"query_shape": [2, 4], "memory_flange": [2, 4]}),
    "1-D": ("img2img_transformer_b3", {}),
    "dilated": ("img2img_transformer_dilated", {"gap_sizes": [0, 2]}),
    "learned positions": ("img2img_transformer_base", {"pos": "emb"}),
}


@pytest.fixture(scope="module", params=SETS)
def model(request):
    hparams_set, overrides = SETS[request.param]
    return tiny_image_model("img2img_transformer", hparams_set, **SMALL, **overrides)


def batch_of(size=2):
    return {"inputs": images(3, size, seed=1), "targets": images(3)}


def in_order(model, predictions):
    return predictions.reshape(3, len(model.order.order), -1)[:, model.order.order].transpose(1, 0, 2)


def test_steps_equal_the_whole_image(model):
    batch = batch_of()
    logits = run(model, batch)
    assert logits.shape == (3, SIZE, SIZE, 3, 256)
    expected = in_order(model, logits)
    values = batch["targets"].reshape(3, -1)[:, model.order.order].T
    cache = model.init_cache({"inputs": ops.convert_to_tensor(batch["inputs"])}, len(expected))
    decode_step = compiled_step(model)
    last = np.zeros_like(values[0])
    for step in range(len(expected)):
        logits, cache = decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(step, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[step], err_msg=f"step {step}", **CLOSE)
        last = values[step]


def test_the_input_image_changes_the_output(model):
    batch = batch_of()
    other = {**batch, "inputs": 255 - batch["inputs"]}
    assert np.abs(run(model, batch) - run(model, other)).max() > 1e-3


def test_images_are_drawn_from_images(model):
    found = model.infer({"inputs": images(3, 2, seed=1)}, sampling_method="argmax")
    outputs = np.asarray(found["outputs"])
    assert outputs.shape == (3, SIZE, SIZE, 3)
    predictions = in_order(model, run(model, {"inputs": images(3, 2, seed=1), "targets": outputs}))
    values = outputs.reshape(3, -1)[:, model.order.order].T
    np.testing.assert_array_equal(predictions.argmax(-1), values)  # each is the likeliest given those before
    expected = (predictions.max(-1) - np.log(np.exp(predictions).sum(-1))).sum(0)
    np.testing.assert_allclose(ops.convert_to_numpy(found["scores"]), expected, rtol=1e-4)


def test_saved_model_computes_the_same(tmp_path, model):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(loaded, batch_of()), run(model, batch_of()))


@pytest.mark.parametrize("modality", ["image", "identity"])
def test_inputs_and_targets_have_tables_of_their_own_in_the_scope_of_the_problems_modality(modality):
    """As in T2T, where that of `img2img_celeba` is the identity, whose bottom the sets replace."""
    features = {name: {"modality": modality, "vocab_size": 256} for name in ("inputs", "targets")}
    small = {**SMALL, "problem": {**image_problem("image"), "features": features}}
    model = tiny_image_model("img2img_transformer", "img2img_transformer2d_tiny", **small)
    written = t2t_variables(model)
    scope = f"img2img_transformer/{modality}_modality"
    tables = {f"{scope}/{inner}rgb_target_emb_input_bottom" for inner in ("", "targets_bottom/")}
    assert {name for name in written if "_modality" in name} == tables
    names = {variable.path for variable in model.variables}
    other = tiny_image_model("img2img_transformer", "img2img_transformer2d_tiny", **small)
    for variable in other.weights:
        variable.assign(ops.zeros(variable.shape))
    outer = "img2img_transformer/parallel_0_3/img2img_transformer/"
    report = load_t2t_weights(other, {outer + name: ops.convert_to_numpy(array) for name, array in written.items()})
    assert not report.unused
    np.testing.assert_array_equal(run(other, batch_of()), run(model, batch_of()))
    assert "img2img_transformer/body/decoder_layer_1/encdec_attention/encdec_attention/q/kernel" in names
    assert "img2img_transformer/body/encoder_layer_0/self_att/self_att/v/kernel" in names
    assert "img2img_transformer/body/decoder_layer_0/layer_prepostprocess_2/layer_norm/layer_norm_scale" in names


def test_training_lowers_the_loss():
    model = tiny_image_model("img2img_transformer", "img2img_transformer_b3", **SMALL)
    compile_for_few_steps(model, keras.optimizers.Adam(0.01))
    batch = batch_of()
    weights = np.full(batch["targets"].shape, 1 / batch["targets"].size, "float32")
    history = model.fit(batch, batch["targets"], sample_weight=weights, batch_size=3, epochs=12, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] - 0.3


def test_body_alone_works_on_embedded_features():
    hparams = registry.hparams("img2img_transformer_b3")
    hparams.override(hidden_size=16, num_decoder_layers=1, num_encoder_layers=1, num_heads=2, filter_size=16)
    model = registry.model("img2img_transformer", hparams)
    batch = {key: np.random.default_rng(0).normal(size=(2, 6, 16)).astype("float32") for key in ("inputs", "targets")}
    outputs = run(model, batch)
    assert outputs.shape == (2, 6, 256)
    for feature in batch:
        assert np.abs(run(model, {**batch, feature: -batch[feature]}) - outputs).max() > 1e-3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"problem": image_problem()}, "needs inputs of modality .*image.*; in problem .* they are class_label"),
        (
            {"enc_attention_type": "local_2d"},
            "enc_attention_type='local_2d' is not supported by img2img_transformer; allowed: global",
        ),
    ],
)
def test_what_does_not_fit_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        registry.model("img2img_transformer", tiny_image_hparams("img2img_transformer_b3", **{**SMALL, **overrides}))
