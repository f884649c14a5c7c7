"""The Universal Transformer's sets of hyperparameters, with T2T's names and values."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.models.transformer.hparams import transformer_base, transformer_tiny, update_hparams_for_tpu


def _universal(hparams: HParams) -> HParams:
    """Adds the hyperparameters of the recurrence."""
    return hparams.override(daisy_chain_variables=False, pos=None).extend(
        mix_with_transformer=None,
        num_mixedin_layers=2,
        num_inrecurrence_layers=1,
        recurrence_type="basic",
        num_rec_steps=hparams.num_hidden_layers,
        add_position_timing_signal=True,
        position_start_index=None,
        add_step_timing_signal=True,
        step_timing_signal_type="learned",
        add_or_concat_timing_signal="add",
        add_sru=False,
        transformer_ffn_type="fc",
        transform_bias_init=-1.0,
        couple_carry_transform_gates=True,
        depth_embedding=True,
        dwa_elements=True,
        gate_ffn_layer="dense",
        lstm_forget_bias=1.0,
        use_memory_as_final_state=False,
        add_ffn_unit_to_the_transition_function=False,
        act_type="basic",
        act_max_steps=2 * hparams.num_hidden_layers,
        act_halting_bias_init=1.0,
        act_epsilon=0.01,
        act_loss_weight=0.01,
    )


@registry.register_hparams
def universal_transformer_base() -> HParams:
    """Width 1024, six steps."""
    return _universal(
        transformer_base().override(hidden_size=1024, filter_size=4096, num_heads=16, layer_prepostprocess_dropout=0.3)
    )


@registry.register_hparams
def universal_transformer_base_tpu() -> HParams:
    """For TPU."""
    return update_hparams_for_tpu(universal_transformer_base()).override(add_step_timing_signal=False)


@registry.register_hparams
def universal_transformer_big() -> HParams:
    """Width 2048."""
    return universal_transformer_base().override(hidden_size=2048, filter_size=8192)


@registry.register_hparams
def universal_transformer_base_fp16() -> HParams:
    """Width 512 with float16 activations."""
    return _universal(transformer_base()).override(activation_dtype="float16")


@registry.register_hparams
def universal_transformer_small() -> HParams:
    """Width 512."""
    return _universal(transformer_base())


@registry.register_hparams
def universal_transformer_tiny() -> HParams:
    """Width 128, eight steps."""
    return _universal(transformer_tiny()).override(num_rec_steps=8)


@registry.register_hparams
def transformer_teeny() -> HParams:
    """A Transformer of width 128."""
    return transformer_base().override(hidden_size=128, filter_size=128, num_heads=2)


@registry.register_hparams
def universal_transformer_teeny() -> HParams:
    """Width 128, ten steps."""
    return _universal(transformer_teeny()).override(num_rec_steps=10)


@registry.register_hparams
def universal_transformer_tall() -> HParams:
    """Sixteen steps of width 512."""
    return universal_transformer_small().override(num_rec_steps=16)


@registry.register_hparams
def universal_transformer_small_dropconnect() -> HParams:
    """Gates with dropped connections, for recurrences that have gates."""
    return universal_transformer_small().override(gate_ffn_layer="dense_dropconnect").extend(dropconnect_dropout=0.5)


@registry.register_hparams
def adaptive_universal_transformer_base() -> HParams:
    """Each position halts by itself."""
    return universal_transformer_base().override(recurrence_type="act")


@registry.register_hparams
def adaptive_universal_transformer_base_tpu() -> HParams:
    """For TPU."""
    return update_hparams_for_tpu(adaptive_universal_transformer_base()).override(add_step_timing_signal=False)


@registry.register_hparams
def adaptive_universal_transformer_multilayer_tpu() -> HParams:
    """Two layers a step, plain layers before and after."""
    return adaptive_universal_transformer_base_tpu().override(
        num_inrecurrence_layers=2,
        mix_with_transformer="before_ut,after_ut",
        num_mixedin_layers=1,
        transformer_ffn_type="sepconv",
    )


@registry.register_hparams
def adaptive_universal_transformer_multilayer_hard() -> HParams:
    """The same with hard attention."""
    return adaptive_universal_transformer_multilayer_tpu().override(
        batch_size=256,
        hard_attention_k=8,
        add_step_timing_signal=True,
        self_attention_type="dot_product_relative_v2",
        max_relative_position=256,
    )


@registry.register_hparams
def adaptive_universal_transformer_small() -> HParams:
    """Width 512."""
    return universal_transformer_small().override(recurrence_type="act")


@registry.register_hparams
def adaptive_universal_transformer_tiny() -> HParams:
    """Width 128."""
    return universal_transformer_tiny().override(recurrence_type="act")


@registry.register_hparams
def adaptive_universal_transformer_sepconv_tiny() -> HParams:
    """Separable convolutions in place of dense layers."""
    return adaptive_universal_transformer_tiny().override(transformer_ffn_type="sepconv")


@registry.register_hparams
def adaptive_universal_transformer_global_base() -> HParams:
    """All positions halt together."""
    return adaptive_universal_transformer_base().override(act_type="global")


@registry.register_hparams
def adaptive_universal_transformer_global_base_tpu() -> HParams:
    """For TPU."""
    return update_hparams_for_tpu(adaptive_universal_transformer_global_base()).override(add_step_timing_signal=False)


@registry.register_hparams
def adaptive_universal_transformer_tall() -> HParams:
    """Up to 24 steps."""
    return adaptive_universal_transformer_small().override(num_hidden_layers=16, batch_size=1024, act_max_steps=24)


@registry.register_hparams
def adaptive_universal_transformer_tall_actlossw0() -> HParams:
    """Steps are free."""
    return adaptive_universal_transformer_tall().override(act_loss_weight=0.0)


@registry.register_hparams
def adaptive_universal_transformer_tall_actlossw001() -> HParams:
    """Steps cost little."""
    return adaptive_universal_transformer_tall().override(act_loss_weight=0.001)


@registry.register_hparams
def adaptive_universal_transformer_base_dropout03() -> HParams:
    """Dropout of 0.3 everywhere."""
    return adaptive_universal_transformer_base().override(
        layer_prepostprocess_dropout=0.3, attention_dropout=0.3, relu_dropout=0.3
    )


@registry.register_hparams
def adaptive_universal_transformer_base_dropout05() -> HParams:
    """Dropout of 0.5 everywhere."""
    return adaptive_universal_transformer_base().override(
        layer_prepostprocess_dropout=0.5, attention_dropout=0.5, relu_dropout=0.5
    )


@registry.register_hparams
def universal_transformer_skip_base() -> HParams:
    """Steps are mixed with the input."""
    return universal_transformer_base().override(recurrence_type="skip")


@registry.register_hparams
def universal_transformer_highway_base() -> HParams:
    """Steps are mixed with the state."""
    return universal_transformer_base().override(recurrence_type="highway")


@registry.register_hparams
def universal_transformer_dwa_base() -> HParams:
    """Attention in depth."""
    return universal_transformer_base().override(recurrence_type="dwa")


@registry.register_hparams
def universal_transformer_lstm_base() -> HParams:
    """An LSTM in depth."""
    return universal_transformer_base().override(recurrence_type="lstm", add_step_timing_signal=False)


@registry.register_hparams
def universal_transformer_gru_base() -> HParams:
    """A GRU in depth."""
    return universal_transformer_base().override(recurrence_type="gru", add_step_timing_signal=False)


@registry.register_hparams
def universal_transformer_lstm_tall() -> HParams:
    """An LSTM in depth, sixteen steps."""
    return universal_transformer_tall().override(recurrence_type="lstm", add_step_timing_signal=False)


@registry.register_hparams
def universal_transformer_position_random_timing_tiny() -> HParams:
    """Positions begin anywhere."""
    return universal_transformer_tiny().override(position_start_index="random")


@registry.register_hparams
def universal_transformer_position_step_timing_tiny() -> HParams:
    """Positions move with the steps."""
    return universal_transformer_tiny().override(position_start_index="step")


@registry.register_hparams
def universal_transformer_step_sinusoid_timing_tiny() -> HParams:
    """Sinusoids for steps."""
    return universal_transformer_tiny().override(step_timing_signal_type="sinusoid")


@registry.register_hparams
def adaptive_universal_transformer_position_random_timing_tiny() -> HParams:
    """Positions begin anywhere, and halt."""
    return adaptive_universal_transformer_tiny().override(position_start_index="random")


@registry.register_hparams
def universal_transformer_mix_before_ut_base() -> HParams:
    """Two plain layers first."""
    return universal_transformer_base().override(mix_with_transformer="before_ut")


@registry.register_hparams
def universal_transformer_mix_after_ut_base() -> HParams:
    """Two plain layers last."""
    return universal_transformer_base().override(mix_with_transformer="after_ut")


@registry.register_hparams
def adaptive_universal_transformer_mix_before_ut_base() -> HParams:
    """Two plain layers first, and halting."""
    return universal_transformer_mix_before_ut_base().override(recurrence_type="act")


@registry.register_hparams
def adaptive_universal_transformer_mix_after_ut_base() -> HParams:
    """Two plain layers last, and halting."""
    return universal_transformer_mix_after_ut_base().override(recurrence_type="act")


@registry.register_hparams
def adaptive_universal_transformer_concat_tiny() -> HParams:
    """Signals are joined, not added."""
    return adaptive_universal_transformer_tiny().override(add_or_concat_timing_signal="concat")


@registry.register_hparams
def adaptive_universal_transformer_with_sru_base() -> HParams:
    """SRUs at each step."""
    return adaptive_universal_transformer_base().override(add_sru=True)


@registry.register_hparams
def universal_transformer_sepconv_big() -> HParams:
    """Separable convolutions, width 2048."""
    return universal_transformer_big().override(transformer_ffn_type="sepconv")


@registry.register_hparams
def universal_transformer_sepconv_base() -> HParams:
    """Separable convolutions."""
    return universal_transformer_base().override(transformer_ffn_type="sepconv")


@registry.register_hparams
def universal_transformer_sepconv_tiny() -> HParams:
    """Separable convolutions, width 128."""
    return universal_transformer_tiny().override(transformer_ffn_type="sepconv")


def _base_range(rhp: RangedHParams) -> None:
    rhp.set_discrete("hidden_size", [1024, 2048, 4096])
    rhp.set_discrete("filter_size", [2048, 4096, 8192])
    rhp.set_discrete("num_heads", [8, 16, 32])
    rhp.set_categorical("transformer_ffn_type", ["sepconv", "fc"])
    rhp.set_float("learning_rate", 0.3, 3.0, scale=rhp.LOG_SCALE)
    rhp.set_float("weight_decay", 0.0, 2.0)


@registry.register_ranged_hparams
def universal_transformer_base_range(rhp: RangedHParams) -> None:
    """Search space around universal_transformer_base."""
    rhp.set_discrete("num_rec_steps", [6, 8, 10])
    _base_range(rhp)


@registry.register_ranged_hparams
def adaptive_universal_transformer_base_range(rhp: RangedHParams) -> None:
    """Search space around adaptive_universal_transformer_base."""
    rhp.set_discrete("act_max_steps", [8, 16, 32])
    rhp.set_float("act_loss_weight", 0.0, 0.5)
    _base_range(rhp)
