"""The Image Transformer with attention in two dimensions, and from image to image (Parmar et al. 2018,
https://arxiv.org/abs/1802.05751, sections 3.2 and 5.3: super-resolution).

Where attention is 2-D, images are generated block by block, because a block attends only to the blocks before it. T2T
does so only with `block_raster_scan`, and otherwise generates in an order that its attention was not trained for.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.attention import image as image_attention
from tensor2keras.models import layer_options
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.image_transformer.image_transformer import ImageDecoder, Imagetransformer
from tensor2keras.types import Features, Tensor


def _global(hparams: HParams, kernel_initializer: Any) -> image_attention.SelfAttentionOptions:
    """Returns the options of full self-attention."""
    attention = layer_options.attention_options(hparams, kernel_initializer)
    return image_attention.SelfAttentionOptions(attention=attention, inner_name="self_att", name="self_att")


ENCODER_ATTENTION = {"global": _global}


@registry.register_model("imagetransformer2d")
class Imagetransformer2d(Imagetransformer):
    """`Imagetransformer` under another name of T2T, whose sets have 2-D attention."""


@registry.register_model("img2img_transformer")
class Img2imgTransformer(ImageDecoder):
    """Generates images conditioned on images, such as larger ones: the input image is encoded and attended to.

    Call arguments:
        features: "inputs" [batch, height, width, channels] and "targets" [batch, height, width, channels] int, 0 to
            255; the two may differ in size.
        training: whether dropout applies.
    """

    has_memory = True
    allowed: ClassVar[Allowed] = {"enc_attention_type": ENCODER_ATTENTION}

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", "image*", "identity")
        self.input_positions = self._positions("enc_pos")
        self.encoder_dropout = keras.layers.Dropout(hparams.layer_prepostprocess_dropout, dtype=self.dtype_policy)
        self.encoder = [
            image_attention.ImageTransformerLayer(
                ENCODER_ATTENTION[hparams.enc_attention_type](hparams, self.kernel_initializer),
                layer_options.feed_forward_options(hparams, self.kernel_initializer, padding="SAME"),
                layer_options.residual_options(hparams),
                name=f"encoder_layer_{i}",
                dtype=self.dtype_policy,
            )
            for i in range(hparams.num_encoder_layers)
        ]
        self.encoder_final = layer_options.residual_options(hparams).before(dtype=self.dtype_policy)

    def _override(self, what: str, feature: str) -> str:
        # T2T's 1-D sets do not set the inputs' bottom, and the default one does not fit the encoder.
        if (what, feature) == ("bottom", "inputs") and "inputs" not in (self.hparams.bottom or {}):
            return "image_channel_embeddings_bottom"
        return super()._override(what, feature)

    def _build_encoder(self) -> None:
        shape = (None, None, self.hidden_size)
        if self.input_positions is not None:
            self.input_positions.build((None, None, *shape[1:]))
        for layer in self.encoder:
            layer.build(shape)
        self.encoder_final.build(shape)

    def encode(self, features: Features, training: bool = False) -> tuple[Tensor | None, Tensor | None]:
        x = features["inputs"]
        x = x[:, None] if len(x.shape) == 3 else x
        x = self._add_positions(x, self.input_positions)
        batch, rows, columns = ops.shape(x)[:3]
        x = self.encoder_dropout(ops.reshape(x, (batch, rows * columns, x.shape[-1])), training=training)
        for layer in self.encoder:
            x = layer(x, columns=columns, training=training)
        return None, self.encoder_final(x, training=training)
