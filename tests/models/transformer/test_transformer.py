"""What a Transformer must do whatever its weights are (tolerance 1e-5 in float32)."""

import json
import re

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.helpers import fewer_on_jax
from tests.models.tiny import features, run, symbol_problem, symbols, tiny_model

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
LANGUAGE_MODEL = {"problem": symbol_problem(inputs=False)}
SWITCHES = {
    "base": {},
    "post norm": {"hparams_set": "transformer_base_v1"},
    "language model": LANGUAGE_MODEL,
    "prepended inputs": {"prepend_mode": "prepend_inputs_masked_attention"},
    "learned positions": {"pos": "emb", "max_length": 12},
    "no positions": {"pos": None},
    "proximity bias": {"proximity_bias": True},
    "3-D attention variables": {"attention_variables_3d": True},
    "other key and value sizes": {"attention_key_channels": 8, "attention_value_channels": 24},
    "separate embeddings": {"shared_embedding_and_softmax_weights": False},
    "one embedding, own softmax": {"shared_embedding_and_softmax_weights": False, "shared_embedding": True},
    "other vocabulary sizes": {
        "problem": {
            **symbol_problem(),
            "features": {
                "inputs": {"modality": "symbol", "vocab_size": 33},
                "targets": {"modality": "symbol", "vocab_size": 20},
            },
        }
    },
    "layer counts": {"num_encoder_layers": 1, "num_decoder_layers": 3},
    "unidirectional encoder": {"unidirectional_encoder": True},
    "no target space": {"use_target_space_embedding": False},
    "hard attention": {"hard_attention_k": 3},
    "relative": {"hparams_set": "transformer_relative", "max_relative_position": 3},
    "relative v2": {
        "self_attention_type": "dot_product_relative_v2",
        "max_relative_position": 3,
        "add_relative_to_values": True,
        "pos": None,
        **LANGUAGE_MODEL,
    },
    "unmasked relative v2": {
        "self_attention_type": "dot_product_unmasked_relative_v2",
        "max_relative_position": 4,
        "heads_share_relative_embedding": True,
        "add_relative_to_values": True,
    },
    "convolutions": {"ffn_layer": "conv_relu_conv", "conv_first_kernel": 3},
    "experts": {"ffn_layer": "local_moe", "moe_num_experts": 4},
    "local": {"self_attention_type": "local_mask_right", **LANGUAGE_MODEL},
    "local relative": {"self_attention_type": "local_relative_mask_right", **LANGUAGE_MODEL},
    "parameter attention": {"ffn_layer": "parameter_attention"},
    "no feed-forward": {"ffn_layer": "none"},
    "areas": {"num_area_layers": 1, "max_area_width": 3, "area_key_mode": "max_concat", "area_value_mode": "sum"},
    "noam norm": {"norm_type": "noam"},
    "broadcast dropout": {"attention_dropout_broadcast_dims": "0,1", "relu_dropout_broadcast_dims": "1"},
}


FEW = [
    "base",
    "prepended inputs",
    "3-D attention variables",
    "relative v2",
    "convolutions",
    "experts",
    "local",
    "areas",
]


@pytest.fixture(scope="module", params=fewer_on_jax(SWITCHES, FEW))
def model(request):
    return tiny_model(**SWITCHES[request.param])


def test_later_targets_do_not_change_earlier_logits(model):
    batch = features()
    logits = run(model, batch)
    changed = {**batch, "targets": np.concatenate([batch["targets"][:, :3], symbols(3, 2, 9)], axis=1)}
    np.testing.assert_allclose(run(model, changed)[:, :4], logits[:, :4], **CLOSE)
    assert np.abs(run(model, changed)[:, 4] - logits[:, 4]).max() > 1e-4


def test_padding_of_the_inputs_changes_nothing(model):
    batch = features()
    padded = {**batch, "inputs": np.pad(batch["inputs"], ((0, 0), (0, 3)))}
    np.testing.assert_allclose(run(model, padded), run(model, batch), **CLOSE)


def test_decode_steps_give_the_logits_of_the_whole_sequence(model):
    batch = features()
    expected = run(model, batch)
    cache = model.init_cache({"inputs": batch["inputs"]} if model.has_inputs else batch, max_length=7)
    ids = np.zeros(3, "int32")
    for position in range(5):
        logits, cache = model.decode_step(ops.convert_to_tensor(ids), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], **CLOSE)
        ids = batch["targets"][:, position]


def test_prepended_inputs_that_see_each_other_decode_as_they_train():
    model = tiny_model(prepend_mode="prepend_inputs_full_attention", **LANGUAGE_MODEL)
    inputs = symbols(3, 4)
    inputs[1, 2:] = 0  # of unequal length
    targets = np.zeros((3, 8), "int32")
    for row, length in zip(range(3), (4, 2, 4), strict=True):
        targets[row, :length] = inputs[row, :length]
        targets[row, length + 1 :] = symbols(1, 7 - length, row)[0]
    expected = run(model, {"targets": targets})
    cache = model.init_cache({"inputs": inputs}, max_length=8)
    ids = np.zeros(3, "int32")
    for position in range(8):
        logits, cache = model.decode_step(ops.convert_to_tensor(ids), ops.convert_to_tensor(position, "int32"), cache)
        free = position >= np.array([4, 2, 4])  # before that the symbols are given
        np.testing.assert_allclose(ops.convert_to_numpy(logits)[free], expected[free, position], **CLOSE)
        ids = targets[:, position]


def test_packed_examples_do_not_see_each_other():
    model = tiny_model()
    first, second = features(1, inputs=4, targets=3), features(1, inputs=2, targets=2)
    packed = {
        "inputs": np.concatenate([first["inputs"], second["inputs"], [[0]]], axis=1),
        "inputs_segmentation": np.array([[1, 1, 1, 1, 2, 2, 0]]),
        "inputs_position": np.array([[0, 1, 2, 3, 0, 1, 0]]),
        "targets": np.concatenate([first["targets"], second["targets"], [[0]]], axis=1),
        "targets_segmentation": np.array([[1, 1, 1, 2, 2, 0]]),
        "targets_position": np.array([[0, 1, 2, 0, 1, 0]]),
    }
    # T2T shifts the whole packed row, so the first target of an example sees the last of the one before as its start
    # symbol.
    logits = run(model, packed)
    np.testing.assert_allclose(logits[:, :3], run(model, first), **CLOSE)
    changed = {**packed, "inputs": np.where(packed["inputs_segmentation"] == 1, 7, packed["inputs"])}
    np.testing.assert_allclose(run(model, changed)[:, 3:5], logits[:, 3:5], **CLOSE)


def test_scores_of_decoding_are_log_probabilities_of_the_model():
    model = tiny_model()
    inputs = symbols(2, 5)
    found = model.infer({"inputs": inputs}, decode_length=4, beam_size=3, alpha=0.0)
    ids = np.asarray(found["outputs"])
    logits = run(model, {"inputs": inputs, "targets": ids}).astype("float64")
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for row in range(2):
        length = list(ids[row]).index(1) + 1 if 1 in ids[row] else len(ids[row])
        expected = sum(log_probs[row, i, ids[row, i]] for i in range(length))
        assert np.asarray(found["scores"])[row] == pytest.approx(expected, rel=1e-4)


def test_scorer_sums_log_probabilities():
    scorer = tiny_model("transformer_scorer")
    batch = features()
    log_probs = ops.convert_to_numpy(ops.log_softmax(scorer(batch), axis=-1))
    expected = np.take_along_axis(log_probs, batch["targets"][:, :, None], axis=-1).sum((1, 2))
    result = scorer.infer(batch)
    np.testing.assert_allclose(ops.convert_to_numpy(result["scores"]), expected, rtol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(result["outputs"]), batch["targets"])


def test_scorer_and_transformer_share_their_variable_names():
    names = [
        {variable.path for variable in tiny_model(name).trainable_variables}
        for name in ("transformer", "transformer_scorer")
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("mask_padding", [False, True])
def test_classes_are_read_off_the_mean_over_positions_padding_included_only_as_in_t2t(mask_padding):
    """T2T's `class_label_top`; its logits of padded rows are `golden/models/transformer_encoder_cls`."""
    problem = symbol_problem()
    problem["features"] = {**problem["features"], "targets": {"modality": "class_label", "vocab_size": 3}}
    model = tiny_model("transformer_encoder", problem=problem, mask_padding=mask_padding)
    inputs, targets = symbols(4, 6), np.zeros(4, "int32")
    inputs[1:, 4:] = 0
    logits = run(model, {"inputs": inputs, "targets": targets})
    encoded = ops.convert_to_numpy(model.body(model.bottom({"inputs": ops.convert_to_tensor(inputs)})))
    kernel, bias = (
        next(ops.convert_to_numpy(v) for v in model.variables if "class_label" in v.path and v.path.endswith(name))
        for name in ("kernel", "bias")
    )
    counted = (inputs != 0 if mask_padding else np.ones_like(inputs))[:, :, None]
    mean = (encoded * counted).sum(axis=1) / counted.sum(axis=1)
    np.testing.assert_allclose(logits, mean @ kernel + bias, **CLOSE)
    # Attention ignores padding, T2T's mean does not.
    trimmed = {"inputs": inputs[1:, :4], "targets": targets[1:]}
    alone = ops.convert_to_numpy(model.body(model.bottom({"inputs": ops.convert_to_tensor(trimmed["inputs"])})))
    np.testing.assert_allclose(encoded[1:, :4], alone, **CLOSE)
    assert (np.abs(run(model, trimmed) - logits[1:]).max() < 1e-5) == mask_padding


def test_regressor_gives_one_value():
    problem = symbol_problem()
    problem["features"] = {**problem["features"], "targets": {"modality": "real_l2", "vocab_size": 1}}
    model = tiny_model("transformer_regressor", problem=problem)
    targets = np.ones((4, 1), "float32")
    values = model({"inputs": symbols(4, 6), "targets": targets})
    assert values.shape == (4, 1)
    assert "transformer_regressor/reg_top_ffn/model_top/kernel" in {variable.path for variable in model.variables}
    assert np.isfinite(float(model.compute_loss(None, ops.convert_to_tensor(targets), values)))


def test_saved_model_computes_the_same(tmp_path, model):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(loaded, features()), run(model, features()))


def test_config_is_json(model):
    config = json.loads(json.dumps(model.get_config()))
    assert type(model).from_config(config).get_config() == model.get_config()


@pytest.mark.parametrize(
    ("name", "hparams_set", "setting"),
    [
        ("transformer", "transformer_test", "scheduled_sampling_prob=0.5"),
        ("universal_transformer", "universal_transformer_tiny", "num_area_layers=3"),
        ("evolved_transformer", "evolved_transformer_tiny", "num_area_layers=3"),
    ],
)
def test_a_setting_that_is_not_built_is_refused(name, hparams_set, setting):
    with pytest.raises(ValueError, match=f"{re.escape(setting)} is not supported by {name}; allowed: 0$"):
        registry.model(name, registry.hparams(hparams_set, overrides=setting))


def test_the_first_layers_attend_to_areas():
    areas = tiny_model(num_area_layers=1, max_area_width=2, area_key_mode="sum", area_value_mode="mean")
    scopes = {
        variable.path.split("dot_product_area_attention")[0] for variable in areas.variables if "area" in variable.path
    }
    assert {scope.partition("body/")[2] for scope in scopes} == {
        f"{layer}/multihead_attention/"
        for layer in (
            "encoder/layer_0/self_attention",
            "decoder/layer_0/self_attention",
            "decoder/layer_0/encdec_attention",
        )
    }
    assert any("combine_area_features/dense_1/kernel" in variable.path for variable in areas.variables)


def test_the_vector_quantized_experts_are_refused_with_what_to_set():
    hparams = registry.hparams("transformer_base_vq_ada_32ex_packed", problem=symbol_problem())
    with pytest.raises(ValueError, match="gating_type='vq' is not supported by transformer; allowed: topk"):
        registry.model("transformer", hparams)
