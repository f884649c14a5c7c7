"""Attention to areas: to every run of neighbouring keys as well as to each of them (Li et al. 2019,
https://arxiv.org/abs/1810.10126).

An area is a rectangle of at most `max_height` x `max_width` positions; where the keys are a sequence its height is 1.
Areas of one shape stand together, in the order of their first position: those of 1 x 1 first, then 1 x 2, and so on.
Shapes: features [batch, length, depth] give [batch, areas, depth]; `height` says how many rows the length folds into.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention.weights import NEGATIVE, attention_weights, unchanged
from tensor2keras.layers.convolution import longest
from tensor2keras.layers.initializer import unseeded


def _shapes(max_width: int, max_height: int) -> Iterator[tuple[int, int]]:
    return ((height, width) for height in range(1, max_height + 1) for width in range(1, max_width + 1))


def _fold(x: Any, height: int) -> Any:
    """[batch, length, depth] -> [batch, height, width, depth]."""
    return ops.reshape(x, (-1, height, ops.shape(x)[1] // height, x.shape[-1]))


def _flatten(x: Any) -> Any:
    batch, rows, columns = ops.shape(x)[:3]
    return ops.reshape(x, (batch, rows * columns, x.shape[-1]))


def area_sums(x: Any, max_width: int, max_height: int = 1, height: int = 1) -> Any:
    """The sum of each area's features, by differences of cumulative sums (T2T `_compute_sum_image`)."""
    image = _fold(x, height)
    before = ops.pad(ops.cumsum(ops.cumsum(image, axis=2), axis=1), ((0, 0), (1, 0), (1, 0), (0, 0)))
    return ops.concatenate(
        [
            _flatten(before[:, h:, w:] + before[:, :-h, :-w] - before[:, :-h, w:] - before[:, h:, :-w])
            for h, w in _shapes(max_width, max_height)
        ],
        axis=1,
    )


def area_means(x: Any, max_width: int, max_height: int = 1, height: int = 1) -> Any:
    """The mean of each area's features."""
    heights, widths = area_sizes(x, max_width, max_height, height)
    return area_sums(x, max_width, max_height, height) / ops.cast(heights * widths, x.dtype)[:, None]


def area_maxima(x: Any, max_width: int, max_height: int = 1, height: int = 1) -> Any:
    """The largest of each area's features (T2T `basic_pool`)."""
    image = _fold(x, height)
    rows, columns = ops.shape(image)[1:3]
    maxima = []
    for h, w in _shapes(max_width, max_height):
        shifted = [
            image[:, i : longest(rows - h + 1 + i, 0), j : longest(columns - w + 1 + j, 0)]
            for i in range(h)
            for j in range(w)
        ]
        maxima.append(_flatten(functools.reduce(ops.maximum, shifted)))
    return ops.concatenate(maxima, axis=1)


def area_sizes(x: Any, max_width: int, max_height: int = 1, height: int = 1) -> tuple[Any, Any]:
    """Heights and widths of the areas of x: int32 [areas] each."""
    ones = _fold(ops.ones_like(x[:1, :, :1], dtype="int32"), height)[0, :, :, 0]
    shapes = list(_shapes(max_width, max_height))
    heights = [ops.reshape(h * ones[h - 1 :, w - 1 :], (-1,)) for h, w in shapes]
    widths = [ops.reshape(w * ones[h - 1 :, w - 1 :], (-1,)) for h, w in shapes]
    return ops.concatenate(heights), ops.concatenate(widths)


def area_bias(hidden: Any, max_width: int, max_height: int = 1, height: int = 1) -> Any:
    """Hides the areas that contain a hidden key: [..., keys] of 1 where hidden, else 0 -> float32 [..., areas]."""
    rows = ops.reshape(ops.cast(hidden, "float32"), (-1, ops.shape(hidden)[-1], 1))
    bias = ops.cast(area_sums(rows, max_width, max_height, height) > 0.5, "float32") * NEGATIVE
    return ops.reshape(bias, (*ops.shape(hidden)[:-1], ops.shape(bias)[1]))


VALUE_MODES: dict[str, Callable[..., Any]] = {"sum": area_sums, "mean": area_means, "max": area_maxima}
# What of an area makes its key; joined with its size by two dense layers, where the last says how.
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
    """`modes[mode]`.

    Raises:
        ValueError: unknown mode, with the known ones.
    """
    if mode not in modes:
        raise ValueError(f"unknown {what}={mode!r}; known: {', '.join(modes)}")
    return modes[mode]


@keras.saving.register_keras_serializable("tensor2keras")
class AreaKeys(keras.layers.Layer):
    """The key of each area.

    Args:
        max_area_width, max_area_height: of an area.
        mode: a key of `KEY_MODES`. "sample" draws from a normal distribution with the area's mean and deviation in
            training and takes the mean otherwise.
        height: rows that the keys fold into.
        kernel_initializer: of the dense layers and the embeddings of sizes.

    Call arguments:
        x: [batch, length, depth]; depth even where sizes take part.
        training: whether "sample" draws.

    Returns:
        [batch, areas, depth].

    Raises:
        ValueError: an unknown mode.

    Reference:
        T2T `compute_area_key`.
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
        self.mode = mode
        self.height = height
        self.kernel_initializer = unseeded(kernel_initializer)
        self.parts, self.join = lookup(KEY_MODES, mode, "area_key_mode")
        self.seed_generator = keras.random.SeedGenerator() if "sample" in self.parts else None

    def build(self, x_shape: tuple) -> None:
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
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        x = ops.cast(x, "float32")  # sums of all that lies before lose too much in bfloat16
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

    def get_config(self) -> dict[str, Any]:
        names = ("max_area_width", "max_area_height", "mode", "height")
        initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own, "kernel_initializer": initializer}


def area_values(x: Any, mode: str, max_width: int, max_height: int = 1, height: int = 1) -> Any:
    """The value of each area: [batch, length, depth] -> [batch, areas, depth]; `mode` is a key of `VALUE_MODES`."""
    pool = lookup(VALUE_MODES, mode, "area_value_mode")
    return ops.cast(pool(ops.cast(x, "float32"), max_width, max_height, height), x.dtype)


@keras.saving.register_keras_serializable("tensor2keras")
class AreaAttention(keras.layers.Layer):
    """Dot-product attention to areas of the keys.

    Args:
        max_area_width, max_area_height: of an area.
        area_key_mode, area_value_mode: keys of `KEY_MODES` and `VALUE_MODES`.
        height: rows that the keys fold into.
        kernel_initializer: of what makes keys of areas.

    Call arguments:
        q, k, v: [batch, heads, length, depth].
        bias: broadcasts to [batch, heads, query, key]; an area with a key that it forbids is hidden, and nothing else
            of it counts.
        transform_weights: applied to the attention weights: dropout.
        query_position: not used: in decoding the bias hides what has not been written yet.
        training: whether "sample" keys are drawn.

    Returns:
        [batch, heads, query, depth].

    Raises:
        ValueError: an unknown mode.

    Reference:
        T2T `dot_product_area_attention`.
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

    def build(self, q_shape: tuple) -> None:
        self.keys.build((None, None, q_shape[-1]))
        self.built = True

    def call(
        self,
        q: Any,
        k: Any,
        v: Any,
        bias: Any = None,
        transform_weights: Callable[[Any], Any] = unchanged,
        query_position: Any = None,
        training: bool = False,
    ) -> Any:
        batch, heads, length, _ = ops.shape(k)
        k, v = (ops.reshape(x, (batch * heads, length, x.shape[-1])) for x in (k, v))
        k = self.keys(k, training=training)
        v = area_values(v, self.area_value_mode, *self.shape)
        k, v = (ops.reshape(x, (batch, heads, ops.shape(x)[1], x.shape[-1])) for x in (k, v))
        if bias is not None:
            bias = area_bias(bias < -1, *self.shape)
        weights = attention_weights(ops.einsum("bhqd,bhkd->bhqk", q, k), bias)
        return ops.matmul(transform_weights(weights), v)

    def get_config(self) -> dict[str, Any]:
        keys = self.keys.get_config()
        names = ("max_area_width", "max_area_height", "height", "kernel_initializer")
        modes = {"area_key_mode": self.keys.mode, "area_value_mode": self.area_value_mode}
        return {**super().get_config(), **{name: keys[name] for name in names}, **modes}
