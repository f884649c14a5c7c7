"""Self-attention within experts: positions sent to the same expert attend to each other."""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.attention.bias import causal_bias, mask_bias
from tensor2keras.layers.attention.core import dot_product_attention
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.experts import Gating, imbalance, noisy_top_k
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer

Options = dict[str, Any]


@keras.saving.register_keras_serializable("tensor2keras")
class LocalExpertAttention(Layer):
    """Each position goes to k of many experts, and in each attends to itself and those before it that went there.

    An expert is multi-head attention of its own. The results are added, weighted by the softmax of the k largest
    logits. Noise is added to the logits in training only; a loss, added with `add_loss`, makes all experts used about
    equally. Every expert computes every position and masks select: right on every backend with static shapes, at
    num_experts times the computation of one attention.

    Args:
        hidden_size: width in and out.
        num_experts: how many.
        k: experts a position.
        loss_coef: of the balancing loss.
        num_heads: of an expert; must divide its sizes.
        key_size, value_size: total widths of an expert's queries and keys, and of its values.
        expansion: if not 0, each position is first made this many, of width `expansion_size`, which go to experts
            separately and are made one again in the end.
        expansion_size: see `expansion`.
        kernel_initializer: of all kernels.

    Call arguments:
        x: [batch, length, hidden].
        memory, bias: not used; they are there to be called as other attention is.
        nonpadding: 1.0 at real positions, [batch, length], or None. Padding does not count in the balancing loss; it
            must come after all real positions, of which none then sees it.
        training: whether noise is added.

    Returns:
        [batch, length, hidden].

    Raises:
        ValueError: k that is not from 1 to num_experts.

    Reference:
        T2T `local_expert_attention`, `self_attention_expert`, `deconv_elems_1d`, `conv_elems_1d`; padding is what T2T's
        `PadRemover` takes out.
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
        self.hidden_size = hidden_size
        self.num_experts = num_experts
        self.k = k
        self.loss_coef = loss_coef
        self.num_heads = num_heads
        self.key_size = key_size
        self.value_size = value_size
        self.expansion = expansion
        self.expansion_size = expansion_size
        self.kernel_initializer = unseeded(kernel_initializer)
        self.parts = expansion or 1  # of a position
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

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
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
        self.built = True

    def call(self, x: Any, memory: Any = None, bias: Any = None, nonpadding: Any = None, training: bool = False) -> Any:
        x = self._expanded(x)
        gates, loads = self._gate(x, self.seed_generator if training else None)
        if nonpadding is not None:
            nonpadding = ops.repeat(nonpadding, self.parts, axis=1)
        self.add_loss(self.loss_coef * imbalance(gates, loads, nonpadding))
        length = ops.shape(x)[1]
        gates = ops.reshape(gates, (-1, length, self.num_experts))
        memories = [expert.project_memory(x) for expert in self.experts]
        return self._compressed(self._attend(x, gates, gates, causal_bias(length), memories))

    def _expanded(self, x: Any) -> Any:
        """[batch, length, hidden] -> [batch, length * parts, width]."""
        return self.expand(x[:, None])[:, 0] if self.expansion else x

    def _compressed(self, y: Any) -> Any:
        """[batch, length * parts, width] -> [batch, length, hidden]."""
        return self.compress(y[:, None])[:, 0] if self.expansion else y

    def _gate(self, x: Any, seed_generator: Any = None) -> tuple[Any, Any]:
        """Gates and loads, each [batch * length, experts]."""
        return noisy_top_k(*self.gating(ops.reshape(x, (-1, self.width))), self.k, seed_generator)

    def _attend(self, x: Any, gates: Any, key_gates: Any, bias: Any, memories: list[tuple[Any, Any]]) -> Any:
        """The experts' results at x [batch, query, width], weighted by gates [batch, query, experts] and added.

        key_gates [batch, key, experts] say which keys an expert has; `memories` are its keys and values.
        """
        absent = mask_bias(key_gates <= 0)
        weights = ops.cast(gates, x.dtype)
        y = 0.0
        for i, (expert, (k, v)) in enumerate(zip(self.experts, memories, strict=True)):
            attended = dot_product_attention(expert.project_query(x), k, v, absent[:, None, None, :, i] + bias)
            y = y + weights[:, :, i : i + 1] * expert.project_output(attended)
        return y

    def init_cache(self, batch_size: Any, max_length: int) -> Options:
        """Keys and values of all experts, each [batch, experts, heads, max_length * parts, depth], and the gates."""
        slots = max_length * self.parts
        cache: Options = {"gates": ops.zeros((batch_size, slots, self.num_experts), "float32")}
        for name, size in (("k", self.key_size or self.width), ("v", self.value_size or self.width)):
            shape = (batch_size, self.num_experts, self.num_heads, slots, size // self.num_heads)
            cache[name] = ops.zeros(shape, self.compute_dtype)
        return cache

    def step(self, x: Any, position: Any, cache: Options, bias: Any = None) -> tuple[Any, Options]:
        """The output at x [batch, 1, hidden], which is at `position`: where it goes depends on it alone."""
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
