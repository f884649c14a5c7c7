"""Image modalities: how pixels enter a model and, for models that predict them, leave it.

Entered in the tables of `modality` under T2T's names, which are both kinds of problem features ("image") and what
`hparams.bottom` and `hparams.loss` may say ("image_channel_embeddings_bottom", "dmol").

Shapes: images [batch, height, width, channels], int 0 to 255.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers import logistic_mixture
from tensor2keras.layers.modality import modality

PIXEL_EMBEDDING = 64  # width of an intensity's vector in the bottom of "image" targets


class Image(modality.Modality):
    """Pixels: numbers in; as targets, embedded intensities; out, a softmax over the intensities of each channel.

    Args:
        num_channels: of the image; the other arguments are `Modality`'s.
    """

    scope = "image_modality"
    settings = ("num_channels",)

    def __init__(self, *args: Any, num_channels: int = 3, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.num_channels = num_channels
        self.merge = self.dense = None
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        if "targets" in self.roles:
            self.merge = keras.layers.Dense(self.hidden_size, name="merge_pixel_embedded_channels", **shared)
        if "top" in self.roles:
            self.dense = keras.layers.Dense(self.vocab_size * num_channels, name="dense", **shared)

    def build(self, input_shape: Any = None) -> None:
        if self.merge is not None:
            self.pixel_embedding = self.add_weight(
                name="pixel_embedding", shape=(self.vocab_size, PIXEL_EMBEDDING), initializer=self.kernel_initializer
            )
            self.merge.build((None, PIXEL_EMBEDDING * self.num_channels))
        if self.dense is not None:
            with keras.name_scope("rgb_softmax"):
                self.dense.build((None, self.hidden_size))
        self.built = True

    def targets_bottom(self, x: Any, training: bool = False) -> Any:
        vectors = backend.look_up(self.pixel_embedding, x)  # [batch, height, width, channels, 64]
        return self.merge(ops.reshape(vectors, (*ops.shape(x)[:3], PIXEL_EMBEDDING * self.num_channels)))

    def top(self, body_output: Any) -> Any:
        shape = (*ops.shape(body_output)[:-1], self.num_channels, self.vocab_size)
        return ops.reshape(self.dense(body_output), shape)


class ChannelTable(keras.layers.Layer):
    """A vector for each intensity of each channel."""

    def __init__(self, num_channels: int, width: int, initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_channels = num_channels
        self.width = width
        self.initializer = initializer

    def build(self, input_shape: Any = None) -> None:
        shape = (256 * self.num_channels, self.width)
        self.rows = self.add_weight(name="rgb_target_emb_input_bottom", shape=shape, initializer=self.initializer)
        self.built = True

    def call(self, x: Any, channel: Any) -> Any:
        """Intensities of the given channels, broadcast against each other -> [..., width]."""
        return backend.look_up(self.rows, ops.cast(x, "int32") + 256 * channel) * self.width**0.5


class ImageChannelEmbeddings(modality.Modality):
    """Every channel of every pixel becomes a position: [batch, height, width * channels, hidden]."""

    scope = "image_modality"
    settings = ("num_channels",)
    table_scope = "table"  # T2T has none

    def __init__(self, *args: Any, num_channels: int = 3, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.num_channels = num_channels
        self.embed = ChannelTable(
            num_channels, self.hidden_size, self.kernel_initializer, name=self.table_scope, dtype=self.dtype_policy
        )

    def build(self, input_shape: Any = None) -> None:
        self.embed.build()
        self.built = True

    def bottom(self, x: Any, training: bool = False) -> Any:
        vectors = self.embed(
            x, ops.arange(self.num_channels, dtype="int32")
        )  # [batch, height, width, channels, hidden]
        batch, height, width = ops.shape(x)[:3]
        return ops.reshape(vectors, (batch, height, width * self.num_channels, self.hidden_size))


class ImageChannelEmbeddingsOfTargets(ImageChannelEmbeddings):
    """`ImageChannelEmbeddings` in a scope of its own, so that inputs can have one too (T2T `make_targets_bottom`)."""

    table_scope = "targets_bottom"


class PixelProjection(keras.layers.Layer):
    """The three channels of a pixel as one vector: relu of a convolution that takes a pixel a step."""

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

    def build(self, input_shape: Any = None) -> None:
        self.convolution.build((None, None, None, 1))
        self.built = True

    def call(self, x: Any) -> Any:
        batch, height, width = ops.shape(x)[:3]
        return self.convolution(ops.reshape(logistic_mixture.to_real(x), (batch, height, width * self.channels, 1)))


class ImageChannelCompress(modality.Modality):
    """Every pixel becomes a position: [batch, height, width, hidden]; the body's output is the prediction.

    T2T's "image_channel_compress" and "image_channel_bottom_identity" differ only in a top that no set uses.
    """

    scope = "image_modality"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.input_projection = self._projection("input_bottom") if "inputs" in self.roles else None
        self.target_projection = self._projection("output_bottom") if "targets" in self.roles else None

    def _projection(self, name: str) -> PixelProjection:
        return PixelProjection(self.hidden_size, self.kernel_initializer, name=name, dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        for projection in (self.input_projection, self.target_projection):
            if projection is not None:
                projection.build()
        self.built = True

    def bottom(self, x: Any, training: bool = False) -> Any:
        return self.input_projection(x)

    def targets_bottom(self, x: Any, training: bool = False) -> Any:
        return self.target_projection(x)


modality.MODALITIES.update(
    {
        "image": Image,
        "image_channel_bottom_identity": ImageChannelCompress,
        "image_channel_compress": ImageChannelCompress,
        "image_channel_embeddings_bottom": ImageChannelEmbeddings,
        "image_channel_embeddings_targets_bottom": ImageChannelEmbeddingsOfTargets,
    }
)
modality.LOSSES.update(
    {
        "dmol": logistic_mixture.loss,
        "image": modality.cross_entropy,
        "image_channel_bottom_identity": modality.cross_entropy,
        "image_channel_compress": modality.cross_entropy,
        "image_channel_embeddings_bottom": modality.cross_entropy,
    }
)
