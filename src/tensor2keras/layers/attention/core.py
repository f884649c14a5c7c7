"""Dot-product attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2.1).

    attention(q, k, v) = dropout(softmax(q k^T + extra logits + bias)) v

`dot_product_attention` is the function; `DotProductAttention` is the layer, with dropout and hard attention. Variants
derive from the layer: a relative term is passed as `extra_logits=`, blocking reshapes queries and keys before it. All
are called as

    attend(q, k, v, bias=None, *, key_mask=None, query_position=None, return_attention_scores=False, training=False)

with q [batch, heads, query, key_depth], k [batch, heads, key, key_depth], v [batch, heads, key, value_depth], a bias
that broadcasts to [batch, heads, query, key] (see `bias`), and the result [batch, heads, query, value_depth].
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention.bias import with_mask
from tensor2keras.layers.dropout import broadcast_dropout
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Cache, Shape, Tensor


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """[batch, length, channels] -> [batch, heads, length, channels / heads]."""
    shape = (-1, ops.shape(x)[1], num_heads, x.shape[-1] // num_heads)
    return ops.transpose(ops.reshape(x, shape), (0, 2, 1, 3))


def combine_heads(x: Tensor) -> Tensor:
    """[batch, heads, length, depth] -> [batch, length, heads * depth]."""
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, ops.shape(x)[2], x.shape[1] * x.shape[3]))


def attention_weights(
    q: Tensor, k: Tensor, bias: Tensor | None = None, *, extra_logits: Tensor | None = None
) -> Tensor:
    """Returns softmax(q k^T + extra_logits + bias) over the keys, computed in float32.

    Args:
        q: [..., query, depth], already scaled.
        k: [..., key, depth].
        bias: broadcasts to [..., query, key].
        extra_logits: broadcasts to [..., query, key].

    Returns:
        [..., query, key], in the dtype of q.
    """
    batch = "abcef"[: len(q.shape) - 2]  # not "...", whose gradient on TensorFlow handles broadcasting
    logits = ops.einsum(f"{batch}qd,{batch}kd->{batch}qk", q, k)
    if extra_logits is not None:
        logits = logits + extra_logits
    dtype = logits.dtype
    logits = ops.cast(logits, "float32")
    if bias is not None:
        logits = logits + ops.cast(bias, "float32")
    return ops.cast(ops.softmax(logits, axis=-1), dtype)


def dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, *, extra_logits: Tensor | None = None
) -> Tensor:
    """Returns softmax(q k^T + extra_logits + bias) v. T2T `dot_product_attention`.

    Args:
        q: [..., query, key_depth], already scaled.
        k: [..., key, key_depth].
        v: [..., key, value_depth].
        bias: broadcasts to [..., query, key].
        extra_logits: broadcasts to [..., query, key].

    Returns:
        [..., query, value_depth].
    """
    return ops.matmul(attention_weights(q, k, bias, extra_logits=extra_logits), v)


def hard_weights(weights: Tensor, k: int, gumbel_noise: Tensor | None = None) -> Tensor:
    """Subtracts each query's k-th largest weight, sets negative results to 0 and renormalizes.

    Args:
        weights: attention weights [batch, heads, query, key].
        k: number of keys considered; the weight of the k-th becomes 0, as in T2T.
        gumbel_noise: added to the weights first, or None.

    Returns:
        [batch, heads, query, key].

    Reference:
        T2T `harden_attention_weights`.
    """
    if gumbel_noise is not None:
        weights = weights + gumbel_noise
    # with k zeros appended, nothing is subtracted where there are fewer than k keys
    padded = ops.pad(ops.stop_gradient(weights), ((0, 0), (0, 0), (0, 0), (0, k)))
    kth = ops.top_k(padded, k)[0][..., k - 1 :]
    weights = ops.relu(weights - kth)
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-6)


def write_to_cache(cache: Cache, slot: Tensor | int, k: Tensor, v: Tensor) -> Cache:
    """Returns a cache with keys and values [batch, heads, positions, depth] written from `slot` on."""
    at = (0, 0, slot, 0)
    return {**cache, "k": ops.slice_update(cache["k"], at, k), "v": ops.slice_update(cache["v"], at, v)}


class DotProductAttention(Layer):
    """Dot-product attention with dropout and hard attention; the base of its variants.

    Args:
        dropout: rate on the attention weights.
        dropout_broadcast_dims: axes of [batch, heads, query, key] that share one dropout mask.
        hard_attention_k: if positive, a query attends to fewer than this many keys (`hard_weights`).
        gumbel_noise_weight: scale of the Gumbel noise added to the weights before these keys are chosen.

    Call arguments:
        q: [batch, heads, query, key_depth], already scaled.
        k: [batch, heads, key, key_depth].
        v: [batch, heads, key, value_depth].
        bias: broadcasts to [batch, heads, query, key], or None.
        key_mask: true at keys that are not masked, [batch, key], or None.
        query_position: scalar int32, the position of the first query when k and v are a cache; None if queries and keys
            begin at the same position. Only variants that depend on positions use it.
        return_attention_scores: whether the attention weights are returned, too.
        training: whether dropout applies.

    Returns:
        [batch, heads, query, value_depth], or a pair of it and the weights as they are applied to values, which are
        [batch, heads, query, key] unless a variant says otherwise.
    """

    uses_bias = True  # False where a variant has its own mask and ignores `bias`
    cache_length: int | None = None  # how many of the last positions a cache must hold; None: all
    weights_rank = 4  # of the attention weights in training

    def __init__(
        self,
        dropout: float = 0.0,
        dropout_broadcast_dims: Sequence[int] = (),
        hard_attention_k: int = 0,
        gumbel_noise_weight: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.hard_attention_k = hard_attention_k
        self.gumbel_noise_weight = gumbel_noise_weight
        self.weights_dropout = broadcast_dropout(
            dropout, self.weights_rank, dropout_broadcast_dims, dtype=self.dtype_policy
        )
        self.seed_generator = keras.random.SeedGenerator() if gumbel_noise_weight else None

    def build(self, q_shape: Shape) -> None:
        """Makes no variables."""

    def attention_weights(
        self,
        q: Tensor,
        k: Tensor,
        bias: Tensor | None = None,
        *,
        extra_logits: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """Returns `attention_weights(q, k, bias, extra_logits=extra_logits)` after hard attention and dropout."""
        weights = attention_weights(q, k, bias, extra_logits=extra_logits)
        if self.hard_attention_k > 0:
            weights = hard_weights(weights, self.hard_attention_k, self._gumbel_noise(weights))
        return self.weights_dropout(weights, training=training)

    def _gumbel_noise(self, weights: Tensor) -> Tensor | None:
        if not self.gumbel_noise_weight:
            return None
        uniform = keras.random.uniform(ops.shape(weights), 1e-5, 1 - 1e-5, seed=self.seed_generator)
        return ops.cast(-ops.log(-ops.log(uniform)) * self.gumbel_noise_weight, weights.dtype)

    def call(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        bias: Tensor | None = None,
        *,
        key_mask: Tensor | None = None,
        query_position: Tensor | int | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        y, weights = self._attend(q, k, v, self._masked(bias, key_mask), query_position, training)
        return (y, weights) if return_attention_scores else y

    def _masked(self, bias: Tensor | None, key_mask: Tensor | None) -> Tensor | None:
        """Returns the bias for `_attend`."""
        return with_mask(bias, key_mask)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, query_position: Tensor | int | None, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Returns the output and the attention weights; variants override it."""
        weights = self.attention_weights(q, k, bias, training=training)
        return ops.matmul(weights, v), weights

    def compute_output_shape(self, q_shape: Shape, k_shape: Shape, v_shape: Shape) -> Shape:
        return (*q_shape[:-1], v_shape[-1])
