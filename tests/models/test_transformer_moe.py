"""The Transformer of layers of any kinds; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert.t2t import t2t_variables
from tensor2keras.models.transformer_moe import layer_types
from tests.models.tiny import features, run, symbol_problem, symbols, tiny_model
from tests.models.zoo import EXPERTS

SMALL = {**EXPERTS, "attention_loc_block_length": 2}


def tiny(hparams_set="transformer_moe_2k", problem=None, **overrides):
    return tiny_model("transformer_moe", hparams_set, problem, **{**SMALL, **overrides})


def prepended(batch):
    """Inputs, a separator and targets in one row."""
    return np.concatenate([batch["inputs"], np.zeros((3, 1), "int32"), batch["targets"]], axis=1)


A = ("a", "a", "sepm")


@pytest.mark.parametrize(
    ("name", "encoder", "decoder"),
    [
        ("base", [("a", "", "fc")] * 5, [("a", "a", "fc")] * 5),
        ("8k", [("a", "", "sep")] * 5, [("a", "a", "sep")] * 5),
        ("2k", [("a", "", "sep")] * 5, [A, A, ("a", "a", "moe"), A, A]),
        ("8k_lm", [], [("a", "", "sepm")] * 2 + [("a", "", "moe")] + [("a", "", "sepm")] * 2),
        (
            "prepend_8k",
            [],
            [
                ("locm", "", "sepm"),
                ("redm", "", "sepm"),
                ("locm", "", "moe"),
                ("redm", "", "sepm"),
                ("locm", "", "sepm"),
            ],
        ),
    ],
)
def test_layers_of_the_sets(name, encoder, decoder):
    assert layer_types(registry.hparams(f"transformer_moe_{name}")) == (encoder, decoder)


def test_each_layer_may_name_its_kinds():
    hparams = registry.hparams("transformer_moe_base", overrides={"layer_types": "locm/a-moe#-sepm/redm-mem-moe"})
    assert layer_types(hparams) == (
        [("locm", "", "fc"), ("a", "", "moe")],
        [("a", "a", "sepm"), ("redm", "mem", "moe")],
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/b", "unknown kind 'b' in layer_types; known here: a, mem, locm, redm"),
        ("a-loc-fc", "unknown kind 'loc' in layer_types; known here: a, mem$"),
        ("a-dense", "unknown kind 'dense' in layer_types; known here: fc, sep, sepm, moe"),
        ("a-a-fc-fc", "layer 'a-a-fc-fc' of layer_types may have up to three kinds"),
        ("a#a#a", "layer_types='a#a#a' must be a decoder, or an encoder and a decoder"),
        ("a/a#", "layer_types='a/a#' must be a decoder, or an encoder and a decoder"),
    ],
)
def test_layers_that_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message):
        tiny(layer_types=text)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("attention_red_type", "attention"),
        ("attention_red_nonlinearity", "silu"),
        ("prepend_mode", "prepend_inputs_full_attention"),
    ],
)
def test_what_is_not_built_is_refused(setting, value):
    with pytest.raises(ValueError, match=f"hparams.{setting}='{value}' is not supported by transformer_moe; allowed: "):
        tiny(**{setting: value})


def test_experts_of_several_layers_are_refused():
    with pytest.raises(ValueError, match=r"hparams.moe_hidden_sizes='24,24' is not supported; set one size"):
        tiny(moe_hidden_sizes="24,24")


def test_stacks_must_fit_the_problem():
    with pytest.raises(ValueError, match=r"has an encoder by layer_types='a/a'.* set layer_types to one that begins"):
        tiny(problem=symbol_problem(inputs=False), layer_types="a/a")
    with pytest.raises(
        ValueError, match="has no encoder by layer_types='#a/a': set prepend_mode=prepend_inputs_masked"
    ):
        tiny(layer_types="#a/a")


def test_packed_texts_are_refused():
    ids = symbols(1, 8)
    with pytest.raises(
        ValueError, match="transformer_moe cannot read packed texts; use the problem that is not packed"
    ):
        tiny("transformer_moe_8k_lm", symbol_problem(inputs=False))({"targets": ids, "targets_segmentation": ids})


def test_mem_has_the_numbers_of_a():
    models = [tiny(layer_types=f"{kind}-fc/{kind}-fc") for kind in ("a", "mem")]
    models[1].set_weights(models[0].get_weights())
    np.testing.assert_allclose(*(run(model, features()) for model in models), rtol=1e-5, atol=1e-6)


def test_each_mixture_of_experts_has_its_balancing_loss():
    model = tiny(layer_types="a-moe#a-moe/a-fc/a-moe", moe_loss_coef=0.1)
    for variable in model.trainable_variables:
        if "w_gate" in variable.path:
            variable.assign(np.zeros(variable.shape))
    run(model, features())
    # All logits are equal: every position goes to the first two of three experts, with total gates (n/2, n/2, 0), whose
    # squared variation is 0.5. Each is as likely to be chosen as not: equal loads.
    np.testing.assert_allclose([ops.convert_to_numpy(loss) for loss in model.losses], [0.05] * 3, rtol=1e-5)


def test_prepended_inputs_are_seen_and_decoded_by_steps():
    model = tiny("transformer_moe_prepend_8k", layer_types="locm/redm-moe/a")
    batch = features()
    ids = prepended(batch)
    changed = ids.copy()
    changed[:, 0] = 2 + (ids[:, 0] - 1) % 18
    expected, after = (run(model, {"targets": x}) for x in (ids, changed))
    assert np.abs(after[:, -5:] - expected[:, -5:]).max() > 1e-4
    cache = model.init_cache({"inputs": ops.convert_to_tensor(batch["inputs"])}, 12)
    last = np.zeros(3, "int32")
    for position in range(12):
        logits, cache = model.decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=2e-4, atol=2e-4)
        last = ids[:, position]


def test_a_decoder_that_sees_later_positions_decodes_by_running_again():
    model = tiny("transformer_moe_8k", layer_types="a/a", num_hidden_layers=1)
    ids = features()["targets"]
    changed = ids.copy()
    changed[:, 3] = 2 + (ids[:, 3] - 1) % 18  # an input at 4
    before, after = (run(model, {**features(), "targets": x}) for x in (ids, changed))
    assert np.abs(after - before)[:, 3].max() > 1e-5  # as T2T's does
    assert not model.decodes_by_steps
    assert ops.shape(model.infer({"inputs": features()["inputs"]}, decode_length=2)["outputs"])[0] == 3


def test_names_are_t2ts():
    names = set(t2t_variables(tiny(layer_types="a-fc#redm-mem-moe")))
    scopes = {
        "encoder/layer_0/att_a/multihead_attention/q/kernel",
        "encoder/layer_0/att_a/layer_prepostprocess/layer_norm/layer_norm_scale",
        "encoder/layer_0/ff_fc/conv_hidden_relu/conv1_single/kernel",
        "encoder/layer_prepostprocess/layer_norm/layer_norm_scale",
        "decoder/layer_0/self_att_redm/multihead_self_attention_reduced/conv_elems_1d/conv2d/kernel",
        "decoder/layer_0/self_att_redm/multihead_self_attention_reduced/multihead_attention/q/kernel",
        "decoder/layer_0/att_ende_mem/multihead_attention/output_transform/kernel",
        "decoder/layer_0/ff_moe/local_moe/noisy_top_k_gating/w_gate",
        "decoder/layer_0/ff_moe/local_moe/parallel_2/w_1",
        "decoder/layer_prepostprocess/layer_norm/layer_norm_bias",
        "target_space_embedding/kernel",
        "symbol_modality_20_16/shared/weights_0",
    }
    assert {f"transformer_moe/{scope}" for scope in scopes} <= names
    assert not any("/body/" in name for name in names)


@pytest.mark.parametrize("name", ["base", "8k", "8k_lm", "2k", "12k", "prepend_8k"])
def test_published_sets_make_a_body(name):
    hparams = registry.hparams(
        f"transformer_moe_{name}", overrides={"hidden_size": 16, "filter_size": 24, "moe_num_experts": 2}
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 16)).astype("float32")
    model = registry.model("transformer_moe", hparams)
    outputs = run(model, {"inputs": x, "targets": x})
    assert outputs.shape == (2, 5, 16)
    later = np.concatenate([x[:, :3], -x[:, 3:]], axis=1)
    change = np.abs(run(model, {"inputs": x, "targets": later}) - outputs).max(axis=(0, 2))
    assert change[4] > 1e-4  # the target at 3 is an input of position 4
