"""Self-attention within experts: positions that are routed to the same expert attend to each other."""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias, mask_bias
from tensor2keras.layers.attention.core import dot_product_attention
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.experts import Gating, imbalance, noisy_top_k
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, options_of
from tensor2keras.types import Cache, Shape, Tensor


class LocalExpertAttention(Layer):
    """Causal multi-head self-attention within experts; every position is routed to k of them.

        y_i = sum over the k experts e of position i of g_ie attention_e(x_i, {x_j : j <= i, j routed to e})

    g_i is the softmax of the k largest logits of a gating network. Noise is added to the logits in training only; a
    loss, added with `add_loss`, balances the load of the experts. Every expert computes every position and masks
    select: shapes are static on every backend, at num_experts times the computation of one attention.

    Weights: of the gating network `noisy_top_k_gating/w_gate`, `noisy_top_k_gating/w_noise` [width, num_experts]; of
    each expert those of `MultiHeadAttention`; with `expansion` those of two convolutions. Width is hidden_size or, with
    `expansion`, expansion_size.

    Args:
        hidden_size: width of input and output.
        num_experts: number of experts.
        k: number of experts per position.
        loss_coef: coefficient of the balancing loss.
        num_heads: of an expert; must divide its sizes.
        key_size, value_size: total widths of an expert's queries and keys, and of its values; its width if 0.
        expansion: if not 0, a transposed convolution expands each position to this many parts, which are routed
            separately and joined by a convolution at the end.
        expansion_size: width of a part.
        kernel_initializer: of all kernels.

    Call arguments:
        x: [batch, length, hidden].
        memory, bias: ignored; accepted so that all attention layers are called alike.
        nonpadding: 1.0 at real positions, [batch, length], or None. Padding does not count in the balancing loss. It
            must come after all real positions, which then never attend to it.
        training: whether noise is added.

    Returns:
        [batch, length, hidden].

    Raises:
        ValueError: k is not from 1 to num_experts.

    Reference:
        T2T `local_expert_attention`, `self_attention_expert`, `deconv_elems_1d`, `conv_elems_1d`; there
        `PadRemover` takes padding out of the batch.
    """

    def __init__(
        self,
        hidden_size: int,
        num_experts: int,
        k: int = 2,
        loss_coef: float = 1e-2,
        num_heads: int = 1,
        key_size: int = 0,
        value_size: int = 0,
        expansion: int = 0,
        expansion_size: int = 128,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "attention_local_experts",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if not 1 <= k <= num_experts:
            raise ValueError(f"k={k} must be from 1 to num_experts={num_experts}")
        self.num_experts = num_experts
        self.k = k
        self.loss_coef = loss_coef
        self.num_heads = num_heads
        self.key_size = key_size
        self.value_size = value_size
        self.expansion = expansion
        self.kernel_initializer = unseeded(kernel_initializer)
        self.parts = expansion or 1  # per position
        self.width = expansion_size if expansion else hidden_size
        self.seed_generator = keras.random.SeedGenerator()
        kernels = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.gating = Gating(num_experts, name="noisy_top_k_gating", dtype="float32")
        self.experts = [
            MultiHeadAttention(self.width, num_heads, key_size, value_size, **kernels) for _ in range(num_experts)
        ]
        self.expand = self.compress = None
        if expansion:
            window = {"kernel_size": (1, expansion), "strides": (1, expansion), **kernels}
            self.expand = keras.layers.Conv2DTranspose(expansion_size, name="conv2d_transpose", **window)
            self.compress = keras.layers.Conv2D(hidden_size, name="conv2d", **window)

    def build(self, x_shape: Shape, memory_shape: Shape | None = None) -> None:
        shape = (None, None, self.width)
        if self.expansion:
            with keras.name_scope("deconv_elems_1d"):
                self.expand.build((None, 1, None, x_shape[-1]))
            with keras.name_scope("conv_elems_1d"):
                self.compress.build((None, 1, None, self.width))
        with keras.name_scope("local_expert_attention"), keras.name_scope("local_moe"):
            self.gating.build(shape)
            for i, expert in enumerate(self.experts):
                with keras.name_scope(f"parallel_{i}"):
                    expert.build(shape)

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        bias: Tensor | None = None,
        nonpadding: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        x = self._expanded(x)
        gates, loads = self._gate(x, self.seed_generator if training else None)
        if nonpadding is not None:
            nonpadding = ops.repeat(nonpadding, self.parts, axis=1)
        self.add_loss(self.loss_coef * imbalance(gates, loads, nonpadding))
        length = ops.shape(x)[1]
        gates = ops.reshape(gates, (-1, length, self.num_experts))
        memories = [expert.project_memory(x) for expert in self.experts]
        return self._compressed(self._attend(x, gates, gates, causal_bias(length), memories))

    def _expanded(self, x: Tensor) -> Tensor:
        """[batch, length, hidden] -> [batch, length * parts, width]."""
        return self.expand(x[:, None])[:, 0] if self.expansion else x

    def _compressed(self, y: Tensor) -> Tensor:
        """[batch, length * parts, width] -> [batch, length, hidden]."""
        return self.compress(y[:, None])[:, 0] if self.expansion else y

    def _gate(self, x: Tensor, seed_generator: keras.random.SeedGenerator | None = None) -> tuple[Tensor, Tensor]:
        """Returns gates and loads, each [batch * length, experts]."""
        return noisy_top_k(*self.gating(ops.reshape(x, (-1, self.width))), self.k, seed_generator)

    def _attend(
        self, x: Tensor, gates: Tensor, key_gates: Tensor, bias: Tensor, memories: list[tuple[Tensor, Tensor]]
    ) -> Tensor:
        """Sums the experts' outputs at x [batch, query, width], weighted by gates [batch, query, experts].

        key_gates [batch, key, experts] are positive where a key is routed to an expert; `memories` are the keys and
        values of each expert.
        """
        absent = mask_bias(key_gates <= 0)
        weights = ops.cast(gates, x.dtype)
        y = 0.0
        for i, (expert, (k, v)) in enumerate(zip(self.experts, memories, strict=True)):
            attended = dot_product_attention(expert.project_query(x), k, v, absent[:, None, None, :, i] + bias)
            y = y + weights[:, :, i : i + 1] * expert.project_output(attended)
        return y

    def init_cache(self, batch_size: Tensor | int, max_length: int) -> Cache:
        """Returns empty buffers: "k" and "v" [batch, experts, heads, max_length * parts, depth] and the gates, "gates".

        The gates are [batch, max_length * parts, experts], where parts is `expansion` or 1.
        """
        slots = max_length * self.parts
        cache: Cache = {"gates": ops.zeros((batch_size, slots, self.num_experts), "float32")}
        for name, size in (("k", self.key_size or self.width), ("v", self.value_size or self.width)):
            shape = (batch_size, self.num_experts, self.num_heads, slots, size // self.num_heads)
            cache[name] = ops.zeros(shape, self.compute_dtype)
        return cache

    def step(self, x: Tensor, position: Tensor | int, cache: Cache, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Returns the output [batch, 1, hidden] at x [batch, 1, hidden], which is at `position`, and the new cache."""
        x = self._expanded(x)
        gates = ops.reshape(self._gate(x)[0], (-1, self.parts, self.num_experts))
        start = position * self.parts
        k, v = (ops.stack(each, axis=1) for each in zip(*(e.project_memory(x) for e in self.experts), strict=True))
        cache = {
            "gates": ops.slice_update(cache["gates"], (0, start, 0), gates),
            "k": ops.slice_update(cache["k"], (0, 0, 0, start, 0), k),
            "v": ops.slice_update(cache["v"], (0, 0, 0, start, 0), v),
        }
        places = ops.arange(cache["gates"].shape[1], dtype="int32")
        own = start + ops.arange(self.parts, dtype="int32")
        later = mask_bias(places[None, :] > own[:, None])[None, None]
        memories = [(cache["k"][:, i], cache["v"][:, i]) for i in range(self.num_experts)]
        return self._compressed(self._attend(x, gates, cache["gates"], later, memories)), cache


LocalExpertAttentionOptions = options_of(LocalExpertAttention, "LocalExpertAttentionOptions")
