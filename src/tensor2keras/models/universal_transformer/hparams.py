"""The Universal Transformer's sets of hyperparameters, with T2T's names and values."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.models.transformer.hparams import transformer_base, transformer_tiny, update_hparams_for_tpu


# fmt: off
def _universal(hparams: HParams) -> HParams:
    """Adds the hyperparameters of the recurrence."""
    return hparams.override(daisy_chain_variables=False, pos=None).extend(
        mix_with_transformer=None, num_mixedin_layers=2, num_inrecurrence_layers=1, recurrence_type="basic",
        num_rec_steps=hparams.num_hidden_layers,
        add_position_timing_signal=True, position_start_index=None, add_step_timing_signal=True,
        step_timing_signal_type="learned", add_or_concat_timing_signal="add",
        add_sru=False, transformer_ffn_type="fc", gate_ffn_layer="dense", add_ffn_unit_to_the_transition_function=False,
        transform_bias_init=-1.0, couple_carry_transform_gates=True, depth_embedding=True, dwa_elements=True,
        lstm_forget_bias=1.0, use_memory_as_final_state=False,
        act_type="basic", act_max_steps=2 * hparams.num_hidden_layers, act_halting_bias_init=1.0, act_epsilon=0.01,
        act_loss_weight=0.01,
    )


variant = registry.variants_of(__name__)

universal_transformer_small = variant(
    "universal_transformer_small", lambda: _universal(transformer_base()), "Hidden size 512, six steps."
)
universal_transformer_base = variant(
    "universal_transformer_base", universal_transformer_small, "Hidden size 1024, six steps.",
    hidden_size=1024, filter_size=4096, num_heads=16, layer_prepostprocess_dropout=0.3,
)
universal_transformer_base_fp16 = variant(
    "universal_transformer_base_fp16", universal_transformer_small, activation_dtype="float16"
)
universal_transformer_base_tpu = variant(
    "universal_transformer_base_tpu", lambda: update_hparams_for_tpu(universal_transformer_base()),
    "universal_transformer_base for TPU.", add_step_timing_signal=False,
)
universal_transformer_big = variant(
    "universal_transformer_big", universal_transformer_base, hidden_size=2048, filter_size=8192
)
universal_transformer_tall = variant("universal_transformer_tall", universal_transformer_small, num_rec_steps=16)
universal_transformer_tiny = variant(
    "universal_transformer_tiny", lambda: _universal(transformer_tiny()), "Hidden size 128, eight steps.",
    num_rec_steps=8,
)
transformer_teeny = variant(
    "transformer_teeny", transformer_base, "A Transformer of hidden size 128.",
    hidden_size=128, filter_size=128, num_heads=2,
)
universal_transformer_teeny = variant(
    "universal_transformer_teeny", lambda: _universal(transformer_teeny()), "Hidden size 128, ten steps.",
    num_rec_steps=10,
)

# Adaptive computation time.
adaptive_universal_transformer_base = variant(
    "adaptive_universal_transformer_base", universal_transformer_base,
    "Adaptive computation time: each position halts by itself.", recurrence_type="act",
)
adaptive_universal_transformer_base_tpu = variant(
    "adaptive_universal_transformer_base_tpu", lambda: update_hparams_for_tpu(adaptive_universal_transformer_base()),
    "adaptive_universal_transformer_base for TPU.", add_step_timing_signal=False,
)
adaptive_universal_transformer_base_dropout03 = variant(
    "adaptive_universal_transformer_base_dropout03", adaptive_universal_transformer_base,
    attention_dropout=0.3, layer_prepostprocess_dropout=0.3, relu_dropout=0.3,
)
adaptive_universal_transformer_base_dropout05 = variant(
    "adaptive_universal_transformer_base_dropout05", adaptive_universal_transformer_base,
    attention_dropout=0.5, layer_prepostprocess_dropout=0.5, relu_dropout=0.5,
)
adaptive_universal_transformer_multilayer_tpu = variant(
    "adaptive_universal_transformer_multilayer_tpu", adaptive_universal_transformer_base_tpu,
    "Two layers a step, plain layers before and after.",
    num_inrecurrence_layers=2, num_mixedin_layers=1, mix_with_transformer="before_ut,after_ut",
    transformer_ffn_type="sepconv",
)
adaptive_universal_transformer_multilayer_hard = variant(
    "adaptive_universal_transformer_multilayer_hard", adaptive_universal_transformer_multilayer_tpu,
    "adaptive_universal_transformer_multilayer_tpu with hard attention.",
    add_step_timing_signal=True, self_attention_type="dot_product_relative_v2", max_relative_position=256,
    batch_size=256, hard_attention_k=8,
)
adaptive_universal_transformer_small = variant(
    "adaptive_universal_transformer_small", universal_transformer_small, recurrence_type="act"
)
adaptive_universal_transformer_tiny = variant(
    "adaptive_universal_transformer_tiny", universal_transformer_tiny, recurrence_type="act"
)
adaptive_universal_transformer_global_base = variant(
    "adaptive_universal_transformer_global_base", adaptive_universal_transformer_base, "All positions halt together.",
    act_type="global",
)
adaptive_universal_transformer_global_base_tpu = variant(
    "adaptive_universal_transformer_global_base_tpu",
    lambda: update_hparams_for_tpu(adaptive_universal_transformer_global_base()),
    "adaptive_universal_transformer_global_base for TPU.", add_step_timing_signal=False,
)
adaptive_universal_transformer_tall = variant(
    "adaptive_universal_transformer_tall", adaptive_universal_transformer_small, "Up to 24 steps.",
    num_hidden_layers=16, act_max_steps=24, batch_size=1024,
)
adaptive_universal_transformer_tall_actlossw0 = variant(
    "adaptive_universal_transformer_tall_actlossw0", adaptive_universal_transformer_tall, act_loss_weight=0.0
)
adaptive_universal_transformer_tall_actlossw001 = variant(
    "adaptive_universal_transformer_tall_actlossw001", adaptive_universal_transformer_tall, act_loss_weight=0.001
)

# Other recurrences.
universal_transformer_skip_base = variant(
    "universal_transformer_skip_base", universal_transformer_base,
    "Gated skip connections from the input to each step.", recurrence_type="skip",
)
universal_transformer_highway_base = variant(
    "universal_transformer_highway_base", universal_transformer_base, "Highway connections between steps.",
    recurrence_type="highway",
)
universal_transformer_dwa_base = variant(
    "universal_transformer_dwa_base", universal_transformer_base, "Attention over the outputs of earlier steps.",
    recurrence_type="dwa",
)
universal_transformer_lstm_base = variant(
    "universal_transformer_lstm_base", universal_transformer_base, "An LSTM over depth.",
    recurrence_type="lstm", add_step_timing_signal=False,
)
universal_transformer_gru_base = variant(
    "universal_transformer_gru_base", universal_transformer_base, "A GRU over depth.",
    recurrence_type="gru", add_step_timing_signal=False,
)
universal_transformer_lstm_tall = variant(
    "universal_transformer_lstm_tall", universal_transformer_tall, "An LSTM over depth, sixteen steps.",
    recurrence_type="lstm", add_step_timing_signal=False,
)
universal_transformer_small_dropconnect = variant(
    "universal_transformer_small_dropconnect", lambda: universal_transformer_small().extend(dropconnect_dropout=0.5),
    "Gates with DropConnect, for recurrences that have gates.", gate_ffn_layer="dense_dropconnect",
)

# Timing signals.
universal_transformer_position_random_timing_tiny = variant(
    "universal_transformer_position_random_timing_tiny", universal_transformer_tiny,
    "Positions start at a random index.", position_start_index="random",
)
universal_transformer_position_step_timing_tiny = variant(
    "universal_transformer_position_step_timing_tiny", universal_transformer_tiny,
    "Positions shift with each step.", position_start_index="step",
)
universal_transformer_step_sinusoid_timing_tiny = variant(
    "universal_transformer_step_sinusoid_timing_tiny", universal_transformer_tiny, step_timing_signal_type="sinusoid"
)
adaptive_universal_transformer_position_random_timing_tiny = variant(
    "adaptive_universal_transformer_position_random_timing_tiny", adaptive_universal_transformer_tiny,
    position_start_index="random",
)
adaptive_universal_transformer_concat_tiny = variant(
    "adaptive_universal_transformer_concat_tiny", adaptive_universal_transformer_tiny,
    add_or_concat_timing_signal="concat",
)
adaptive_universal_transformer_with_sru_base = variant(
    "adaptive_universal_transformer_with_sru_base", adaptive_universal_transformer_base,
    "Simple recurrent units at each step.", add_sru=True,
)

# Layers before and after the recurrence.
universal_transformer_mix_before_ut_base = variant(
    "universal_transformer_mix_before_ut_base", universal_transformer_base,
    "Two Transformer layers before the recurrence.", mix_with_transformer="before_ut",
)
universal_transformer_mix_after_ut_base = variant(
    "universal_transformer_mix_after_ut_base", universal_transformer_base,
    "Two Transformer layers after the recurrence.", mix_with_transformer="after_ut",
)
adaptive_universal_transformer_mix_before_ut_base = variant(
    "adaptive_universal_transformer_mix_before_ut_base", universal_transformer_mix_before_ut_base, recurrence_type="act"
)
adaptive_universal_transformer_mix_after_ut_base = variant(
    "adaptive_universal_transformer_mix_after_ut_base", universal_transformer_mix_after_ut_base, recurrence_type="act"
)

# Separable convolutions.
adaptive_universal_transformer_sepconv_tiny = variant(
    "adaptive_universal_transformer_sepconv_tiny", adaptive_universal_transformer_tiny, transformer_ffn_type="sepconv"
)
universal_transformer_sepconv_big = variant(
    "universal_transformer_sepconv_big", universal_transformer_big, transformer_ffn_type="sepconv"
)
universal_transformer_sepconv_base = variant(
    "universal_transformer_sepconv_base", universal_transformer_base, transformer_ffn_type="sepconv"
)
universal_transformer_sepconv_tiny = variant(
    "universal_transformer_sepconv_tiny", universal_transformer_tiny, transformer_ffn_type="sepconv"
)
# fmt: on


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
