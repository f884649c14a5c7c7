"""The hyperparameter sets of the 2-D and the image-to-image Transformer, under T2T's names and with its values
(`models/image_transformer_2d.py`)."""

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.models.image_transformer.hparams import image_base


# fmt: off
@registry.register_hparams
def image_transformer2d_base() -> HParams:
    """The base of all 2-D and image-to-image sets: blocks of 16 x 16, which attend to their surroundings."""
    return image_base().extend(
        enc_attention_type="global",
        memory_flange=[16, 32], query_shape=[16, 16],
    ).override(
        num_decoder_layers=8,
        dec_attention_type="local_2d",
        batch_size=1, bottom={"targets": "image_channel_embeddings_targets_bottom"}, max_length=256,
    )


variant = registry.variants_of(__name__)

# 2-D attention.
imagetransformer2d_base = variant(
    "imagetransformer2d_base", image_transformer2d_base, "`image_transformer2d_base`, generated block by block.",
    block_raster_scan=True,
)
imagetransformer2d_base_8l_8_16 = variant(
    "imagetransformer2d_base_8l_8_16", image_transformer2d_base,
    "A memory of eight rows above and sixteen columns beside each block.", memory_flange=[8, 16],
)
imagetransformer2d_base_8l_8_16_ls = variant(
    "imagetransformer2d_base_8l_8_16_ls", imagetransformer2d_base_8l_8_16, label_smoothing=0.05
)
imagetransformer2d_base_8l_8_16_big = variant(
    "imagetransformer2d_base_8l_8_16_big", imagetransformer2d_base_8l_8_16, filter_size=1024
)
imagetransformer2d_base_12l_8_16_big = variant(
    "imagetransformer2d_base_12l_8_16_big", imagetransformer2d_base_8l_8_16_big,
    num_decoder_layers=12, sampling_method="random",
)
imagetransformer2d_base_8l_8_32_big = variant(
    "imagetransformer2d_base_8l_8_32_big", image_transformer2d_base,
    "Eight layers of hidden size 1024 for CIFAR-10; blocks do not attend to rows above them.",
    hidden_size=1024, filter_size=2048, num_heads=16, memory_flange=[0, 32], query_shape=[8, 16],
    layer_prepostprocess_dropout=0.3,
)
imagetransformer2d_base_8l_8_64_64by64 = variant(
    "imagetransformer2d_base_8l_8_64_64by64", image_transformer2d_base, "Eight layers for ImageNet 64x64.",
    filter_size=2048, memory_flange=[4, 32], query_shape=[8, 64], layer_prepostprocess_dropout=0.1, max_length=14000,
)
imagetransformer2d_base_12l_8_64_64by64 = variant(
    "imagetransformer2d_base_12l_8_64_64by64", imagetransformer2d_base_8l_8_64_64by64, num_decoder_layers=12
)
imagetransformer2d_base_14l_8_16_big = variant(
    "imagetransformer2d_base_14l_8_16_big", imagetransformer2d_base_8l_8_16_big, num_decoder_layers=14
)
imagetransformer2d_base_14l_8_16_big_uncond = variant(
    "imagetransformer2d_base_14l_8_16_big_uncond", imagetransformer2d_base_14l_8_16_big, unconditional=True
)
imagetransformer2d_base_8l_8_16_big_16k = variant(
    "imagetransformer2d_base_8l_8_16_big_16k", imagetransformer2d_base_8l_8_16_big, learning_rate_warmup_steps=16000
)
imagetransformer2d_tiny = variant(
    "imagetransformer2d_tiny", imagetransformer2d_base, "Two layers of hidden size 64: for tests.",
    num_decoder_layers=2, hidden_size=64,
)
imagetransformer_base_10l_8h_big_uncond_dr03_dan_64_2d = variant(
    "imagetransformer_base_10l_8h_big_uncond_dr03_dan_64_2d", image_transformer2d_base, "Unconditional 64x64 images.",
    img_len=64, unconditional=True, filter_size=2048, memory_flange=[8, 8], layer_prepostprocess_dropout=0.1,
    max_length=14000,
)

# Image to image, 2-D attention.
img2img_transformer2d_base = variant(
    "img2img_transformer2d_base", image_transformer2d_base, "Image to image with 2-D attention.",
    bottom={"inputs": "image_channel_embeddings_bottom", "targets": "image_channel_embeddings_targets_bottom"},
    filter_size=2048, block_raster_scan=True, layer_postprocess_sequence="da", layer_preprocess_sequence="n",
    layer_prepostprocess_dropout=0.1, learning_rate=0.2, learning_rate_warmup_steps=12000,
)
img2img_transformer2d_q1 = variant(
    "img2img_transformer2d_q1", img2img_transformer2d_base, "Post-norm residuals, 64 columns beside each block.",
    layer_postprocess_sequence="dan", layer_preprocess_sequence="none", memory_flange=[16, 64], batch_size=2,
)
img2img_transformer2d_q2 = variant("img2img_transformer2d_q2", img2img_transformer2d_q1, memory_flange=[16, 32])
img2img_transformer2d_q3 = variant(
    "img2img_transformer2d_q3", img2img_transformer2d_q1, "Blocks of 8 x 16: T2T's best of these.",
    memory_flange=[8, 32], query_shape=[8, 16],
)
img2img_transformer2d_n3 = variant(
    "img2img_transformer2d_n3", img2img_transformer2d_base, "Twelve layers, blocks of 16 x 32.",
    num_decoder_layers=12, memory_flange=[16, 16], query_shape=[16, 32], layer_prepostprocess_dropout=0.0,
)
img2img_transformer2d_n31 = variant(
    "img2img_transformer2d_n31", img2img_transformer2d_base, "Six and twelve layers, blocks of 16 x 32.",
    num_encoder_layers=6, num_decoder_layers=12, query_shape=[16, 32],
)
img2img_transformer2d_n24 = variant(
    "img2img_transformer2d_n24", img2img_transformer2d_base, "Hidden size 1024, blocks of 8 x 16.",
    hidden_size=1024, memory_flange=[8, 32], query_shape=[8, 16], layer_prepostprocess_dropout=0.2,
)
img2img_transformer2d_n44 = variant(
    "img2img_transformer2d_n44", img2img_transformer2d_base, "Blocks of 8 x 16.",
    memory_flange=[8, 32], query_shape=[8, 16],
)
img2img_transformer2d_n103 = variant(
    "img2img_transformer2d_n103", img2img_transformer2d_base,
    "Six and twelve layers, blocks of 8 x 32: T2T's best from image to image.",
    num_encoder_layers=6, num_decoder_layers=12, memory_flange=[8, 64], query_shape=[8, 32],
)
img2img_transformer2d_tiny = variant(
    "img2img_transformer2d_tiny", img2img_transformer2d_base, "Two layers of hidden size 128: for tests.",
    num_decoder_layers=2, hidden_size=128, filter_size=128, num_heads=4, batch_size=4, max_length=128,
)

# Image to image, 1-D attention.
img2img_transformer_base = variant(
    "img2img_transformer_base", image_transformer2d_base, "Image to image with 1-D attention.",
    filter_size=2048, block_width=256, dec_attention_type="local_1d", layer_postprocess_sequence="da",
    layer_preprocess_sequence="n", layer_prepostprocess_dropout=0.1, learning_rate=0.2,
    learning_rate_warmup_steps=12000,
)
img2img_transformer_b2 = variant(
    "img2img_transformer_b2", img2img_transformer_base, "Post-norm residuals.",
    layer_postprocess_sequence="dan", layer_preprocess_sequence="none", batch_size=2,
)
img2img_transformer_b1 = variant("img2img_transformer_b1", img2img_transformer_b2, block_length=512)
img2img_transformer_b3 = variant(
    "img2img_transformer_b3", img2img_transformer_b2, "Blocks of 128: T2T's best of these.",
    block_length=128, sampling_temp=0.9,
)
img2img_transformer_tiny = variant(
    "img2img_transformer_tiny", img2img_transformer2d_base, "Hidden size 128, one head: for tests.",
    num_hidden_layers=2, hidden_size=128, filter_size=128, num_heads=1, batch_size=4, max_length=128,
)
img2img_transformer_dilated = variant(
    "img2img_transformer_dilated", lambda: img2img_transformer_base().extend(num_memory_blocks=1),
    "Image to image with dilated attention; gaps as in `image_transformer.GAP_SIZES`.",
    img_len=64, block_length=128, block_width=128, dec_attention_type="dilated", sampling_method="random",
)
img2img_transformer_base_tpu = variant(
    "img2img_transformer_base_tpu", img2img_transformer_base, "img2img_transformer_base for TPU.",
    num_heads=4, optimizer="true_adam", batch_size=2,
)
img2img_transformer_tiny_tpu = variant(
    "img2img_transformer_tiny_tpu", img2img_transformer_base_tpu, "img2img_transformer_base_tpu with hidden size 16.",
    num_hidden_layers=2, hidden_size=16, num_heads=2,
)

# `block_size` is for T2T's blockwise parallel decoding, which is not supported.
img2img_transformer_b3_bs1 = variant("img2img_transformer_b3_bs1", img2img_transformer_b3)
img2img_transformer_b3_bs2 = variant("img2img_transformer_b3_bs2", img2img_transformer_b3, block_size=2)
img2img_transformer_b3_bs3 = variant("img2img_transformer_b3_bs3", img2img_transformer_b3, block_size=3)
img2img_transformer_b3_bs4 = variant("img2img_transformer_b3_bs4", img2img_transformer_b3, block_size=4)
img2img_transformer_b3_bs5 = variant("img2img_transformer_b3_bs5", img2img_transformer_b3, block_size=5)
img2img_transformer_b3_bs6 = variant("img2img_transformer_b3_bs6", img2img_transformer_b3, block_size=6)
img2img_transformer_b3_bs7 = variant("img2img_transformer_b3_bs7", img2img_transformer_b3, block_size=7)
img2img_transformer_b3_bs8 = variant("img2img_transformer_b3_bs8", img2img_transformer_b3, block_size=8)
img2img_transformer_b3_bs9 = variant("img2img_transformer_b3_bs9", img2img_transformer_b3, block_size=9)
img2img_transformer_b3_bs10 = variant("img2img_transformer_b3_bs10", img2img_transformer_b3, block_size=10)
# fmt: on
