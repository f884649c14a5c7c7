"""The declared tables of hyperparameter values: what is not in them is refused, with one message, before any layer."""

import keras
import pytest

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.attention.multi_head import ATTENTION_TYPES
from tensor2keras.models.allowed import Letters, When, allowed_values, check_allowed
from tests.models import zoo
from tests.models.tiny import tiny_hparams

# Sets that no model supports: T2T's other gating of experts, and scheduled sampling.
NOT_SUPPORTED = {
    "imagetransformer_base_10l_16h_big_dr01_moe_imgnet",
    "transformer_base_vq1_16_nb1_packed_dan_b01_scales",
    "transformer_base_vq1_16_nb1_packed_nda_b01_scales",
    "transformer_base_vq1_16_nb1_packed_nda_b01_scales_dialog",
    "transformer_base_vq_ada_32ex_packed",
}


def set_value(hparams, name, value):
    with hparams.unlocked(), hparams.ignore_type():
        hparams[name] = value


def wrong_value(values):
    """A value of the type of the allowed ones that is not allowed."""
    first = "" if isinstance(values, Letters) else next(iter(values))
    if isinstance(first, bool):
        return not first
    return 7 if isinstance(first, int | float) else "no such value"


@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_a_value_that_is_not_declared_is_refused_before_any_layer_is_made(name, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("a layer was made")

    monkeypatch.setattr(keras.layers.Layer, "__init__", fail)
    small, model = zoo.ZOO[name], registry.models[name]
    for hparam, values in allowed_values(model).items():
        hparams = registry.hparams(small.hparams_set, small.problem, small.overrides)
        if isinstance(values, When):
            for other, those in values.conditions.items():
                set_value(hparams, other, those[0])
            values = values.values
        wrong = wrong_value(values)
        set_value(hparams, hparam, wrong)
        wrong = hparams[hparam]  # of the set's type: 7.0
        called = name if name != "transformer_scorer" else "transformer"  # the name of its variables' scope
        with pytest.raises(ValueError, match=f"^hparams.{hparam}={wrong!r} is not supported by {called}; allowed: "):
            registry.model(name, hparams)


def test_every_registered_set_is_supported_by_the_models_of_its_module():
    """Of modules without a model, by some model."""
    models = {name: registry.models[name] for name in zoo.package_models()}
    families = {model.__module__.rpartition(".")[0] for model in models.values()} - {"tensor2keras.models"}
    not_supported = set()
    for name in registry.hparams_sets:
        module = registry.hparams_sets[name].__module__
        if not module.startswith("tensor2keras."):
            continue
        family = next((family for family in families if module.startswith(family)), module)
        own = {key: model for key, model in models.items() if model.__module__.startswith(family)}
        refusals = 0
        for key, model in (own or models).items():
            try:
                check_allowed(model, key, registry.hparams(name))
            except ValueError:
                refusals += 1
        if refusals == len(own or models):
            not_supported.add(name)
    assert not_supported == NOT_SUPPORTED


@pytest.mark.parametrize(
    ("model", "overrides", "message"),
    [
        (
            "transformer",
            {"pos": "rotary"},
            "hparams.pos='rotary' is not supported by transformer; allowed: None, emb, none, timing, "
            "timing_from_features",
        ),
        (
            "transformer",
            {"ffn_layer": "conv_hidden_relu_with_sepconv"},
            "hparams.ffn_layer='conv_hidden_relu_with_sepconv' is not supported by transformer; allowed: "
            "conv_hidden_relu, conv_relu_conv, dense_relu_dense, local_moe, local_moe_tpu, none, parameter_attention",
        ),
        (
            "transformer",
            {"layer_preprocess_sequence": "an"},
            "hparams.layer_preprocess_sequence='an' is not supported by transformer; allowed: none, None, letters of "
            "nd",
        ),
        (
            "transformer",
            {"self_attention_type": "dot_product_area"},  # areas are attended to by num_area_layers
            "hparams.self_attention_type='dot_product_area' is not supported by transformer; allowed: "
            + ", ".join(sorted(set(ATTENTION_TYPES) - {"dot_product_area"})),
        ),
        (
            "transformer_encoder",
            {"multiply_embedding_mode": "sqrt"},
            "hparams.multiply_embedding_mode='sqrt' is not supported by transformer_encoder; allowed: None, none, "
            "sqrt_depth",
        ),
        (
            "lstm_seq2seq",
            {"scheduled_sampling_prob": 0.5},
            "hparams.scheduled_sampling_prob=0.5 is not supported by lstm_seq2seq; allowed: 0",
        ),
    ],
)
def test_the_message_names_the_value_given_the_model_and_what_is_allowed(model, overrides, message):
    hparams = tiny_hparams(**overrides)
    with pytest.raises(ValueError, match="not supported") as error:
        registry.model(model, hparams)
    assert str(error.value) == message


class Base:
    allowed = {"pos": ("timing", "none"), "norm": {"layer": 1, "none": 2}}  # noqa: RUF012


class Derived(Base):
    allowed = {"pos": ("none",), "gates": When(Letters("sti", empty=False), {"kind": ("highway",)})}  # noqa: RUF012


def test_tables_of_base_classes_apply_and_entries_are_replaced():
    assert allowed_values(Derived) == {**Base.allowed, **Derived.allowed}
    check_allowed(Base, "base", HParams(pos="timing", norm="layer"))
    with pytest.raises(ValueError, match=r"^hparams.pos='timing' is not supported by derived; allowed: none$"):
        check_allowed(Derived, "derived", HParams(pos="timing"))
    with pytest.raises(ValueError, match=r"^hparams.norm='batch' is not supported by derived; allowed: layer, none$"):
        check_allowed(Derived, "derived", HParams(norm="batch"))


@pytest.mark.parametrize(
    ("gates", "kind", "refused"),
    [("x", "highway", True), ("x", "act", False), ("ti", "highway", False), ("", "highway", True)],
)
def test_a_condition_says_where_values_are_checked(gates, kind, refused):
    hparams = HParams(gates=gates, kind=kind)
    if refused:
        with pytest.raises(ValueError, match=rf"^hparams\.gates='{gates}' .* d; allowed: letters of sti$"):
            check_allowed(Derived, "d", hparams)
    else:
        check_allowed(Derived, "d", hparams)


def test_a_hyperparameter_that_the_set_does_not_have_is_not_checked():
    check_allowed(Derived, "d", HParams(hidden_size=8))
