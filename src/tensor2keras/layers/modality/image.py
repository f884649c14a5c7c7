"""Modalities of images [batch, height, width, channels] int, 0 to 255, for classification and generation."""

from typing import Any

import keras
from keras import ops

from tensor2keras import backend, registry
from tensor2keras.layers import logistic_mixture
from tensor2keras.layers.layer import Layer
from tensor2keras.layers.modality.base import Modality
from tensor2keras.types import Shape, Tensor

PIXEL_EMBEDDING = 64  # width of an intensity's vector in the bottom of "image" targets


@registry.register_modality("image")
class Image(Modality):
    """Pixels as numbers; as targets, as embedded intensities; at the top, a softmax over the intensities of a channel.

    Args:
        num_channels: of the images. The other arguments are `Modality`'s.
    """

    scope = "image_modality"
    settings = ("num_channels",)

    def __init__(self, vocab_size: int, hidden_size: int, num_channels: int = 3, **kwargs: Any):
        super().__init__(vocab_size, hidden_size, **kwargs)
        self.num_channels = num_channels
        self.merge = self.dense = None
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        if "targets" in self.roles:
            self.merge = keras.layers.Dense(self.hidden_size, name="merge_pixel_embedded_channels", **shared)
        if "top" in self.roles:
            self.dense = keras.layers.Dense(self.vocab_size * num_channels, name="dense", **shared)

    def build(self, input_shape: Shape | None = None) -> None:
        if self.merge is not None:
            shape = (self.vocab_size, PIXEL_EMBEDDING)
            with keras.name_scope(Image.scope):  # that T2T's function opens
                self.pixel_embedding = self.add_weight(
                    name="pixel_embedding", shape=shape, initializer=self.kernel_initializer
                )
                self.merge.build((None, PIXEL_EMBEDDING * self.num_channels))
        if self.dense is not None:
            with keras.name_scope("rgb_softmax"):
                self.dense.build((None, self.hidden_size))

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        return super().feature_spec(shape or (None, None, self.num_channels))

    def targets_bottom(self, x: Tensor, training: bool = False) -> Tensor:
        vectors = backend.look_up(self.pixel_embedding, x)  # [batch, height, width, channels, 64]
        return self.merge(ops.reshape(vectors, (*ops.shape(x)[:3], PIXEL_EMBEDDING * self.num_channels)))

    def top(self, body_output: Tensor) -> Tensor:
        shape = (*ops.shape(body_output)[:-1], self.num_channels, self.vocab_size)
        return ops.reshape(self.dense(body_output), shape)


class ChannelTable(Layer):
    """A vector for each intensity of each channel: `rgb_target_emb_input_bottom` [256 * num_channels, width].

    Args:
        num_channels: of the images.
        width: of a vector.
        initializer: of the table.
    """

    def __init__(self, num_channels: int, width: int, initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_channels = num_channels
        self.width = width
        self.initializer = initializer

    def build(self, input_shape: Shape | None = None) -> None:
        shape = (256 * self.num_channels, self.width)
        self.rows = self.add_weight(name="rgb_target_emb_input_bottom", shape=shape, initializer=self.initializer)

    def call(self, x: Tensor, channel: Tensor) -> Tensor:
        """Embeds intensities `x` of the channels `channel`, broadcast against each other -> [..., width]."""
        return backend.look_up(self.rows, ops.cast(x, "int32") + 256 * channel) * self.width**0.5


@registry.register_modality("image_channel_embeddings_bottom")
class ImageChannelEmbeddings(Modality):
    """Each channel of each pixel is a position: [batch, height, width * channels, hidden_size].

    Args:
        num_channels: of the images. The other arguments are `Modality`'s.
    """

    scope = "image_channel_embeddings_bottom"
    settings = ("num_channels",)
    table_scope = "table"  # T2T has none

    def __init__(self, vocab_size: int, hidden_size: int, num_channels: int = 3, **kwargs: Any):
        super().__init__(vocab_size, hidden_size, **kwargs)
        self.num_channels = num_channels
        self.embed = ChannelTable(
            num_channels, self.hidden_size, self.kernel_initializer, name=self.table_scope, dtype=self.dtype_policy
        )

    def build(self, input_shape: Shape | None = None) -> None:
        self.embed.build()

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        return super().feature_spec(shape or (None, None, self.num_channels))

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        channels = ops.arange(self.num_channels, dtype="int32")
        vectors = self.embed(x, channels)  # [batch, height, width, channels, hidden_size]
        batch, height, width = ops.shape(x)[:3]
        return ops.reshape(vectors, (batch, height, width * self.num_channels, self.hidden_size))


@registry.register_modality("image_channel_embeddings_targets_bottom")
class ImageChannelEmbeddingsOfTargets(ImageChannelEmbeddings):
    """`ImageChannelEmbeddings` in another scope than that of the inputs (T2T `make_targets_bottom`)."""

    table_scope = "targets_bottom"


class PixelProjection(Layer):
    """Projects the three channels of a pixel to one vector: a convolution with a stride of three channels, then relu.

    Args:
        width: of a vector.
        kernel_initializer: of the convolution.
    """

    channels = 3

    def __init__(self, width: int, kernel_initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.convolution = keras.layers.Conv2D(
            width,
            (1, self.channels),
            strides=(1, self.channels),
            activation="relu",
            data_format="channels_last",
            kernel_initializer=kernel_initializer,
            name="conv_input",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Shape | None = None) -> None:
        self.convolution.build((None, None, None, 1))

    def call(self, x: Tensor) -> Tensor:
        """Images [batch, height, width, 3] -> [batch, height, width, hidden_size]."""
        batch, height, width = ops.shape(x)[:3]
        return self.convolution(ops.reshape(logistic_mixture.to_real(x), (batch, height, width * self.channels, 1)))


@registry.register_modality("image_channel_compress")
@registry.register_modality("image_channel_bottom_identity")
class ImageChannelCompress(Modality):
    """Each pixel is a position: [batch, height, width, hidden_size]; the body's output is the prediction.

    T2T's "image_channel_compress" and "image_channel_bottom_identity" differ only in a top that no hparams set uses,
    and in the scope.
    """

    scope = "image_channel_compress_modality"

    def __init__(self, vocab_size: int | None, hidden_size: int, **kwargs: Any):
        super().__init__(vocab_size, hidden_size, **kwargs)
        self.input_projection = self._projection("input_bottom") if "inputs" in self.roles else None
        self.target_projection = self._projection("output_bottom") if "targets" in self.roles else None

    def _projection(self, name: str) -> PixelProjection:
        return PixelProjection(self.hidden_size, self.kernel_initializer, name=name, dtype=self.dtype_policy)

    def build(self, input_shape: Shape | None = None) -> None:
        for projection in (self.input_projection, self.target_projection):
            if projection is not None:
                projection.build()

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        return super().feature_spec(shape or (None, None, PixelProjection.channels))

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.input_projection(x)

    def targets_bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.target_projection(x)


@registry.register_modality("dmol")
class ImageMixture(ImageChannelCompress):
    """`ImageChannelCompress` under the loss of a discretized mixture of logistics."""

    loss = staticmethod(logistic_mixture.loss)
