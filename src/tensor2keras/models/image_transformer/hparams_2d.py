"""The hyperparameter sets of the 2-D and the image-to-image Transformer, under T2T's names and with its values
(`models/image_transformer_2d.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.models.common_hparams import basic_params1


@registry.register_hparams
def image_transformer2d_base() -> HParams:
    """The base of all 2-D and image-to-image sets: blocks of 16 x 16 and what is around them."""
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
            dec_attention_type="local_2d",
            enc_attention_type="global",
            ffn_layer="conv_hidden_relu",
            filter_size=512,
            img_len=32,
            kv_filter_width=1,
            local_and_global_att=False,
            memory_flange=[16, 32],
            nbr_decoder_problems=1,
            num_channels=3,
            num_decoder_layers=8,
            num_encoder_layers=4,
            num_heads=8,
            num_output_layers=3,
            pos="timing",
            q_filter_width=1,
            query_shape=[16, 16],
            relu_dropout=0.0,
            shared_rel=False,
            unconditional=False,
        )
        .override(
            batch_size=1,
            bottom={"targets": "image_channel_embeddings_targets_bottom"},
            clip_grad_norm=0.0,
            dropout=0.0,
            hidden_size=512,
            initializer="uniform_unit_scaling",
            initializer_gain=0.2,
            label_smoothing=0.0,
            layer_prepostprocess_dropout=0.0,
            learning_rate_decay_scheme="noam",
            learning_rate_warmup_steps=4000,
            max_length=256,
            optimizer_adam_beta1=0.9,
            optimizer_adam_beta2=0.98,
            optimizer_adam_epsilon=1e-09,
            top={"targets": "identity_top"},
            weight_decay=0.0,
        )
    )


@registry.register_hparams
def imagetransformer2d_base() -> HParams:
    """`image_transformer2d_base`, generated block by block."""
    return image_transformer2d_base().override(block_raster_scan=True)


@registry.register_hparams
def imagetransformer2d_base_8l_8_16() -> HParams:
    """Eight rows above, sixteen columns beside."""
    return image_transformer2d_base().override(memory_flange=[8, 16])


@registry.register_hparams
def imagetransformer2d_base_8l_8_16_ls() -> HParams:
    """The same with label smoothing."""
    return image_transformer2d_base().override(label_smoothing=0.05, memory_flange=[8, 16])


@registry.register_hparams
def imagetransformer2d_base_8l_8_16_big() -> HParams:
    """Eight layers, wider networks."""
    return image_transformer2d_base().override(filter_size=1024, memory_flange=[8, 16])


@registry.register_hparams
def imagetransformer2d_base_12l_8_16_big() -> HParams:
    """Twelve layers; samples at random."""
    return image_transformer2d_base().override(
        filter_size=1024, memory_flange=[8, 16], num_decoder_layers=12, sampling_method="random"
    )


@registry.register_hparams
def imagetransformer2d_base_8l_8_32_big() -> HParams:
    """Eight layers of width 1024 for CIFAR-10; blocks do not attend to rows above them."""
    return image_transformer2d_base().override(
        filter_size=2048,
        hidden_size=1024,
        layer_prepostprocess_dropout=0.3,
        memory_flange=[0, 32],
        num_heads=16,
        query_shape=[8, 16],
    )


@registry.register_hparams
def imagetransformer_base_10l_8h_big_uncond_dr03_dan_64_2d() -> HParams:
    """64x64 images of no class."""
    return image_transformer2d_base().override(
        filter_size=2048,
        img_len=64,
        layer_prepostprocess_dropout=0.1,
        max_length=14000,
        memory_flange=[8, 8],
        unconditional=True,
    )


@registry.register_hparams
def imagetransformer2d_base_8l_8_64_64by64() -> HParams:
    """Eight layers for ImageNet 64x64."""
    return image_transformer2d_base().override(
        filter_size=2048,
        layer_prepostprocess_dropout=0.1,
        max_length=14000,
        memory_flange=[4, 32],
        query_shape=[8, 64],
    )


@registry.register_hparams
def imagetransformer2d_base_12l_8_64_64by64() -> HParams:
    """Twelve layers for ImageNet 64x64."""
    return image_transformer2d_base().override(
        filter_size=2048,
        layer_prepostprocess_dropout=0.1,
        max_length=14000,
        memory_flange=[4, 32],
        num_decoder_layers=12,
        query_shape=[8, 64],
    )


@registry.register_hparams
def imagetransformer2d_base_14l_8_16_big() -> HParams:
    """Fourteen layers."""
    return image_transformer2d_base().override(filter_size=1024, memory_flange=[8, 16], num_decoder_layers=14)


@registry.register_hparams
def imagetransformer2d_base_14l_8_16_big_uncond() -> HParams:
    """Fourteen layers, no class."""
    return imagetransformer2d_base_14l_8_16_big().override(unconditional=True)


@registry.register_hparams
def imagetransformer2d_base_8l_8_16_big_16k() -> HParams:
    """Eight layers, longer warm-up."""
    return image_transformer2d_base().override(
        filter_size=1024, learning_rate_warmup_steps=16000, memory_flange=[8, 16]
    )


@registry.register_hparams
def img2img_transformer2d_base() -> HParams:
    """From image to image with 2-D attention."""
    return image_transformer2d_base().override(
        block_raster_scan=True,
        bottom={"inputs": "image_channel_embeddings_bottom", "targets": "image_channel_embeddings_targets_bottom"},
        filter_size=2048,
        layer_postprocess_sequence="da",
        layer_prepostprocess_dropout=0.1,
        layer_preprocess_sequence="n",
        learning_rate=0.2,
        learning_rate_warmup_steps=12000,
    )


@registry.register_hparams
def img2img_transformer2d_q1() -> HParams:
    """Normed last; 64 columns beside."""
    return img2img_transformer2d_base().override(
        batch_size=2, layer_postprocess_sequence="dan", layer_preprocess_sequence="none", memory_flange=[16, 64]
    )


@registry.register_hparams
def img2img_transformer2d_q2() -> HParams:
    """Normed last; 32 columns beside."""
    return img2img_transformer2d_q1().override(memory_flange=[16, 32])


@registry.register_hparams
def img2img_transformer2d_q3() -> HParams:
    """Normed last; blocks of 8 x 16. T2T's best of these."""
    return img2img_transformer2d_q1().override(memory_flange=[8, 32], query_shape=[8, 16])


@registry.register_hparams
def img2img_transformer_base() -> HParams:
    """From image to image with 1-D attention."""
    return image_transformer2d_base().override(
        block_width=256,
        dec_attention_type="local_1d",
        filter_size=2048,
        layer_postprocess_sequence="da",
        layer_prepostprocess_dropout=0.1,
        layer_preprocess_sequence="n",
        learning_rate=0.2,
        learning_rate_warmup_steps=12000,
    )


@registry.register_hparams
def img2img_transformer_b1() -> HParams:
    """Normed last; blocks of 512."""
    return img2img_transformer_base().override(
        batch_size=2, block_length=512, layer_postprocess_sequence="dan", layer_preprocess_sequence="none"
    )


@registry.register_hparams
def img2img_transformer_b2() -> HParams:
    """Normed last; blocks of 256."""
    return img2img_transformer_base().override(
        batch_size=2, layer_postprocess_sequence="dan", layer_preprocess_sequence="none"
    )


@registry.register_hparams
def img2img_transformer_b3() -> HParams:
    """Normed last; blocks of 128. T2T's best of these."""
    return img2img_transformer_base().override(
        batch_size=2,
        block_length=128,
        layer_postprocess_sequence="dan",
        layer_preprocess_sequence="none",
        sampling_temp=0.9,
    )


@registry.register_hparams
def img2img_transformer_b3_bs1() -> HParams:
    """img2img_transformer_b3 with `block_size` 1, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3()


@registry.register_hparams
def img2img_transformer_b3_bs2() -> HParams:
    """img2img_transformer_b3 with `block_size` 2, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=2)


@registry.register_hparams
def img2img_transformer_b3_bs3() -> HParams:
    """img2img_transformer_b3 with `block_size` 3, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=3)


@registry.register_hparams
def img2img_transformer_b3_bs4() -> HParams:
    """img2img_transformer_b3 with `block_size` 4, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=4)


@registry.register_hparams
def img2img_transformer_b3_bs5() -> HParams:
    """img2img_transformer_b3 with `block_size` 5, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=5)


@registry.register_hparams
def img2img_transformer_b3_bs6() -> HParams:
    """img2img_transformer_b3 with `block_size` 6, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=6)


@registry.register_hparams
def img2img_transformer_b3_bs7() -> HParams:
    """img2img_transformer_b3 with `block_size` 7, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=7)


@registry.register_hparams
def img2img_transformer_b3_bs8() -> HParams:
    """img2img_transformer_b3 with `block_size` 8, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=8)


@registry.register_hparams
def img2img_transformer_b3_bs9() -> HParams:
    """img2img_transformer_b3 with `block_size` 9, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=9)


@registry.register_hparams
def img2img_transformer_b3_bs10() -> HParams:
    """img2img_transformer_b3 with `block_size` 10, for T2T's blockwise parallel decoding, which is not here."""
    return img2img_transformer_b3().override(block_size=10)


@registry.register_hparams
def img2img_transformer_dilated() -> HParams:
    """From image to image with dilated attention; gaps as in `image_transformer.GAP_SIZES`."""
    return (
        img2img_transformer_base()
        .extend(num_memory_blocks=1)
        .override(
            block_length=128,
            block_width=128,
            dec_attention_type="dilated",
            img_len=64,
            sampling_method="random",
        )
    )


@registry.register_hparams
def imagetransformer2d_tiny() -> HParams:
    """Two layers of width 64: for tests."""
    return imagetransformer2d_base().override(hidden_size=64, num_decoder_layers=2)


@registry.register_hparams
def img2img_transformer_base_tpu() -> HParams:
    """img2img_transformer_base on TPU."""
    return img2img_transformer_base().override(batch_size=2, num_heads=4, optimizer="true_adam")


@registry.register_hparams
def img2img_transformer_tiny_tpu() -> HParams:
    """Width 16 on TPU."""
    return img2img_transformer_base_tpu().override(hidden_size=16, num_heads=2, num_hidden_layers=2)


@registry.register_hparams
def img2img_transformer2d_n3() -> HParams:
    """Twelve layers, blocks of 16 x 32."""
    return img2img_transformer2d_base().override(
        layer_prepostprocess_dropout=0.0, memory_flange=[16, 16], num_decoder_layers=12, query_shape=[16, 32]
    )


@registry.register_hparams
def img2img_transformer2d_n31() -> HParams:
    """Six and twelve layers, blocks of 16 x 32."""
    return img2img_transformer2d_base().override(num_decoder_layers=12, num_encoder_layers=6, query_shape=[16, 32])


@registry.register_hparams
def img2img_transformer2d_n24() -> HParams:
    """Width 1024, blocks of 8 x 16."""
    return img2img_transformer2d_base().override(
        hidden_size=1024, layer_prepostprocess_dropout=0.2, memory_flange=[8, 32], query_shape=[8, 16]
    )


@registry.register_hparams
def img2img_transformer2d_n44() -> HParams:
    """Blocks of 8 x 16."""
    return img2img_transformer2d_base().override(memory_flange=[8, 32], query_shape=[8, 16])


@registry.register_hparams
def img2img_transformer2d_n103() -> HParams:
    """Six and twelve layers, blocks of 8 x 32. T2T's best from image to image."""
    return img2img_transformer2d_base().override(
        memory_flange=[8, 64], num_decoder_layers=12, num_encoder_layers=6, query_shape=[8, 32]
    )


@registry.register_hparams
def img2img_transformer2d_tiny() -> HParams:
    """Two layers of width 128: for tests."""
    return img2img_transformer2d_base().override(
        batch_size=4,
        filter_size=128,
        hidden_size=128,
        max_length=128,
        num_decoder_layers=2,
        num_heads=4,
    )


@registry.register_hparams
def img2img_transformer_tiny() -> HParams:
    """Width 128, one head: for tests."""
    return img2img_transformer2d_base().override(
        batch_size=4,
        filter_size=128,
        hidden_size=128,
        max_length=128,
        num_heads=1,
        num_hidden_layers=2,
    )
