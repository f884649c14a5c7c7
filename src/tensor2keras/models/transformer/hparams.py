"""The Transformer's hyperparameter sets and ranges, under T2T's names and with its values (`models/transformer.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.models.common_hparams import basic_params1, noam_training


# fmt: off
def update_hparams_for_tpu(hparams: HParams) -> HParams:
    """Sets the values for TPUs (fixed shapes, broadcast dropout masks, Adafactor) and returns `hparams`."""
    return hparams.override(
        optimizer="Adafactor", learning_rate_schedule="rsqrt_decay", learning_rate_warmup_steps=10000,
        symbol_modality_num_shards=1, max_length=64, batch_size=min(hparams.batch_size, 2048),
        attention_dropout_broadcast_dims="0,1", relu_dropout_broadcast_dims="1",
        layer_prepostprocess_dropout_broadcast_dims="1",
    )


@registry.register_hparams
def transformer_base_v1() -> HParams:
    """The 2017 paper's base model as first released: post-norm residuals, the legacy noam schedule."""
    return noam_training(basic_params1()).extend(
        attention_key_channels=0, attention_value_channels=0, filter_size=2048, num_decoder_layers=0,
        num_encoder_layers=0, num_heads=8, parameter_attention_key_channels=0, parameter_attention_value_channels=0,
        conv_first_kernel=3, ffn_layer="dense_relu_dense", nbr_decoder_problems=1,
        attention_dropout=0.0, attention_dropout_broadcast_dims="", attention_variables_3d=False,
        causal_decoder_self_attention=True, gumbel_noise_weight=0.0, hard_attention_k=0, pos="timing",
        position_features="", proximity_bias=False, self_attention_type="dot_product",
        relu_dropout=0.0, relu_dropout_broadcast_dims="",
        moe_overhead_eval=2.0, moe_overhead_train=1.0,
        use_target_space_embedding=True,
        overload_eval_metric_name="", unidirectional_encoder=False, use_pad_remover=True,
    ).override(
        hidden_size=512, num_hidden_layers=6,
        moe_loss_coef=0.001, moe_num_experts=16,
        learning_rate_warmup_steps=4000,
        max_length=256,
        shared_embedding_and_softmax_weights=True, symbol_modality_num_shards=16,
    )


@registry.register_hparams
def transformer_base_vq_ada_32ex_packed() -> HParams:
    """32 vector-quantized experts for a packed lm1b language model."""
    return transformer_base_v2().extend(
        bottleneck_kind="dvq", gating_type="vq", num_blocks=1, num_residuals=1, num_samples=10, residual_centroids=0,
        beta=0.25, decay=0.999, ema=False, epsilon=1e-05, noise_dev=0.5, random_top_k=1, soft_em=False, use_scales=1,
        z_size=4,
    ).override(
        num_decoder_layers=6, num_heads=4,
        ffn_layer="local_moe", layer_postprocess_sequence="dan", layer_preprocess_sequence="none", moe_k=1,
        moe_num_experts=32,
        label_smoothing=0.0,
        learning_rate=0.1, learning_rate_decay_steps=27200,
        learning_rate_schedule="linear_warmup*rsqrt_decay*linear_decay", learning_rate_warmup_steps=10000,
        optimizer="Adafactor", weight_decay=1e-06,
        batch_size=5072,
        shared_embedding_and_softmax_weights=False,
    )


variant = registry.variants_of(__name__)

transformer_base_v2 = variant(
    "transformer_base_v2", transformer_base_v1, "Pre-norm residuals, attention and relu dropout, 8000 warm-up steps.",
    attention_dropout=0.1, layer_postprocess_sequence="da", layer_preprocess_sequence="n", relu_dropout=0.1,
    learning_rate=0.2, learning_rate_warmup_steps=8000,
)
transformer_base_v3 = variant(
    "transformer_base_v3", transformer_base_v2, "transformer_base_v2 with the composed learning-rate schedule.",
    learning_rate_constant=2.0, learning_rate_schedule="constant*linear_warmup*rsqrt_decay*rsqrt_hidden_size",
    optimizer_adam_beta2=0.997,
)
transformer_base = variant(
    "transformer_base", transformer_base_v3,
    'The base model of "Attention Is All You Need": 6 layers, hidden size 512, 8 heads.',
)
transformer_big = variant(
    "transformer_big", transformer_base, 'The big model of "Attention Is All You Need": hidden size 1024, 16 heads.',
    hidden_size=1024, filter_size=4096, num_heads=16, layer_prepostprocess_dropout=0.3, batch_size=2048,
)
transformer_tiny = variant(
    "transformer_tiny", transformer_base, "2 layers, hidden size 128: trains in minutes on a CPU.",
    num_hidden_layers=2, hidden_size=128, filter_size=512, num_heads=4,
)
transformer_numbers = variant(
    "transformer_numbers", transformer_tiny, "transformer_tiny for translate_ende_numbers and 800 steps.",
    batch_size=1024, label_smoothing=0.0,
    layer_prepostprocess_dropout=0.0, attention_dropout=0.0, relu_dropout=0.0,
    learning_rate_schedule="constant*linear_warmup*rsqrt_decay*rsqrt_hidden_size*linear_decay",
    learning_rate_constant=0.7, learning_rate_warmup_steps=200, learning_rate_decay_steps=500,
)
transformer_test = variant(
    "transformer_test", transformer_base, "2 layers, hidden size 16: for tests.",
    num_hidden_layers=2, hidden_size=16, filter_size=8, num_heads=2,
)
transformer_small = variant(
    "transformer_small", transformer_base, "2 layers, hidden size 256.",
    num_hidden_layers=2, hidden_size=256, filter_size=1024, num_heads=4,
)

# One value of transformer_base changed, as in table 3 of "Attention Is All You Need".
transformer_l2 = variant("transformer_l2", transformer_base, num_hidden_layers=2)
transformer_l4 = variant("transformer_l4", transformer_base, num_hidden_layers=4)
transformer_l8 = variant("transformer_l8", transformer_base, num_hidden_layers=8)
transformer_l10 = variant("transformer_l10", transformer_base, num_hidden_layers=10)
transformer_h1 = variant("transformer_h1", transformer_base, num_heads=1)
transformer_h4 = variant("transformer_h4", transformer_base, num_heads=4)
transformer_h16 = variant("transformer_h16", transformer_base, num_heads=16)
transformer_h32 = variant("transformer_h32", transformer_base, num_heads=32)
transformer_k128 = variant("transformer_k128", transformer_base, attention_key_channels=128)
transformer_k256 = variant("transformer_k256", transformer_base, attention_key_channels=256)
transformer_ff1024 = variant("transformer_ff1024", transformer_base, filter_size=1024)
transformer_ff4096 = variant("transformer_ff4096", transformer_base, filter_size=4096)
transformer_dr0 = variant("transformer_dr0", transformer_base, layer_prepostprocess_dropout=0.0)
transformer_dr2 = variant("transformer_dr2", transformer_base, layer_prepostprocess_dropout=0.2)
transformer_ls0 = variant("transformer_ls0", transformer_base, label_smoothing=0.0)
transformer_ls2 = variant("transformer_ls2", transformer_base, label_smoothing=0.2)
transformer_hs256 = variant("transformer_hs256", transformer_base, hidden_size=256)
transformer_hs1024 = variant("transformer_hs1024", transformer_base, hidden_size=1024)

# Other sizes, dropout and training.
transformer_big_dr1 = variant(
    "transformer_big_dr1", transformer_base, "The big model with dropout 0.1.",
    hidden_size=1024, filter_size=4096, num_heads=16,
)
transformer_big_dr2 = variant("transformer_big_dr2", transformer_big_dr1, layer_prepostprocess_dropout=0.2)
transformer_big_enfr = variant(
    "transformer_big_enfr", transformer_big_dr1, "The big model for English-French.",
    filter_size=8192, shared_embedding_and_softmax_weights=False,
)
transformer_big_single_gpu = variant(
    "transformer_big_single_gpu", transformer_big, "transformer_big for one GPU: longer warm-up, less dropout.",
    layer_prepostprocess_dropout=0.1, learning_rate_warmup_steps=16000,
)
transformer_base_single_gpu = variant(
    "transformer_base_single_gpu", transformer_base, "transformer_base for one GPU: small batches, longer warm-up.",
    learning_rate_constant=0.1, learning_rate_schedule="constant*linear_warmup*rsqrt_decay",
    learning_rate_warmup_steps=16000, batch_size=1024,
)
transformer_base_multistep8 = variant(
    "transformer_base_multistep8", transformer_base, "transformer_base that accumulates 8 steps, as 8 GPUs would.",
    optimizer="multistep_adam", optimizer_multistep_accumulate_steps=8,
)
transformer_cubbitt = variant(
    "transformer_cubbitt", transformer_big_single_gpu, "The CUBBITT English-Czech system (Popel et al., 2020).",
    layer_prepostprocess_dropout=0, learning_rate_schedule="rsqrt_decay", learning_rate_warmup_steps=8000,
    optimizer="Adafactor", batch_size=2900, max_length=150,
)
transformer_clean = variant(
    "transformer_clean", transformer_base_v2, "transformer_base_v2 without dropout, label smoothing and length limit.",
    attention_dropout=0.0, label_smoothing=0.0, layer_prepostprocess_dropout=0.0, relu_dropout=0.0, max_length=0,
)
transformer_clean_big = variant(
    "transformer_clean_big", transformer_clean, "transformer_clean at the size of transformer_big.",
    hidden_size=1024, filter_size=4096,
)
transformer_fairseq_fp16_activation_big = variant(
    "transformer_fairseq_fp16_activation_big", transformer_big,
    "transformer_big with float16 activations, as in Ott et al., 2018.", activation_dtype="float16", batch_size=3584,
)

# Other attention and feed-forward layers.
transformer_relative = variant(
    "transformer_relative", transformer_base, "Relative positions (Shaw et al., 2018) instead of timing signals.",
    max_relative_position=20, pos=None, self_attention_type="dot_product_relative",
)
transformer_relative_tiny = variant(
    "transformer_relative_tiny", transformer_relative, "transformer_relative at the size of transformer_tiny.",
    num_hidden_layers=2, hidden_size=128, filter_size=512, num_heads=4,
)
transformer_relative_big = variant(
    "transformer_relative_big", transformer_big, "transformer_relative at the size of transformer_big.",
    max_relative_position=20, pos=None, self_attention_type="dot_product_relative",
)
transformer_parameter_attention_a = variant(
    "transformer_parameter_attention_a", transformer_base, "Attention over parameters instead of feed-forward layers.",
    filter_size=1536, ffn_layer="parameter_attention",
)
transformer_parameter_attention_b = variant(
    "transformer_parameter_attention_b", transformer_base, "Attention over parameters, 16 heads, 1024 channels.",
    filter_size=512, num_heads=16, ffn_layer="parameter_attention", parameter_attention_key_channels=1024,
    parameter_attention_value_channels=1024,
)
transformer_prepend_v2 = variant(
    "transformer_prepend_v2", transformer_base_v2, "Inputs prepended to targets, decoder only.",
    prepend_mode="prepend_inputs_masked_attention", max_length=0,
)
transformer_prepend_v1 = variant(
    "transformer_prepend_v1", transformer_base_v1, "Inputs prepended to targets, decoder only, on transformer_base_v1.",
    prepend_mode="prepend_inputs_masked_attention", max_length=0,
)
transformer_prepend = variant("transformer_prepend", transformer_prepend_v2)
transformer_supervised_attention = variant(
    "transformer_supervised_attention",
    lambda: transformer_base().extend(
        expected_attention_loss_multiplier=1.0, expected_attention_loss_type="kl_divergence"
    ),
    "With an additional loss on attention weights.",
)

# Vector-quantized experts.
transformer_topk_16_packed = variant(
    "transformer_topk_16_packed", transformer_base_vq_ada_32ex_packed, "16 experts with top-2 gating.",
    gating_type="topk", moe_k=2, moe_num_experts=16,
)
transformer_base_vq1_16_nb1_packed_nda_b01_scales = variant(
    "transformer_base_vq1_16_nb1_packed_nda_b01_scales", transformer_base_vq_ada_32ex_packed,
    "16 vector-quantized experts, pre-norm.",
    layer_postprocess_sequence="da", layer_preprocess_sequence="n", moe_num_experts=16, beta=0.1,
)
transformer_base_vq1_16_nb1_packed_dan_b01_scales = variant(
    "transformer_base_vq1_16_nb1_packed_dan_b01_scales", transformer_base_vq_ada_32ex_packed,
    "16 vector-quantized experts, post-norm.", moe_num_experts=16, beta=0.1,
)
transformer_base_vq1_16_nb1_packed_nda_b01_scales_dialog = variant(
    "transformer_base_vq1_16_nb1_packed_nda_b01_scales_dialog", transformer_base_vq1_16_nb1_packed_nda_b01_scales,
    "16 vector-quantized experts for dialog: 1024 tokens an example.",
    filter_size=3072, batch_size=2048, max_length=1024,
)
transformer_ada_lmpackedbase = variant(
    "transformer_ada_lmpackedbase", transformer_base_vq_ada_32ex_packed,
    "Packed language model with Adafactor and no experts.", ffn_layer="dense_relu_dense",
)
transformer_ada_lmpackedbase_dialog = variant(
    "transformer_ada_lmpackedbase_dialog", transformer_ada_lmpackedbase,
    "transformer_ada_lmpackedbase for dialog: 1024 tokens an example.", batch_size=4096, max_length=1024,
)
transformer_ada_lmpackedbase_relative = variant(
    "transformer_ada_lmpackedbase_relative", transformer_ada_lmpackedbase,
    "transformer_ada_lmpackedbase under T2T's name for relative attention.",
)

# Language models for pretraining, and their finetuning.
transformer_tall = variant(
    "transformer_tall", transformer_base, "12 narrow layers for language-model pretraining and finetuning.",
    num_hidden_layers=12, hidden_size=768, filter_size=3072, num_heads=12, label_smoothing=0.0, clip_grad_norm=1.0,
    batch_size=2048, eval_drop_long_sequences=True, max_length=1024, multiproblem_mixing_schedule="pretrain",
    multiproblem_vocab_size=65536,
)
transformer_tall_finetune_tied = variant(
    "transformer_tall_finetune_tied", transformer_tall,
    "Finetunes transformer_tall on summarization as a language model.",
    learning_rate_constant=5e-05, learning_rate_decay_steps=80000,
    learning_rate_schedule="linear_warmup*constant*cosdecay", learning_rate_warmup_steps=100, optimizer="true_adam",
    multiproblem_label_weight=1.0, multiproblem_max_input_length=750, multiproblem_max_target_length=100,
    multiproblem_reweight_label_loss=True, multiproblem_schedule_max_examples=0, multiproblem_target_eval_only=True,
)
transformer_tall_train_tied = variant(
    "transformer_tall_train_tied", transformer_tall, "Trains transformer_tall on summarization as a language model.",
    learning_rate_constant=0.0002, learning_rate_decay_steps=150000,
    learning_rate_schedule="linear_warmup*constant*cosdecay", optimizer="true_adam", multiproblem_label_weight=1.0,
    multiproblem_max_input_length=750, multiproblem_max_target_length=100, multiproblem_reweight_label_loss=True,
    multiproblem_schedule_max_examples=0, multiproblem_target_eval_only=True,
)
transformer_tall_finetune_uniencdec = variant(
    "transformer_tall_finetune_uniencdec", transformer_tall,
    "Finetunes transformer_tall on summarization, unidirectional encoder and decoder.",
    learning_rate_constant=5e-05, learning_rate_decay_steps=80000,
    learning_rate_schedule="linear_warmup*constant*cosdecay", learning_rate_warmup_steps=100, optimizer="true_adam",
    max_input_seq_length=750, max_target_seq_length=100, unidirectional_encoder=True,
)
transformer_tall_train_uniencdec = variant(
    "transformer_tall_train_uniencdec", transformer_tall,
    "Trains transformer_tall on summarization, unidirectional encoder and decoder.",
    learning_rate_constant=0.0002, learning_rate_decay_steps=150000,
    learning_rate_schedule="linear_warmup*constant*cosdecay", optimizer="true_adam", max_input_seq_length=750,
    max_target_seq_length=100, unidirectional_encoder=True,
)
transformer_tall_finetune_textclass = variant(
    "transformer_tall_finetune_textclass", transformer_tall, "Finetunes transformer_tall on text classification.",
    learning_rate_constant=6.25e-05, learning_rate_decay_steps=25000,
    learning_rate_schedule="linear_warmup*constant*linear_decay", learning_rate_warmup_steps=50,
    multiproblem_label_weight=0.95, multiproblem_reweight_label_loss=True, multiproblem_schedule_max_examples=0,
    multiproblem_target_eval_only=True,
)
transformer_tall_pretrain_lm = variant(
    "transformer_tall_pretrain_lm", transformer_tall,
    "Pretrains transformer_tall as a language model over 65,536 subwords.",
    learning_rate_constant=0.0002, learning_rate_decay_steps=5000000,
    learning_rate_schedule="linear_warmup*constant*cosdecay", optimizer="adam_w", optimizer_adam_beta2=0.999,
    optimizer_adam_epsilon=1e-08, weight_decay=2.0000000000000003e-06, multiproblem_schedule_max_examples=500000000.0,
)
transformer_tall_pretrain_lm_tpu_adafactor = variant(
    "transformer_tall_pretrain_lm_tpu_adafactor", lambda: update_hparams_for_tpu(transformer_tall_pretrain_lm()),
    "transformer_tall_pretrain_lm on TPU with Adafactor.", batch_size=8, max_length=1024,
)
transformer_tall_pretrain_lm_tpu_adafactor_large = variant(
    "transformer_tall_pretrain_lm_tpu_adafactor_large", transformer_tall_pretrain_lm_tpu_adafactor,
    "transformer_tall_pretrain_lm_tpu_adafactor, wide feed-forward layers.",
    hidden_size=1024, filter_size=32768, num_heads=16, batch_size=4, multiproblem_mixing_schedule="constant",
    multiproblem_per_task_threshold="320,80,160,1,80,160,2,20,10,5",
)
transformer_tall_pretrain_lm_tpu = variant(
    "transformer_tall_pretrain_lm_tpu", transformer_tall_pretrain_lm_tpu_adafactor,
    "transformer_tall_pretrain_lm on TPU with AdamW.",
    learning_rate_schedule="linear_warmup * constant * cosdecay", optimizer="adam_w",
)
transformer_tall_big = variant("transformer_tall_big", transformer_tall, num_hidden_layers=18)

# Parsing and time series.
transformer_parsing_base = variant(
    "transformer_parsing_base", transformer_base, "Constituency parsing on WSJ only.",
    hidden_size=1024, attention_dropout=0.2, shared_embedding_and_softmax_weights=False,
    layer_prepostprocess_dropout=0.2, learning_rate=0.05, learning_rate_warmup_steps=16000, max_length=512,
)
transformer_parsing_big = variant(
    "transformer_parsing_big", transformer_big, "Constituency parsing on WSJ, semi-supervised.",
    layer_prepostprocess_dropout=0.1, learning_rate=0.05, learning_rate_warmup_steps=4000, max_length=512,
)
transformer_parsing_ice = variant(
    "transformer_parsing_ice", transformer_base_single_gpu, "Parsing and tagging of Icelandic.",
    shared_embedding_and_softmax_weights=False, batch_size=4096,
)
transformer_timeseries = variant(
    "transformer_timeseries", transformer_small, "transformer_small for time series.",
    learning_rate_warmup_steps=2000, batch_size=256,
)

# Speech recognition.
transformer_librispeech_v1 = variant(
    "transformer_librispeech_v1", transformer_base, "Speech recognition on LibriSpeech, first version.",
    num_encoder_layers=5, num_decoder_layers=3, hidden_size=256, filter_size=1024, num_heads=4, learning_rate=0.15,
    batch_size=6000000, max_input_seq_length=1650, max_length=132000, max_target_seq_length=350,
)
transformer_librispeech_v2 = variant(
    "transformer_librispeech_v2", transformer_base,
    "Speech recognition on LibriSpeech: convolutional feed-forward layers, 6 + 4 layers.",
    num_encoder_layers=6, num_decoder_layers=4, hidden_size=384, filter_size=1536, num_heads=2,
    ffn_layer="conv_relu_conv", layer_prepostprocess_dropout=0.2, relu_dropout=0.2, learning_rate=0.15, batch_size=16,
    conv_first_kernel=9, daisy_chain_variables=False, max_input_seq_length=1550, max_length=1240000,
    max_target_seq_length=350,
)
transformer_librispeech_tpu_v1 = variant(
    "transformer_librispeech_tpu_v1", lambda: update_hparams_for_tpu(transformer_librispeech_v1()),
    "transformer_librispeech_v1 for TPU.", batch_size=16, max_length=132000,
)
transformer_librispeech_tpu_v2 = variant(
    "transformer_librispeech_tpu_v2", lambda: update_hparams_for_tpu(transformer_librispeech_v2()),
    "transformer_librispeech_v2 for TPU.", max_input_seq_length=1650, max_length=132000,
)
transformer_librispeech_with_area_attention = variant(
    "transformer_librispeech_with_area_attention", transformer_librispeech_tpu_v2,
    "Speech recognition on LibriSpeech with area attention (Li et al., 2019).",
    num_area_layers=3, area_key_mode="concat", area_value_mode="sum", max_area_width=5,
)
transformer_librispeech = variant(
    "transformer_librispeech", transformer_librispeech_v2, "Speech recognition on LibriSpeech."
)
transformer_librispeech_tpu = variant(
    "transformer_librispeech_tpu", transformer_librispeech_tpu_v2, "transformer_librispeech for TPU."
)
transformer_common_voice = variant(
    "transformer_common_voice", transformer_librispeech, "Speech recognition on Common Voice."
)
transformer_common_voice_tpu = variant(
    "transformer_common_voice_tpu", transformer_librispeech_tpu, "transformer_common_voice for TPU.", batch_size=8
)

# For TPU.
transformer_tpu = variant(
    "transformer_tpu", lambda: update_hparams_for_tpu(transformer_base()), "transformer_base for TPU."
)
transformer_packed_tpu = variant("transformer_packed_tpu", transformer_tpu, "transformer_tpu, by its old name.")
transformer_big_enfr_tpu = variant(
    "transformer_big_enfr_tpu", lambda: update_hparams_for_tpu(transformer_big_enfr()), "transformer_big_enfr for TPU.",
    num_heads=8,
)
transformer_mlperf_tpu = variant(
    "transformer_mlperf_tpu", transformer_base_v3, "The MLPerf model for a TPU 2x2.",
    hidden_size=1024, filter_size=4096, num_heads=16, attention_dropout_broadcast_dims="0,1",
    layer_prepostprocess_dropout_broadcast_dims="1", relu_dropout_broadcast_dims="1", batch_size=2048, mlperf_mode=True,
    symbol_modality_num_shards=1,
)
transformer_timeseries_tpu = variant(
    "transformer_timeseries_tpu", lambda: update_hparams_for_tpu(transformer_timeseries()),
    "transformer_timeseries for TPU.",
)
transformer_big_tpu = variant(
    "transformer_big_tpu", lambda: update_hparams_for_tpu(transformer_big()), "transformer_big for TPU."
)
transformer_tiny_tpu = variant(
    "transformer_tiny_tpu", lambda: update_hparams_for_tpu(transformer_tiny()), "transformer_tiny for TPU.",
    batch_size=2048,
)
transformer_small_tpu = variant(
    "transformer_small_tpu", lambda: update_hparams_for_tpu(transformer_small()), "transformer_small for TPU.",
    batch_size=2048,
)
transformer_clean_big_tpu = variant(
    "transformer_clean_big_tpu", lambda: update_hparams_for_tpu(transformer_clean_big()),
    "transformer_clean_big for TPU.", batch_size=2048,
)
transformer_tpu_bf16_activation = variant(
    "transformer_tpu_bf16_activation", transformer_tpu, activation_dtype="bfloat16"
)
transformer_tpu_with_conv = variant(
    "transformer_tpu_with_conv", transformer_tpu,
    "transformer_tpu with fewer heads and convolutional feed-forward layers.", num_heads=4, ffn_layer="conv_relu_conv",
)
transformer_tpu_1b = variant(
    "transformer_tpu_1b", transformer_tpu, "Translation with about 1.1 billion parameters.",
    num_hidden_layers=8, hidden_size=2048, filter_size=8192, shared_embedding_and_softmax_weights=False,
    activation_dtype="bfloat16", weight_dtype="bfloat16", batch_size=1024,
)
transformer_lm_tpu_0 = variant(
    "transformer_lm_tpu_0", lambda: update_hparams_for_tpu(transformer_clean_big()),
    "Language model for lm1b on TPU, 92M parameters.",
    num_heads=4, shared_embedding_and_softmax_weights=False, layer_prepostprocess_dropout=0.1, batch_size=4096,
)
transformer_lm_tpu_1 = variant(
    "transformer_lm_tpu_1", transformer_lm_tpu_0, "Language model for lm1b on TPU, 335M parameters.",
    hidden_size=2048, filter_size=8192,
)

# Transformers with a memory.
transformer_wikitext103_l4k_v0 = variant(
    "transformer_wikitext103_l4k_v0", transformer_big, "Language model over 4,096 tokens of WikiText-103.",
    num_hidden_layers=8, num_heads=4, attention_dropout_broadcast_dims="0,1",
    shared_embedding_and_softmax_weights=False, label_smoothing=0.0, layer_prepostprocess_dropout=0.2,
    layer_prepostprocess_dropout_broadcast_dims="1", relu_dropout_broadcast_dims="1",
    learning_rate_schedule="rsqrt_decay", learning_rate_warmup_steps=10000, optimizer="Adafactor", batch_size=4096,
    max_length=4096, symbol_modality_num_shards=1,
)
transformer_wikitext103_l4k_memory_v0 = variant(
    "transformer_wikitext103_l4k_memory_v0",
    lambda: transformer_wikitext103_l4k_v0().extend(
        memory_type="transformer_xl", num_memory_items=64, recurrent_memory_batch_size=0, unconditional=True
    ),
    "transformer_wikitext103_l4k_v0 in chunks with a Transformer-XL memory.",
    max_relative_position=128, pos=None, self_attention_type="dot_product_relative", batch_size=262144,
    split_targets_chunk_length=64, split_targets_max_chunks=64, split_targets_strided_training=True,
)
transformer_wikitext103_l16k_memory_v0 = variant(
    "transformer_wikitext103_l16k_memory_v0", transformer_wikitext103_l4k_memory_v0,
    "transformer_wikitext103_l4k_memory_v0 over 16,384 tokens.",
    batch_size=1048576, max_length=16384, split_targets_max_chunks=256,
)
transformer_cifar10_memory_v0 = variant(
    "transformer_cifar10_memory_v0", transformer_wikitext103_l4k_memory_v0,
    "CIFAR-10 pixels in chunks with a Transformer-XL memory.",
    num_hidden_layers=6, max_relative_position=576, batch_size=64, max_length=3072, num_memory_items=384,
    recurrent_memory_batch_size=64, split_targets_chunk_length=192, split_targets_max_chunks=16,
)
transformer_imagenet64_memory_v0 = variant(
    "transformer_imagenet64_memory_v0", transformer_cifar10_memory_v0,
    "64x64 ImageNet pixels in chunks with a Transformer-XL memory.",
    max_relative_position=3072, batch_size=128, max_length=12288, recurrent_memory_batch_size=128,
    split_targets_max_chunks=64,
)
# fmt: on


def _training_range(rhp: RangedHParams, max_weight_decay: float) -> None:
    rhp.set_discrete("learning_rate_warmup_steps", [1000, 2000, 4000, 8000, 16000])
    rhp.set_float("learning_rate", 0.3, 3.0, scale=rhp.LOG_SCALE)
    rhp.set_float("initializer_gain", 0.5, 2.0)
    rhp.set_float("optimizer_adam_beta1", 0.85, 0.95)
    rhp.set_float("optimizer_adam_beta2", 0.97, 0.99)
    rhp.set_float("weight_decay", 0.0, max_weight_decay)


@registry.register_ranged_hparams
def transformer_base_range(rhp: RangedHParams) -> None:
    """Search space around transformer_base."""
    _training_range(rhp, max_weight_decay=0.0001)


@registry.register_ranged_hparams
def transformer_tpu_range(rhp: RangedHParams) -> None:
    """Search space around transformer_tpu."""
    _training_range(rhp, max_weight_decay=2.0)


@registry.register_ranged_hparams
def transformer_tiny_tpu_range(rhp: RangedHParams) -> None:
    """Search space around transformer_tiny_tpu."""
    rhp.set_float("learning_rate", 0.3, 3.0, scale=rhp.LOG_SCALE)
    rhp.set_float("weight_decay", 0.0, 2.0)
