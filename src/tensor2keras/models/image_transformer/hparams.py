"""The hyperparameter sets of the 1-D Image Transformer, under T2T's names and with its values
(`models/image_transformer.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams, RangedHParams
from tensor2keras.models.common_hparams import basic_params1


def update_hparams_for_tpu(hparams: HParams) -> HParams:
    """Adafactor and batches of 4. Changes `hparams` and returns it."""
    return hparams.override(
        batch_size=4, learning_rate_schedule="rsqrt_decay", learning_rate_warmup_steps=6000, optimizer="Adafactor"
    )


@registry.register_hparams
def image_transformer_base() -> HParams:
    """The base of all 1-D sets: blocks of 256 channel values, 32x32 images by class."""
    return (
        basic_params1()
        .extend(
            attention_dropout=0.0,
            attention_key_channels=0,
            attention_value_channels=0,
            block_length=256,
            block_raster_scan=False,
            block_size=1,
            block_width=128,
            dec_attention_type="local_1d",
            ffn_layer="conv_hidden_relu",
            filter_size=512,
            gap_sizes=[2, 4, 8, 16, 32, 64, 2, 4, 8, 16, 32, 64],
            img_len=32,
            kv_filter_width=1,
            likelihood="cat",
            local_and_global_att=False,
            moe_overhead_eval=2.0,
            moe_overhead_train=1.0,
            nbr_decoder_problems=1,
            num_channels=3,
            num_decoder_layers=12,
            num_encoder_layers=4,
            num_heads=8,
            num_mixtures=10,
            num_output_layers=3,
            pos="timing",
            q_filter_width=1,
            relu_dropout=0.0,
            shared_rel=False,
            unconditional=False,
        )
        .override(
            batch_size=4,
            bottom={"targets": "image_channel_embeddings_bottom"},
            clip_grad_norm=0.0,
            dropout=0.0,
            hidden_size=512,
            initializer="uniform_unit_scaling",
            initializer_gain=0.2,
            label_smoothing=0.0,
            layer_prepostprocess_dropout=0.0,
            learning_rate_decay_scheme="noam",
            learning_rate_warmup_steps=4000,
            max_length=3075,
            moe_loss_coef=0.001,
            moe_num_experts=8,
            num_hidden_layers=6,
            optimizer_adam_beta1=0.9,
            optimizer_adam_beta2=0.98,
            optimizer_adam_epsilon=1e-09,
            top={"targets": "identity_top"},
            weight_decay=0.0,
        )
    )


@registry.register_hparams
def imagetransformer_base() -> HParams:
    """image_transformer_base under the model's name."""
    return image_transformer_base()


@registry.register_hparams
def imagetransformer_cifar10_base() -> HParams:
    """CIFAR-10 of no class; T2T reports 2.90 bits/dim."""
    return image_transformer_base().override(
        filter_size=2048,
        layer_prepostprocess_dropout=0.3,
        learning_rate=0.5,
        num_heads=4,
        unconditional=True,
    )


@registry.register_hparams
def imagetransformer_cifar10_base_dmol() -> HParams:
    """CIFAR-10 of no class as a mixture of logistics; T2T reports 2.90 bits/dim."""
    return image_transformer_base().override(
        attention_key_channels=512,
        attention_value_channels=512,
        batch_size=8,
        bottom={"targets": "image_channel_compress_targets_bottom"},
        hidden_size=256,
        layer_prepostprocess_dropout=0.1,
        likelihood="dmol",
        num_channels=1,
        pos="emb",
        sampling_method="random",
        summarize_grads=True,
        unconditional=True,
    )


@registry.register_hparams
def imagetransformer_base_tpu() -> HParams:
    """CIFAR-10 on TPU."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        block_length=128, learning_rate=0.2, num_decoder_layers=12, num_heads=4
    )


@registry.register_hparams
def imagetransformer_base_imagenet_tpu() -> HParams:
    """ImageNet on TPU."""
    return imagetransformer_base_tpu().override(layer_prepostprocess_dropout=0.1)


@registry.register_hparams
def imagetransformer_imagenet32_base() -> HParams:
    """ImageNet 32x32 of no class; T2T reports 3.77 bits/dim."""
    return imagetransformer_cifar10_base().override(layer_prepostprocess_dropout=0.1)


@registry.register_hparams
def imagetransformer_base_rel() -> HParams:
    """imagetransformer_base with relative positions."""
    return imagetransformer_base().override(dec_attention_type="rel_local_1d")


@registry.register_hparams
def imagetransformer_sep_channels() -> HParams:
    """Four heads of a narrower model."""
    return imagetransformer_base().override(hidden_size=256, num_heads=4)


@registry.register_hparams
def imagetransformer_sep_channels_8l() -> HParams:
    """Narrower still; samples at random."""
    return imagetransformer_base().override(
        filter_size=256,
        hidden_size=256,
        num_heads=4,
        num_hidden_layers=8,
        sampling_method="random",
    )


@registry.register_hparams
def imagetransformer_sep_channels_8l_multipos3() -> HParams:
    """Queries, keys and values are convolutions over three positions."""
    return imagetransformer_sep_channels_8l().override(kv_filter_width=3, q_filter_width=3)


@registry.register_hparams
def imagetransformer_base_8l_8h_big_cond_dr03_dan() -> HParams:
    """Eight layers by class; T2T reports 2.99 bits/dim on CIFAR-10."""
    return imagetransformer_sep_channels_8l().override(
        block_width=256,
        filter_size=2048,
        hidden_size=512,
        layer_prepostprocess_dropout=0.3,
        num_decoder_layers=8,
        num_heads=8,
    )


@registry.register_hparams
def imagetransformer_base_10l_8h_big_uncond_dr03_dan_64() -> HParams:
    """64x64 images of no class."""
    return imagetransformer_base_10l_8h_big_cond_dr03_dan().override(
        batch_size=1,
        img_len=64,
        layer_prepostprocess_dropout=0.1,
        max_length=14000,
        unconditional=True,
    )


@registry.register_hparams
def imagetransformerpp_sep_channels_8l_8h() -> HParams:
    """Whole pixels as a mixture of logistics, normed first."""
    return imagetransformer_base().override(
        bottom={"targets": "image_channel_compress_targets_bottom"},
        layer_postprocess_sequence="da",
        layer_preprocess_sequence="n",
        likelihood="dmol",
        num_channels=1,
        num_hidden_layers=8,
        sampling_method="random",
        summarize_grads=True,
    )


@registry.register_hparams
def imagetransformerpp_base_8l_8h_big_cond_dr03_dan() -> HParams:
    """Mixture of logistics by class, normed last."""
    return imagetransformerpp_sep_channels_8l_8h().override(
        filter_size=2048,
        layer_postprocess_sequence="dan",
        layer_prepostprocess_dropout=0.3,
        layer_preprocess_sequence="none",
        learning_rate=0.01,
    )


@registry.register_hparams
def imagetransformerpp_base_8l_8h_big_cond_dr03_dan_a() -> HParams:
    """The same at ten times the learning rate."""
    return imagetransformerpp_base_8l_8h_big_cond_dr03_dan().override(learning_rate=0.1)


@registry.register_hparams
def imagetransformerpp_base_10l_8h_big_uncond_dr03_dan() -> HParams:
    """Ten layers, no class."""
    return imagetransformerpp_base_8l_8h_big_cond_dr03_dan_a().override(num_decoder_layers=10, unconditional=True)


@registry.register_hparams
def imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_a() -> HParams:
    """Ten layers at a tenth of the learning rate."""
    return imagetransformerpp_base_10l_8h_big_uncond_dr03_dan().override(learning_rate=0.01)


@registry.register_hparams
def imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_b() -> HParams:
    """Ten narrow layers with wide attention."""
    return imagetransformerpp_base_10l_8h_big_uncond_dr03_dan().override(
        attention_key_channels=512, attention_value_channels=512, filter_size=1024, hidden_size=256
    )


@registry.register_hparams
def imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g() -> HParams:
    """Learned positions and less dropout."""
    return imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_b().override(
        filter_size=512, layer_prepostprocess_dropout=0.1, pos="emb"
    )


@registry.register_hparams
def imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k() -> HParams:
    """Twelve layers."""
    return imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g().override(num_decoder_layers=12)


@registry.register_hparams
def imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l() -> HParams:
    """Twelve layers, gradients clipped."""
    return imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g().override(clip_grad_norm=40.0, num_decoder_layers=12)


@registry.register_hparams
def imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m() -> HParams:
    """Twelve layers, batches of 8."""
    return imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k().override(batch_size=8)


@registry.register_hparams
def imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_rel() -> HParams:
    """Twelve layers with relative positions."""
    return imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_k().override(
        batch_size=8, dec_attention_type="rel_local_1d"
    )


@registry.register_hparams
def imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_relsh() -> HParams:
    """The same with `shared_rel`, which has no effect in T2T."""
    return imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_rel().override(shared_rel=True)


@registry.register_hparams
def imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p() -> HParams:
    """Fourteen layers; T2T reports 2.92 bits/dim on CIFAR-10 after 4 days on 8 P100."""
    return imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l().override(
        batch_size=8, layer_prepostprocess_dropout=0.2, num_decoder_layers=14
    )


@registry.register_hparams
def imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m_bs1() -> HParams:
    """Twelve layers, one 128x128 image a batch."""
    return imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_m().override(batch_size=1)


@registry.register_hparams
def imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p_bs1() -> HParams:
    """Fourteen layers, one 128x128 image a batch."""
    return imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_p().override(batch_size=1)


@registry.register_hparams
def imagetransformerpp_base_5l_8h_big_uncond_dr00_dan_g_bs1() -> HParams:
    """Five small layers, one 256x256 image a batch."""
    return imagetransformerpp_base_10l_8h_big_uncond_dr03_dan_g().override(
        attention_key_channels=64,
        attention_value_channels=64,
        batch_size=1,
        filter_size=128,
        hidden_size=128,
        layer_prepostprocess_dropout=0.0,
        max_length=66000,
        num_decoder_layers=5,
    )


@registry.register_hparams
def imagetransformerpp_base_5l_8h_dr00_dan_g_bs1_adafactor() -> HParams:
    """The same with Adafactor, which needs less memory."""
    return imagetransformerpp_base_5l_8h_big_uncond_dr00_dan_g_bs1().override(
        learning_rate_schedule="rsqrt_decay", optimizer="Adafactor"
    )


@registry.register_hparams
def imagetransformerpp_base_6l_8h_dr00_dan_g_bs1_adafactor() -> HParams:
    """Six layers with Adafactor."""
    return imagetransformerpp_base_5l_8h_dr00_dan_g_bs1_adafactor().override(num_decoder_layers=6)


@registry.register_hparams
def imagetransformerpp_base_14l_8h_big_uncond_dr03_dan_eval() -> HParams:
    """Fourteen layers with less dropout."""
    return imagetransformerpp_base_12l_8h_big_uncond_dr03_dan_l().override(batch_size=8, num_decoder_layers=14)


@registry.register_hparams
def imagetransformer_base_8l_8h_big_cond_dr03_dan_128() -> HParams:
    """Eight layers, blocks of 128."""
    return imagetransformer_base_8l_8h_big_cond_dr03_dan().override(block_length=128, block_width=128)


@registry.register_hparams
def imagetransformer_base_10l_8h_big_cond_dr03_dan() -> HParams:
    """Ten layers by class: T2T's best for CIFAR-10 by class."""
    return imagetransformer_base_8l_8h_big_cond_dr03_dan().override(num_decoder_layers=10)


@registry.register_hparams
def imagetransformer_base_10l_8h_big_uncond_dr03_dan() -> HParams:
    """The same set, under T2T's name for unconditional images."""
    return imagetransformer_base_10l_8h_big_cond_dr03_dan()


@registry.register_hparams
def imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated() -> HParams:
    """Dilated attention: one memory block of 128."""
    return (
        imagetransformer_base_8l_8h_big_cond_dr03_dan()
        .extend(num_memory_blocks=1)
        .override(
            block_length=128, block_width=128, dec_attention_type="dilated", gap_sizes=[0, 16, 64, 0, 16, 64, 128, 0]
        )
    )


@registry.register_hparams
def imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_b() -> HParams:
    """Dilated attention: two memory blocks of 64."""
    return imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated().override(block_width=64, num_memory_blocks=2)


@registry.register_hparams
def imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_c() -> HParams:
    """Dilated attention: four memory blocks of 32."""
    return imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated().override(block_width=32, num_memory_blocks=4)


@registry.register_hparams
def imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated_d() -> HParams:
    """Dilated attention with wider gaps."""
    return imagetransformer_base_8l_8h_big_cond_dr03_dan_dilated().override(gap_sizes=[0, 16, 64, 16, 64, 128, 256, 0])


@registry.register_hparams
def imagetransformer_base_12l_8h_big() -> HParams:
    """Twelve layers by class, one image a batch."""
    return imagetransformer_sep_channels_8l_8h().override(block_width=256, filter_size=1024)


@registry.register_hparams
def imagetransformer1d_base_8l_64by64() -> HParams:
    """Eight layers, 64x64 images, blocks of 512."""
    return image_transformer_base().override(
        batch_size=1,
        block_length=512,
        block_width=768,
        filter_size=2048,
        layer_prepostprocess_dropout=0.1,
        max_length=14000,
        num_decoder_layers=8,
    )


@registry.register_hparams
def imagetransformer1d_base_12l_64by64() -> HParams:
    """Twelve layers, 64x64 images, blocks of 512."""
    return image_transformer_base().override(
        batch_size=1,
        block_length=512,
        block_width=768,
        filter_size=2048,
        layer_prepostprocess_dropout=0.1,
        max_length=14000,
    )


@registry.register_hparams
def imagetransformer_base_14l_8h_big() -> HParams:
    """Fourteen layers by class."""
    return imagetransformer_base_12l_8h_big().override(num_decoder_layers=14)


@registry.register_hparams
def imagetransformer_base_14l_8h_big_dr01() -> HParams:
    """Fourteen layers by class with dropout."""
    return imagetransformer_base_14l_8h_big().override(layer_prepostprocess_dropout=0.1)


@registry.register_hparams
def imagetransformer_base_12l_8h_big_uncond() -> HParams:
    """Twelve layers, no class."""
    return imagetransformer_base_12l_8h_big().override(unconditional=True)


@registry.register_hparams
def imagetransformer_base_14l_8h_big_uncond() -> HParams:
    """Fourteen layers, no class."""
    return imagetransformer_base_12l_8h_big_uncond().override(num_decoder_layers=14)


@registry.register_hparams
def imagetransformer_sep_channels_12l_16h_imagenet_large() -> HParams:
    """Sixteen heads, for ImageNet."""
    return imagetransformer_sep_channels_8l_8h().override(
        filter_size=2048, learning_rate_warmup_steps=16000, num_heads=16, num_hidden_layers=12
    )


@registry.register_hparams
def imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc() -> HParams:
    """Sixteen heads, for ImageNet; `num_decoder_layers` takes precedence over `num_hidden_layers=16`."""
    return imagetransformer_sep_channels_12l_16h_imagenet_large().override(num_hidden_layers=16)


@registry.register_hparams
def imagetransformer_sep_channels_16l_16h_imgnet_lrg_loc_128() -> HParams:
    """The same with blocks of 128."""
    return imagetransformer_sep_channels_12l_16h_imagenet_large().override(block_length=128, num_hidden_layers=16)


@registry.register_hparams
def imagetransformer_sep_output_channels_8l_local_and_global_att() -> HParams:
    """`local_and_global_att` has no effect in T2T: dec_attention_type=global_local is what it meant."""
    return imagetransformer_sep_channels_8l().override(local_and_global_att=True)


@registry.register_hparams
def imagetransformer_base_10l_16h_big_uncond_dr01_imgnet() -> HParams:
    """Ten layers of width 1024, for ImageNet."""
    return imagetransformer_base_14l_8h_big_dr01().override(
        filter_size=4096, hidden_size=1024, num_decoder_layers=10, num_heads=16
    )


@registry.register_hparams
def imagetransformer_base_10l_16h_big_dr01_imgnet() -> HParams:
    """Ten layers of width 1024, for ImageNet by class."""
    return imagetransformer_base_14l_8h_big_dr01().override(
        filter_size=4096, hidden_size=1024, num_decoder_layers=10, num_heads=16
    )


@registry.register_hparams
def imagetransformer_sep_channels_8l_8h() -> HParams:
    """Eight heads, one image a batch."""
    return imagetransformer_base().override(batch_size=1, num_hidden_layers=8, sampling_method="random")


@registry.register_hparams
def imagetransformer_sep_channels_8l_8h_local_and_global_att() -> HParams:
    """Narrow; `local_and_global_att` as above."""
    return imagetransformer_sep_channels_8l_8h().override(
        filter_size=256, hidden_size=256, local_and_global_att=True, num_hidden_layers=4
    )


@registry.register_hparams
def imagetransformer_bas8l_8h_big_uncond_dr03_imgnet() -> HParams:
    """Eight layers, for ImageNet."""
    return imagetransformer_base_14l_8h_big_dr01().override(
        filter_size=2048, layer_prepostprocess_dropout=0.3, num_decoder_layers=8
    )


@registry.register_hparams
def imagetransformer_tiny() -> HParams:
    """Two layers of width 64, no class: for tests."""
    return imagetransformer_base().override(
        batch_size=1,
        hidden_size=64,
        max_length=66000,
        num_decoder_layers=2,
        unconditional=True,
    )


@registry.register_hparams
def imagetransformerpp_tiny() -> HParams:
    """imagetransformer_tiny as a mixture of logistics."""
    return imagetransformer_tiny().override(
        bottom={"targets": "image_channel_compress_targets_bottom"}, likelihood="dmol", num_channels=1
    )


@registry.register_hparams
def imagetransformer_tiny_tpu() -> HParams:
    """imagetransformer_tiny on TPU."""
    return update_hparams_for_tpu(imagetransformer_tiny()).override(
        batch_size=2, hidden_size=16, num_heads=2, num_hidden_layers=2
    )


@registry.register_hparams
def imagetransformer_base_10l_16h_big_dr01_moe_imgnet() -> HParams:
    """Experts in two layers, for imagetransformer_moe."""
    return (
        imagetransformer_base_10l_16h_big_dr01_imgnet()
        .extend(moe_layers_decoder="2,7")
        .override(
            initializer="orthogonal",
            learning_rate_warmup_steps=16000,
            moe_hidden_sizes="4096",
            moe_k=4,
            moe_loss_coef=0.03,
            moe_num_experts=64,
            scheduled_sampling_prob=0.1,
            scheduled_sampling_warmup_steps=200000,
        )
    )


@registry.register_hparams
def imagetransformer_moe_tiny() -> HParams:
    """Experts in one of two layers, for imagetransformer_moe."""
    return (
        imagetransformer_tiny()
        .extend(moe_layers_decoder="1")
        .override(
            dec_attention_type="moe_local1d",
            moe_hidden_sizes="1024",
            moe_loss_coef=0.01,
            moe_num_experts=16,
            num_hidden_layers=3,
        )
    )


@registry.register_hparams
def imagetransformer_sep_channels_8l_tpu() -> HParams:
    """imagetransformer_sep_channels_8l on TPU."""
    return update_hparams_for_tpu(imagetransformer_sep_channels_8l())


@registry.register_hparams
def imagetransformer_b10l_4h_big_uncond_dr03_tpu() -> HParams:
    """Ten layers on TPU, for CIFAR-10."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        block_length=128,
        filter_size=1024,
        learning_rate=0.2,
        num_decoder_layers=10,
        num_heads=4,
    )


@registry.register_hparams
def imagetransformer_b10l_dr03_moe_tpu() -> HParams:
    """The same with experts in every layer."""
    return update_hparams_for_tpu(imagetransformer_b10l_4h_big_uncond_dr03_tpu()).override(ffn_layer="local_moe_tpu")


@registry.register_hparams
def imagetransformer_b10l_4h_big_uncond_dr03_lr025_tpu() -> HParams:
    """Ten layers on TPU, blocks of 256."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        learning_rate=0.25, learning_rate_warmup_steps=8000, num_decoder_layers=10, num_heads=4
    )


@registry.register_hparams
def imagetransformer_b12l_4h_big_uncond_dr03_tpu() -> HParams:
    """Twelve layers on TPU."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        block_length=128, filter_size=1024, num_decoder_layers=12, num_heads=4
    )


@registry.register_hparams
def imagetransformer_b12l_4h_big_uncond_dr03_lr025_tpu() -> HParams:
    """Twelve layers on TPU, higher learning rate."""
    return update_hparams_for_tpu(imagetransformer_b12l_4h_big_uncond_dr03_tpu()).override(
        learning_rate=0.25, learning_rate_warmup_steps=5000
    )


@registry.register_hparams
def imagetransformer_b12l_4h_b256_uncond_dr03_tpu() -> HParams:
    """Twelve layers on TPU, blocks of 256, no class."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        learning_rate=0.5,
        learning_rate_warmup_steps=4000,
        num_decoder_layers=12,
        num_heads=4,
        unconditional=True,
    )


@registry.register_hparams
def imagetransformer_b12l_4h_b256_uncond_dr03_rel_tpu() -> HParams:
    """The same with relative positions; `shared_rel` has no effect in T2T."""
    return imagetransformer_b12l_4h_b256_uncond_dr03_tpu().override(dec_attention_type="rel_local_1d", shared_rel=True)


@registry.register_hparams
def imagetransformer_b12l_4h_b128_h512_uncond_dr03_tpu() -> HParams:
    """Twelve wide layers on TPU, blocks of 128."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        block_length=128, learning_rate=0.2, num_decoder_layers=12, num_heads=4
    )


@registry.register_hparams
def imagetransformer_b12l_4h_b128_h512_uncond_dr01_im() -> HParams:
    """Twelve layers on TPU, for ImageNet of no class."""
    return update_hparams_for_tpu(imagetransformer_b12l_4h_b256_uncond_dr03_tpu()).override(
        layer_prepostprocess_dropout=0.1
    )


@registry.register_hparams
def imagetransformer_b12l_4h_uncond_dr03_tpu() -> HParams:
    """Twelve layers on TPU of no class, lower learning rate."""
    return imagetransformer_b12l_4h_b256_uncond_dr03_tpu().override(learning_rate=0.2)


@registry.register_hparams
def imagetransformer_b12l_4h_b128_uncond_dr03_tpu() -> HParams:
    """Twelve narrow layers on TPU, for CIFAR-10."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        batch_size=2,
        block_length=128,
        hidden_size=256,
        layer_prepostprocess_dropout=0.1,
        learning_rate_warmup_steps=10000,
        num_decoder_layers=12,
        num_heads=4,
    )


@registry.register_hparams
def imagetransformer_b12l_8h_b256_uncond_dr03_tpu() -> HParams:
    """Twelve layers of eight heads on TPU."""
    return update_hparams_for_tpu(imagetransformer_bas8l_8h_big_uncond_dr03_imgnet()).override(
        batch_size=2, num_decoder_layers=12
    )


@registry.register_hparams
def imagetransformer_b10l_4h_big_uncond_dr01_tpu() -> HParams:
    """Ten layers of width 1024 on TPU."""
    return imagetransformer_b12l_4h_big_uncond_dr03_tpu().override(
        batch_size=1,
        filter_size=4096,
        hidden_size=1024,
        layer_prepostprocess_dropout=0.1,
        num_decoder_layers=10,
    )


@registry.register_ranged_hparams
def imagetransformer_cifar_tpu_range(rhp: RangedHParams) -> None:
    """Search space for CIFAR-10 on TPU."""
    rhp.set_float("learning_rate", 0.01, 1.0, scale=rhp.LOG_SCALE)
    rhp.set_discrete("num_decoder_layers", [8, 10, 12, 14, 16])
    rhp.set_discrete("hidden_size", [256, 512, 1024])
    rhp.set_discrete("block_length", [128, 256, 512])
    rhp.set_categorical("dec_attention_type", ["rel_local_1d", "local_1d"])
