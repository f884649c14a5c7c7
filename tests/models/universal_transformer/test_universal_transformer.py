"""The Universal Transformer's kinds of recurrence; what every model does is tested in `test_every_model.py`."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.helpers import fewer_on_jax
from tests.models.tiny import compile_for_few_steps, features, run, symbols, tiny_model

KINDS = {
    "highway": {"recurrence_type": "highway"},
    "skip": {"recurrence_type": "skip", "couple_carry_transform_gates": False},
    "dwa": {"recurrence_type": "dwa"},
    "dwa of positions": {"recurrence_type": "dwa", "dwa_elements": False},
    "gru": {"recurrence_type": "gru", "add_step_timing_signal": False},
    "lstm": {
        "recurrence_type": "lstm",
        "add_step_timing_signal": False,
        "use_memory_as_final_state": True,
        "add_ffn_unit_to_the_transition_function": True,
    },
    "two layers": {"num_inrecurrence_layers": 2, "mix_with_transformer": "before_ut,after_ut", "num_mixedin_layers": 1},
    "separable convolutions": {"transformer_ffn_type": "sepconv"},
    "joined signals": {"recurrence_type": "act", "act_max_steps": 3, "add_or_concat_timing_signal": "concat"},
    "sinusoids": {"step_timing_signal_type": "sinusoid"},
    "SRU": {"recurrence_type": "act", "act_max_steps": 2, "add_sru": True},
    "accumulated": {"recurrence_type": "act", "act_type": "accumulated", "act_max_steps": 3},
}


def tiny_universal(**overrides):
    return tiny_model("universal_transformer", "universal_transformer_tiny", **{"num_rec_steps": 2, **overrides})


FEW = ["highway", "dwa", "lstm", "two layers", "joined signals"]


@pytest.mark.parametrize("kind", fewer_on_jax(KINDS, FEW))
def test_steps_equal_the_whole_sequence(kind):
    model = tiny_universal(**KINDS[kind])
    batch = features()
    expected = run(model, batch)
    cache = model.init_cache({"inputs": ops.convert_to_tensor(batch["inputs"])}, 8)
    last = np.zeros(3, "int32")
    for position in range(batch["targets"].shape[1]):
        logits, cache = model.decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=2e-4, atol=2e-4)
        last = batch["targets"][:, position]


@pytest.mark.parametrize(
    "kind", fewer_on_jax(["highway", "dwa", "gru", "lstm", "SRU", "two layers"], ["highway", "lstm"])
)
def test_training_lowers_the_loss(kind):
    keras.utils.set_random_seed(0)
    model, batch = tiny_universal(**KINDS[kind]), features()
    compile_for_few_steps(model)
    weights = np.full(batch["targets"].shape, 1 / 15, "float32")
    losses = [model.train_on_batch(batch, batch["targets"], sample_weight=weights) for _ in range(6)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "overrides", [{"act_type": "global"}, {"act_type": "random"}, {"position_start_index": "random"}]
)
def test_what_cannot_step_is_decoded_as_a_whole(overrides):
    model = tiny_universal(recurrence_type="act", act_max_steps=3, **overrides)
    inputs = symbols(2, 4)
    found = ops.convert_to_numpy(model.infer({"inputs": inputs}, decode_length=2)["outputs"])
    assert found.shape[0] == 2
    if "random" not in overrides.values():  # the first symbol is the likeliest
        logits = run(model, {"inputs": inputs, "targets": np.zeros((2, found.shape[1]), "int32")})
        np.testing.assert_array_equal(found[:, 0], logits[:, 0].argmax(-1))


def test_positions_that_halt_at_once_take_one_step():
    """A halting probability of nearly 1: one step, whose output is the result, and its loss."""
    once = tiny_universal(recurrence_type="act", act_max_steps=4, act_loss_weight=1.0)
    for stack in (once.encoder, once.decoder):
        stack.recurrence.dense["dense"].bias.assign([50.0])
    basic = tiny_universal(num_rec_steps=1)
    weights = {v.path.replace("_act", "_basic"): v for v in once.trainable_variables}
    for variable in basic.trainable_variables:
        value = ops.convert_to_numpy(weights[variable.path])
        variable.assign(value[: variable.shape[0]])
    batch = features()
    np.testing.assert_allclose(run(once, batch), run(basic, batch), rtol=1e-4, atol=1e-5)
    assert sum(float(loss) for loss in once.losses) == pytest.approx(
        4.0, abs=1e-3
    )  # a step and a remainder of 1, twice


def test_positions_that_never_halt_take_all_steps():
    model = tiny_universal(recurrence_type="act", act_max_steps=3, act_loss_weight=1.0)
    for stack in (model.encoder, model.decoder):
        stack.recurrence.dense["dense"].bias.assign([-50.0])
    run(model, features())
    assert sum(float(loss) for loss in model.losses) == pytest.approx(6.0, abs=1e-3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"recurrence_type": "basics"},
            "recurrence_type='basics' is not supported by universal_transformer; allowed: act, basic, dwa",
        ),
        (
            {"act_type": "local"},
            "act_type='local' is not supported by universal_transformer; allowed: accumulated, basic",
        ),
        ({"recurrence_type": "gru"}, "set add_step_timing_signal=False"),
        ({"recurrence_type": "skip", "gate_ffn_layer": "dense_dropconnect"}, "gate_ffn_layer='dense_dropconnect'"),
        (
            {"transformer_ffn_type": "conv"},
            "transformer_ffn_type='conv' is not supported by universal_transformer; allowed: fc, sepconv",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny_universal(**overrides)
