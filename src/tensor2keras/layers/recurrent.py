"""Long short-term memories (Hochreiter and Schmidhuber 1997), with or without attention in every step.

Whatever does not depend on the previous step is computed for all steps at once, so a step is one matrix product and
elementwise operations. Shapes: x [batch, length, channels]; a state is (c, h), each [batch, units].
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from tensor2keras import backend
from tensor2keras.layers.attention import area as area_attention
from tensor2keras.layers.attention.bias import mask_bias
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.types import Shape, Tensor

State = tuple[Tensor, Tensor]
Memory = dict[str, Tensor]  # keys and values: see `AttentionLSTM.project_memory`
FORGET_BIAS = 1.0  # added to the forget gate, as TensorFlow 1's cell does
ATTENTION_MECHANISMS = ("bahdanau", "luong")


@contextlib.contextmanager
def _scopes(path: str) -> Iterator[None]:
    """Opens nested name scopes, "a/b/c"."""
    with contextlib.ExitStack() as stack:
        for name in path.split("/"):
            stack.enter_context(keras.name_scope(name))
        yield


def nonpadding_length(x: Tensor) -> Tensor:
    """Counts the nonzero vectors of x [batch, length, channels]: int32 [batch]. T2T `length_from_embedding`."""
    return ops.sum(ops.cast(ops.any(ops.not_equal(x, 0), axis=-1), "int32"), axis=1)


def reverse_sequence(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverses the first `lengths` [batch] vectors of x [batch, length, channels] and keeps the others."""
    position = ops.arange(ops.shape(x)[1], dtype="int32")[None, :]
    lengths = lengths[:, None]
    index = ops.where(position < lengths, lengths - 1 - position, position)
    return ops.take_along_axis(x, index[:, :, None], axis=1)


def _lengths_of(mask: Tensor) -> Tensor:
    """Returns the lengths of texts whose padding is at the end: true at real positions, [batch, length] -> [batch]."""
    return ops.sum(ops.cast(mask, "int32"), axis=1)


def time_major(x: Tensor) -> Tensor:
    """[batch, length, ...] -> [length, batch, ...], or back."""
    return ops.swapaxes(x, 0, 1)


class LSTMCell(Layer):
    """The weights of a layer's gates i, j, f, o: a kernel [channels + units, 4 * units] and a bias [4 * units].

    Args:
        units: width of the state.
        kernel_initializer: of the kernel.

    Call arguments:
        x: consecutive channels of the input, [..., some channels].
        first: index of the first of these channels; the bias is added if it is 0.

    Returns:
        The contribution of these channels to the gates, [..., 4 * units]; that of the state is its product with
        `recurrent_kernel`.

    Reference:
        TensorFlow 1's `LSTMCell`.
    """

    def __init__(self, units: int, kernel_initializer: Any = "glorot_uniform", name: str = "lstm_cell", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.units = units
        self.kernel_initializer = unseeded(kernel_initializer)

    def build(self, x_shape: Shape) -> None:
        self.input_size = x_shape[-1]
        shape = (self.input_size + self.units, 4 * self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(4 * self.units,), initializer="zeros")

    def call(self, x: Tensor, first: int = 0) -> Tensor:
        kernel = ops.cast(self.kernel, self.compute_dtype)[first : first + x.shape[-1]]
        gates = ops.matmul(x, kernel)
        return gates if first else gates + ops.cast(self.bias, self.compute_dtype)

    @property
    def recurrent_kernel(self) -> Tensor:
        """[units, 4 * units]."""
        return ops.cast(self.kernel, self.compute_dtype)[self.input_size :]


def lstm_step(gates: Tensor, c: Tensor) -> State:
    """Returns the state after a step from its gates [batch, 4 * units] and the previous cell c [batch, units]."""
    i, j, f, o = ops.split(gates, 4, axis=-1)
    c = ops.sigmoid(f + FORGET_BIAS) * c + ops.sigmoid(i) * ops.tanh(j)
    return c, ops.sigmoid(o) * ops.tanh(c)


def zero_state(batch_size: Tensor | int, units: int, dtype: Any) -> State:
    """Returns a state of zeros."""
    return ops.zeros((batch_size, units), dtype), ops.zeros((batch_size, units), dtype)


class LSTM(Layer):
    """A stack of LSTM layers with dropout on the input of each.

    Args:
        units: width of each.
        num_layers: number of layers.
        dropout: rate.
        scope: T2T's scope of the cells.
        kernel_initializer: of the kernels.

    Call arguments:
        x: [batch, length, channels].
        lengths: [batch] int32; past them the output is zero and the state unchanged. None: all of x counts.
        initial_state: a state for each layer; zeros by default.
        mask, x_mask: true at real positions of x, [batch, length], which count if `lengths` is None. Keras fills in one
            of the two.
        training: whether dropout applies.

    Returns:
        The last layer's output [batch, length, units] and the last state of each layer.

    Reference:
        T2T `lstm`, over `dynamic_rnn`.
    """

    def __init__(
        self,
        units: int,
        num_layers: int,
        dropout: float = 0.0,
        scope: str = "rnn",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.num_layers = num_layers
        self.dropout = dropout
        self.scope = scope
        self.kernel_initializer = unseeded(kernel_initializer)
        self.cells = [LSTMCell(units, self.kernel_initializer, dtype=self.dtype_policy) for _ in range(num_layers)]
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        for i, cell in enumerate(self.cells):
            with _scopes(f"{self.scope}/multi_rnn_cell/cell_{i}"):
                cell.build((None, x_shape[-1] if i == 0 else self.units))

    def call(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        initial_state: Tensor | None = None,
        mask: Tensor | None = None,
        x_mask: Tensor | None = None,
        training: bool = False,
    ) -> tuple[Tensor, list[State]]:
        batch_size, length = ops.shape(x)[:2]
        counts = x_mask if mask is None else mask
        if lengths is not None:
            counts = ops.arange(length, dtype="int32")[None, :] < lengths[:, None]
        elif counts is None:
            counts = ops.ones((batch_size, length), "bool")
        counts = time_major(counts)[:, :, None]
        states = []
        for i, cell in enumerate(self.cells):
            kernel = cell.recurrent_kernel

            def step(state: State, inputs: Tensor, kernel: Tensor = kernel) -> tuple[State, State]:
                gates, counts = inputs
                c, h = lstm_step(gates + ops.matmul(state[1], kernel), state[0])
                state = ops.where(counts, c, state[0]), ops.where(counts, h, state[1])
                return state, state

            start = initial_state[i] if initial_state is not None else zero_state(batch_size, self.units, x.dtype)
            gates = time_major(cell(self.drop(x, training=training)))
            state, (_, h) = backend.scan(step, tuple(start), (gates, counts))
            states.append(state)
            x = time_major(ops.where(counts, h, ops.zeros_like(h)))
        return x, states

    def step(self, x: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        """Returns the output [batch, units] at one step from its input [batch, channels], and the new states."""
        new = []
        for cell, (c, h) in zip(self.cells, states, strict=True):
            state = lstm_step(cell(x) + ops.matmul(h, cell.recurrent_kernel), c)
            new.append(state)
            x = state[1]
        return x, new


class BidirectionalLSTM(Layer):
    """Two LSTM stacks, one of which reads backwards; their outputs and states are concatenated. T2T `lstm_bid_encoder`.

    Args:
        units, num_layers, dropout, kernel_initializer: as of `LSTM`.

    Call arguments:
        x: [batch, length, channels].
        lengths: [batch] int32; None: those of the mask, or all of x.
        mask: true at real positions of x, [batch, length]; padding must be at the end.
        training: whether dropout applies.

    Returns:
        [batch, length, 2 * units], and a state of width 2 * units for each layer.
    """

    def __init__(
        self,
        units: int,
        num_layers: int,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        name: str = "encoder",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        options = {"kernel_initializer": kernel_initializer, "name": name, "dtype": self.dtype_policy}
        self.first, self.last = (
            LSTM(units, num_layers, dropout, scope=f"bidirectional_rnn/{way}", **options) for way in ("fw", "bw")
        )

    def build(self, x_shape: Shape) -> None:
        self.first.build(x_shape)
        self.last.build(x_shape)

    def call(
        self, x: Tensor, lengths: Tensor | None = None, mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, list[State]]:
        if lengths is None:
            lengths = _lengths_of(ops.ones(ops.shape(x)[:2], "bool") if mask is None else mask)
        y, states = self.first(x, lengths, training=training)
        z, back = self.last(reverse_sequence(x, lengths), lengths, training=training)
        joined = [
            tuple(ops.concatenate(parts, axis=-1) for parts in zip(*pair, strict=True))
            for pair in zip(states, back, strict=True)
        ]
        return ops.concatenate([y, reverse_sequence(z, lengths)], axis=-1), joined


class _ScoreVector(Layer):
    """Scores of a head of additive attention, the product with its vector: [..., units] -> [...]."""

    def __init__(self, units: int, kernel_initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = kernel_initializer

    def build(self, x_shape: Shape | None = None) -> None:
        self.vector = self.add_weight(name="attention_v", shape=(self.units,), initializer=self.kernel_initializer)

    def call(self, x: Tensor) -> Tensor:
        return ops.matmul(x, ops.cast(self.vector, x.dtype))


class AttentionLSTM(LSTM):
    """An `LSTM` that attends to a memory after every step; the result is an input of the next step.

    Args:
        units, num_layers, dropout, kernel_initializer: of the LSTM.
        attention_layer_size: width of each head's output.
        num_heads: number of heads, which share one projection of the memory; those of "luong" differ only in their
            output projection.
        mechanism: "bahdanau" (additive, Bahdanau et al. 2014, https://arxiv.org/abs/1409.0473) or "luong" (dot product,
            Luong et al. 2015, https://arxiv.org/abs/1508.04025).
        output_attention: whether the output is that of the heads or that of the LSTM.
        max_area_width: attend to areas of up to this many neighbours of the memory (`layers.attention.area`).
        area_key_mode, area_value_mode: how keys and values of areas are computed; no effect at width 1.
        mask_memory: whether padding of the memory is masked; areas with padding always are. T2T masks those only.

    Call arguments:
        x: [batch, length, channels].
        memory: [batch, memory length, units].
        memory_lengths: [batch] int32, how much of the memory is real; needed for areas and for `mask_memory`.
        lengths, initial_state, training: as of `LSTM`.
        x_mask, memory_mask: true at real positions, for lengths that are None; padding must be at the end. A
            memory's mask always masks its padding.

    Returns:
        [batch, length, attention_layer_size * heads], or [batch, length, units].

    Reference:
        T2T `lstm_attention_decoder`, over `AttentionWrapper`.
    """

    def __init__(
        self,
        units: int,
        num_layers: int,
        attention_layer_size: int,
        num_heads: int = 1,
        mechanism: str = "bahdanau",
        output_attention: bool = True,
        max_area_width: int = 1,
        area_key_mode: str = "mean",
        area_value_mode: str = "sum",
        mask_memory: bool = False,
        **kwargs: Any,
    ):
        super().__init__(units, num_layers, scope="rnn/attention_wrapper", **kwargs)
        if mechanism not in ATTENTION_MECHANISMS:
            known = ", ".join(ATTENTION_MECHANISMS)
            raise ValueError(f"unknown attention_mechanism {mechanism!r}; known: {known}")
        self.mechanism = mechanism
        self.num_heads = num_heads
        self.attention_size = attention_layer_size * num_heads
        self.output_attention = output_attention
        self.mask_memory = mask_memory
        shared = {"use_bias": False, "kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        names = ["attention_layer", *(f"attention_layer_{i}" for i in range(1, num_heads))]
        self.attention_layers = [keras.layers.Dense(attention_layer_size, name=name, **shared) for name in names]
        self.query_layer = keras.layers.Dense(units, name="query_layer", **shared)
        self.memory_layer = keras.layers.Dense(units, name="memory_layer", **shared)
        self.max_area_width = max_area_width
        self.area_value_mode = area_value_mode
        self.area_keys = None
        if max_area_width > 1:
            area_attention.lookup(area_attention.VALUE_MODES, area_value_mode, "area_value_mode")
            self.area_keys = area_attention.AreaKeys(
                max_area_width,
                mode=area_key_mode,
                kernel_initializer=self.kernel_initializer,
                name="decoder_encoder",
                dtype=self.dtype_policy,
            )
        self.score_vectors = []
        if mechanism == "bahdanau":
            scopes = ["bahdanau_attention", *(f"bahdanau_attention_{i}" for i in range(1, num_heads))]
            self.score_vectors = [
                _ScoreVector(units, self.kernel_initializer, name=name, dtype=self.dtype_policy) for name in scopes
            ]

    def build(self, x_shape: Shape, memory_shape: Shape | None = None) -> None:
        if not self.memory_layer.built:
            self.build_memory((None, None, self.units))
        super().build((*x_shape[:-1], x_shape[-1] + self.attention_size))
        with _scopes(self.scope):
            if self.mechanism == "bahdanau":
                with keras.name_scope("bahdanau_attention"):
                    self.query_layer.build((None, self.units))
            for vector in self.score_vectors:
                vector.build()
            for layer in self.attention_layers:
                layer.build((None, 2 * self.units))

    def build_memory(self, memory_shape: Shape) -> None:
        """Makes the weights of `project_memory`.

        Called before `build`, it gives them names outside this layer's scope, where T2T has them.
        """
        self.memory_layer.build(memory_shape)
        if self.area_keys is not None:
            self.area_keys.build((None, None, self.units))

    def project_memory(
        self, memory: Tensor, lengths: Tensor | None = None, training: bool = False, mask_memory: bool = False
    ) -> Memory:
        """Returns the keys and values that every step attends to.

        Args:
            memory: [batch, memory length, units].
            lengths: [batch] int32, how much of it is real; needed for areas and for `mask_memory`.
            training: whether an `area_key_mode` with "sample" samples the areas' keys.
            mask_memory: whether padding is masked even if the layer does not mask it.

        Returns:
            "keys" and "values" [batch, memory length or areas, units], and, where padding or areas with padding are
            masked, "bias" [batch, memory length or areas].
        """
        keys = self.memory_layer(memory)
        if self.area_keys is None and not (self.mask_memory or mask_memory):
            return {"keys": keys, "values": memory}
        padding = ops.arange(ops.shape(memory)[1], dtype="int32")[None, :] >= lengths[:, None]
        if self.area_keys is None:
            return {"keys": keys, "values": memory, "bias": ops.cast(mask_bias(padding), keys.dtype)}
        return {
            "keys": self.area_keys(keys, training=training),
            "values": area_attention.area_values(memory, self.area_value_mode, self.max_area_width),
            "bias": ops.cast(area_attention.area_bias(padding, self.max_area_width), keys.dtype),
        }

    def call(
        self,
        x: Tensor,
        memory: Tensor,
        lengths: Tensor | None = None,
        initial_state: Tensor | None = None,
        memory_lengths: Tensor | None = None,
        x_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        batch_size, length, channels = *ops.shape(x)[:2], x.shape[-1]
        if lengths is None and x_mask is not None:
            lengths = _lengths_of(x_mask)
        if masked := memory_lengths is None and memory_mask is not None:
            memory_lengths = _lengths_of(memory_mask)
        projected = self.project_memory(memory, memory_lengths, training=training, mask_memory=masked)
        masks = None
        if training and self.dropout:  # for each step, masks of the inputs that are computed in the step
            widths = [self.attention_size, *[self.units] * (self.num_layers - 1)]
            masks = [self.drop(ops.ones((length, batch_size, width), x.dtype), training=True) for width in widths]
        gates = time_major(self.cells[0](self.drop(x, training=training)))
        kernels = [cell.recurrent_kernel for cell in self.cells]

        def step(carry: tuple, inputs: Tensor) -> tuple[tuple, tuple]:
            now, dropped = (inputs, None) if masks is None else inputs
            carry = self._step(now, *carry, projected, dropped, kernels, channels)
            return carry, carry

        states = initial_state or [zero_state(batch_size, self.units, x.dtype) for _ in self.cells]
        attention = ops.zeros((batch_size, self.attention_size), x.dtype)
        inputs = gates if masks is None else (gates, masks)
        _, (attended, states) = backend.scan(step, (attention, [tuple(state) for state in states]), inputs)
        y = time_major(attended if self.output_attention else states[-1][1])
        if lengths is None:
            return y
        counts = ops.arange(length, dtype="int32")[None, :] < lengths[:, None]
        return ops.where(counts[:, :, None], y, ops.zeros_like(y))

    def _step(
        self,
        gates: Tensor,
        attention: Tensor,
        states: list[State],
        memory: Memory,
        masks: list[Tensor] | None,
        kernels: list[Tensor],
        channels: int,
    ) -> tuple[Tensor, list[State]]:
        """Returns the heads' output after a step, [batch, attention size], and the new states.

        `attention` and `states` are those after the previous step, `gates` is the contribution of the input, of so many
        `channels`, to the first layer's gates; `masks` are dropout masks of the attention and of the inputs of later
        layers.
        """
        attention = attention if masks is None else attention * masks[0]
        gates = gates + self.cells[0](attention, first=channels)
        new = []
        for i, ((c, h), kernel) in enumerate(zip(states, kernels, strict=True)):
            if i > 0:
                x = new[-1][1] if masks is None else new[-1][1] * masks[i]
                gates = self.cells[i](x)
            new.append(lstm_step(gates + ops.matmul(h, kernel), c))
        return self._attend(new[-1][1], **memory), new

    def _attend(self, h: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
        """Returns the heads' output for the LSTM's output h: [batch, attention size]."""
        if self.mechanism == "luong":
            scores = [ops.einsum("bd,btd->bt", h, keys)] * self.num_heads
        else:
            summed = ops.tanh(keys + self.query_layer(h)[:, None])
            scores = [vector(summed) for vector in self.score_vectors]
        outputs = []
        for score, layer in zip(scores, self.attention_layers, strict=True):
            score = score if bias is None else score + bias
            context = ops.einsum("bt,btd->bd", ops.softmax(score, axis=-1), values)
            outputs.append(layer(ops.concatenate([h, context], axis=-1)))
        return ops.concatenate(outputs, axis=-1)

    def step(
        self, x: Tensor, attention: Tensor, states: list[State], memory: Memory
    ) -> tuple[Tensor, Tensor, list[State]]:
        """Returns the output at one step from its input [batch, channels], the heads' output and the new states."""
        kernels = [cell.recurrent_kernel for cell in self.cells]
        gates = self.cells[0](x)
        attention, states = self._step(gates, attention, states, memory, None, kernels, x.shape[-1])
        return attention if self.output_attention else states[-1][1], attention, states
