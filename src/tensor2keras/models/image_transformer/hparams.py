"""The hyperparameter sets of the 1-D Image Transformer, under T2T's names and with its values
(`models/image_transformer.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.models.common_hparams import basic_params1, noam_training


def update_hparams_for_tpu(hparams: HParams) -> HParams:
    """Sets the values for TPUs (Adafactor, batches of 4) and returns `hparams`."""
    return hparams.override(
        batch_size=4, learning_rate_schedule="rsqrt_decay", learning_rate_warmup_steps=6000, optimizer="Adafactor"
    )


# fmt: off
def image_base() -> HParams:
    """Returns the values that the 1-D and the 2-D sets share: 32x32 images by class."""
    return noam_training(basic_params1()).extend(
        attention_key_channels=0, attention_value_channels=0, filter_size=512, img_len=32, num_channels=3,
        num_decoder_layers=12, num_encoder_layers=4, num_heads=8, num_output_layers=3,
        attention_dropout=0.0, block_length=256, block_raster_scan=False, block_size=1, block_width=128,
        dec_attention_type="local_1d", kv_filter_width=1, local_and_global_att=False, pos="timing", q_filter_width=1,
        shared_rel=False,
        ffn_layer="conv_hidden_relu", nbr_decoder_problems=1,
        relu_dropout=0.0,
        unconditional=False,
    ).override(
        hidden_size=512,
        dropout=0.0, label_smoothing=0.0, layer_prepostprocess_dropout=0.0,
        initializer_gain=0.2, learning_rate_warmup_steps=4000,
        batch_size=4,
        bottom={"targets": "image_channel_embeddings_bottom"}, top={"targets": "identity_top"},
    )


@registry.register_hparams
def image_transformer_base() -> HParams:
    """The base of all 1-D sets: blocks of 256 channel values, 32x32 images by class."""
    return image_base().extend(
        gap_sizes=[2, 4, 8, 16, 32, 64, 2, 4, 8, 16, 32, 64],
        moe_overhead_eval=2.0, moe_overhead_train=1.0,
        likelihood="cat", num_mixtures=10,
    ).override(
        num_hidden_layers=6,
        moe_loss_coef=0.001, moe_num_experts=8,
        max_length=3075,
    )


def _tpu_base() -> HParams:
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet())


variant = registry.variants_of(__name__)

# Channel values by softmax.
imagetransformer_base = variant(
    "imagetransformer_base", image_transformer_base, "image_transformer_base under the model's name."
)
imagetransformer_base_rel = variant(
    "imagetransformer_base_rel", imagetransformer_base, dec_attention_type="rel_local_1d"
)
imagetransformer_cifar10_base = variant(
    "imagetransformer_cifar10_base", image_transformer_base, "Unconditional CIFAR-10; T2T reports 2.90 bits/dim.",
    unconditional=True, filter_size=2048, num_heads=4, layer_prepostprocess_dropout=0.3, learning_rate=0.5,
)
imagetransformer_cifar10_base_dmol = variant(
    "imagetransformer_cifar10_base_dmol", image_transformer_base,
    "Unconditional CIFAR-10 as a mixture of logistics; T2T reports 2.90 bits/dim.",
    bottom={"targets": "image_channel_compress_targets_bottom"}, likelihood="dmol", num_channels=1, unconditional=True,
    hidden_size=256, attention_key_channels=512, attention_value_channels=512, pos="emb",
    layer_prepostprocess_dropout=0.1, batch_size=8, sampling_method="random", summarize_grads=True,
)
imagetransformer_imagenet32_base = variant(
    "imagetransformer_imagenet32_base", imagetransformer_cifar10_base,
    "Unconditional ImageNet 32x32; T2T reports 3.77 bits/dim.", layer_prepostprocess_dropout=0.1,
)
imagetransformer_tiny = variant(
    "imagetransformer_tiny", imagetransformer_base, "Two layers of hidden size 64, unconditional: for tests.",
    unconditional=True, num_decoder_layers=2, hidden_size=64, batch_size=1, max_length=66000,
)
imagetransformer_sep_channels = variant(
    "imagetransformer_sep_channels", imagetransformer_base, hidden_size=256, num_heads=4
)
imagetransformer_sep_channels_8l = variant(
    "imagetransformer_sep_channels_8l", imagetransformer_base, "A narrower model with random sampling.",
    num_hidden_layers=8, hidden_size=256, filter_size=256, num_heads=4, sampling_method="random",
)
imagetransformer_sep_channels_8l_multipos3 = variant(
    "imagetransformer_sep_channels_8l_multipos3", imagetransformer_sep_channels_8l,
    "Queries, keys and values are convolutions over three positions.", kv_filter_width=3, q_filter_width=3,
)
imagetransformer_sep_output_channels_8l_local_and_global_att = variant(
    "imagetransformer_sep_output_channels_8l_local_and_global_att", imagetransformer_sep_channels_8l,
    "`local_and_global_att` has no effect in T2T; dec_attention_type=global_local selects that attention.",
    local_and_global_att=True,
)
imagetransformer_sep_channels_8l_8h = variant(
    "imagetransformer_sep_channels_8l_8h", imagetransformer_base, "Eight heads, one image a batch.",
    num_hidden_layers=8, batch_size=1, sampling_method="random",
)
imagetransformer_sep_channels_8l_8h_local_and_global_att = variant(
    "imagetransformer_sep_channels_8l_8h_local_and_global_att", imagetransformer_sep_channels_8l_8h,
    "Narrow; `local_and_global_att` has no effect in T2T.",
    num_hidden_layers=4, hidden_size=256, filter_size=256, local_and_global_att=True,
)
imagetransformer_base_8l_8h_big_cond_dr03_dan = variant(
    "imagetransformer_base_8l_8h_big_cond_dr03_dan", imagetransformer_sep_channels_8l,
    "Eight class-conditional layers; T2T reports 2.99 bits/dim on CIFAR-10.",
    num_decoder_layers=8, hidden_size=512, filter_size=2048, num_heads=8, block_width=256,
    layer_prepostprocess_dropout=0.3,
)
imagetransformer_base_8l_8h_big_cond_dr03_dan_128 = variant(
    "imagetransformer_base_8l_8h_big_cond_dr03_dan_128", imagetransformer_base_8l_8h_big_cond_dr03_dan,
    block_length=128, block_width=128,
)
imagetransformer_base_10l_8h_big_cond_dr03_dan = variant(
    "imagetransformer_base_10l_8h_big_cond_dr03_dan", imagetransformer_base_8l_8h_big_cond_dr03_dan,
    "Ten layers: T2T's best for class-conditional CIFAR-10.", num_decoder_layers=10,
)
imagetransformer_base_10l_8h_big_uncond_dr03_dan_64 = variant(
    "imagetransformer_base_10l_8h_big_uncond_dr03_dan_64", imagetransformer_base_10l_8h_big_cond_dr03_dan,
    "Unconditional 64x64 images.",
    img_len=64, unconditional=True, layer_prepostprocess_dropout=0.1, batch_size=1, max_length=14000,
)
imagetransformer_base_10l_8h_big_uncond_dr03_dan = variant(
    "imagetransformer_base_10l_8h_big_uncond_dr03_dan", imagetransformer_base_10l_8h_big_cond_dr03_dan,
    "The same values under T2T's name for unconditional images.",
)
imagetransformer1d_base_8l_64by64 = variant(
    "imagetransformer1d_base_8l_64by64", image_transformer_base, "Eight layers, 64x64 images, blocks of 512.",
    num_decoder_layers=8, filter_size=2048, block_length=512, block_width=768, layer_prepostprocess_dropout=0.1,
    batch_size=1, max_length=14000,
)
imagetransformer1d_base_12l_64by64 = variant(
    "imagetransformer1d_base_12l_64by64", imagetransformer1d_base_8l_64by64, num_decoder_layers=12
)
imagetransformer_base_12l_8h_big = variant(
    "imagetransformer_base_12l_8h_big", imagetransformer_sep_channels_8l_8h,
    "Twelve class-conditional layers, one image a batch.", filter_size=1024, block_width=256,
)
imagetransformer_base_12l_8h_big_uncond = variant(
    "imagetransformer_base_12l_8h_big_uncond", imagetransformer_base_12l_8h_big, unconditional=True
)
imagetransformer_base_14l_8h_big = variant(
    "imagetransformer_base_14l_8h_big", imagetransformer_base_12l_8h_big, num_decoder_layers=14
)
imagetransformer_base_14l_8h_big_dr01 = variant(
    "imagetransformer_base_14l_8h_big_dr01", imagetransformer_base_14l_8h_big, layer_prepostprocess_dropout=0.1
)
imagetransformer_base_14l_8h_big_uncond = variant(
    "imagetransformer_base_14l_8h_big_uncond", imagetransformer_base_12l_8h_big_uncond, num_decoder_layers=14
)

# ImageNet.
imagetransformer_bas8l_8h_big_uncond_dr03_imgnet = variant(
    "imagetransformer_bas8l_8h_big_uncond_dr03_imgnet", imagetransformer_base_14l_8h_big_dr01,
    "Eight layers, for ImageNet.", num_decoder_layers=8, filter_size=2048, layer_prepostprocess_dropout=0.3,
)
imagetransformer_base_10l_16h_big_uncond_dr01_imgnet = variant(
    "imagetransformer_base_10l_16h_big_uncond_dr01_imgnet", imagetransformer_base_14l_8h_big_dr01,
    "Ten layers of hidden size 1024, for ImageNet.",
    num_decoder_layers=10, hidden_size=1024, filter_size=4096, num_heads=16,
)
imagetransformer_base_10l_16h_big_dr01_imgnet = variant(
    "imagetransformer_base_10l_16h_big_dr01_imgnet", imagetransformer_base_10l_16h_big_uncond_dr01_imgnet,
    "The same values under T2T's name for class-conditional ImageNet.",
)
imagetransformer_sep_channels_12l_16h_imagenet_large = variant(
    "imagetransformer_sep_channels_12l_16h_imagenet_large", imagetransformer_sep_channels_8l_8h,
    "Sixteen heads, for ImageNet.",
    num_hidden_layers=12, filter_size=2048, num_heads=16, learning_rate_warmup_steps=16000,
)
imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc = variant(
    "imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc", imagetransformer_sep_channels_12l_16h_imagenet_large,
    "Sixteen heads, for ImageNet; `num_decoder_layers` takes precedence over `num_hidden_layers=16`.",
    num_hidden_layers=16,
)
imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc_128 = variant(
    "imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc_128", imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc,
    block_length=128,
)

# Dilated attention.
imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated = variant(
    "imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated",
    lambda: imagetransformer_base_8l_8h_big_cond_dr03_dan().extend(num_memory_blocks=1),
    "Dilated attention: one memory block of 128.",
    block_length=128, block_width=128, dec_attention_type="dilated", gap_sizes=[0, 16, 64, 0, 16, 64, 128, 0],
)
imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_b = variant(
    "imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_b", imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated,
    "Dilated attention: two memory blocks of 64.", block_width=64, num_memory_blocks=2,
)
imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_c = variant(
    "imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_c", imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated,
    "Dilated attention: four memory blocks of 32.", block_width=32, num_memory_blocks=4,
)
imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_d = variant(
    "imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_d", imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated,
    "Dilated attention with wider gaps.", gap_sizes=[0, 16, 64, 16, 64, 128, 256, 0],
)

# Whole pixels as mixtures of logistics.
imagetransformerpp_sep_channels_8l_8h = variant(
    "imagetransformerpp_sep_channels_8l_8h", imagetransformer_base,
    "Whole pixels as a mixture of logistics, pre-norm residuals.",
    bottom={"targets": "image_channel_compress_targets_bottom"}, likelihood="dmol", num_channels=1, num_hidden_layers=8,
    layer_postprocess_sequence="da", layer_preprocess_sequence="n", sampling_method="random", summarize_grads=True,
)
imagetransformerpp_base_8l_8h_big_cond_dr03_dan = variant(
    "imagetransformerpp_base_8l_8h_big_cond_dr03_dan", imagetransformerpp_sep_channels_8l_8h,
    "Class-conditional mixture of logistics, post-norm residuals.",
    filter_size=2048, layer_postprocess_sequence="dan", layer_preprocess_sequence="none",
    layer_prepostprocess_dropout=0.3, learning_rate=0.01,
)
imagetransformerpp_base_8l_8h_big_cond_dr03_dan_a = variant(
    "imagetransformerpp_base_8l_8h_big_cond_dr03_dan_a", imagetransformerpp_base_8l_8h_big_cond_dr03_dan,
    learning_rate=0.1,
)
imagetransformerpp_base_10l_8h_big_uncond_dr03_dan = variant(
    "imagetransformerpp_base_10l_8h_big_uncond_dr03_dan", imagetransformerpp_base_8l_8h_big_cond_dr03_dan_a,
    unconditional=True, num_decoder_layers=10,
)
imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_a = variant(
    "imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_a", imagetransformerpp_base_10l_8h_big_uncond_dr03_dan,
    learning_rate=0.01,
)
imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_b = variant(
    "imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_b", imagetransformerpp_base_10l_8h_big_uncond_dr03_dan,
    "Ten narrow layers with wide attention.",
    hidden_size=256, filter_size=1024, attention_key_channels=512, attention_value_channels=512,
)
imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g = variant(
    "imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g", imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_b,
    "Learned positions and less dropout.", filter_size=512, pos="emb", layer_prepostprocess_dropout=0.1,
)
imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k = variant(
    "imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k", imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g,
    num_decoder_layers=12,
)
imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l = variant(
    "imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l", imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g,
    num_decoder_layers=12, clip_grad_norm=40.0,
)
imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m = variant(
    "imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m", imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k,
    batch_size=8,
)
imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_rel = variant(
    "imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_rel", imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k,
    dec_attention_type="rel_local_1d", batch_size=8,
)
imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_relsh = variant(
    "imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_relsh",
    imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_rel, "Adds `shared_rel`, which has no effect in T2T.",
    shared_rel=True,
)
imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p = variant(
    "imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p", imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l,
    "Fourteen layers; T2T reports 2.92 bits/dim on CIFAR-10 after 4 days on 8 P100.",
    num_decoder_layers=14, layer_prepostprocess_dropout=0.2, batch_size=8,
)
imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_bs1 = variant(
    "imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_bs1", imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m,
    "Twelve layers, one 128x128 image a batch.", batch_size=1,
)
imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p_bs1 = variant(
    "imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p_bs1", imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p,
    "Fourteen layers, one 128x128 image a batch.", batch_size=1,
)
imagetransformerpp_base_5l_8h_big_uncond_dr00_dan_g_bs1 = variant(
    "imagetransformerpp_base_5l_8h_big_uncond_dr00_dan_g_bs1", imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g,
    "Five small layers, one 256x256 image a batch.",
    num_decoder_layers=5, hidden_size=128, filter_size=128, attention_key_channels=64, attention_value_channels=64,
    layer_prepostprocess_dropout=0.0, batch_size=1, max_length=66000,
)
imagetransformerpp_base_5l_8h_dr00_dan_g_bs1_adafactor = variant(
    "imagetransformerpp_base_5l_8h_dr00_dan_g_bs1_adafactor", imagetransformerpp_base_5l_8h_big_uncond_dr00_dan_g_bs1,
    "Five small layers with Adafactor, which needs less memory.",
    learning_rate_schedule="rsqrt_decay", optimizer="Adafactor",
)
imagetransformerpp_base_6l_8h_dr00_dan_g_bs1_adafactor = variant(
    "imagetransformerpp_base_6l_8h_dr00_dan_g_bs1_adafactor", imagetransformerpp_base_5l_8h_dr00_dan_g_bs1_adafactor,
    num_decoder_layers=6,
)
imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_eval = variant(
    "imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_eval", imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l,
    "Fourteen layers with less dropout.", num_decoder_layers=14, batch_size=8,
)
imagetransformerpp_tiny = variant(
    "imagetransformerpp_tiny", imagetransformer_tiny, "imagetransformer_tiny as a mixture of logistics.",
    bottom={"targets": "image_channel_compress_targets_bottom"}, likelihood="dmol", num_channels=1,
)

# Experts, for imagetransformer_moe.
imagetransformer_base_10l_16h_big_dr01_moe_imgnet = variant(
    "imagetransformer_base_10l_16h_big_dr01_moe_imgnet",
    lambda: imagetransformer_base_10l_16h_big_dr01_imgnet().extend(moe_layers_decoder="2,7"),
    "Experts in two layers, for imagetransformer_moe.",
    moe_hidden_sizes="4096", moe_k=4, moe_loss_coef=0.03, moe_num_experts=64, initializer="orthogonal",
    learning_rate_warmup_steps=16000, scheduled_sampling_prob=0.1, scheduled_sampling_warmup_steps=200000,
)
imagetransformer_moe_tiny = variant(
    "imagetransformer_moe_tiny", lambda: imagetransformer_tiny().extend(moe_layers_decoder="1"),
    "Experts in one of two layers, for imagetransformer_moe.",
    num_hidden_layers=3, dec_attention_type="moe_local1d", moe_hidden_sizes="1024", moe_loss_coef=0.01,
    moe_num_experts=16,
)

# For TPU.
imagetransformer_base_tpu = variant(
    "imagetransformer_base_tpu", _tpu_base,
    "CIFAR-10 on TPU.", num_decoder_layers=12, num_heads=4, block_length=128, learning_rate=0.2,
)
imagetransformer_base_imagenet_tpu = variant(
    "imagetransformer_base_imagenet_tpu", imagetransformer_base_tpu, "ImageNet on TPU.",
    layer_prepostprocess_dropout=0.1,
)
imagetransformer_tiny_tpu = variant(
    "imagetransformer_tiny_tpu", lambda: update_hparams_for_tpu(imagetransformer_tiny()),
    "imagetransformer_tiny for TPU.", num_hidden_layers=2, hidden_size=16, num_heads=2, batch_size=2,
)
imagetransformer_sep_channels_8l_tpu = variant(
    "imagetransformer_sep_channels_8l_tpu", lambda: update_hparams_for_tpu(imagetransformer_sep_channels_8l()),
    "imagetransformer_sep_channels_8l for TPU.",
)
imagetransformer_b10l_4h_big_uncond_dr03_tpu = variant(
    "imagetransformer_b10l_4h_big_uncond_dr03_tpu",
    _tpu_base,
    "Ten layers on TPU, for CIFAR-10.",
    num_decoder_layers=10, filter_size=1024, num_heads=4, block_length=128, learning_rate=0.2,
)
imagetransformer_b10l_dr03_moe_tpu = variant(
    "imagetransformer_b10l_dr03_moe_tpu",
    lambda: update_hparams_for_tpu(imagetransformer_b10l_4h_big_uncond_dr03_tpu()),
    "Ten layers on TPU with experts in every layer.", ffn_layer="local_moe_tpu",
)
imagetransformer_b10l_4h_big_uncond_dr03_lr025_tpu = variant(
    "imagetransformer_b10l_4h_big_uncond_dr03_lr025_tpu",
    _tpu_base,
    "Ten layers on TPU, blocks of 256.",
    num_decoder_layers=10, num_heads=4, learning_rate=0.25, learning_rate_warmup_steps=8000,
)
imagetransformer_b12l_4h_big_uncond_dr03_tpu = variant(
    "imagetransformer_b12l_4h_big_uncond_dr03_tpu",
    _tpu_base, "Twelve layers on TPU.",
    num_decoder_layers=12, filter_size=1024, num_heads=4, block_length=128,
)
imagetransformer_b12l_4h_big_uncond_dr03_lr025_tpu = variant(
    "imagetransformer_b12l_4h_big_uncond_dr03_lr025_tpu",
    lambda: update_hparams_for_tpu(imagetransformer_b12l_4h_big_uncond_dr03_tpu()),
    "Twelve layers on TPU, higher learning rate.", learning_rate=0.25, learning_rate_warmup_steps=5000,
)
imagetransformer_b12l_4h_b256_uncond_dr03_tpu = variant(
    "imagetransformer_b12l_4h_b256_uncond_dr03_tpu",
    _tpu_base,
    "Twelve unconditional layers on TPU, blocks of 256.",
    unconditional=True, num_decoder_layers=12, num_heads=4, learning_rate=0.5, learning_rate_warmup_steps=4000,
)
imagetransformer_b12l_4h_b256_uncond_dr03_rel_tpu = variant(
    "imagetransformer_b12l_4h_b256_uncond_dr03_rel_tpu", imagetransformer_b12l_4h_b256_uncond_dr03_tpu,
    "Relative positions; `shared_rel` has no effect in T2T.", dec_attention_type="rel_local_1d", shared_rel=True,
)
imagetransformer_b12l_4h_b128_h512_uncond_dr03_tpu = variant(
    "imagetransformer_b12l_4h_b128_h512_uncond_dr03_tpu",
    _tpu_base,
    "Twelve wide layers on TPU, blocks of 128.",
    num_decoder_layers=12, num_heads=4, block_length=128, learning_rate=0.2,
)
imagetransformer_b12l_4h_uncond_dr03_tpu = variant(
    "imagetransformer_b12l_4h_uncond_dr03_tpu", imagetransformer_b12l_4h_b256_uncond_dr03_tpu,
    "Twelve unconditional layers on TPU, lower learning rate.", learning_rate=0.2,
)
imagetransformer_b12l_4h_b128_uncond_dr03_tpu = variant(
    "imagetransformer_b12l_4h_b128_uncond_dr03_tpu",
    _tpu_base,
    "Twelve narrow layers on TPU, for CIFAR-10.",
    num_decoder_layers=12, hidden_size=256, num_heads=4, block_length=128, layer_prepostprocess_dropout=0.1,
    learning_rate_warmup_steps=10000, batch_size=2,
)
imagetransformer_b12l_8h_b256_uncond_dr03_tpu = variant(
    "imagetransformer_b12l_8h_b256_uncond_dr03_tpu",
    _tpu_base,
    "Twelve layers of eight heads on TPU.", num_decoder_layers=12, batch_size=2,
)
imagetransformer_b10l_4h_big_uncond_dr01_tpu = variant(
    "imagetransformer_b10l_4h_big_uncond_dr01_tpu", imagetransformer_b12l_4h_big_uncond_dr03_tpu,
    "Ten layers of hidden size 1024 on TPU.",
    num_decoder_layers=10, hidden_size=1024, filter_size=4096, layer_prepostprocess_dropout=0.1, batch_size=1,
)
imagetransformer_b12l_4h_b128_h512_uncond_dr01_im = variant(
    "imagetransformer_b12l_4h_b128_h512_uncond_dr01_im",
    lambda: update_hparams_for_tpu(imagetransformer_b12l_4h_b256_uncond_dr03_tpu()),
    "Twelve layers on TPU, for unconditional ImageNet.", layer_prepostprocess_dropout=0.1,
)
# fmt: on


@registry.register_ranged_hparams
def imagetransformer_cifar_tpu_range(rhp: RangedHParams) -> None:
    """Search space for CIFAR-10 on TPU."""
    rhp.set_float("learning_rate", 0.01, 1.0, scale=rhp.LOG_SCALE)
    rhp.set_discrete("num_decoder_layers", [8, 10, 12, 14, 16])
    rhp.set_discrete("hidden_size", [256, 512, 1024])
    rhp.set_discrete("block_length", [128, 256, 512])
    rhp.set_categorical("dec_attention_type", ["rel_local_1d", "local_1d"])
