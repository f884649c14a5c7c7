"""The Transformer's hyperparameter sets and ranges, under T2T's names and with its values (`models/transformer.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.models.common_hparams import basic_params1


def update_hparams_for_tpu(hparams: HParams) -> HParams:
    """Fixed shapes, broadcast dropout masks and Adafactor: what a TPU wants. Changes `hparams` and returns it."""
    return hparams.override(
        optimizer="Adafactor",
        learning_rate_schedule="rsqrt_decay",
        learning_rate_warmup_steps=10000,
        symbol_modality_num_shards=1,
        max_length=64,
        batch_size=min(hparams.batch_size, 2048),
        attention_dropout_broadcast_dims="0,1",
        relu_dropout_broadcast_dims="1",
        layer_prepostprocess_dropout_broadcast_dims="1",
    )


@registry.register_hparams
def transformer_base_v1() -> HParams:
    """The 2017 paper's base model as first released: post-norm residuals, the legacy noam schedule."""
    return (
        basic_params1()
        .extend(
            attention_dropout=0.0,
            attention_dropout_broadcast_dims="",
            attention_key_channels=0,
            attention_value_channels=0,
            attention_variables_3d=False,
            causal_decoder_self_attention=True,
            conv_first_kernel=3,
            ffn_layer="dense_relu_dense",
            filter_size=2048,
            gumbel_noise_weight=0.0,
            hard_attention_k=0,
            moe_overhead_eval=2.0,
            moe_overhead_train=1.0,
            nbr_decoder_problems=1,
            num_decoder_layers=0,
            num_encoder_layers=0,
            num_heads=8,
            overload_eval_metric_name="",
            parameter_attention_key_channels=0,
            parameter_attention_value_channels=0,
            pos="timing",
            position_features="",
            proximity_bias=False,
            relu_dropout=0.0,
            relu_dropout_broadcast_dims="",
            self_attention_type="dot_product",
            unidirectional_encoder=False,
            use_pad_remover=True,
            use_target_space_embedding=True,
        )
        .override(
            clip_grad_norm=0.0,
            hidden_size=512,
            initializer="uniform_unit_scaling",
            initializer_gain=1.0,
            learning_rate_decay_scheme="noam",
            learning_rate_warmup_steps=4000,
            max_length=256,
            moe_loss_coef=0.001,
            moe_num_experts=16,
            num_hidden_layers=6,
            optimizer_adam_beta1=0.9,
            optimizer_adam_beta2=0.98,
            optimizer_adam_epsilon=1e-09,
            shared_embedding_and_softmax_weights=True,
            symbol_modality_num_shards=16,
            weight_decay=0.0,
        )
    )


@registry.register_hparams
def transformer_base_v2() -> HParams:
    """Pre-norm residuals, attention and relu dropout, 8000 warm-up steps."""
    return transformer_base_v1().override(
        attention_dropout=0.1,
        layer_postprocess_sequence="da",
        layer_preprocess_sequence="n",
        learning_rate=0.2,
        learning_rate_warmup_steps=8000,
        relu_dropout=0.1,
    )


@registry.register_hparams
def transformer_base_vq_ada_32ex_packed() -> HParams:
    """32 vector-quantized experts for a packed lm1b language model."""
    return (
        transformer_base_v2()
        .extend(
            beta=0.25,
            bottleneck_kind="dvq",
            decay=0.999,
            ema=False,
            epsilon=1e-05,
            gating_type="vq",
            noise_dev=0.5,
            num_blocks=1,
            num_residuals=1,
            num_samples=10,
            random_top_k=1,
            residual_centroids=0,
            soft_em=False,
            use_scales=1,
            z_size=4,
        )
        .override(
            batch_size=5072,
            ffn_layer="local_moe",
            label_smoothing=0.0,
            layer_postprocess_sequence="dan",
            layer_preprocess_sequence="none",
            learning_rate=0.1,
            learning_rate_decay_steps=27200,
            learning_rate_schedule="linear_warmup*rsqrt_decay*linear_decay",
            learning_rate_warmup_steps=10000,
            moe_k=1,
            moe_num_experts=32,
            num_decoder_layers=6,
            num_heads=4,
            optimizer="Adafactor",
            shared_embedding_and_softmax_weights=False,
            weight_decay=1e-06,
        )
    )


@registry.register_hparams
def transformer_topk_16_packed() -> HParams:
    """16 experts with top-2 gating."""
    return transformer_base_vq_ada_32ex_packed().override(gating_type="topk", moe_k=2, moe_num_experts=16)


@registry.register_hparams
def transformer_base_vq1_16_nb1_packed_nda_b01_scales() -> HParams:
    """16 vector-quantized experts, pre-norm."""
    return transformer_base_vq_ada_32ex_packed().override(
        beta=0.1, layer_postprocess_sequence="da", layer_preprocess_sequence="n", moe_num_experts=16
    )


@registry.register_hparams
def transformer_base_vq1_16_nb1_packed_dan_b01_scales() -> HParams:
    """16 vector-quantized experts, post-norm."""
    return transformer_base_vq_ada_32ex_packed().override(beta=0.1, moe_num_experts=16)


@registry.register_hparams
def transformer_base_vq1_16_nb1_packed_nda_b01_scales_dialog() -> HParams:
    """16 vector-quantized experts for dialog: 1024 tokens an example."""
    return transformer_base_vq1_16_nb1_packed_nda_b01_scales().override(
        batch_size=2048, filter_size=3072, max_length=1024
    )


@registry.register_hparams
def transformer_ada_lmpackedbase() -> HParams:
    """Packed language model with Adafactor and no experts."""
    return transformer_base_vq_ada_32ex_packed().override(ffn_layer="dense_relu_dense")


@registry.register_hparams
def transformer_ada_lmpackedbase_dialog() -> HParams:
    """transformer_ada_lmpackedbase for dialog: 1024 tokens an example."""
    return transformer_base_vq_ada_32ex_packed().override(
        batch_size=4096, ffn_layer="dense_relu_dense", max_length=1024
    )


@registry.register_hparams
def transformer_ada_lmpackedbase_relative() -> HParams:
    """transformer_ada_lmpackedbase for relative attention (same values)."""
    return transformer_base_vq_ada_32ex_packed().override(ffn_layer="dense_relu_dense")


@registry.register_hparams
def transformer_base_v3() -> HParams:
    """transformer_base_v2 with the composed learning-rate schedule."""
    return transformer_base_v2().override(
        learning_rate_constant=2.0,
        learning_rate_schedule="constant*linear_warmup*rsqrt_decay*rsqrt_hidden_size",
        optimizer_adam_beta2=0.997,
    )


@registry.register_hparams
def transformer_base() -> HParams:
    """The base model of "Attention Is All You Need": 6 layers, hidden size 512, 8 heads."""
    return transformer_base_v3()


@registry.register_hparams
def transformer_big() -> HParams:
    """The big model of "Attention Is All You Need": hidden size 1024, 16 heads."""
    return transformer_base().override(
        batch_size=2048, filter_size=4096, hidden_size=1024, layer_prepostprocess_dropout=0.3, num_heads=16
    )


@registry.register_hparams
def transformer_tall() -> HParams:
    """12 narrow layers for language-model pretraining and finetuning."""
    return transformer_base().override(
        batch_size=2048,
        clip_grad_norm=1.0,
        eval_drop_long_sequences=True,
        filter_size=3072,
        hidden_size=768,
        label_smoothing=0.0,
        max_length=1024,
        multiproblem_mixing_schedule="pretrain",
        multiproblem_vocab_size=65536,
        num_heads=12,
        num_hidden_layers=12,
    )


@registry.register_hparams
def transformer_tall_finetune_tied() -> HParams:
    """Finetunes transformer_tall on summarization as a language model."""
    return transformer_tall().override(
        learning_rate_constant=5e-05,
        learning_rate_decay_steps=80000,
        learning_rate_schedule="linear_warmup*constant*cosdecay",
        learning_rate_warmup_steps=100,
        multiproblem_label_weight=1.0,
        multiproblem_max_input_length=750,
        multiproblem_max_target_length=100,
        multiproblem_reweight_label_loss=True,
        multiproblem_schedule_max_examples=0,
        multiproblem_target_eval_only=True,
        optimizer="true_adam",
    )


@registry.register_hparams
def transformer_tall_train_tied() -> HParams:
    """Trains transformer_tall on summarization as a language model."""
    return transformer_tall().override(
        learning_rate_constant=0.0002,
        learning_rate_decay_steps=150000,
        learning_rate_schedule="linear_warmup*constant*cosdecay",
        multiproblem_label_weight=1.0,
        multiproblem_max_input_length=750,
        multiproblem_max_target_length=100,
        multiproblem_reweight_label_loss=True,
        multiproblem_schedule_max_examples=0,
        multiproblem_target_eval_only=True,
        optimizer="true_adam",
    )


@registry.register_hparams
def transformer_tall_finetune_uniencdec() -> HParams:
    """Finetunes transformer_tall on summarization, unidirectional encoder and decoder."""
    return transformer_tall().override(
        learning_rate_constant=5e-05,
        learning_rate_decay_steps=80000,
        learning_rate_schedule="linear_warmup*constant*cosdecay",
        learning_rate_warmup_steps=100,
        max_input_seq_length=750,
        max_target_seq_length=100,
        optimizer="true_adam",
        unidirectional_encoder=True,
    )


@registry.register_hparams
def transformer_tall_train_uniencdec() -> HParams:
    """Trains transformer_tall on summarization, unidirectional encoder and decoder."""
    return transformer_tall().override(
        learning_rate_constant=0.0002,
        learning_rate_decay_steps=150000,
        learning_rate_schedule="linear_warmup*constant*cosdecay",
        max_input_seq_length=750,
        max_target_seq_length=100,
        optimizer="true_adam",
        unidirectional_encoder=True,
    )


@registry.register_hparams
def transformer_tall_finetune_textclass() -> HParams:
    """Finetunes transformer_tall on text classification."""
    return transformer_tall().override(
        learning_rate_constant=6.25e-05,
        learning_rate_decay_steps=25000,
        learning_rate_schedule="linear_warmup*constant*linear_decay",
        learning_rate_warmup_steps=50,
        multiproblem_label_weight=0.95,
        multiproblem_reweight_label_loss=True,
        multiproblem_schedule_max_examples=0,
        multiproblem_target_eval_only=True,
    )


@registry.register_hparams
def transformer_tall_pretrain_lm() -> HParams:
    """Pretrains transformer_tall as a language model over 65,536 subwords."""
    return transformer_tall().override(
        learning_rate_constant=0.0002,
        learning_rate_decay_steps=5000000,
        learning_rate_schedule="linear_warmup*constant*cosdecay",
        multiproblem_schedule_max_examples=500000000.0,
        optimizer="adam_w",
        optimizer_adam_beta2=0.999,
        optimizer_adam_epsilon=1e-08,
        weight_decay=2.0000000000000003e-06,
    )


@registry.register_hparams
def transformer_tall_pretrain_lm_tpu_adafactor() -> HParams:
    """transformer_tall_pretrain_lm on TPU with Adafactor."""
    return update_hparams_for_tpu(transformer_tall_pretrain_lm()).override(batch_size=8, max_length=1024)


@registry.register_hparams
def transformer_tall_pretrain_lm_tpu_adafactor_large() -> HParams:
    """transformer_tall_pretrain_lm_tpu_adafactor, wide feed-forward layers."""
    return transformer_tall_pretrain_lm_tpu_adafactor().override(
        batch_size=4,
        filter_size=32768,
        hidden_size=1024,
        multiproblem_mixing_schedule="constant",
        multiproblem_per_task_threshold="320,80,160,1,80,160,2,20,10,5",
        num_heads=16,
    )


@registry.register_hparams
def transformer_tall_pretrain_lm_tpu() -> HParams:
    """transformer_tall_pretrain_lm on TPU with AdamW."""
    return transformer_tall_pretrain_lm_tpu_adafactor().override(
        learning_rate_schedule="linear_warmup * constant * cosdecay", optimizer="adam_w"
    )


@registry.register_hparams
def transformer_tall_big() -> HParams:
    """transformer_tall with 18 layers."""
    return transformer_tall().override(num_hidden_layers=18)


@registry.register_hparams
def transformer_big_single_gpu() -> HParams:
    """transformer_big for one GPU: longer warm-up, less dropout."""
    return transformer_big().override(layer_prepostprocess_dropout=0.1, learning_rate_warmup_steps=16000)


@registry.register_hparams
def transformer_base_single_gpu() -> HParams:
    """transformer_base for one GPU: small batches, longer warm-up."""
    return transformer_base().override(
        batch_size=1024,
        learning_rate_constant=0.1,
        learning_rate_schedule="constant*linear_warmup*rsqrt_decay",
        learning_rate_warmup_steps=16000,
    )


@registry.register_hparams
def transformer_base_multistep8() -> HParams:
    """transformer_base that accumulates 8 steps, as 8 GPUs would."""
    return transformer_base().override(optimizer="multistep_adam", optimizer_multistep_accumulate_steps=8)


@registry.register_hparams
def transformer_cubbitt() -> HParams:
    """The CUBBITT English-Czech system (Popel et al., 2020)."""
    return transformer_big_single_gpu().override(
        batch_size=2900,
        layer_prepostprocess_dropout=0,
        learning_rate_schedule="rsqrt_decay",
        learning_rate_warmup_steps=8000,
        max_length=150,
        optimizer="Adafactor",
    )


@registry.register_hparams
def transformer_parsing_base() -> HParams:
    """Constituency parsing on WSJ only."""
    return transformer_base().override(
        attention_dropout=0.2,
        hidden_size=1024,
        layer_prepostprocess_dropout=0.2,
        learning_rate=0.05,
        learning_rate_warmup_steps=16000,
        max_length=512,
        shared_embedding_and_softmax_weights=False,
    )


@registry.register_hparams
def transformer_parsing_big() -> HParams:
    """Constituency parsing on WSJ, semi-supervised."""
    return transformer_big().override(
        layer_prepostprocess_dropout=0.1, learning_rate=0.05, learning_rate_warmup_steps=4000, max_length=512
    )


@registry.register_hparams
def transformer_parsing_ice() -> HParams:
    """Parsing and tagging of Icelandic."""
    return transformer_base_single_gpu().override(batch_size=4096, shared_embedding_and_softmax_weights=False)


@registry.register_hparams
def transformer_tiny() -> HParams:
    """2 layers, hidden size 128: trains in minutes on a CPU."""
    return transformer_base().override(filter_size=512, hidden_size=128, num_heads=4, num_hidden_layers=2)


@registry.register_hparams
def transformer_test() -> HParams:
    """2 layers, hidden size 16: for tests."""
    return transformer_base().override(filter_size=8, hidden_size=16, num_heads=2, num_hidden_layers=2)


@registry.register_hparams
def transformer_small() -> HParams:
    """2 layers, hidden size 256."""
    return transformer_base().override(filter_size=1024, hidden_size=256, num_heads=4, num_hidden_layers=2)


@registry.register_hparams
def transformer_big_dr1() -> HParams:
    """The big model with dropout 0.1."""
    return transformer_base().override(filter_size=4096, hidden_size=1024, num_heads=16)


@registry.register_hparams
def transformer_big_enfr() -> HParams:
    """The big model for English-French."""
    return transformer_big_dr1().override(filter_size=8192, shared_embedding_and_softmax_weights=False)


@registry.register_hparams
def transformer_big_enfr_tpu() -> HParams:
    """transformer_big_enfr for TPU."""
    return update_hparams_for_tpu(transformer_big_enfr()).override(num_heads=8)


@registry.register_hparams
def transformer_big_dr2() -> HParams:
    """The big model with dropout 0.2."""
    return transformer_big_dr1().override(layer_prepostprocess_dropout=0.2)


@registry.register_hparams
def transformer_parameter_attention_a() -> HParams:
    """Attention over parameters instead of feed-forward layers."""
    return transformer_base().override(ffn_layer="parameter_attention", filter_size=1536)


@registry.register_hparams
def transformer_parameter_attention_b() -> HParams:
    """Attention over parameters, 16 heads, 1024 channels."""
    return transformer_base().override(
        ffn_layer="parameter_attention",
        filter_size=512,
        num_heads=16,
        parameter_attention_key_channels=1024,
        parameter_attention_value_channels=1024,
    )


@registry.register_hparams
def transformer_prepend_v2() -> HParams:
    """Inputs prepended to targets, decoder only."""
    return transformer_base_v2().override(max_length=0, prepend_mode="prepend_inputs_masked_attention")


@registry.register_hparams
def transformer_prepend_v1() -> HParams:
    """Inputs prepended to targets, decoder only, on transformer_base_v1."""
    return transformer_base_v1().override(max_length=0, prepend_mode="prepend_inputs_masked_attention")


@registry.register_hparams
def transformer_prepend() -> HParams:
    """Inputs prepended to targets, decoder only."""
    return transformer_prepend_v2()


@registry.register_hparams
def transformer_relative() -> HParams:
    """Relative positions (Shaw et al., 2018) instead of timing signals."""
    return transformer_base().override(max_relative_position=20, pos=None, self_attention_type="dot_product_relative")


@registry.register_hparams
def transformer_relative_tiny() -> HParams:
    """transformer_relative at the size of transformer_tiny."""
    return transformer_relative().override(filter_size=512, hidden_size=128, num_heads=4, num_hidden_layers=2)


@registry.register_hparams
def transformer_relative_big() -> HParams:
    """transformer_relative at the size of transformer_big."""
    return transformer_big().override(max_relative_position=20, pos=None, self_attention_type="dot_product_relative")


@registry.register_hparams
def transformer_timeseries() -> HParams:
    """transformer_small for time series."""
    return transformer_small().override(batch_size=256, learning_rate_warmup_steps=2000)


@registry.register_hparams
def transformer_mlperf_tpu() -> HParams:
    """The MLPerf model for a TPU 2x2."""
    return transformer_base_v3().override(
        attention_dropout_broadcast_dims="0,1",
        batch_size=2048,
        filter_size=4096,
        hidden_size=1024,
        layer_prepostprocess_dropout_broadcast_dims="1",
        mlperf_mode=True,
        num_heads=16,
        relu_dropout_broadcast_dims="1",
        symbol_modality_num_shards=1,
    )


@registry.register_hparams
def transformer_tpu() -> HParams:
    """transformer_base for TPU."""
    return update_hparams_for_tpu(transformer_base())


@registry.register_hparams
def transformer_timeseries_tpu() -> HParams:
    """transformer_timeseries for TPU."""
    return update_hparams_for_tpu(transformer_timeseries())


@registry.register_hparams
def transformer_tpu_bf16_activation() -> HParams:
    """transformer_tpu with bfloat16 activations."""
    return transformer_tpu().override(activation_dtype="bfloat16")


@registry.register_hparams
def transformer_fairseq_fp16_activation_big() -> HParams:
    """transformer_big with float16 activations, as in Ott et al., 2018."""
    return transformer_big().override(activation_dtype="float16", batch_size=3584)


@registry.register_hparams
def transformer_packed_tpu() -> HParams:
    """transformer_tpu, by its old name."""
    return transformer_tpu()


@registry.register_hparams
def transformer_big_tpu() -> HParams:
    """transformer_big for TPU."""
    return update_hparams_for_tpu(transformer_big())


@registry.register_hparams
def transformer_tiny_tpu() -> HParams:
    """transformer_tiny for TPU."""
    return update_hparams_for_tpu(transformer_tiny()).override(batch_size=2048)


@registry.register_hparams
def transformer_small_tpu() -> HParams:
    """transformer_small for TPU."""
    return update_hparams_for_tpu(transformer_small()).override(batch_size=2048)


@registry.register_hparams
def transformer_clean() -> HParams:
    """transformer_base_v2 without dropout, label smoothing and length limit."""
    return transformer_base_v2().override(
        attention_dropout=0.0, label_smoothing=0.0, layer_prepostprocess_dropout=0.0, max_length=0, relu_dropout=0.0
    )


@registry.register_hparams
def transformer_clean_big() -> HParams:
    """transformer_clean at the size of transformer_big."""
    return transformer_clean().override(filter_size=4096, hidden_size=1024)


@registry.register_hparams
def transformer_clean_big_tpu() -> HParams:
    """transformer_clean_big for TPU."""
    return update_hparams_for_tpu(transformer_clean_big()).override(batch_size=2048)


@registry.register_hparams
def transformer_tpu_with_conv() -> HParams:
    """transformer_tpu with fewer heads and convolutional feed-forward layers."""
    return transformer_tpu().override(ffn_layer="conv_relu_conv", num_heads=4)


@registry.register_hparams
def transformer_lm_tpu_0() -> HParams:
    """Language model for lm1b on TPU, 92M parameters."""
    return update_hparams_for_tpu(transformer_clean_big()).override(
        batch_size=4096, layer_prepostprocess_dropout=0.1, num_heads=4, shared_embedding_and_softmax_weights=False
    )


@registry.register_hparams
def transformer_lm_tpu_1() -> HParams:
    """Language model for lm1b on TPU, 335M parameters."""
    return transformer_lm_tpu_0().override(filter_size=8192, hidden_size=2048)


@registry.register_hparams
def transformer_librispeech_v1() -> HParams:
    """Speech recognition on LibriSpeech, first version."""
    return transformer_base().override(
        batch_size=6000000,
        filter_size=1024,
        hidden_size=256,
        learning_rate=0.15,
        max_input_seq_length=1650,
        max_length=132000,
        max_target_seq_length=350,
        num_decoder_layers=3,
        num_encoder_layers=5,
        num_heads=4,
    )


@registry.register_hparams
def transformer_librispeech_v2() -> HParams:
    """Speech recognition on LibriSpeech: convolutional feed-forward layers, 6 + 4 layers."""
    return transformer_base().override(
        batch_size=16,
        conv_first_kernel=9,
        daisy_chain_variables=False,
        ffn_layer="conv_relu_conv",
        filter_size=1536,
        hidden_size=384,
        layer_prepostprocess_dropout=0.2,
        learning_rate=0.15,
        max_input_seq_length=1550,
        max_length=1240000,
        max_target_seq_length=350,
        num_decoder_layers=4,
        num_encoder_layers=6,
        num_heads=2,
        relu_dropout=0.2,
    )


@registry.register_hparams
def transformer_librispeech_tpu_v1() -> HParams:
    """transformer_librispeech_v1 for TPU."""
    return update_hparams_for_tpu(transformer_librispeech_v1()).override(batch_size=16, max_length=132000)


@registry.register_hparams
def transformer_librispeech_tpu_v2() -> HParams:
    """transformer_librispeech_v2 for TPU."""
    return update_hparams_for_tpu(transformer_librispeech_v2()).override(max_input_seq_length=1650, max_length=132000)


@registry.register_hparams
def transformer_librispeech_with_area_attention() -> HParams:
    """Speech recognition on LibriSpeech with area attention (Li et al., 2019)."""
    return transformer_librispeech_tpu_v2().override(
        area_key_mode="concat", area_value_mode="sum", max_area_width=5, num_area_layers=3
    )


@registry.register_hparams
def transformer_librispeech() -> HParams:
    """Speech recognition on LibriSpeech."""
    return transformer_librispeech_v2()


@registry.register_hparams
def transformer_librispeech_tpu() -> HParams:
    """transformer_librispeech for TPU."""
    return transformer_librispeech_tpu_v2()


@registry.register_hparams
def transformer_common_voice() -> HParams:
    """Speech recognition on Common Voice."""
    return transformer_librispeech()


@registry.register_hparams
def transformer_common_voice_tpu() -> HParams:
    """transformer_common_voice for TPU."""
    return transformer_librispeech_tpu().override(batch_size=8)


@registry.register_hparams
def transformer_supervised_attention() -> HParams:
    """With an additional loss on attention weights."""
    return transformer_base().extend(
        expected_attention_loss_multiplier=1.0, expected_attention_loss_type="kl_divergence"
    )


@registry.register_hparams
def transformer_tpu_1b() -> HParams:
    """Translation with about 1.1 billion parameters."""
    return transformer_tpu().override(
        activation_dtype="bfloat16",
        batch_size=1024,
        filter_size=8192,
        hidden_size=2048,
        num_hidden_layers=8,
        shared_embedding_and_softmax_weights=False,
        weight_dtype="bfloat16",
    )


@registry.register_hparams
def transformer_wikitext103_l4k_v0() -> HParams:
    """Language model over 4,096 tokens of WikiText-103."""
    return transformer_big().override(
        attention_dropout_broadcast_dims="0,1",
        batch_size=4096,
        label_smoothing=0.0,
        layer_prepostprocess_dropout=0.2,
        layer_prepostprocess_dropout_broadcast_dims="1",
        learning_rate_schedule="rsqrt_decay",
        learning_rate_warmup_steps=10000,
        max_length=4096,
        num_heads=4,
        num_hidden_layers=8,
        optimizer="Adafactor",
        relu_dropout_broadcast_dims="1",
        shared_embedding_and_softmax_weights=False,
        symbol_modality_num_shards=1,
    )


@registry.register_hparams
def transformer_wikitext103_l4k_memory_v0() -> HParams:
    """transformer_wikitext103_l4k_v0 in chunks with a Transformer-XL memory."""
    return (
        transformer_wikitext103_l4k_v0()
        .extend(memory_type="transformer_xl", num_memory_items=64, recurrent_memory_batch_size=0, unconditional=True)
        .override(
            batch_size=262144,
            max_relative_position=128,
            pos=None,
            self_attention_type="dot_product_relative",
            split_targets_chunk_length=64,
            split_targets_max_chunks=64,
            split_targets_strided_training=True,
        )
    )


@registry.register_hparams
def transformer_wikitext103_l16k_memory_v0() -> HParams:
    """transformer_wikitext103_l4k_memory_v0 over 16,384 tokens."""
    return transformer_wikitext103_l4k_memory_v0().override(
        batch_size=1048576, max_length=16384, split_targets_max_chunks=256
    )


@registry.register_hparams
def transformer_cifar10_memory_v0() -> HParams:
    """CIFAR-10 pixels in chunks with a Transformer-XL memory."""
    return transformer_wikitext103_l4k_memory_v0().override(
        batch_size=64,
        max_length=3072,
        max_relative_position=576,
        num_hidden_layers=6,
        num_memory_items=384,
        recurrent_memory_batch_size=64,
        split_targets_chunk_length=192,
        split_targets_max_chunks=16,
    )


@registry.register_hparams
def transformer_imagenet64_memory_v0() -> HParams:
    """64x64 ImageNet pixels in chunks with a Transformer-XL memory."""
    return transformer_cifar10_memory_v0().override(
        batch_size=128,
        max_length=12288,
        max_relative_position=3072,
        recurrent_memory_batch_size=128,
        split_targets_max_chunks=64,
    )


# One value of transformer_base changed at a time, as in table 3 of "Attention Is All You Need".
_VARIATIONS = {
    "transformer_l2": {"num_hidden_layers": 2},
    "transformer_l4": {"num_hidden_layers": 4},
    "transformer_l8": {"num_hidden_layers": 8},
    "transformer_l10": {"num_hidden_layers": 10},
    "transformer_h1": {"num_heads": 1},
    "transformer_h4": {"num_heads": 4},
    "transformer_h16": {"num_heads": 16},
    "transformer_h32": {"num_heads": 32},
    "transformer_k128": {"attention_key_channels": 128},
    "transformer_k256": {"attention_key_channels": 256},
    "transformer_ff1024": {"filter_size": 1024},
    "transformer_ff4096": {"filter_size": 4096},
    "transformer_dr0": {"layer_prepostprocess_dropout": 0.0},
    "transformer_dr2": {"layer_prepostprocess_dropout": 0.2},
    "transformer_ls0": {"label_smoothing": 0.0},
    "transformer_ls2": {"label_smoothing": 0.2},
    "transformer_hs256": {"hidden_size": 256},
    "transformer_hs1024": {"hidden_size": 1024},
}


def _register_variation(name: str, change: dict) -> None:
    def variation() -> HParams:
        return transformer_base().override(change)

    (key, value), *_ = change.items()
    variation.__doc__ = f"transformer_base with {key}={value}."
    registry.register_hparams(name)(variation)


for _name, _change in _VARIATIONS.items():
    _register_variation(_name, _change)


@registry.register_ranged_hparams
def transformer_base_range(rhp: RangedHParams) -> None:
    """Search space around transformer_base."""
    rhp.set_discrete("learning_rate_warmup_steps", [1000, 2000, 4000, 8000, 16000])
    rhp.set_float("learning_rate", 0.3, 3.0, scale=rhp.LOG_SCALE)
    rhp.set_float("initializer_gain", 0.5, 2.0)
    rhp.set_float("optimizer_adam_beta1", 0.85, 0.95)
    rhp.set_float("optimizer_adam_beta2", 0.97, 0.99)
    rhp.set_float("weight_decay", 0.0, 0.0001)


@registry.register_ranged_hparams
def transformer_tpu_range(rhp: RangedHParams) -> None:
    """Search space around transformer_tpu."""
    rhp.set_discrete("learning_rate_warmup_steps", [1000, 2000, 4000, 8000, 16000])
    rhp.set_float("learning_rate", 0.3, 3.0, scale=rhp.LOG_SCALE)
    rhp.set_float("initializer_gain", 0.5, 2.0)
    rhp.set_float("optimizer_adam_beta1", 0.85, 0.95)
    rhp.set_float("optimizer_adam_beta2", 0.97, 0.99)
    rhp.set_float("weight_decay", 0.0, 2.0)


@registry.register_ranged_hparams
def transformer_tiny_tpu_range(rhp: RangedHParams) -> None:
    """Search space around transformer_tiny_tpu."""
    rhp.set_float("learning_rate", 0.3, 3.0, scale=rhp.LOG_SCALE)
    rhp.set_float("weight_decay", 0.0, 2.0)
