"""Multi-head attention and its key/value cache (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2.2).

Shapes: [batch, length, hidden] outside, [batch, heads, length, depth] inside.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention import area, local, relative
from tensor2keras.layers.attention.core import DotProductAttention, combine_heads, split_heads, write_to_cache
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, check_heads, options_of
from tensor2keras.types import Cache, Shape, Tensor

# self_attention_type -> the attention between the projections; all take the arguments of `DotProductAttention`.
ATTENTION_TYPES: dict[str, Callable[..., DotProductAttention]] = {
    "dot_product": DotProductAttention,
    "dot_product_area": area.AreaAttention,
    "dot_product_relative": relative.RelativeAttention,
    "dot_product_relative_v2": relative.RelativeAttentionV2,
    "dot_product_unmasked_relative_v2": functools.partial(relative.RelativeAttentionV2, masked=False),
    "local_mask_right": local.masked_local,
    "local_relative_mask_right": local.MaskedRelativeLocalAttention,
    "local_unmasked": local.unmasked_local,
    "local_within_block_mask_right": local.masked_within_block,
    "masked_dilated_1d": local.masked_dilated,
    "unmasked_dilated_1d": local.unmasked_dilated,
}


class MultiHeadAttention(Layer):
    """Multi-head attention with a key/value cache. T2T `common_attention.multihead_attention`.

        head_i = attend(query W_q,i / sqrt(key_depth), memory W_k,i, memory W_v,i)
        output = [head_1, ..., head_n] W_o

    Weights, without biases, under T2T's names: `q/kernel` [hidden, key_size], `k/kernel` [hidden, key_size], `v/kernel`
    [hidden, value_size], `output_transform/kernel` [value_size, hidden_size].

    Args:
        hidden_size: width of the output.
        num_heads: number of heads; must divide key_size and value_size.
        key_size: total width of queries and keys; `hidden_size` by default.
        value_size: total width of values; `hidden_size` by default.
        dropout, dropout_broadcast_dims, hard_attention_k, gumbel_noise_weight: of `DotProductAttention`.
        attention_type: a key of `ATTENTION_TYPES`.
        attention_options: arguments of that type, e.g. `{"max_relative_position": 20}`.
        variables_3d: replaces the kernels by one variable per projection: `q`, `k` [hidden, heads, key_depth], `v`
            [hidden, heads, value_depth], `o` [heads, value_depth, hidden_size]. Queries are not scaled; `q` is
            initialized smaller instead.
        query_filter_width, key_filter_width: if more than 1, a convolution of that width, with bias, in place of the
            projection (`q_single/kernel` [width, hidden, key_size], ...).
        filter_padding: "LEFT", "SAME" or "VALID" padding of these convolutions.
        kernel_initializer: of the projections.

    Call arguments:
        query: [batch, query, hidden].
        memory: [batch, key, hidden]; `query` if None (self-attention).
        bias: broadcasts to [batch, heads, query, key], added to the logits (see `bias`).
        mask, query_mask: true at real positions of the query, [batch, query]; in self-attention the others are masked.
            Keras fills in one of the two if the query has a mask, such as that of `Embedding(mask_zero=True)`.
        memory_mask: true at real positions of the memory, [batch, key].
        return_attention_scores: whether the attention weights are returned, too.
        training: whether dropout applies.

    Returns:
        [batch, query, hidden_size], or a pair of it and the attention weights [batch, heads, query, key] (of other
        shapes for local attention and areas: see `ATTENTION_TYPES`).

    Raises:
        ValueError: a size is not divisible by num_heads, or attention_type is unknown.

    Example:

    ```python
    layer = MultiHeadAttention(hidden_size=512, num_heads=8, dropout=0.1)
    y = layer(x, bias=causal_bias(x.shape[1]))  # x, y: [batch, length, 512]
    ```
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
        check_heads(num_heads, hidden_size, key_size=self.key_size, value_size=self.value_size)
        if attention_type not in ATTENTION_TYPES:
            raise ValueError(f"unknown attention_type {attention_type!r}; known: {', '.join(sorted(ATTENTION_TYPES))}")
        self.attention_type = attention_type
        self.variables_3d = variables_3d
        self.query_filter_width = query_filter_width
        self.key_filter_width = key_filter_width
        self.filter_padding = filter_padding
        self.kernel_initializer = unseeded(kernel_initializer)

        self.scale = 1.0 if variables_3d else (self.key_size // num_heads) ** -0.5
        if not variables_3d:
            self.query_projection = self._projection("q", self.key_size, query_filter_width)
            self.key_projection = self._projection("k", self.key_size, key_filter_width)
            self.value_projection = self._projection("v", self.value_size, key_filter_width)
            self.output_projection = self._projection("output_transform", hidden_size, 1)
        self.attend = ATTENTION_TYPES[attention_type](
            dropout=dropout,
            dropout_broadcast_dims=dropout_broadcast_dims,
            hard_attention_k=hard_attention_k,
            gumbel_noise_weight=gumbel_noise_weight,
            dtype=self.dtype_policy,
            **(attention_options or {}),
        )

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

    def build(self, query_shape: Shape, memory_shape: Shape | None = None) -> None:
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
        self.attend.build((None, self.num_heads, None, key_depth))

    def _add_3d_variables(self, query_width: int, memory_width: int, key_depth: int, value_depth: int) -> None:
        def variable(name: str, *shape: int, stddev: float) -> keras.Variable:
            return self.add_weight(name=name, shape=shape, initializer=keras.initializers.RandomNormal(stddev=stddev))

        heads = self.num_heads
        self.q = variable("q", query_width, heads, key_depth, stddev=(query_width * key_depth) ** -0.5)
        self.k = variable("k", memory_width, heads, key_depth, stddev=memory_width**-0.5)
        self.v = variable("v", memory_width, heads, value_depth, stddev=memory_width**-0.5)
        self.o = self.add_weight(
            name="o", shape=(heads, value_depth, self.hidden_size), initializer=self.kernel_initializer
        )

    def project_query(self, query: Tensor) -> Tensor:
        """[batch, query, hidden] -> scaled queries [batch, heads, query, key_depth]."""
        if self.variables_3d:
            return ops.einsum("bqc,chd->bhqd", query, self.q)
        return split_heads(self.query_projection(query) * self.scale, self.num_heads)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, key, hidden] -> keys and values, each [batch, heads, key, depth]."""
        if self.variables_3d:
            return ops.einsum("bkc,chd->bhkd", memory, self.k), ops.einsum("bkc,chd->bhkd", memory, self.v)
        keys, values = self.key_projection(memory), self.value_projection(memory)
        return split_heads(keys, self.num_heads), split_heads(values, self.num_heads)

    def project_output(self, x: Tensor) -> Tensor:
        """[batch, heads, query, value_depth] -> [batch, query, hidden_size]."""
        if self.variables_3d:
            return ops.einsum("bhqd,hdc->bqc", x, self.o)
        return self.output_projection(combine_heads(x))

    def call(
        self,
        query: Tensor,
        memory: Tensor | None = None,
        bias: Tensor | None = None,
        mask: Tensor | None = None,
        query_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        if memory is None:
            memory, memory_mask = query, query_mask if mask is None else mask
        q = self.project_query(query)
        k, v = self.project_memory(memory)
        y, weights = self.attend(q, k, v, bias, key_mask=memory_mask, return_attention_scores=True, training=training)
        y = self.project_output(y)
        return (y, weights) if return_attention_scores else y

    def compute_output_spec(self, *args: Any, return_attention_scores: bool = False, **kwargs: Any) -> Any:
        if return_attention_scores:
            return keras.Operation.compute_output_spec(self, *args, return_attention_scores=True, **kwargs)
        return super().compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, query_shape: Shape) -> Shape:
        return (*query_shape[:-1], self.hidden_size)

    # Decoding: one position per step, keys and values in buffers of fixed length

    def init_cache(self, batch_size: Tensor | int, max_length: int) -> Cache:
        """Returns empty buffers for self-attention: {"k", "v"}, each [batch, heads, slots, depth].

        `slots` is `max_length`, or as many positions as local attention reaches if those are fewer. A convolution in
        place of the projections adds "x" [batch, filter width - 1, hidden], the inputs just before.
        """
        slots = min(max_length, self.attend.cache_length or max_length)
        sizes = {"k": self.key_size, "v": self.value_size}
        cache = {
            name: ops.zeros((batch_size, self.num_heads, slots, size // self.num_heads), self.compute_dtype)
            for name, size in sizes.items()
        }
        before = max(self.query_filter_width, self.key_filter_width) - 1
        if before:
            cache["x"] = ops.zeros((batch_size, before, self.input_width), self.compute_dtype)
        return cache

    def step(self, x: Tensor, position: Tensor | int, cache: Cache, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Computes self-attention of one new position to itself and everything before it.

        Args:
            x: [batch, 1, hidden].
            position: scalar int32, the index of x.
            cache: from `init_cache` or the step before.
            bias: [batch or 1, 1, 1, max_length], which must mask the positions after `position` (`causal_bias_of`);
                local attention ignores it.

        Returns:
            [batch, 1, hidden_size] and the new cache.
        """
        slot = position % cache["k"].shape[2]
        window = ops.concatenate([cache["x"], x], axis=1) if "x" in cache else x
        new = slice(window.shape[1] - x.shape[1], None)
        k, v = self.project_memory(window)
        cache = write_to_cache(cache, slot, k[:, :, new], v[:, :, new])
        if "x" in cache:
            cache["x"] = window[:, x.shape[1] :]
        q = self.project_query(window)[:, :, new]
        y = self.attend(q, cache["k"], cache["v"], bias, query_position=position, training=False)
        return self.project_output(y), cache

    def memory_cache(self, memory: Tensor) -> Cache:
        """Returns keys and values of an encoder's output, {"k", "v"}.

        In a decoder's cache they are under "encoder": the same for all beams of an input.
        """
        k, v = self.project_memory(memory)
        return {"k": k, "v": v}

    def attend_to_projected(self, query: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        """Attends to keys and values that `project_memory` has computed (in decoding, those of the encoder's output).

        Args:
            query: [rows, 1, hidden], where rows is batch or, in a beam search, batch * beam: the beams of one input
                share its keys and values, as queries of one product.
            k: [batch, heads, key, key_depth].
            v: [batch, heads, key, value_depth].
            bias: broadcasts to [batch, heads, 1, key].

        Returns:
            [rows, 1, hidden_size].
        """
        beams = ops.reshape(query, (ops.shape(k)[0], -1, query.shape[-1]))  # [batch, beam, hidden]
        y = self.project_output(self.attend(self.project_query(beams), k, v, bias, training=False))
        return ops.reshape(y, (-1, 1, self.hidden_size))


AttentionOptions = options_of(MultiHeadAttention, "AttentionOptions")
