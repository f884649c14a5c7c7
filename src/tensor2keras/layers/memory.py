"""Decoders of long text in chunks, with a memory of earlier chunks in every layer (T2T `transformer_memory`).

A text is cut into chunks of `chunk_length`. Attention is within a chunk and, by one of two kinds of memory, to the text
before it:

- `transformer_xl`: the layer's inputs at the last positions before the chunk are additional keys and values (Dai et al.
  2019, https://arxiv.org/abs/1901.02860);
- `neural_memory`: every chunk is written into a table of vectors, from which the next chunk reads by similarity (Graves
  et al. 2014, https://arxiv.org/abs/1410.5401; writing after https://arxiv.org/abs/1607.00036).

In T2T a training step is one chunk, and variables keep the memory for the next step. Here a batch holds whole texts.
The memory of a layer depends on that layer's inputs only, so all chunks of a layer are computed at once
(`transformer_xl`) or after a scan over the chunks (`neural_memory`). As in T2T, where no gradient passes between
training steps, none passes from a chunk to those before it.

Shapes: texts are [batch, length, hidden]; inside the decoder chunks are rows, [batch * chunks, chunk_length, hidden],
those of a text in order. `chunk_number` [batch, chunks] int32 counts them; it is 0 where a text begins and
the memory is empty.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.attention.bias import mask_bias
from tensor2keras.layers.attention.multi_head import MultiHeadAttention
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, LayerOptions, options_of
from tensor2keras.layers.transformer import (
    NO_CONTEXT,
    AttentionSublayer,
    Context,
    TransformerDecoder,
    TransformerLayer,
)
from tensor2keras.types import Cache, Shape, Tensor

ATTENTION_TYPES = ("dot_product", "dot_product_relative")  # those that can attend to keys before the chunk


# Chunks


def to_chunks(x: Tensor, chunk_length: int) -> Tensor:
    """Cuts texts into chunks: [batch, length, ...] -> [batch * chunks, chunk_length, ...], padded with zeros."""
    missing = -ops.shape(x)[1] % chunk_length
    x = ops.pad(x, ((0, 0), (0, missing), *((0, 0) for _ in x.shape[2:])))
    return ops.reshape(x, (-1, chunk_length, *x.shape[2:]))


def from_chunks(x: Tensor, length: Tensor | int) -> Tensor:
    """Inverts `to_chunks`: [batch * chunks, chunk_length, hidden] -> [batch, length, hidden]."""
    chunk_length = x.shape[1]
    return ops.reshape(x, (-1, length + -length % chunk_length, x.shape[2]))[:, :length]


def chunk_numbers(x: Tensor, chunk_length: int) -> Tensor:
    """Counts the chunks of each text of `x` [batch, length, ...] from 0: [batch, chunks] int32."""
    batch_size, length = ops.shape(x)[0], ops.shape(x)[1]
    return ops.tile(ops.arange((length + chunk_length - 1) // chunk_length, dtype="int32")[None], (batch_size, 1))


def recent_tokens(x: Tensor, num_chunks: Tensor | int, num_items: int) -> Tensor:
    """Returns the last `num_items` positions before each chunk, zeros before the text.

    Args:
        x: [batch * chunks, chunk_length, ...].
        num_chunks: number of chunks of a text.
        num_items: number of positions.

    Returns:
        [batch * chunks, num_items, ...].
    """
    chunk_length, rest = x.shape[1], tuple(x.shape[2:])
    text = ops.reshape(x, (-1, num_chunks * chunk_length, *rest))
    text = ops.pad(text, ((0, 0), (num_items, 0), *((0, 0) for _ in rest)))
    begin = ops.arange(num_chunks, dtype="int32")[:, None] * chunk_length
    positions = ops.reshape(begin + ops.arange(num_items, dtype="int32"), (-1,))
    return ops.reshape(ops.take(text, positions, axis=1), (-1, num_items, *rest))


def recent_tokens_bias(chunk_number: Tensor, chunk_length: int, num_items: int) -> Tensor:
    """Masks those of `recent_tokens` that are before the text: [batch * chunks, 1, 1, num_items]."""
    first = ops.reshape(chunk_number, (-1, 1)) * chunk_length - num_items
    before = first + ops.arange(num_items, dtype="int32") < 0
    return mask_bias(before)[:, None, None, :]


# Attention with memory


class RecentTokensAttention(MultiHeadAttention):
    """Self-attention within a chunk and to the layer's inputs at the last positions before it.

    Args:
        chunk_length: number of positions of a chunk.
        num_items: number of positions remembered before it; `chunk_length` if 0.
        scope: not used; accepted because `NeuralMemoryAttention` takes it.
        **kwargs: arguments of `MultiHeadAttention`; `attention_type` must be one of `ATTENTION_TYPES`.

    Call arguments:
        x: [batch * chunks, chunk_length, hidden].
        chunk_number: [batch, chunks] int32.
        bias: broadcasts to [batch * chunks, heads, chunk_length, num_items + chunk_length]; it must include
            `recent_tokens_bias`.
        training: whether dropout applies.

    Returns:
        [batch * chunks, chunk_length, hidden_size].

    Raises:
        ValueError: the attention type cannot attend to keys before the chunk.

    Reference:
        T2T `transformer_memory.RecentTokensMemory`.
    """

    def __init__(self, chunk_length: int, num_items: int = 0, scope: str = "", **kwargs: Any):
        super().__init__(**kwargs)
        _require_attention_type(self.attention_type)
        self.chunk_length = chunk_length
        self.num_items = num_items or chunk_length

    def build(self, x_shape: Shape, chunk_number_shape: Shape | None = None) -> None:
        super().build(x_shape)

    def call(self, x: Tensor, chunk_number: Tensor, bias: Tensor | None = None, training: bool = False) -> Tensor:
        recent = ops.stop_gradient(recent_tokens(x, ops.shape(chunk_number)[1], self.num_items))
        k, v = self.project_memory(ops.concatenate([recent, x], axis=1))
        y = self.attend(self.project_query(x), k, v, bias, query_position=self.num_items, training=training)
        return self.project_output(y)

    def init_cache(self, batch_size: Tensor | int, max_length: int) -> Cache:
        """Returns empty keys and values of the remembered positions and the chunk, whatever `max_length` is."""
        return super().init_cache(batch_size, self.num_items + self.chunk_length)

    def step(self, x: Tensor, position: Tensor | int, cache: Cache, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Computes `MultiHeadAttention.step`, moving the last chunk's keys and values into memory where one begins."""
        place = position % self.chunk_length
        moved = {
            name: ops.where(place == 0, ops.roll(cache[name], -self.chunk_length, axis=2), cache[name])
            for name in ("k", "v")
        }
        return super().step(x, self.num_items + place, {**cache, **moved}, bias)


class NeuralMemory(Layer):
    """A table of vectors that is read and written by similarity. T2T `transformer_memory.TransformerMemory`.

    For the rows x of a chunk and the values M of the table,

        logits = sharpen_factor (x W_query + b) (M W_key + b)^T / (norms + 1e-7)
        read = softmax(logits) M,  output = attended W_output + read W_retrieved + b

    and writing sets M to mean(1 - erase * w) M + mean(w^T candidate), with w = softmax(logits - gamma mean_logits).

    The state is {"values": [batch, size, value_depth], "mean_logits": [batch, size]}, all zero at first. Weights:
    `pre_attention/mem_key`, `pre_attention/mem_query` to key_depth; `post_attention/dense`, `post_attention/dense_1`,
    `post_attention/candidate_value` to value_depth, `post_attention/erase` to size, `post_attention/gamma` to 1. The
    last three, which only writing uses, are not trainable: in T2T the state is assigned to variables, through which no
    gradient passes, so they keep their initial values.

    Args:
        size: number of vectors.
        key_depth: width of the keys by which they are compared.
        value_depth: width of the vectors.
        sharpen_factor: factor of the similarities.
        kernel_initializer: of the projections.

    Call arguments:
        x: [batch, length, hidden], the inputs of attention.
        attended: [batch, length, depth], the output of attention.
        state: as above.

    Returns:
        [batch, length, value_depth]: the attention's output combined with what is read at x.
    """

    def __init__(
        self,
        size: int,
        key_depth: int,
        value_depth: int,
        sharpen_factor: float = 1.0,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "recurrent_memory",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.size, self.value_depth = size, value_depth
        self.sharpen_factor = sharpen_factor
        self.kernel_initializer = unseeded(kernel_initializer)
        self.key = self._dense("mem_key", key_depth, bias_initializer="ones")
        self.query = self._dense("mem_query", key_depth, bias_initializer="ones")
        self.output_projection = self._dense("dense", value_depth, use_bias=False)
        self.retrieved_projection = self._dense("dense_1", value_depth)
        self.gamma = self._dense("gamma", 1, activation="sigmoid", trainable=False)
        self.candidate = self._dense("candidate_value", value_depth, activation="relu", trainable=False)
        self.erase = self._dense("erase", size, activation="sigmoid", trainable=False)

    def _dense(self, name: str, units: int, **kwargs: Any) -> keras.layers.Dense:
        return keras.layers.Dense(
            units, kernel_initializer=self.kernel_initializer, name=name, dtype=self.dtype_policy, **kwargs
        )

    def build(self, x_shape: Shape) -> None:
        values_shape = (None, self.size, self.value_depth)
        with keras.name_scope("pre_attention"):
            self.key.build(values_shape)
            self.query.build(x_shape)
        with keras.name_scope("post_attention"):
            self.output_projection.build(values_shape)
            self.retrieved_projection.build(values_shape)
            for layer in (self.gamma, self.candidate, self.erase):
                layer.build(x_shape)

    def initial_state(self, batch_size: Tensor | int) -> Cache:
        """Returns the state of an empty table."""
        return {
            "values": ops.zeros((batch_size, self.size, self.value_depth), self.compute_dtype),
            "mean_logits": ops.zeros((batch_size, self.size), self.compute_dtype),
        }

    def read(self, x: Tensor, state: Cache) -> tuple[Tensor, Tensor]:
        """Returns the logits [batch, length, size] and the vectors read [batch, length, value_depth] at x."""
        keys, queries = self.key(state["values"]), self.query(x)
        norms = ops.einsum("blk,bsk->bls", _norm(queries), _norm(keys))
        logits = self.sharpen_factor * ops.einsum("blk,bsk->bls", queries, keys) / (norms + 1e-7)
        return logits, ops.matmul(ops.softmax(logits, axis=-1), state["values"])

    def write(self, x: Tensor, logits: Tensor, state: Cache) -> Cache:
        """Returns the state after a chunk `x` [batch, length, hidden] with the `logits` of `read`.

        Each position erases and adds where it is similar, preferring vectors that were read little; the results of the
        positions are averaged.
        """
        logits = logits - self.gamma(x) * state["mean_logits"][:, None, :]
        weights = ops.softmax(logits, axis=-1)  # [batch, length, size]
        kept = ops.mean(1 - self.erase(x) * weights, axis=1)  # [batch, size]
        added = ops.einsum("bls,bld->bsd", weights, self.candidate(x)) / x.shape[1]
        return {
            "values": kept[:, :, None] * state["values"] + added,
            "mean_logits": state["mean_logits"] * 0.1 + ops.mean(logits * 0.9, axis=1),
        }

    def before_chunks(self, x: Tensor, chunk_number: Tensor) -> Cache:
        """Returns the state before each chunk, empty where a text begins.

        Args:
            x: [batch * chunks, chunk_length, hidden].
            chunk_number: [batch, chunks] int32.

        Returns:
            {"values": [batch * chunks, size, value_depth], "mean_logits": [batch * chunks, size]}.
        """
        batch_size, num_chunks = ops.shape(chunk_number)[0], ops.shape(chunk_number)[1]
        chunks = ops.reshape(x, (batch_size, num_chunks, *x.shape[1:]))
        chunks = ops.transpose(chunks, (1, 0, 2, 3))  # [chunks, batch, chunk_length, hidden]
        continues = ops.cast(ops.transpose(chunk_number) > 0, x.dtype)  # [chunks, batch]

        def next_chunk(state: Cache, inputs: tuple[Tensor, Tensor]) -> tuple[Cache, Cache]:
            chunk, keep = inputs
            state = {
                "values": state["values"] * keep[:, None, None],
                "mean_logits": state["mean_logits"] * keep[:, None],
            }
            return self.write(chunk, self.read(chunk, state)[0], state), state

        _, states = backend.scan(next_chunk, self.initial_state(batch_size), (chunks, continues))

        def by_row(state: Tensor) -> Tensor:
            """[chunks, batch, ...] -> [batch * chunks, ...]."""
            return ops.reshape(ops.swapaxes(state, 0, 1), (-1, *state.shape[2:]))

        return keras.tree.map_structure(by_row, states)

    def call(self, x: Tensor, attended: Tensor, state: Cache) -> Tensor:
        _, retrieved = self.read(x, state)
        return self.output_projection(attended) + self.retrieved_projection(retrieved)


class NeuralMemoryAttention(MultiHeadAttention):
    """Self-attention within a chunk, combined with reads from a table into which earlier chunks are written.

    Args:
        chunk_length: number of positions of a chunk, and of vectors of the table.
        scope: name scope of the memory, inside that of the attention (in T2T the name of the decoder's layer).
        **kwargs: arguments of `MultiHeadAttention`; `attention_type` must be one of `ATTENTION_TYPES`.

    Call arguments and result are those of `RecentTokensAttention`, the bias without `num_items`.
    """

    num_items = 0  # no additional keys

    def __init__(self, chunk_length: int, scope: str = "", **kwargs: Any):
        super().__init__(**kwargs)
        _require_attention_type(self.attention_type)
        self.chunk_length = chunk_length
        self.scope = scope
        self.memory = NeuralMemory(
            chunk_length,
            self.hidden_size,
            self.hidden_size,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
        )

    def build(self, x_shape: Shape, chunk_number_shape: Shape | None = None) -> None:
        super().build(x_shape)
        with keras.name_scope(self.scope or "memory"):
            self.memory.build(x_shape)

    def call(self, x: Tensor, chunk_number: Tensor, bias: Tensor | None = None, training: bool = False) -> Tensor:
        state = self.memory.before_chunks(ops.stop_gradient(x), chunk_number)
        state = keras.tree.map_structure(ops.stop_gradient, state)
        return self.memory(x, super().call(x, bias=bias, training=training), state)

    def init_cache(self, batch_size: Tensor | int, max_length: int) -> Cache:
        """Returns empty keys "k", values "v" and inputs "chunk" of one chunk, and the memory's state "memory"."""
        return {
            **super().init_cache(batch_size, self.chunk_length),
            "chunk": ops.zeros((batch_size, self.chunk_length, self.input_width), self.compute_dtype),
            "memory": self.memory.initial_state(batch_size),
        }

    def step(self, x: Tensor, position: Tensor | int, cache: Cache, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Computes `MultiHeadAttention.step`, writing the last chunk into the memory where one begins."""
        place = position % self.chunk_length
        chunk, memory = cache["chunk"], cache["memory"]

        def write() -> Cache:
            return self.memory.write(chunk, self.memory.read(chunk, memory)[0], memory)

        memory = ops.cond(ops.logical_and(place == 0, position > 0), write, lambda: memory)
        y, cache = super().step(x, place, cache, bias)
        chunk = ops.slice_update(chunk, (0, place, 0), ops.cast(x, chunk.dtype))
        return self.memory(x, y, memory), {**cache, "chunk": chunk, "memory": memory}


def _norm(x: Tensor) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-7)


def _require_attention_type(attention_type: str) -> None:
    if attention_type not in ATTENTION_TYPES:
        raise ValueError(
            f"self_attention_type={attention_type} has no memory of earlier chunks; set one of "
            f"{', '.join(ATTENTION_TYPES)}"
        )


# The decoder

RecentTokensOptions = options_of(RecentTokensAttention, "RecentTokensOptions")
NeuralMemoryOptions = options_of(NeuralMemoryAttention, "NeuralMemoryOptions")
# memory_type -> arguments of the self-attention
MEMORY_TYPES: dict[str, type[LayerOptions]] = {
    "neural_memory": NeuralMemoryOptions,
    "transformer_xl": RecentTokensOptions,
}


class _ChunkAttentionSublayer(AttentionSublayer):
    """Self-attention with memory and its residual steps."""

    def call(self, x: Tensor, chunk_number: Tensor, bias: Tensor | None = None, training: bool = False) -> Tensor:
        y = self.attention(self.preprocess(x, training=training), chunk_number, bias, training=training)
        return self.postprocess(y, x, training=training)


class _ChunkDecoderLayer(TransformerLayer):
    """A `TransformerLayer` whose self-attention has a memory; T2T names the memory's scope after the layer."""

    def make_self_attention(self, attention: LayerOptions, **kwargs: Any) -> AttentionSublayer:
        scoped = dataclasses.replace(attention, scope=self.name)
        return _ChunkAttentionSublayer(scoped, name="self_attention", **kwargs)

    def call(self, x: Tensor, chunk_number: Tensor, context: Context = NO_CONTEXT, training: bool = False) -> Tensor:
        x = self.self_attention(x, chunk_number, context.bias, training=training)
        return self._after_self_attention(x, context, training)

    def step(
        self, x: Tensor, position: Tensor, cache: Cache, bias: Tensor | None, memory_bias: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        begins = position % self.self_attention.attention.chunk_length == 0
        # convolutions start from zeros in every chunk
        ffn = keras.tree.map_structure(lambda leaf: ops.where(begins, ops.zeros_like(leaf), leaf), cache.get("ffn", {}))
        return super().step(x, position, {**cache, "ffn": ffn}, bias, memory_bias)


class ChunkDecoder(TransformerDecoder):
    """A `TransformerDecoder` over chunks, with a memory in every layer.

    Args:
        **kwargs: arguments of `TransformerDecoder`, whose `attention` is an options class of `MEMORY_TYPES`.

    Call arguments:
        x: [batch * chunks, chunk_length, hidden].
        chunk_number: [batch, chunks] int32, 0 where a text begins.
        context: a `Context` with one row per chunk; its bias covers the keys of the memory and of the chunk.
        training: whether dropout applies.

    Returns:
        [batch * chunks, chunk_length, hidden].
    """

    layer_class = _ChunkDecoderLayer

    def call(self, x: Tensor, chunk_number: Tensor, context: Context = NO_CONTEXT, training: bool = False) -> Tensor:
        for layer in self.layers:
            x = layer(x, chunk_number, context, training=training)
        return self.final(x, training=training)
