"""T2T's self-attention of low memory use: memory-compressed, and recomputed in the backward pass.

Both are called as `MultiHeadAttention` is, `(x, memory, bias)`, and have its `init_cache` and `step`. As both are
self-attention only, memory must be None.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention.bias import mask_bias, with_mask
from tensor2keras.layers.attention.core import dot_product_attention, write_to_cache
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, check_heads, options_of
from tensor2keras.layers.normalization import LayerNorm
from tensor2keras.types import Cache, Shape, Tensor


class MemoryCompressedAttention(Layer):
    """Memory-compressed attention (Liu et al. 2018, https://arxiv.org/abs/1801.10198, section 4.2.3).

    A strided convolution makes one vector of each block of `factor` positions. A query attends to the first position
    and to the vectors of the blocks before its own.

    Weights: `conv_elems_1d/conv2d/kernel` [1, factor, hidden, hidden_size] and `bias`, and those of
    `MultiHeadAttention`.

    Args:
        attention: arguments of `MultiHeadAttention`.
        factor: number of positions a block.
        kernel_initializer: of the convolution.

    Call arguments:
        x: [batch, length, hidden].
        memory: None.
        bias: ignored, as in T2T.
        training: whether dropout applies.

    Returns:
        [batch, length, hidden].

    Raises:
        ValueError: factor is below 1.

    Reference:
        T2T `multihead_self_attention_reduced` with `reduction_type="conv"`.
    """

    def __init__(
        self,
        attention: AttentionOptions,
        factor: int = 3,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "multihead_self_attention_reduced",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if factor < 1:
            raise ValueError(f"factor={factor} must be 1 or more")
        self.factor = factor
        self.kernel_initializer = unseeded(kernel_initializer)
        self.attention = attention.make(dtype=self.dtype_policy)
        self.conv = keras.layers.Conv2D(
            self.attention.hidden_size,
            (1, factor),
            strides=(1, factor),
            kernel_initializer=self.kernel_initializer,
            name="conv2d",
            dtype=self.dtype_policy,
        )

    def build(self, x_shape: Shape, memory_shape: Shape | None = None) -> None:
        self.width = x_shape[-1]
        with keras.name_scope("conv_elems_1d"):
            self.conv.build((None, 1, None, self.width))
        self.attention.build(x_shape, x_shape)

    def call(
        self, x: Tensor, memory: Tensor | None = None, bias: Tensor | None = None, training: bool = False
    ) -> Tensor:
        length = ops.shape(x)[1]
        whole = ops.pad(x, ((0, 0), (0, -length % self.factor), (0, 0)))  # an incomplete block is masked
        compressed = ops.concatenate([x[:, :1], self._compress(whole)], axis=1)
        bias = self._later_bias(ops.arange(length, dtype="int32"), ops.shape(compressed)[1])
        return self.attention(x, compressed, bias, training=training)

    def compute_output_shape(self, x_shape: Shape) -> Shape:
        return (*x_shape[:-1], self.attention.hidden_size)

    def _compress(self, x: Tensor) -> Tensor:
        """[batch, blocks * factor, hidden] -> [batch, blocks, hidden]."""
        return self.conv(x[:, None])[:, 0]

    def _later_bias(self, positions: Tensor, slots: Tensor | int) -> Tensor:
        """Masks blocks that do not end before the query: [1, 1, positions, slots]."""
        ends = ops.arange(slots, dtype="int32") * self.factor  # 0 for the first slot, the first position
        return mask_bias(ends[None, :] > positions[:, None])[None, None]

    def init_cache(self, batch_size: Tensor | int, max_length: int) -> Cache:
        """Returns empty keys and values of the compressed sequence and inputs "x" [batch, factor - 1, hidden]."""
        cache = self.attention.init_cache(batch_size, -(-max_length // self.factor) + 1)
        return {**cache, "x": ops.zeros((batch_size, self.factor - 1, self.width), self.compute_dtype)}

    def step(self, x: Tensor, position: Tensor | int, cache: Cache, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Returns the output at x [batch, 1, hidden] and the new cache; `bias` is ignored.

        A block's slot is written at each of its positions; it is correct from the last one on, before which no query
        attends to it.
        """
        window = ops.concatenate([cache["x"], x], axis=1)  # [batch, factor, hidden]
        slot = position // self.factor + 1
        new = {"x": window[:, 1:]}
        at_start = self.attention.project_memory(x)
        in_block = self.attention.project_memory(self._compress(window))
        for name, first, block in zip("kv", at_start, in_block, strict=True):
            buffer = ops.slice_update(cache[name], (0, 0, slot, 0), block)
            first = ops.where(position == 0, first, buffer[:, :, :1])
            new[name] = ops.slice_update(buffer, (0, 0, 0, 0), first)
        bias = self._later_bias(ops.reshape(position, (1,)), cache["k"].shape[2])
        y = dot_product_attention(self.attention.project_query(x), new["k"], new["v"], bias)
        return self.attention.project_output(y), new


class MemoryEfficientAttention(Layer):
    """Multi-head self-attention with a layer norm before it. T2T `multihead_self_attention_memory_efficient`.

    T2T computes one head after the other and recomputes each in the backward pass. Here all are computed together, with
    the same result.

    Weights: `wqkv` [heads, 1, hidden, 3 depth], `wo` [heads, 1, depth, hidden], with depth = hidden_size / num_heads,
    and those of `LayerNorm`.

    Args:
        hidden_size: width of input and output.
        num_heads: must divide hidden_size.

    Call arguments:
        x: [batch, length, hidden], not normalized.
        memory: None.
        bias: broadcasts to [batch, heads, length, length].
        mask, x_mask: true at real positions of x, [batch, length]; the others are masked. Keras fills in one of them.
        training: not used, as there is no dropout.

    Returns:
        [batch, length, hidden].

    Raises:
        ValueError: hidden_size is not divisible by num_heads.
    """

    def __init__(self, hidden_size: int, num_heads: int, name: str = "multihead_attention", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        check_heads(num_heads, hidden_size, key_size=hidden_size)
        self.hidden_size = hidden_size
        self.num_heads = num_heads
        self.norm = LayerNorm(name=name, dtype=self.dtype_policy)  # of the same name: T2T opens no scope for it

    def build(self, x_shape: Shape, memory_shape: Shape | None = None) -> None:
        size, heads, depth = self.hidden_size, self.num_heads, self.hidden_size // self.num_heads
        normal = unseeded(keras.initializers.RandomNormal(stddev=size**-0.5))
        self.wqkv = self.add_weight(name="wqkv", shape=(heads, 1, size, 3 * depth), initializer=normal)
        self.wo = self.add_weight(name="wo", shape=(heads, 1, depth, size), initializer=normal)
        self.norm.build(x_shape)

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[batch, length, hidden] -> scaled queries, keys and values [batch, heads, length, depth]."""
        q, k, v = ops.split(ops.einsum("blc,hzcd->bhld", self.norm(x), self.wqkv), 3, axis=-1)
        return q * (self.hidden_size // self.num_heads) ** -0.5, k, v

    def _output(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        return ops.einsum("bhld,hzdc->blc", dot_product_attention(q, k, v, bias), self.wo)

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        bias: Tensor | None = None,
        mask: Tensor | None = None,
        x_mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        return self._output(*self._project(x), with_mask(bias, x_mask if mask is None else mask))

    def init_cache(self, batch_size: Tensor | int, max_length: int) -> Cache:
        """Returns empty keys and values: "k" and "v" [batch, heads, max_length, depth]."""
        shape = (batch_size, self.num_heads, max_length, self.hidden_size // self.num_heads)
        return {name: ops.zeros(shape, self.compute_dtype) for name in "kv"}

    def step(self, x: Tensor, position: Tensor | int, cache: Cache, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Returns the output at x [batch, 1, hidden] and the new cache."""
        q, k, v = self._project(x)
        cache = write_to_cache(cache, position, k, v)
        return self._output(q, cache["k"], cache["v"], bias), cache


MemoryCompressedAttentionOptions = options_of(MemoryCompressedAttention, "MemoryCompressedAttentionOptions")
MemoryEfficientAttentionOptions = options_of(MemoryEfficientAttention, "MemoryEfficientAttentionOptions")
