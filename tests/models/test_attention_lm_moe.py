"""The language model with experts; what every model does is tested in `test_every_model.py`."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert.t2t import t2t_variables
from tests.models.tiny import compile_for_few_steps, features, run, symbol_problem, symbols, tiny_model
from tests.models.zoo import EXPERTS

SMALL = {
    **EXPERTS,
    "attention_block_length": 2,
    "attention_num_experts": 3,
    "attention_moe_k": 2,
    "attention_kq_size": 4,
    "attention_v_size": 8,
    "attention_exp_inputdim": 8,
}
KINDS = {
    "experts in feed-forward networks": ("attention_lm_moe_small", {"moe_layers": "0,1"}),
    "local and within experts": ("attention_lm_moe_base_hybrid", {"attention_layers": "hef"}),
    "parts of positions": ("attention_lm_ae_extended", {"attention_layers": "e", "attention_exp_factor": 2}),
    "norms of their own": ("attention_lm_moe_base_memeff", {"moe_layers": "1"}),
}
SETS = {  # name: what differs from the set it is made of
    "attention_lm_moe_base": {"hidden_size": 1024, "moe_num_experts": 32, "moe_layers": "2", "attention_moe_k": 2},
    "attention_lm_moe_base_long_seq": {"max_length": 0, "use_sepconv": True, "eval_drop_long_sequences": True},
    "attention_lm_moe_base_ae": {"attention_type": "local_experts", "learning_rate": 0.05},
    "attention_lm_moe_base_local": {"attention_local": True, "attention_type": "multihead"},
    "attention_lm_moe_base_hybrid": {"attention_layers": "hehe", "layer_preprocess_sequence": "none"},
    "attention_lm_hybrid_v2": {"attention_layers": "hheh", "attention_moe_k": 6, "layer_preprocess_sequence": "n"},
    "attention_lm_16k": {"batch_size": 16384, "attention_layers": "hheh"},
    "attention_lm_12k": {"batch_size": 12000, "attention_layers": "hheh"},
    "attention_lm_11k": {"batch_size": 11500, "attention_layers": "hheh"},
    "attention_lm_ae_extended": {"attention_layers": "eeee", "attention_exp_factor": 4, "attention_moe_k": 2},
    "attention_lm_moe_base_memeff": {"attention_type": "memory_efficient", "use_sepconv": False, "num_heads": 8},
    "attention_lm_moe_small": {"hidden_size": 512, "moe_num_experts": 128, "moe_layers": "2"},
    "attention_lm_moe_tiny": {"hidden_size": 512, "moe_num_experts": 32},
    "attention_lm_attention_moe_tiny": {"attention_num_experts": 128, "filter_size": 8192, "moe_layers": ""},
    "attention_lm_no_moe_small": {"moe_layers": "", "hidden_size": 512},
    "attention_lm_moe_large": {"num_hidden_layers": 5, "moe_hidden_sizes": "4096", "moe_layers": "3", "num_heads": 16},
    "attention_lm_moe_large_diet": {"diet_experts": True, "moe_num_experts": 128},
    "attention_lm_moe_memory_efficient": {"memory_efficient_ffn": True, "factored_logits": True, "num_heads": 8},
    "attention_lm_moe_32b_diet": {"moe_hidden_sizes": "16384", "moe_num_experts": 1024, "batch_size": 8192},
    "attention_lm_moe_24b_diet": {"moe_hidden_sizes": "12288", "moe_num_experts": 1024, "batch_size": 4096},
    "attention_lm_moe_translation": {"moe_layers": "0,1,2,3,4,5", "learning_rate": 0.4, "label_smoothing": 0.1},
    "attention_lm_moe_unscramble_base": {"use_inputs": True, "batch_size": 5000, "layer_prepostprocess_dropout": 0.0},
}


def tiny(hparams_set, problem=None, **overrides):
    problem = problem or symbol_problem(inputs=False)
    return tiny_model("attention_lm_moe", hparams_set, problem, **{**SMALL, **overrides})


def changed_at(ids, place):
    other = ids.copy()
    other[:, place] = 2 + (ids[:, place] - 1) % 18
    return other


@pytest.mark.parametrize("name", SETS)
def test_sets_have_t2ts_values(name):
    values = registry.hparams(name)
    assert {setting: values[setting] for setting in SETS[name]} == SETS[name]


def test_no_set_is_left_out():
    here = {n for n in registry.hparams_sets if registry.hparams_sets[n].__module__.endswith(".attention_lm_moe")}
    assert here == set(SETS)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_the_whole_text(kind):
    hparams_set, overrides = KINDS[kind]
    model = tiny(hparams_set, **overrides)
    ids = symbols(2, 8)
    expected = run(model, {"targets": ids})
    assert np.abs(run(model, {"targets": changed_at(ids, 6)}) - expected)[:, :7].max() < 1e-5
    cache = model.init_cache({"targets": ops.convert_to_tensor(ids)}, 10)
    last = np.zeros(2, "int32")
    for position in range(8):
        logits, cache = model.decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=2e-4, atol=2e-4)
        last = ids[:, position]


@pytest.mark.parametrize(
    ("hparams_set", "losses"),
    [("attention_lm_moe_tiny", 0), ("attention_lm_moe_translation", 2), ("attention_lm_attention_moe_tiny", 2)],
)
def test_each_layer_of_experts_has_its_balancing_loss(hparams_set, losses):
    model = tiny(hparams_set)
    run(model, {"targets": symbols(2, 5)})
    assert len(model.losses) == losses  # moe_tiny's only layer of experts is the third


def test_padding_does_not_count_in_the_loss_of_experts_attention():
    model = tiny("attention_lm_moe_base_ae", moe_layers="", num_hidden_layers=1)
    ids = symbols(2, 6)

    def loss(ids):
        model({"targets": ids})
        return [float(ops.convert_to_numpy(term)) for term in model.losses]

    np.testing.assert_allclose(loss(np.pad(ids, ((0, 0), (0, 4)))), loss(ids), rtol=1e-4)


def test_experts_make_the_size_that_t2t_gives():
    """Of lm1b: 312 million with experts and 45 million without, of which 2 * 512 * 2048 make one."""
    problem = {"features": {"targets": {"modality": "symbol", "vocab_size": 32001}}}
    model = registry.model("attention_lm_moe", registry.hparams("attention_lm_no_moe_small", problem))
    model.build()
    assert round(model.count_params() / 1e6) == 45
    gating, dense = 2 * 512 * 128, 2 * 512 * 2048 + 2048 + 512
    assert round((model.count_params() + 128 * 2 * 512 * 2048 + gating - dense) / 1e6) == 312


def test_prepended_inputs_are_seen():
    model = tiny("attention_lm_moe_translation", symbol_problem())
    batch = features()
    ids = np.concatenate([batch["inputs"], np.zeros((3, 1), "int32"), batch["targets"]], axis=1)
    before, after = (run(model, {"targets": x}) for x in (ids, changed_at(ids, 0)))
    assert np.abs(after[:, -5:] - before[:, -5:]).max() > 1e-4
    assert ops.shape(model.infer({"inputs": batch["inputs"]}, decode_length=3)["outputs"])[0] == 3


def test_targets_may_be_read_off_the_inputs():
    model = tiny("attention_lm_moe_unscramble_base", symbol_problem())
    batch = features(targets=6)
    logits = run(model, batch)
    assert logits.shape == (3, 6, 20)
    np.testing.assert_array_equal(run(model, {**batch, "targets": changed_at(batch["targets"], 0)}), logits)
    seen = np.abs(run(model, {**batch, "inputs": changed_at(batch["inputs"], 3)}) - logits).max(axis=(0, 2))
    assert seen.min() > 1e-5  # by all positions, before and after
    outputs = ops.convert_to_numpy(model.infer({"inputs": batch["inputs"]}, decode_length=0)["outputs"])
    best = logits.argmax(axis=-1)
    for row, expected in zip(outputs, best, strict=True):
        end = np.append(np.flatnonzero(expected[: len(row)] == 1), len(row))[0]
        np.testing.assert_array_equal(row[:end], expected[:end])


def test_it_trains_with_what_the_zoo_has_not():
    keras.utils.set_random_seed(0)
    model = tiny(
        "attention_lm_ae_extended",
        attention_layers="em",
        attention_exp_factor=2,
        moe_layers="",
        memory_efficient_ffn=True,
    )
    compile_for_few_steps(model)
    ids = symbols(4, 9)
    weights = np.full(ids.shape, 1 / ids.size, "float32")
    losses = [model.train_on_batch({"targets": ids}, ids, sample_weight=weights) for _ in range(6)]
    assert losses[-1] < losses[0]


def test_names_are_t2ts():
    names = set(t2t_variables(tiny("attention_lm_moe_base_hybrid", attention_layers="he", moe_layers="1")))
    names |= set(t2t_variables(tiny("attention_lm_moe_base_memeff", num_hidden_layers=1)))
    scopes = {
        "layer_0/attention_multihead/decoder_self_attention/q/kernel",
        "layer_0/attention_multihead/layer_postprocess/layer_norm/layer_norm_scale",
        "layer_0/ffn/conv_hidden_relu/conv1_single/depthwise_kernel",
        "layer_0/ffn/layer_postprocess/layer_norm/layer_norm_scale",
        "layer_1/attention_local_experts/local_expert_attention/local_moe/noisy_top_k_gating/w_noise",
        "layer_1/attention_local_experts/local_expert_attention/local_moe/parallel_2/multihead_attention/v/kernel",
        "layer_1/ffn/local_moe/parallel_2/w_1",
        "layer_0/attention_memory_efficient/decoder_self_attention/wqkv",
        "layer_0/attention_memory_efficient/decoder_self_attention/layer_norm_scale",
        "layer_0/ffn/ffn2/f1",
        "layer_0/ffn/ffn2/layer_norm_bias",
        "layer_prepostprocess/layer_norm/layer_norm_scale",
        "symbol_modality_20_16/softmax/weights_0",
    }
    assert {f"attention_lm_moe/{scope}" for scope in scopes} <= names
    assert not any("/body/" in name for name in names)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"attention_type": "sparse_multihead"},
            "hparams.attention_type='sparse_multihead' is not supported by attention_lm_moe; allowed: local_",
        ),
        (
            {"attention_layers": "hr"},
            "attention_layers='hr' is not supported by attention_lm_moe; allowed: letters of hemf",
        ),
        ({"pos": "emb"}, "hparams.pos='emb' is not supported by attention_lm_moe; allowed: none, timing"),
        ({"prepend_mode": "prepend_inputs_full_attention"}, "hparams.prepend_mode='prepend_inputs_full_attention'"),
        ({"attention_type": "memory_efficient"}, "set layer_preprocess_sequence=n, not none"),
        ({"memory_efficient_ffn": True}, "set layer_preprocess_sequence=n, not none"),
        ({"use_inputs": True, "attention_layers": "eh"}, "use_inputs=True reads later positions.*set attention_type"),
        ({"use_inputs": True, "attention_local": True}, "use_inputs=True reads later positions.*set attention_type"),
        ({"use_inputs": True}, "use_inputs=True needs inputs; problem 'tiny' has none"),
        ({"moe_layers": "0", "moe_hidden_sizes": "8,8"}, "hparams.moe_hidden_sizes='8,8' is not supported"),
    ],
)
def test_what_it_cannot_do_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny("attention_lm_moe_base", **overrides)


def test_inputs_must_be_prepended_or_read():
    with pytest.raises(ValueError, match="attention_lm_moe reads targets alone: set prepend_mode"):
        tiny("attention_lm_moe_base", symbol_problem())


def test_packed_texts_are_refused():
    ids = symbols(1, 8)
    with pytest.raises(ValueError, match="attention_lm_moe cannot read packed texts"):
        tiny("attention_lm_moe_base")({"targets": ids, "targets_segmentation": ids})
