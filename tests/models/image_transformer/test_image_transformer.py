"""What the Image Transformer must do whatever its weights are (tolerance 1e-5 in float32)."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.helpers import fewer_on_jax
from tests.models.tiny import compile_for_few_steps, compiled_step, run, symbol_problem
from tests.models.tiny_images import (
    CLASSES,
    SIZE,
    image_features,
    image_problem,
    images,
    tiny_image_hparams,
    tiny_image_model,
)

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
UNCONDITIONAL = {"unconditional": True, "problem": image_problem(None)}
SWITCHES = {
    "local": {},
    "no class": UNCONDITIONAL,
    "normed first": {"layer_preprocess_sequence": "n", "layer_postprocess_sequence": "da"},
    "learned positions": {"pos": "emb"},
    "grey": {"num_channels": 1},
    "relative": {"hparams_set": "imagetransformer_base_rel"},
    "within blocks": {"dec_attention_type": "local_block"},
    "global": {"dec_attention_type": "global"},
    "local and global": {"dec_attention_type": "global_local"},
    "dilated": {
        "hparams_set": "imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated",
        "gap_sizes": [0, 3],
        "num_memory_blocks": 2,
    },
    "convolutions": {"hparams_set": "imagetransformer_sep_channels_8l_multipos3"},
    "two dimensions": {
        "name": "imagetransformer2d",
        "hparams_set": "imagetransformer2d_tiny",
        "query_shape": [2, 4],
        "memory_flange": [2, 4],
    },
    "blocks that do not fit": {
        "name": "imagetransformer2d",
        "hparams_set": "imagetransformer2d_tiny",
        "query_shape": [3, 5],
        "memory_flange": [1, 2],
    },
    "mixture of logistics": {"hparams_set": "imagetransformer_cifar10_base_dmol", "num_mixtures": 3, **UNCONDITIONAL},
    "mixture by class": {"hparams_set": "imagetransformerpp_sep_channels_8l_8h", "num_mixtures": 3},
}


FEW = ["local", "local and global", "dilated", "two dimensions", "mixture of logistics", "mixture by class"]


@pytest.fixture(scope="module", params=fewer_on_jax(SWITCHES, FEW))
def model(request):
    return tiny_image_model(**SWITCHES[request.param])


def batch_of(model, batch=3):
    return image_features(batch, channels=model.image_shape[-1])


def in_order(model, predictions):
    """[batch, height, width, ...] -> [steps, batch, predictions], as they are decoded."""
    flat = predictions.reshape(len(predictions), len(model.order.order), -1)
    return flat[:, model.order.order].transpose(1, 0, 2)


def test_predictions_are_intensities_of_channels_or_a_mixture_of_pixels(model):
    batch = batch_of(model)
    predictions = run(model, batch)
    expected = (3, SIZE, SIZE, 30) if model.likelihood == "dmol" else (*batch["targets"].shape, 256)
    assert predictions.shape == expected
    alone = run(model, {name: value[1:2] for name, value in batch.items()})  # images of a batch share nothing
    np.testing.assert_allclose(alone[0], predictions[1], **CLOSE)


def test_steps_equal_the_whole_image(model):
    batch = batch_of(model)
    expected = in_order(model, run(model, batch))
    steps = len(expected)
    values = batch["targets"].reshape(3, steps, -1)[:, model.order.order].transpose(1, 0, 2)  # [steps, batch, width]
    cache = model.init_cache({"inputs": batch["inputs"]}, steps)
    decode_step = compiled_step(model)
    last = np.zeros_like(values[0])
    for step in range(steps):
        ids = ops.convert_to_tensor(last if model.likelihood == "dmol" else last[:, 0])
        predictions, cache = decode_step(ids, ops.convert_to_tensor(step, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(predictions), expected[step], err_msg=f"step {step}", **CLOSE)
        last = values[step]


def test_no_prediction_sees_what_is_decoded_later(model):
    batch = batch_of(model)
    steps = len(model.order.order)
    before = in_order(model, run(model, batch))
    for step in (0, 5, steps // 2):
        later = model.order.order[step:]
        flat = batch["targets"].reshape(3, steps, -1).copy()
        flat[:, later] = 255 - flat[:, later]
        changed = {**batch, "targets": flat.reshape(batch["targets"].shape)}
        after = in_order(model, run(model, changed))
        np.testing.assert_allclose(after[: step + 1], before[: step + 1], **CLOSE)
        assert np.abs(after[step + 1 :] - before[step + 1 :]).max() > 1e-4


@pytest.mark.parametrize("switch", [name for name in fewer_on_jax(SWITCHES, FEW) if "mixture" not in name])
def test_drawn_images_are_those_of_running_the_whole_model_again_and_again(switch):
    model = tiny_image_model(**SWITCHES[switch])
    labels = image_features()["inputs"]
    fast = model.infer({"inputs": labels}, sampling_method="argmax")
    outputs = np.asarray(fast["outputs"])
    assert outputs.shape == (3, *model.image_shape)
    predictions = in_order(model, run(model, {"inputs": labels, "targets": outputs}))
    values = outputs.reshape(3, len(model.order.order))[:, model.order.order]
    np.testing.assert_array_equal(predictions.argmax(-1), values.T)  # each is the likeliest given those before
    expected = (predictions.max(-1) - np.log(np.exp(predictions).sum(-1))).sum(0)
    np.testing.assert_allclose(ops.convert_to_numpy(fast["scores"]), expected, rtol=1e-4)


@pytest.mark.parametrize("switch", ["local", "mixture by class"])
def test_seeds_and_temperature(switch):
    model = tiny_image_model(**SWITCHES[switch])
    features = {"inputs": np.zeros(2, "int32")}
    first, again = (np.asarray(model.infer(features, sampling_method="random", seed=3)["outputs"]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = np.asarray(model.infer(features, sampling_method="random", seed=4)["outputs"])
    assert (first != other).any()
    cold = np.asarray(model.infer(features, sampling_method="random", temperature=0.0, seed=3)["outputs"])
    greedy = np.asarray(model.infer(features, sampling_method="argmax")["outputs"])
    np.testing.assert_array_equal(cold, greedy)


def test_an_upper_half_is_completed(model):
    whole = images(2, channels=model.image_shape[-1])
    features = {"inputs": np.zeros(2, "int32"), "partial_targets": whole[:, : SIZE // 2]}
    outputs = np.asarray(model.infer(features, sampling_method="random", seed=1)["outputs"])
    np.testing.assert_array_equal(outputs[:, : SIZE // 2], whole[:, : SIZE // 2])
    assert (outputs[:, SIZE // 2 :] != whole[:, SIZE // 2 :]).any()
    complete = {**features, "partial_targets": whole}  # nothing is left to draw
    result = model.infer(complete, sampling_method="random")
    np.testing.assert_array_equal(np.asarray(result["outputs"]), whole)
    np.testing.assert_allclose(ops.convert_to_numpy(result["scores"]), 0.0)


@pytest.mark.parametrize("switch", ["learned positions", "relative", "two dimensions", "mixture by class"])
def test_saved_model_computes_the_same(tmp_path, switch):
    model = tiny_image_model(**SWITCHES[switch])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(loaded, batch_of(model)), run(model, batch_of(model)))


def test_config_is_json(model):
    config = json.loads(json.dumps(model.get_config()))
    assert type(model).from_config(config).get_config() == model.get_config()


@pytest.mark.parametrize(
    "switch", ["local", "relative", "dilated", "within blocks", "two dimensions", "mixture by class"]
)
def test_the_cache_of_local_attention_does_not_grow_with_the_image(switch):
    def shapes(size):
        model = tiny_image_model(**SWITCHES[switch], **({"img_len": size}))
        cache = model.init_cache({"inputs": np.zeros(2, "int32")}, len(model.order.order))
        return {name: value["self"]["k"].shape for name, value in cache.items() if name != "condition"}

    small, large = shapes(8), shapes(16)
    for layer, shape in large.items():
        rows = 2 if switch == "two dimensions" else 1  # a row of blocks is twice as long in an image twice as wide
        assert shape[2] <= rows * small[layer][2]
        assert shape[2] <= 120


def test_global_attention_keeps_everything():
    model = tiny_image_model(dec_attention_type="global")
    batch = image_features(2)
    steps = SIZE * SIZE * 3
    before = in_order(model, run(model, batch))
    first = model.order.order[0]
    flat = batch["targets"].reshape(2, steps).copy()
    flat[:, first] = 255 - flat[:, first]
    after = in_order(model, run(model, {**batch, "targets": flat.reshape(batch["targets"].shape)}))
    assert np.abs(after[-1] - before[-1]).max() > 1e-5  # the last value depends on the first
    cache = model.init_cache({"inputs": batch["inputs"]}, steps)
    assert cache["decoder_layer_0"]["self"]["k"].shape == (2, 2, steps, 8)


def test_the_class_changes_the_image():
    model = tiny_image_model()
    batch = image_features()
    other = {**batch, "inputs": (batch["inputs"] + 1) % CLASSES}
    assert np.abs(run(model, batch) - run(model, other)).max() > 1e-3


def test_images_of_no_class_are_drawn_by_number():
    model = tiny_image_model(**UNCONDITIONAL)
    outputs = np.asarray(model.infer(num_samples=2, sampling_method="random", seed=1)["outputs"])
    assert outputs.shape == (2, SIZE, SIZE, 3)
    assert outputs.min() >= 0
    assert outputs.max() < 256
    assert (outputs[0] != outputs[1]).any()


@pytest.mark.parametrize("switch", ["local", "mixture by class"])
def test_training_lowers_the_loss(switch):
    model = tiny_image_model(**SWITCHES[switch])
    compile_for_few_steps(model, keras.optimizers.Adam(0.01))
    batch = image_features(8)
    batch["targets"] = batch["targets"] // 16  # dark
    weights = np.full(batch["targets"].shape, 1 / batch["targets"].size, "float32")
    data = {"x": batch, "y": batch["targets"], "sample_weight": weights, "batch_size": 8, "verbose": 0}
    first = model.evaluate(**data, return_dict=True)
    model.fit(**data, epochs=12)
    last = model.evaluate(**data, return_dict=True)
    assert last["loss"] < first["loss"] - 0.3
    assert last["bits_per_dim"] == pytest.approx(last["loss"] / np.log(2), rel=1e-4)


def test_experts_train_with_a_loss_of_their_own():
    model = tiny_image_model(
        "imagetransformer_moe",
        "imagetransformer_moe_tiny",
        moe_hidden_sizes="24",
        moe_num_experts=4,
        **UNCONDITIONAL,
    )
    assert run(model, image_features()).shape == (3, SIZE, SIZE, 3, 256)
    assert sum("local_moe" in variable.path for variable in model.variables) > 0
    model(image_features(), training=True)
    assert len(model.losses) == 1


def test_experts_of_every_layer():
    model = tiny_image_model("imagetransformer", "imagetransformer_b10l_dr03_moe_tpu", moe_num_experts=2)
    batch = image_features()
    before = run(model, batch)
    experts = {path.split("/local_moe")[0] for path in (v.path for v in model.variables) if "local_moe" in path}
    assert len(experts) == 2
    for variable in model.variables:  # what every layer adds to its inputs goes through its experts
        if "local_moe" in variable.path and "w_gate" not in variable.path:
            variable.assign(ops.zeros(variable.shape))
    assert np.abs(run(model, batch) - before).max() > 1e-3


def test_cifar10_base_has_t2ts_number_of_parameters():
    problem = image_problem()
    problem["features"]["inputs"]["vocab_size"] = 10
    model = registry.model("imagetransformer", registry.hparams("imagetransformer_cifar10_base", problem=problem))
    model.build()
    assert model.count_params() == 38_333_696


@pytest.mark.parametrize("name", ["imagetransformer", "imagetransformer2d"])
def test_body_alone_works_on_embedded_features(name):
    hparams = registry.hparams(f"{name}_base" if name == "imagetransformer" else "imagetransformer2d_tiny")
    hparams.override(hidden_size=16, num_decoder_layers=1, num_heads=2, filter_size=16)
    model = registry.model(name, hparams)
    batch = {key: np.random.default_rng(0).normal(size=(2, 6, 16)).astype("float32") for key in ("inputs", "targets")}
    outputs = run(model, batch)
    assert outputs.shape == (2, 6, 256)
    other = run(model, {**batch, "targets": -batch["targets"]})
    assert np.abs(other - outputs).max() > 1e-3
    alone = run(model, {key: value[1:] for key, value in batch.items()})
    np.testing.assert_allclose(alone[0], outputs[1], **CLOSE)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"problem": symbol_problem()}, "needs targets of modality .*image.*; in problem .* they are symbol"),
        (
            {"problem": image_problem("image")},
            "needs inputs of modality class_label; in .* they are image; set unconditional",
        ),
        (
            {"problem": image_problem(None)},
            "needs inputs of modality class_label; in .* they are absent; set unconditional",
        ),
        ({"likelihood": "dmol"}, "likelihood=dmol takes whole pixels: set num_channels=1, not 3"),
        ({"likelihood": "normal"}, "likelihood='normal' is not supported by imagetransformer; allowed: cat, dmol"),
        ({"pos": "none"}, "pos='none' is not supported by imagetransformer; allowed: emb, timing"),
        (
            {"dec_attention_type": "area"},
            "dec_attention_type='area' is not supported by imagetransformer; allowed: dilated, global",
        ),
        ({"dec_attention_type": "local_2d"}, "local_2d needs hparams query_shape and memory_flange"),
        ({"dec_attention_type": "dilated"}, "gap_sizes=.* must be as many as the decoder's 2 layers"),
        (
            {"scheduled_sampling_prob": 0.1},
            "scheduled_sampling_prob=0.1 is not supported by imagetransformer; allowed: 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        registry.model("imagetransformer", tiny_image_hparams(**overrides))


def test_attention_to_both_sides_cannot_draw():
    model = tiny_image_model(dec_attention_type="local_1d_noncausal")
    batch = image_features()
    before = in_order(model, run(model, batch))
    batch["targets"][:, 0, 1:] = 255 - batch["targets"][:, 0, 1:]  # what the first value's block holds after it
    assert np.abs(in_order(model, run(model, batch))[0] - before[0]).max() > 1e-5
    with pytest.raises(ValueError, match="local_1d_noncausal is not causal: it cannot generate images"):
        model.infer({"inputs": np.zeros(2, "int32")})


def test_features_that_cannot_be_drawn_from_are_named():
    model = tiny_image_model()
    with pytest.raises(ValueError, match=r"features\['inputs'\] is missing"):
        model.infer()
    with pytest.raises(
        ValueError, match=r"partial_targets \(2, 2, 9, 3\) must be the upper rows of images \(2, 4, 4, 3\)"
    ):
        model.infer({"inputs": np.zeros(2, "int32"), "partial_targets": np.zeros((2, 2, 9, 3), "int32")})
    with pytest.raises(ValueError, match="sampling_method='best' is unknown"):
        model.infer({"inputs": np.zeros(2, "int32")}, sampling_method="best")
