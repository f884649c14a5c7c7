"""Multi-head dot-product attention, its biases and its key/value cache (Vaswani et al. 2017, section 3.2).

One core, `dot_product_attention`. Variants are a bias added to the logits (`causal_bias`, `same_segment_bias`, ...), a
relative term or a blocking from the table `ATTENTION_TYPES`.

Shapes: [batch, length, hidden] outside, [batch, heads, length, depth] inside; biases broadcast to
[batch, heads, query, key].
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention import area as area_attention
from tensor2keras.layers.attention import local as local_attention
from tensor2keras.layers.attention import relative as relative_attention
from tensor2keras.layers.attention.weights import NEGATIVE, attention_weights, unchanged
from tensor2keras.layers.initializer import unseeded

# Biases


def embedding_padding(x: Any) -> Any:
    """1.0 where a vector of `x` [..., hidden] is all zero (a padding symbol's embedding), else 0.0: float32 [...]."""
    return ops.cast(ops.equal(ops.sum(ops.abs(x), axis=-1), 0), "float32")


def ignore_padding_bias(padding: Any) -> Any:
    """Hides padded keys. padding: 1.0 at padding, [batch, key] -> [batch, 1, 1, key]."""
    return ops.cast(padding, "float32")[:, None, None, :] * NEGATIVE


def bias_to_padding(bias: Any) -> Any:
    """The inverse of `ignore_padding_bias`: [batch, 1, 1, key] -> 1.0 at padding, [batch, key]."""
    return ops.cast(bias < -1, "float32")[:, 0, 0, :]


def local_bias(length: Any, max_backward: int, max_forward: int) -> Any:
    """Hides keys farther than `max_backward` before or `max_forward` after the query; a negative limit is none.

    Returns [1, 1, length, length]. Takes no less computation than full attention.
    """
    position = ops.arange(length, dtype="int32")
    distance = position[None, :] - position[:, None]  # key - query
    hidden = ops.zeros_like(distance, dtype="bool")
    if max_backward >= 0:
        hidden = ops.logical_or(hidden, distance < -max_backward)
    if max_forward >= 0:
        hidden = ops.logical_or(hidden, distance > max_forward)
    return ops.cast(hidden, "float32")[None, None] * NEGATIVE


def causal_bias(length: Any) -> Any:
    """Hides later positions: [1, 1, length, length]."""
    return local_bias(length, -1, 0)


def same_segment_bias(query_segment: Any, key_segment: Any) -> Any:
    """Hides keys of another segment of a packed row. [batch, query], [batch, key] -> [batch, 1, query, key]."""
    other = ops.not_equal(query_segment[:, None, :, None], key_segment[:, None, None, :])
    return ops.cast(other, "float32") * NEGATIVE


def proximal_bias(length: Any) -> Any:
    """Favours close positions: -log(1 + distance), [1, 1, length, length]."""
    position = ops.cast(ops.arange(length, dtype="int32"), "float32")
    return -ops.log1p(ops.abs(position[None, :] - position[:, None]))[None, None]


def later_bias_of(query_position: Any, length: int) -> Any:
    """The row of `causal_bias` for one query: [1, 1, 1, length]."""
    return ops.cast(ops.arange(length, dtype="int32") > query_position, "float32")[None, None, None] * NEGATIVE


def proximal_bias_of(query_position: Any, length: int) -> Any:
    """The row of `proximal_bias` for one query: [1, 1, 1, length]."""
    distance = ops.abs(ops.arange(length, dtype="int32") - query_position)
    return -ops.log1p(ops.cast(distance, "float32"))[None, None, None]


def prepend_inputs_full_bias(padding: Any) -> Any:
    """Full attention within prepended inputs, causal attention in the targets after them.

    padding: 1.0 at padding, [batch, length]; the first padding position of a row separates inputs from targets.
    Returns [batch, 1, length, length].
    """
    padding = ops.cast(padding, "float32")
    in_target = ops.cumsum(padding, axis=1) - padding  # 0 up to and including the separator
    target_position = ops.cumsum(in_target, axis=1)
    hidden = target_position[:, None, None, :] > target_position[:, None, :, None]
    return ops.cast(hidden, "float32") * NEGATIVE


def batch_bias(query_batch: Any, key_batch: Any, hidden: Callable[[Any], Any]) -> Any:
    """Keeps elements of a flattened batch apart: [query, 1], [key, 1] -> [query, key].

    `hidden` maps (key batch - query batch) to 1.0 where the key is forbidden (T2T `attention_bias_batch`).
    """
    return hidden(ops.cast(key_batch[None, :, 0] - query_batch[:, :1], "float32")) * NEGATIVE


# The core


def split_heads(x: Any, num_heads: int) -> Any:
    """[batch, length, channels] -> [batch, heads, length, channels / heads]."""
    shape = (-1, ops.shape(x)[1], num_heads, x.shape[-1] // num_heads)
    return ops.transpose(ops.reshape(x, shape), (0, 2, 1, 3))


def combine_heads(x: Any) -> Any:
    """[batch, heads, length, depth] -> [batch, length, heads * depth]."""
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, ops.shape(x)[2], x.shape[1] * x.shape[3]))


def dot_product_attention(
    q: Any, k: Any, v: Any, bias: Any = None, transform_weights: Callable[[Any], Any] = unchanged
) -> Any:
    """softmax(q k^T + bias) v as two batched products.

    Args:
        q: [batch, heads, query, key_depth], already scaled.
        k: [batch, heads, key, key_depth].
        v: [batch, heads, key, value_depth].
        bias: broadcasts to [batch, heads, query, key].
        transform_weights: applied to the attention weights: dropout, hardening.

    Returns:
        [batch, heads, query, value_depth].
    """
    weights = attention_weights(ops.einsum("bhqd,bhkd->bhqk", q, k), bias)
    return ops.matmul(transform_weights(weights), v)


def hard_weights(weights: Any, k: int, gumbel_noise: Any = None) -> Any:
    """Keeps only what each query's largest weights have above the k-th largest, renormalised.

    Args:
        weights: [batch, heads, query, key].
        k: how many keys a query looks at.
        gumbel_noise: added to the weights first, or None.

    Reference:
        T2T `harden_attention_weights`.
    """
    if gumbel_noise is not None:
        weights = weights + gumbel_noise
    # k zeros beside the keys: with fewer keys than k nothing is cut
    padded = ops.pad(ops.stop_gradient(weights), ((0, 0), (0, 0), (0, 0), (0, k)))
    kth = ops.top_k(padded, k)[0][..., k - 1 :]
    weights = ops.relu(weights - kth)
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-6)


def broadcast_dropout(
    rate: float, rank: int, broadcast_dims: Sequence[int] = (), **kwargs: Any
) -> keras.layers.Dropout:
    """A Dropout whose mask is the same along `broadcast_dims` of a tensor of that rank."""
    dims = {dim % rank for dim in broadcast_dims}
    noise_shape = tuple(1 if axis in dims else None for axis in range(rank)) if dims else None
    return keras.layers.Dropout(rate, noise_shape=noise_shape, **kwargs)


@keras.saving.register_keras_serializable("tensor2keras")
class MultiHeadAttention(keras.layers.Layer):
    """Projects to queries, keys and values, attends with every head, projects back. No biases in the projections.

    Args:
        hidden_size: width of the output.
        num_heads: must divide key_size and value_size.
        key_size: total width of queries and keys; `hidden_size` by default.
        value_size: total width of values; `hidden_size` by default.
        dropout: rate on the attention weights.
        dropout_broadcast_dims: axes of [batch, heads, query, key] that share one dropout mask.
        attention_type: a key of `ATTENTION_TYPES`.
        attention_options: arguments of that type, e.g. `{"max_relative_position": 20}`.
        variables_3d: one variable [hidden, heads, depth] a projection and no scaling of the queries.
        query_filter_width, key_filter_width: width of a convolution (with bias) in place of the projections.
        filter_padding: "LEFT", "SAME" or "VALID" of that convolution.
        hard_attention_k: if positive, a query looks only at this many keys.
        gumbel_noise_weight: Gumbel noise added before choosing them.
        kernel_initializer: of the projections.

    Call arguments:
        query: [batch, query, hidden].
        memory: [batch, key, hidden]; the query itself if None (self-attention).
        bias: broadcasts to [batch, heads, query, key], added to the logits.
        training: whether dropout applies.

    Returns:
        [batch, query, hidden_size].

    Raises:
        ValueError: sizes not divisible by num_heads; an unknown attention_type.

    Reference:
        T2T `common_attention.multihead_attention`.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        key_size: int | None = None,
        value_size: int | None = None,
        dropout: float = 0.0,
        dropout_broadcast_dims: Sequence[int] = (),
        attention_type: str = "dot_product",
        attention_options: dict[str, Any] | None = None,
        variables_3d: bool = False,
        query_filter_width: int = 1,
        key_filter_width: int = 1,
        filter_padding: str = "VALID",
        hard_attention_k: int = 0,
        gumbel_noise_weight: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "multihead_attention",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.hidden_size = hidden_size
        self.num_heads = num_heads
        self.key_size = key_size or hidden_size
        self.value_size = value_size or hidden_size
        for label, size in (("key_size", self.key_size), ("value_size", self.value_size)):
            if size % num_heads:
                raise ValueError(f"{label}={size} must be divisible by num_heads={num_heads}")
        if attention_type not in ATTENTION_TYPES:
            raise ValueError(f"unknown attention_type {attention_type!r}; known: {', '.join(sorted(ATTENTION_TYPES))}")
        self.dropout = dropout
        self.dropout_broadcast_dims = tuple(dropout_broadcast_dims)
        self.attention_type = attention_type
        self.attention_options = dict(attention_options or {})
        self.variables_3d = variables_3d
        self.query_filter_width = query_filter_width
        self.key_filter_width = key_filter_width
        self.filter_padding = filter_padding
        self.hard_attention_k = hard_attention_k
        self.gumbel_noise_weight = gumbel_noise_weight
        self.kernel_initializer = unseeded(kernel_initializer)

        self.scale = 1.0 if variables_3d else (self.key_size // num_heads) ** -0.5
        if not variables_3d:
            self.query_projection = self._projection("q", self.key_size, query_filter_width)
            self.key_projection = self._projection("k", self.key_size, key_filter_width)
            self.value_projection = self._projection("v", self.value_size, key_filter_width)
            self.output_projection = self._projection("output_transform", hidden_size, 1)
        self.weights_dropout = broadcast_dropout(dropout, 4, self.dropout_broadcast_dims, dtype=self.dtype_policy)
        self.seed_generator = keras.random.SeedGenerator() if gumbel_noise_weight else None
        make_attend = ATTENTION_TYPES[attention_type]
        self.attend = make_attend(dtype=self.dtype_policy, **self.attention_options) if make_attend else None

    def _projection(self, name: str, size: int, filter_width: int) -> keras.layers.Layer:
        if filter_width > 1:
            padding = {"LEFT": "causal", "SAME": "same", "VALID": "valid"}[self.filter_padding]
            return keras.layers.Conv1D(
                size,
                filter_width,
                padding=padding,
                kernel_initializer=self.kernel_initializer,
                name=f"{name}_single",
                dtype=self.dtype_policy,
            )
        return keras.layers.Dense(
            size, use_bias=False, kernel_initializer=self.kernel_initializer, name=name, dtype=self.dtype_policy
        )

    def build(self, query_shape: tuple, memory_shape: tuple | None = None) -> None:
        memory_shape = memory_shape or query_shape
        self.input_width = query_shape[-1]
        key_depth, value_depth = self.key_size // self.num_heads, self.value_size // self.num_heads
        if self.variables_3d:
            self._add_3d_variables(query_shape[-1], memory_shape[-1], key_depth, value_depth)
        else:
            self.query_projection.build(query_shape)
            self.key_projection.build(memory_shape)
            self.value_projection.build(memory_shape)
            self.output_projection.build((*query_shape[:-1], self.value_size))
        self.weights_dropout.build((None, self.num_heads, None, None))
        if self.attend is not None:
            self.attend.build((None, self.num_heads, None, key_depth))
        self.built = True

    def _add_3d_variables(self, query_width: int, memory_width: int, key_depth: int, value_depth: int) -> None:
        def variable(name: str, shape: tuple, initializer: Any) -> Any:
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        normal = keras.initializers.RandomNormal
        self.q = variable(
            "q", (query_width, self.num_heads, key_depth), normal(stddev=(query_width * key_depth) ** -0.5)
        )
        self.k = variable("k", (memory_width, self.num_heads, key_depth), normal(stddev=memory_width**-0.5))
        self.v = variable("v", (memory_width, self.num_heads, value_depth), normal(stddev=memory_width**-0.5))
        self.o = variable("o", (self.num_heads, value_depth, self.hidden_size), self.kernel_initializer)

    def project_query(self, query: Any) -> Any:
        """[batch, query, hidden] -> scaled queries [batch, heads, query, depth]."""
        if self.variables_3d:
            return ops.einsum("bqc,chd->bhqd", query, self.q)
        return split_heads(self.query_projection(query) * self.scale, self.num_heads)

    def project_memory(self, memory: Any) -> tuple[Any, Any]:
        """[batch, key, hidden] -> keys and values, each [batch, heads, key, depth]."""
        if self.variables_3d:
            return ops.einsum("bkc,chd->bhkd", memory, self.k), ops.einsum("bkc,chd->bhkd", memory, self.v)
        keys, values = self.key_projection(memory), self.value_projection(memory)
        return split_heads(keys, self.num_heads), split_heads(values, self.num_heads)

    def project_output(self, x: Any) -> Any:
        """[batch, heads, query, depth] -> [batch, query, hidden_size]."""
        if self.variables_3d:
            return ops.einsum("bhqd,hdc->bqc", x, self.o)
        return self.output_projection(combine_heads(x))

    def call(self, query: Any, memory: Any = None, bias: Any = None, training: bool = False) -> Any:
        q = self.project_query(query)
        k, v = self.project_memory(query if memory is None else memory)
        return self.project_output(self._attend(q, k, v, bias, training))

    def _attend(self, q: Any, k: Any, v: Any, bias: Any, training: bool, **position: Any) -> Any:
        def transform(weights: Any) -> Any:
            if self.hard_attention_k > 0:
                weights = hard_weights(weights, self.hard_attention_k, self._gumbel_noise(weights))
            return self.weights_dropout(weights, training=training)

        if self.attend is None:
            return dot_product_attention(q, k, v, bias, transform)
        return self.attend(q, k, v, bias=bias, transform_weights=transform, **position)

    def _gumbel_noise(self, weights: Any) -> Any:
        if not self.gumbel_noise_weight:
            return None
        uniform = keras.random.uniform(ops.shape(weights), 1e-5, 1 - 1e-5, seed=self.seed_generator)
        return ops.cast(-ops.log(-ops.log(uniform)) * self.gumbel_noise_weight, weights.dtype)

    # Decoding: one position a step, keys and values in buffers of a fixed length.

    def init_cache(self, batch_size: Any, max_length: int) -> dict[str, Any]:
        """Empty buffers for self-attention: {"k", "v"}, each [batch, heads, slots, depth].

        `slots` is `max_length`, or what local attention can see if that is less. A convolution in place of the
        projections adds "x" [batch, filter width - 1, hidden], the inputs just before.
        """
        slots = min(max_length, getattr(self.attend, "cache_length", max_length))
        sizes = {"k": self.key_size, "v": self.value_size}
        cache = {
            name: ops.zeros((batch_size, self.num_heads, slots, size // self.num_heads), self.compute_dtype)
            for name, size in sizes.items()
        }
        before = max(self.query_filter_width, self.key_filter_width) - 1
        if before:
            cache["x"] = ops.zeros((batch_size, before, self.input_width), self.compute_dtype)
        return cache

    def step(self, x: Any, position: Any, cache: dict[str, Any], bias: Any = None) -> tuple[Any, dict[str, Any]]:
        """Self-attention of one new position to itself and everything before it.

        Args:
            x: [batch, 1, hidden].
            position: scalar int32, the index of x.
            cache: as `init_cache` makes it.
            bias: [batch or 1, 1, 1, max_length], which must hide the positions after `position`; local attention does
                without.

        Returns:
            [batch, 1, hidden_size] and the new cache.
        """
        slot = position % cache["k"].shape[2]
        window = ops.concatenate([cache["x"], x], axis=1) if "x" in cache else x
        new = slice(window.shape[1] - x.shape[1], None)
        k, v = self.project_memory(window)
        cache = {
            **cache,
            "k": ops.slice_update(cache["k"], (0, 0, slot, 0), k[:, :, new]),
            "v": ops.slice_update(cache["v"], (0, 0, slot, 0), v[:, :, new]),
        }
        if "x" in cache:
            cache["x"] = window[:, x.shape[1] :]
        where = {} if self.attend is None else {"query_position": position}
        y = self._attend(self.project_query(window)[:, :, new], cache["k"], cache["v"], bias, False, **where)
        return self.project_output(y), cache

    def attend_to_projected(self, query: Any, k: Any, v: Any, bias: Any = None) -> Any:
        """Attention to keys and values that `project_memory` gave before (the encoder's, in decoding).

        Args:
            query: [rows, 1, hidden], where rows is batch or, in a beam search, batch * beam: the beams of one input
                share its keys and values, as queries of one product.
            k: [batch, heads, key, depth].
            v: [batch, heads, key, depth].
            bias: broadcasts to [batch, heads, 1, key].
        """
        beams = ops.reshape(query, (ops.shape(k)[0], -1, query.shape[-1]))  # [batch, beam, hidden]
        y = self.project_output(self._attend(self.project_query(beams), k, v, bias, False))
        return ops.reshape(y, (-1, 1, self.hidden_size))

    def get_config(self) -> dict[str, Any]:
        names = (
            *("hidden_size", "num_heads", "key_size", "value_size", "dropout", "dropout_broadcast_dims"),
            *("attention_type", "attention_options", "variables_3d", "hard_attention_k", "gumbel_noise_weight"),
            *("query_filter_width", "key_filter_width", "filter_padding"),
        )
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


# self_attention_type -> a layer called with (q, k, v, bias, transform_weights), or None for the core itself.
ATTENTION_TYPES: dict[str, Callable[..., keras.layers.Layer] | None] = {
    "dot_product": None,
    "dot_product_area": area_attention.AreaAttention,
    "dot_product_relative": relative_attention.RelativeAttention,
    "dot_product_relative_v2": relative_attention.RelativeAttentionV2,
    "dot_product_unmasked_relative_v2": functools.partial(relative_attention.RelativeAttentionV2, masked=False),
    "local_mask_right": local_attention.masked_local,
    "local_relative_mask_right": local_attention.MaskedRelativeLocalAttention,
    "local_unmasked": local_attention.unmasked_local,
    "local_within_block_mask_right": local_attention.masked_within_block,
    "masked_dilated_1d": local_attention.masked_dilated,
    "unmasked_dilated_1d": local_attention.unmasked_dilated,
}
