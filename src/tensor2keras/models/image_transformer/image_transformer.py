"""The Image Transformer (Parmar et al. 2018, https://arxiv.org/abs/1802.05751), in one dimension.

A decoder alone that predicts an image value by value: each channel of each pixel as one of 256 intensities
(`likelihood` "cat"), or each pixel as a mixture of discretized logistics ("dmol"). `Imagetransformer` may be
conditioned on a class label; `image_transformer_2d.py` has attention in two dimensions and conditioning on images.

`dec_attention_type` offers more kinds of attention than the paper's local 1-D and 2-D.
"""

import dataclasses
import functools
from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers import position
from tensor2keras.layers.attention import image as image_attention
from tensor2keras.layers.attention.local_2d import BlockOrder, block_order
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.models import layer_options, t2t_model
from tensor2keras.models.allowed import Allowed
from tensor2keras.types import Cache, Features, Tensor

INTENSITIES = 256
COLOUR_CHANNELS = 3  # of a pixel that a mixture of logistics describes
GAP_SIZES = (0, 16, 64, 0, 16, 64, 128, 0)  # T2T's, for sets without this hyperparameter


class ImageDecoder(t2t_model.T2TModel):
    """Base of decoders of images; subclasses define what images are conditioned on.

    Call arguments:
        features: "targets" [batch, height, width, channels] int, 0 to 255, shifted right inside; "inputs" as the
            subclass needs.
        training: whether dropout applies.

    Returns:
        Logits [batch, height, width, channels, 256], or mixture parameters [batch, height, width, 10 * mixtures].
    """

    has_memory = False  # whether the decoder attends to an encoded image
    allowed: ClassVar[Allowed] = {
        **layer_options.ALLOWED,
        "likelihood": ("cat", "dmol"),
        "pos": ("timing", "emb"),
        "dec_attention_type": image_attention.SELF_ATTENTION,
    }

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("targets", "image*", "identity")  # img2img problems' raw images are "identity"
        self.decoder_dropout = keras.layers.Dropout(hparams.layer_prepostprocess_dropout, dtype=self.dtype_policy)
        self.target_positions = self._positions("dec_pos")
        memory = layer_options.attention_options(hparams, self.kernel_initializer) if self.has_memory else None
        self.decoder = [
            image_attention.ImageTransformerLayer(
                self._self_attention(i),
                self._feed_forward(i),
                layer_options.residual_options(hparams),
                memory_attention=memory,
                name=f"decoder_layer_{i}",
                dtype=self.dtype_policy,
            )
            for i in range(hparams.num_decoder_layers or hparams.num_hidden_layers)
        ]
        self.decoder_final = layer_options.residual_options(hparams).before(
            name="layer_prepostprocess_1" if self.has_memory else "layer_prepostprocess", dtype=self.dtype_policy
        )
        self.output_conv = keras.layers.Dense(
            10 * hparams.num_mixtures if self.likelihood == "dmol" else INTENSITIES,
            use_bias=self.likelihood == "cat",
            kernel_initializer=self.kernel_initializer,
            name="output_conv",
            dtype=self.dtype_policy,
        )

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.likelihood = hparams.get("likelihood", "cat")
        self.num_channels = hparams.num_channels
        if self.likelihood == "dmol" and self.num_channels != 1:
            raise ValueError(f"likelihood=dmol takes whole pixels: set num_channels=1, not {self.num_channels}")
        self.attention_type = hparams.dec_attention_type  # a key of `image_attention.SELF_ATTENTION`
        if self.attention_type == "local_2d" and "query_shape" not in hparams:
            raise ValueError("dec_attention_type=local_2d needs hparams query_shape and memory_flange")
        self.query_shape = tuple(hparams.query_shape) if self.attention_type == "local_2d" else None
        self.image_length = hparams.img_len  # height and width of generated images

    def _positions(self, name: str) -> keras.layers.Layer | None:
        """Returns the learned positions of `pos=emb`; None for `pos=timing`, which has no variables."""
        if self.hparams.pos == "timing":
            return None
        return position.PositionalEmbeddingND(self.hparams.max_length, prefix=name, name=name, dtype=self.dtype_policy)

    def _self_attention(self, layer: int) -> LayerOptions:
        hparams = self.hparams
        options = {
            name: hparams[name] for name in ("block_length", "block_width", "num_memory_blocks") if name in hparams
        }
        options |= {name: hparams[name] for name in ("query_shape", "memory_flange") if name in hparams}
        if self.attention_type == "dilated":
            gaps, layers = hparams.get("gap_sizes", GAP_SIZES), hparams.num_decoder_layers or hparams.num_hidden_layers
            if len(gaps) != layers:
                raise ValueError(f"gap_sizes={list(gaps)} must be as many as the decoder's {layers} layers")
            options["gap_size"] = gaps[layer]
        return image_attention.self_attention(self.attention_type, self._attention_options(), options)

    def _attention_options(self) -> AttentionOptions:
        return dataclasses.replace(
            layer_options.attention_options(self.hparams, self.kernel_initializer),
            query_filter_width=self.hparams.q_filter_width,
            key_filter_width=self.hparams.kv_filter_width,
            filter_padding="LEFT",
        )

    def _feed_forward(self, layer: int) -> LayerOptions:
        return layer_options.feed_forward_options(self.hparams, self.kernel_initializer, padding="LEFT")

    def build_body(self) -> None:
        self._build_encoder()
        shape = (None, None, self.hidden_size)
        if self.target_positions is not None:
            self.target_positions.build((None, None, *shape[1:]))
        for layer in self.decoder:
            layer.build(shape)
        self.decoder_final.build(shape)
        self.output_conv.build(shape)

    def _build_encoder(self) -> None:
        """Builds the encoder of subclasses that have one."""

    def _override(self, what: str, feature: str) -> str:
        if what == "loss" and feature == "targets" and self.likelihood == "dmol":
            return "dmol"
        return super()._override(what, feature)

    def body(self, features: Features, training: bool = False) -> Tensor:
        """Returns predictions from embedded targets [batch, rows, columns, hidden]; a sequence is one row."""
        x = features["targets"]
        is_sequence = len(x.shape) == 3
        x = x[:, None] if is_sequence else x
        batch, rows, columns = ops.shape(x)[:3]
        condition, memory = self.encode(features, training=training)
        x = self._shift(x)
        x = self._add_positions(x, self.target_positions)
        if condition is not None:
            x = x + condition[:, None, None, :]
        x = self.decoder_dropout(ops.reshape(x, (batch, rows * columns, x.shape[-1])), training=training)
        for layer in self.decoder:
            x = layer(x, columns=columns, memory=memory, training=training)
        predictions = self.output_conv(self.decoder_final(x, training=training))
        if is_sequence:
            return predictions
        channels = self.num_channels
        shape = (columns,) if self.likelihood == "dmol" else (columns // channels, channels)
        return ops.reshape(predictions, (batch, rows, *shape, predictions.shape[-1]))

    def encode(self, features: Features, training: bool = False) -> tuple[Tensor | None, Tensor | None]:
        """Encodes what the image is conditioned on.

        Returns:
            A vector that is added at every position [batch, hidden] and a memory that is attended to
            [batch, length, hidden]; None for either that the model does not have.
        """
        return None, None

    def _shift(self, x: Tensor) -> Tensor:
        """Moves every vector to the place decoded next; the image, or each block, begins with a zero vector."""
        batch, rows, columns = ops.shape(x)[:3]
        flat = ops.reshape(x, (batch, rows * columns, x.shape[-1]))
        if self.attention_type == "local_2d":
            previous = self._block_order((rows, columns)).previous
            shifted = ops.take(ops.pad(flat, ((0, 0), (1, 0), (0, 0))), previous + 1, axis=1)
        else:
            shifted = ops.pad(flat, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        return ops.reshape(shifted, (batch, rows, columns, x.shape[-1]))

    def _add_positions(
        self, x: Tensor, layer: keras.layers.Layer | None, positions: list[Tensor] | None = None
    ) -> Tensor:
        if layer is not None:
            return layer(x, positions)
        return position.add_timing_signal_nd(x, positions=positions)

    # Generating images: one column per step, in the order of `order`

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of generated images."""
        return self.image_length, self.image_length, COLOUR_CHANNELS if self.likelihood == "dmol" else self.num_channels

    @functools.cached_property
    def order(self) -> BlockOrder:
        """The order in which rows and columns are decoded: row by row, or block by block where attention is 2-D."""
        return self._block_order((self.image_length, self.image_length * self.num_channels))

    def _block_order(self, shape: tuple[int, int]) -> BlockOrder:
        if not all(isinstance(size, int) for size in shape):
            raise ValueError("attention in two dimensions needs images of a size known when the model is traced")
        return block_order(shape, self.query_shape)

    def init_cache(self, features: Features, max_length: int) -> Cache:
        """Returns the state before the first step: the condition and empty buffers.

        Args:
            features: "inputs" if the model has inputs; of other features only the batch size is used.
            max_length: the number of steps, rows * columns of `order`.
        """
        if self.attention_type in image_attention.NOT_CAUSAL:
            raise ValueError(f"dec_attention_type={self.attention_type} is not causal: it cannot generate images")
        if max_length != len(self.order.order):
            raise ValueError(f"max_length={max_length}: an image {self.image_shape} is {len(self.order.order)} steps")
        batch_size = ops.shape(next(iter(features.values())))[0]
        inputs = {"inputs": features["inputs"]} if self.has_inputs else {}
        condition, memory = self.encode(self.bottom(inputs))
        cache = {layer.name: layer.init_cache(batch_size, self.order, memory) for layer in self.decoder}
        return cache if condition is None else {**cache, "condition": condition}

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Returns predictions at step `position` of `order` from the values generated at the step before.

        Args:
            ids: [batch] intensities, or [batch, 3] colours for a mixture; ignored at position 0.
            position: scalar int32.
            cache: from `init_cache` or the step before.

        Returns:
            Logits [batch, 256] or mixture parameters [batch, 10 * mixtures], and the new cache.
        """
        order = self.order
        place = ops.take(ops.convert_to_tensor(order.order), position, axis=0)
        columns = order.shape[1]
        x = self._embed_previous(ids, position) * ops.cast(
            ops.logical_not(ops.take(ops.convert_to_tensor(order.starts), position, axis=0)), self.compute_dtype
        )
        where = (place // columns, place % columns)
        x = self._add_positions(x[:, None, None, :], self.target_positions, [ops.reshape(i, (1,)) for i in where])[:, 0]
        if "condition" in cache:
            x = x + cache["condition"][:, None, :]
        cache = dict(cache)
        for layer in self.decoder:
            x, cache[layer.name] = layer.step(x, position, cache[layer.name], order)
        return self.output_conv(self.decoder_final(x))[:, 0], cache

    def _embed_previous(self, ids: Tensor, step: Tensor) -> Tensor:
        """Embeds the values generated before `step`: [batch, hidden]."""
        modality = self.modalities["targets"]
        if self.likelihood == "dmol":
            return modality.targets_bottom(ids[:, None, None, :])[:, 0, 0]
        before = ops.take(ops.convert_to_tensor(self.order.order), ops.maximum(step - 1, 0), axis=0)
        return modality.embed(ids, before % self.num_channels)

    def feature_specs(self) -> dict[str, keras.InputSpec]:
        return super().feature_specs() | {"targets": keras.InputSpec("int32", (None, *self.image_shape))}

    def infer(self, features: Features | None = None, **kwargs: Any) -> dict[str, Any]:
        """Generates images; arguments and result as in `tensor2keras.decoding.images.infer`."""
        from tensor2keras.decoding import images  # a package above this one

        return images.infer(self, features, **kwargs)


@registry.register_model("imagetransformer")
class Imagetransformer(ImageDecoder):
    """Generates images, conditioned on a class label unless `hparams.unconditional`.

    Call arguments:
        features: "targets" [batch, height, width, channels] int, 0 to 255; "inputs" [batch], the class labels.
        training: whether dropout applies.
    """

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        if not self.unconditional:
            hint = "set unconditional=True, or take a problem of classes reversed (PROBLEM_rev)"
            self.require_modality("inputs", "class_label", hint=hint)

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        self.unconditional = hparams.unconditional

    @property
    def has_inputs(self) -> bool:
        return super().has_inputs and not self.unconditional

    def encode(self, features: Features, training: bool = False) -> tuple[Tensor | None, Tensor | None]:
        if not self.has_inputs:
            return None, None
        label = features["inputs"]
        return (ops.mean(label, axis=tuple(range(1, len(label.shape) - 1))) if len(label.shape) > 2 else label), None


@registry.register_model("imagetransformer_moe")
class ImagetransformerMoe(Imagetransformer):
    """`Imagetransformer` with experts in place of the feed-forward networks of the layers `moe_layers_decoder`.

    T2T 1.15 registers this model but lacks functions that it calls; this one is built from its hyperparameters.
    """

    allowed: ClassVar[Allowed] = {"dec_attention_type": ("moe_local1d", *image_attention.SELF_ATTENTION)}

    def read_hparams(self, hparams: HParams) -> None:
        super().read_hparams(hparams)
        if "moe_layers_decoder" not in hparams:
            raise ValueError(f"{self.name} needs hparams moe_layers_decoder, as imagetransformer_moe_tiny has it")
        if self.attention_type == "moe_local1d":
            self.attention_type = "local_1d"

    def _feed_forward(self, layer: int) -> LayerOptions:
        hparams = self.hparams
        if str(layer) not in hparams.moe_layers_decoder.split(","):
            return super()._feed_forward(layer)
        return layer_options.experts_options(hparams, self.kernel_initializer)
