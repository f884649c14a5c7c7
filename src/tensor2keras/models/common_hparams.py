"""The hyperparameters of every model and their search space (T2T's `layers/common_hparams.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams


# fmt: off
@registry.register_hparams("basic_1")
def basic_params1() -> HParams:
    """The base of every set."""
    return HParams(
        # batches
        batch_size=4096, batch_shuffle_size=512, max_length=0, min_length=0, min_length_bucket=8,
        length_bucket_step=1.1, use_fixed_batch_size=False, eval_drop_long_sequences=False, max_input_seq_length=0,
        max_target_seq_length=0, split_to_length=0, pack_dataset=False, pad_batch=False,
        # network
        num_hidden_layers=4, hidden_size=64, kernel_height=3, kernel_width=1, compress_steps=0, norm_type="layer",
        norm_epsilon=1e-06, layer_preprocess_sequence="none", layer_postprocess_sequence="dan",
        initializer="orthogonal", initializer_gain=1.5, num_area_layers=0,
        # regularization
        dropout=0.2, layer_prepostprocess_dropout=0.1, layer_prepostprocess_dropout_broadcast_dims="",
        symbol_dropout=0.0, label_smoothing=0.1, clip_grad_norm=2.0, grad_noise_scale=0.0, weight_decay=1e-06,
        weight_noise=0.0,
        # optimization
        optimizer="adam", learning_rate=0.1, learning_rate_constant=1.0, learning_rate_cosine_cycle_steps=250000,
        learning_rate_decay_rate=1.0, learning_rate_decay_scheme="none", learning_rate_decay_staircase=False,
        learning_rate_decay_steps=5000, learning_rate_minimum=None, learning_rate_schedule="legacy",
        learning_rate_warmup_steps=100, mixed_precision_optimizer_init_loss_scale=32768,
        mixed_precision_optimizer_loss_scaler="exponential", optimizer_adafactor_beta1=0.0,
        optimizer_adafactor_beta2=0.999, optimizer_adafactor_clipping_threshold=1.0,
        optimizer_adafactor_decay_type="pow", optimizer_adafactor_factored=True,
        optimizer_adafactor_memory_exponent=0.8, optimizer_adafactor_multiply_by_parameter_scale=True,
        optimizer_adam_beta1=0.85, optimizer_adam_beta2=0.997, optimizer_adam_epsilon=1e-06,
        optimizer_momentum_momentum=0.9, optimizer_momentum_nesterov=False, optimizer_multistep_accumulate_steps=0,
        optimizer_zero_grads=False,
        # attention
        add_relative_to_values=False, area_key_mode="none", area_value_mode="none",
        heads_share_relative_embedding=False, max_area_height=1, max_area_width=1, max_relative_position=0,
        memory_height=1,
        # experts
        moe_hidden_sizes="2048", moe_k=2, moe_loss_coef=0.01, moe_num_experts=64,
        # padding does not change outputs (not in T2T, where it does)
        mask_padding=True,
        # modalities, embeddings and softmax
        bottom={}, factored_logits=False, loss={}, multiply_embedding_mode="sqrt_depth", name={}, prepend_mode="none",
        shared_embedding=False, shared_embedding_and_softmax_weights=False, symbol_modality_num_shards=1, top={},
        vocab_divisor=1, weights_fn={},
        # decoding and scheduled sampling
        eval_run_autoregressive=False, force_full_predict=False, sampling_keep_top_k=-1, sampling_method="argmax",
        sampling_temp=1.0, scheduled_sampling_gold_mixin_prob=0.5, scheduled_sampling_method="parallel",
        scheduled_sampling_num_passes=1, scheduled_sampling_prob=0.0, scheduled_sampling_warmup_schedule="exp",
        scheduled_sampling_warmup_steps=50000,
        # long targets in chunks
        split_targets_chunk_length=0, split_targets_max_chunks=100, split_targets_strided_training=False,
        # several problems
        multiproblem_fixed_train_length=-1, multiproblem_label_weight=0.5, multiproblem_max_input_length=-1,
        multiproblem_max_target_length=-1, multiproblem_mixing_schedule="constant", multiproblem_per_task_threshold="",
        multiproblem_reweight_label_loss=False, multiproblem_schedule_max_examples=10000000.0,
        multiproblem_schedule_threshold=0.5, multiproblem_target_eval_only=False, multiproblem_vocab_size=-1,
        # dtypes
        activation_dtype="float32", gpu_automatic_mixed_precision=False, weight_dtype="float32",
        # pretraining
        pretrained_model_dir="", warm_start_from_second="",
        # videos
        video_num_input_frames=1, video_num_target_frames=1,
        # TensorFlow 1 and TPUs: no effect here
        daisy_chain_variables=True, mlperf_mode=False, no_data_parallelism=False, summarize_grads=False,
        summarize_vars=False, tpu_enable_host_call=False, use_custom_ops=True,
    )


def noam_training(hparams: HParams) -> HParams:
    """Sets the training of T2T's attention models (Adam, the noam schedule, no clipping) and returns `hparams`."""
    return hparams.override(
        clip_grad_norm=0.0, initializer="uniform_unit_scaling", initializer_gain=1.0, learning_rate_decay_scheme="noam",
        optimizer_adam_beta1=0.9, optimizer_adam_beta2=0.98, optimizer_adam_epsilon=1e-9, weight_decay=0.0,
    )


def exp_training(hparams: HParams) -> HParams:
    """Sets the training of T2T's convolutional models (Adam, exponential decay, dropout) and returns `hparams`."""
    return hparams.override(
        clip_grad_norm=2.0, dropout=0.2, initializer_gain=1.0, label_smoothing=0.1, symbol_dropout=0.2,
        weight_decay=3.0,
        learning_rate=0.05, learning_rate_decay_scheme="exp", learning_rate_warmup_steps=3000,
        optimizer_adam_beta1=0.85, optimizer_adam_beta2=0.997, optimizer_adam_epsilon=1e-6, sampling_method="argmax",
    )


def momentum_training(hparams: HParams) -> HParams:
    """Sets the training of T2T's residual networks (momentum, cosine decay) and returns `hparams`."""
    return hparams.override(
        batch_size=128, clip_grad_norm=0.0, initializer="normal_unit_scaling", initializer_gain=2.0, learning_rate=0.4,
        learning_rate_cosine_cycle_steps=120000, learning_rate_decay_scheme="cosine", optimizer="Momentum",
        optimizer_momentum_momentum=0.9, optimizer_momentum_nesterov=True, weight_decay=1e-4,
    )
# fmt: on


@registry.register_ranged_hparams("basic1")
def basic_range1(rhp: RangedHParams) -> None:
    """Search space of the shared hyperparameters."""
    rhp.set_categorical("initializer", ["uniform", "orthogonal", "uniform_unit_scaling"])
    rhp.set_categorical("learning_rate_decay_scheme", ["none", "sqrt", "noam", "exp"])
    rhp.set_categorical("optimizer", ["adam", "adagrad", "momentum", "rms_prop", "sgd", "yellow_fin"])
    rhp.set_discrete("batch_size", [1024, 2048, 4096])
    rhp.set_discrete("num_hidden_layers", [1, 2, 3, 4, 5, 6])
    rhp.set_discrete("hidden_size", [32, 64, 128, 256, 512], scale=rhp.LOG_SCALE)
    rhp.set_discrete("kernel_height", [1, 3, 5, 7])
    rhp.set_discrete("kernel_width", [1, 3, 5, 7])
    rhp.set_discrete("compress_steps", [0, 1, 2])
    rhp.set_float("dropout", 0.0, 0.5)
    rhp.set_float("weight_decay", 0.0001, 10.0, scale=rhp.LOG_SCALE)
    rhp.set_float("label_smoothing", 0.0, 0.2)
    rhp.set_float("clip_grad_norm", 0.01, 50.0, scale=rhp.LOG_SCALE)
    rhp.set_float("learning_rate", 0.005, 2.0, scale=rhp.LOG_SCALE)
    rhp.set_float("initializer_gain", 0.5, 3.5)
    rhp.set_float("optimizer_adam_epsilon", 1e-07, 0.01, scale=rhp.LOG_SCALE)
    rhp.set_float("optimizer_adam_beta1", 0.8, 0.9)
    rhp.set_float("optimizer_adam_beta2", 0.995, 0.999)


@registry.register_ranged_hparams
def basic_moe_range(rhp: RangedHParams) -> None:
    """Search space of the load-balancing loss of experts."""
    rhp.set_float("moe_loss_coef", 0.01, 0.02)
