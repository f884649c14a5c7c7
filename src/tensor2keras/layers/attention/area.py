"""Area attention: attention to every run of neighbouring keys as well as to each key (Li et al. 2019,
https://arxiv.org/abs/1810.10126).

An area is a rectangle of at most `max_height` x `max_width` positions, of height 1 where the keys are a sequence. Areas
are ordered by their shape (1 x 1, then 1 x 2, and so on), areas of one shape by their first position.

Shapes: features [batch, length, depth] give [batch, areas, depth]; `height` is the number of rows into which the length
is folded.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention.bias import mask_bias
from tensor2keras.layers.attention.core import DotProductAttention
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Shape, Tensor


def _shapes(max_width: int, max_height: int) -> Iterator[tuple[int, int]]:
    return ((height, width) for height in range(1, max_height + 1) for width in range(1, max_width + 1))


def _fold(x: Tensor, height: int) -> Tensor:
    """[batch, length, depth] -> [batch, height, width, depth]."""
    return ops.reshape(x, (-1, height, ops.shape(x)[1] // height, x.shape[-1]))


def _flatten(x: Tensor) -> Tensor:
    batch, rows, columns = ops.shape(x)[:3]
    return ops.reshape(x, (batch, rows * columns, x.shape[-1]))


def area_sums(x: Tensor, max_width: int, max_height: int = 1, height: int = 1) -> Tensor:
    """Sums each area's features, by differences of cumulative sums (T2T `_compute_sum_image`)."""
    image = _fold(x, height)
    before = ops.pad(ops.cumsum(ops.cumsum(image, axis=2), axis=1), ((0, 0), (1, 0), (1, 0), (0, 0)))
    return ops.concatenate(
        [
            _flatten(before[:, h:, w:] + before[:, :-h, :-w] - before[:, :-h, w:] - before[:, h:, :-w])
            for h, w in _shapes(max_width, max_height)
        ],
        axis=1,
    )


def area_means(x: Tensor, max_width: int, max_height: int = 1, height: int = 1) -> Tensor:
    """Averages each area's features."""
    heights, widths = area_sizes(x, max_width, max_height, height)
    return area_sums(x, max_width, max_height, height) / ops.cast(heights * widths, x.dtype)[:, None]


def area_maxima(x: Tensor, max_width: int, max_height: int = 1, height: int = 1) -> Tensor:
    """Takes the maximum of each area's features (T2T `basic_pool`)."""
    image = _fold(x, height)
    maxima = []
    for h, w in _shapes(max_width, max_height):
        shifted = [image[:, i : i - h + 1 or None, j : j - w + 1 or None] for i in range(h) for j in range(w)]
        maxima.append(_flatten(functools.reduce(ops.maximum, shifted)))
    return ops.concatenate(maxima, axis=1)


def area_sizes(x: Tensor, max_width: int, max_height: int = 1, height: int = 1) -> tuple[Tensor, Tensor]:
    """Returns the heights and the widths of the areas of `x` [batch, length, depth]: int32 [areas] each."""
    ones = _fold(ops.ones_like(x[:1, :, :1], dtype="int32"), height)[0, :, :, 0]
    shapes = list(_shapes(max_width, max_height))
    heights = [ops.reshape(h * ones[h - 1 :, w - 1 :], (-1,)) for h, w in shapes]
    widths = [ops.reshape(w * ones[h - 1 :, w - 1 :], (-1,)) for h, w in shapes]
    return ops.concatenate(heights), ops.concatenate(widths)


def area_bias(masked: Tensor, max_width: int, max_height: int = 1, height: int = 1) -> Tensor:
    """Masks the areas that contain a masked key: true or 1 where masked, [..., keys] -> float32 [..., areas]."""
    rows = ops.reshape(ops.cast(masked, "float32"), (-1, ops.shape(masked)[-1], 1))
    bias = mask_bias(area_sums(rows, max_width, max_height, height) > 0.5)
    return ops.reshape(bias, (*ops.shape(masked)[:-1], ops.shape(bias)[1]))


VALUE_MODES: dict[str, Callable[..., Tensor]] = {"sum": area_sums, "mean": area_means, "max": area_maxima}
# mode -> the statistics of an area's keys, and how they join its size as input of two dense layers (None: no layers).
KEY_MODES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "mean": (("mean",), None),
    "max": (("max",), None),
    "sample": (("sample",), None),
    "concat": (("mean", "deviation"), "concat"),
    "max_concat": (("max",), "concat"),
    "sample_concat": (("sample",), "concat"),
    "sum": (("mean", "deviation"), "sum"),
    "sample_sum": (("sample",), "sum"),
}


def lookup(modes: dict[str, Any], mode: str, what: str) -> Any:
    """Returns `modes[mode]`.

    Raises:
        ValueError: an unknown mode; the message lists the known ones.
    """
    if mode not in modes:
        raise ValueError(f"unknown {what}={mode!r}; known: {', '.join(modes)}")
    return modes[mode]


class AreaKeys(Layer):
    """Keys of areas, computed from the keys of their positions. T2T `compute_area_key`.

    Args:
        max_area_width, max_area_height: of an area.
        mode: a key of `KEY_MODES`. "sample" is, in training, a sample from the normal distribution with the area's
            mean and deviation, otherwise the mean.
        height: number of rows into which the keys are folded.
        kernel_initializer: of the dense layers and the embeddings of sizes.

    Weights, only in modes that use sizes: `area_height_emb` [max_area_height, depth / 2], `area_width_emb`
    [max_area_width, depth / 2], `dense/kernel` [depth or a multiple, depth], `dense_1/kernel` [depth, depth], biases.

    Call arguments:
        x: [batch, length, depth]; depth must be even in modes that use sizes.
        training: whether keys of "sample" modes are sampled.

    Returns:
        [batch, areas, depth].

    Raises:
        ValueError: an unknown mode.
    """

    def __init__(
        self,
        max_area_width: int,
        max_area_height: int = 1,
        mode: str = "mean",
        height: int = 1,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "combine_area_features",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.max_area_width = max_area_width
        self.max_area_height = max_area_height
        self.height = height
        self.kernel_initializer = unseeded(kernel_initializer)
        self.parts, self.join = lookup(KEY_MODES, mode, "area_key_mode")
        self.seed_generator = keras.random.SeedGenerator() if "sample" in self.parts else None

    def build(self, x_shape: Shape) -> None:
        depth = x_shape[-1]
        if self.join:
            options = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
            self.hidden = keras.layers.Dense(depth, activation="relu", name="dense", **options)
            self.output_dense = keras.layers.Dense(depth, name="dense_1", **options)
            embeddings = {"area_height_emb": self.max_area_height, "area_width_emb": self.max_area_width}
            self.height_embedding, self.width_embedding = (
                self.add_weight(name=name, shape=(rows, depth // 2), initializer=self.kernel_initializer)
                for name, rows in embeddings.items()
            )
            count = len(self.parts) + 1 if self.join == "concat" else 1
            self.hidden.build((None, None, count * depth))
            self.output_dense.build((None, None, depth))

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        x = ops.cast(x, "float32")  # cumulative sums are too inexact in bfloat16
        shape = (self.max_area_width, self.max_area_height, self.height)
        if self.parts == ("max",):
            parts = [area_maxima(x, *shape)]
        else:
            mean = area_means(x, *shape)
            parts = [mean]
            if self.parts != ("mean",):
                deviation = ops.sqrt(ops.abs(area_means(x**2, *shape) - mean**2) + 1e-6)
                parts = [mean, deviation]
            if "sample" in self.parts:
                noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator) if training else 0.0
                parts = [mean + deviation * noise]
        if not self.join:
            return ops.cast(parts[0], self.compute_dtype)
        sizes = zip((self.height_embedding, self.width_embedding), area_sizes(x, *shape), strict=True)
        size = ops.concatenate([ops.take(ops.convert_to_tensor(table), n - 1, axis=0) for table, n in sizes], axis=-1)
        parts.append(ops.broadcast_to(ops.cast(size, "float32"), ops.shape(parts[0])))
        joined = ops.concatenate(parts, axis=-1) if self.join == "concat" else sum(parts)
        return self.output_dense(self.hidden(joined))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> None:
        """Returns None: areas are no positions."""

    def compute_output_shape(self, x_shape: Shape) -> Shape:
        batch, length, depth = x_shape
        if length is None:
            return (batch, None, depth)
        columns = length // self.height
        shapes = _shapes(self.max_area_width, self.max_area_height)
        return (batch, sum(max(self.height - h + 1, 0) * max(columns - w + 1, 0) for h, w in shapes), depth)


def area_values(x: Tensor, mode: str, max_width: int, max_height: int = 1, height: int = 1) -> Tensor:
    """Returns the value of each area: [batch, length, depth] -> [batch, areas, depth].

    Args:
        x: [batch, length, depth].
        mode: a key of `VALUE_MODES`.
        max_width, max_height: of an area.
        height: number of rows into which the length is folded.
    """
    pool = lookup(VALUE_MODES, mode, "area_value_mode")
    return ops.cast(pool(ops.cast(x, "float32"), max_width, max_height, height), x.dtype)


class AreaAttention(DotProductAttention):
    """Dot-product attention to areas of the keys. T2T `dot_product_area_attention`.

    Args:
        max_area_width, max_area_height: of an area.
        area_key_mode, area_value_mode: keys of `KEY_MODES` and `VALUE_MODES`.
        height: number of rows into which the keys are folded.
        kernel_initializer: of `AreaKeys`.
        **kwargs: arguments of `DotProductAttention`; the attention weights are [batch, heads, query, area].

    Call arguments:
        q, k, v: [batch, heads, length, depth].
        bias: broadcasts to [batch, heads, query, key]; areas with a masked key are masked; the bias has no
            other effect.
        query_position: not used; in decoding the bias masks the positions not yet written.
        training: whether dropout applies and keys of "sample" modes are sampled.

    Returns:
        [batch, heads, query, depth].

    Raises:
        ValueError: an unknown mode.
    """

    def __init__(
        self,
        max_area_width: int,
        max_area_height: int = 1,
        area_key_mode: str = "mean",
        area_value_mode: str = "sum",
        height: int = 1,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "dot_product_area_attention",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        lookup(VALUE_MODES, area_value_mode, "area_value_mode")
        self.area_value_mode = area_value_mode
        self.shape = (max_area_width, max_area_height, height)
        self.keys = AreaKeys(
            max_area_width, max_area_height, area_key_mode, height, kernel_initializer, dtype=self.dtype_policy
        )

    def build(self, q_shape: Shape) -> None:
        self.keys.build((None, None, q_shape[-1]))

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, query_position: Tensor | int | None, training: bool
    ) -> tuple[Tensor, Tensor]:
        heads, length = k.shape[1], ops.shape(k)[2]
        k, v = (ops.reshape(x, (-1, length, x.shape[-1])) for x in (k, v))
        k = self.keys(k, training=training)
        v = area_values(v, self.area_value_mode, *self.shape)
        k, v = (ops.reshape(x, (-1, heads, ops.shape(x)[1], x.shape[-1])) for x in (k, v))
        if bias is not None:
            bias = area_bias(bias < -1, *self.shape)
        return super()._attend(q, k, v, bias, query_position, training)
