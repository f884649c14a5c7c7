"""Recurrence in depth: one layer applied repeatedly to all positions (Dehghani et al. 2018, section 2).

`recurrence_type` selects how a step's output is used: as the next state ("basic"), mixed by gates with the state
("highway") or the input ("skip"), as one of the states attended to in depth ("dwa"), or as the input of a gated cell
("gru", "lstm"). With "act" each position decides when to stop (adaptive computation time, Graves 2016,
https://arxiv.org/abs/1603.08983).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tensor2keras.layers import pooling
from tensor2keras.layers import position as positions
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, Options
from tensor2keras.layers.residual import LayerPrepostprocess, ResidualOptions
from tensor2keras.layers.sru import SRU
from tensor2keras.types import Shape, Tensor

RECURRENCE_TYPES = ("basic", "highway", "skip", "dwa", "gru", "lstm", "act")
ACT_TYPES = ("basic", "global", "random", "accumulated")
CHOICES = {
    "recurrence_type": RECURRENCE_TYPES,
    "position_start_index": (None, "random", "step"),
    "step_timing_signal_type": ("learned", "sinusoid"),
    "add_or_concat_timing_signal": ("add", "concat"),
    "act_type": ACT_TYPES,
}
Apply = Callable[[keras.layers.Layer, Tensor, Tensor | int], Tensor]  # (layer, state, step) -> state


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecurrenceOptions(Options):
    """Options of the recurrence: T2T's hyperparameters of these names, with its defaults.

    Raises:
        ValueError: a value that is not supported; the message lists the supported ones.
    """

    recurrence_type: str = "basic"
    num_rec_steps: int = 6
    num_inrecurrence_layers: int = 1
    mix_with_transformer: str | None = None
    num_mixedin_layers: int = 2
    add_position_timing_signal: bool = True
    position_start_index: str | None = None
    add_step_timing_signal: bool = True
    step_timing_signal_type: str = "learned"
    add_or_concat_timing_signal: str = "add"
    add_sru: bool = False
    transform_bias_init: float = -1.0
    couple_carry_transform_gates: bool = True
    gates_inputs: str = "i"
    gate_ffn_layer: str = "dense"
    depth_embedding: bool = True
    dwa_elements: bool = True
    lstm_forget_bias: float = 1.0
    use_memory_as_final_state: bool = False
    add_ffn_unit_to_the_transition_function: bool = False
    act_type: str = "basic"
    act_max_steps: int = 12
    act_halting_bias_init: float = 1.0
    act_epsilon: float = 0.01
    act_loss_weight: float = 0.01
    mask_padding: bool = False  # whether padding has no effect on halting, starts of positions and the loss

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; known: {', '.join(map(str, known))}")
        kind = self.recurrence_type
        if kind in ("gru", "lstm") and self.add_step_timing_signal:
            raise ValueError(f"recurrence_type={kind} counts the steps itself: set add_step_timing_signal=False")
        if kind in ("highway", "skip"):
            if self.gate_ffn_layer != "dense":
                raise ValueError(f"gate_ffn_layer={self.gate_ffn_layer!r} is not supported; known: dense")
            if not self.gates_inputs or set(self.gates_inputs) - set("sti"):
                raise ValueError(
                    f"gates_inputs={self.gates_inputs!r} must be letters of s (state), t (transformed state), "
                    "i (inputs)"
                )


class TimingSignal(Layer):
    """Computes a step's input: adds or concatenates signals of position and step to the state; SRUs may follow.

    Args:
        hidden_size: width of the state.
        options: a `RecurrenceOptions`.
        kernel_initializer: of the SRUs and the projection.
        projection: name of the projection back to `hidden_size` after concatenation.

    Call arguments:
        x: [batch, length, hidden].
        step: index of the step.
        start: index of the first position.
        apply: applies the SRUs: apply(layer, state, step).
        lengths: [batch] int32, by which `position_start_index` "step" shifts positions; the length of x if None.

    Returns:
        [batch, length, hidden].
    """

    def __init__(
        self, hidden_size: int, options: RecurrenceOptions, kernel_initializer: Any, projection: str, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.hidden_size, self.options = hidden_size, options
        self.seed_generator = keras.random.SeedGenerator()
        act = options.recurrence_type == "act"
        self.num_steps = options.act_max_steps if act else options.num_rec_steps
        shared = {"kernel_initializer": kernel_initializer, "dtype": self.dtype_policy}
        self.sru = SRU(hidden_size, **shared) if options.add_sru else None
        self.projection = None
        self.concat = options.add_or_concat_timing_signal == "concat"
        if self.concat and options.add_position_timing_signal:
            self.projection = keras.layers.Dense(hidden_size, use_bias=False, name=projection, **shared)

    def build(self, x_shape: Shape) -> None:
        width = self.hidden_size * (2 if self.concat and self.options.add_position_timing_signal else 1)
        if self.options.add_step_timing_signal and self.options.step_timing_signal_type == "learned":
            self.layer_embedding = self.add_weight(
                name="layer_embedding",
                shape=(self.num_steps, 1, 1, width),
                initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
            )
        if self.concat and self.options.add_step_timing_signal:
            width *= 2
        if self.projection is not None:
            self.projection.build((*x_shape[:-1], width))
        if self.sru is not None:
            self.sru.build(x_shape)

    def call(
        self, x: Tensor, step: Tensor | int, start: Tensor | int, apply: Apply, lengths: Tensor | None = None
    ) -> Tensor:
        if self.options.add_position_timing_signal:
            length = ops.shape(x)[1]
            start = start + self._start_index(length if lengths is None else lengths[:, None], step)  # or [batch, 1]
            index = ops.arange(length, dtype="int32")[None, :] + start
            x = self._join(x, positions.timing_signal(index, x.shape[-1]))
        if self.options.add_step_timing_signal:
            x = self._join(x, self._step_signal(step, x.shape[-1]))
        x = x if self.projection is None else self.projection(x)
        return x if self.sru is None else apply(self.sru, x, step)

    def _start_index(self, length: Tensor | int, step: Tensor | int) -> Tensor:
        kind = self.options.position_start_index
        if kind == "random":
            share = keras.random.uniform((), seed=self.seed_generator)
            return ops.cast(share * ops.cast(length, "float32"), "int32")
        return length * step // self.num_steps if kind == "step" else 0

    def _step_signal(self, step: Tensor | int, channels: int) -> Tensor:
        """Returns the signal of a step: [1, 1, channels]."""
        if self.options.step_timing_signal_type == "learned":
            return ops.take(self.layer_embedding, step, axis=0) * channels**0.5
        return ops.take(positions.get_timing_signal_1d(self.num_steps, channels), step, axis=1)[:, None]

    def _join(self, x: Tensor, signal: Tensor) -> Tensor:
        signal = ops.cast(signal, x.dtype)
        if not self.concat:
            return x + signal
        return ops.concatenate([x, ops.broadcast_to(signal, (*ops.shape(x)[:2], signal.shape[-1]))], axis=-1)


class Recurrence(Layer):
    """The recurrent steps, between plain layers if `mix_with_transformer` asks for them.

    Args:
        make_unit: make_unit(name, with_feed_forward) returns a `TransformerLayer`.
        hidden_size: width of the state.
        options: a `RecurrenceOptions`.
        residual: the steps around each sublayer; those before a sublayer also come before the gates.
        zero_padding: whether gates are 0 at padding, as in T2T, which takes padding out of the batch.
        kernel_initializer: of the gates.

    Call arguments:
        x: [batch, length, hidden].
        apply: applies a unit or an SRU to a state at a step: apply(layer, state, step).
        start: the index of the first position.
        nonpadding: [batch, length], 1.0 at real positions, or None.
        unrolled: whether steps are Python integers and their number is fixed.

    Returns:
        The last state, [batch, length, hidden].
    """

    def __init__(
        self,
        make_unit: Callable[[str, bool], keras.layers.Layer],
        hidden_size: int,
        options: RecurrenceOptions,
        residual: ResidualOptions,
        zero_padding: bool,
        kernel_initializer: Any,
        **kwargs: Any,
    ):
        kind = options.recurrence_type
        super().__init__(name=f"universal_transformer_{kind}", **kwargs)
        self.kind, self.options, self.hidden_size, self.zero_padding = kind, options, hidden_size, zero_padding
        self.kernel_initializer = unseeded(kernel_initializer)
        self.seed_generator = keras.random.SeedGenerator()
        mixed = options.mix_with_transformer or ""
        self.before, self.after = (
            [make_unit(f"{name}_layer_{i}", True) for i in range(options.num_mixedin_layers if name in mixed else 0)]
            for name in ("before_ut", "after_ut")
        )
        if kind in ("gru", "lstm"):  # T2T opens no scope for these
            self.units = [make_unit(self.name, options.add_ffn_unit_to_the_transition_function)]
        else:
            self.units = [make_unit(f"rec_layer_{i}", True) for i in range(options.num_inrecurrence_layers)]
        # named like this layer, so that its variables are directly in this layer's scope, as in T2T
        projection = "dense_1" if kind == "dwa" else "dense"
        self.timing = TimingSignal(
            hidden_size, options, self.kernel_initializer, projection, name=self.name, dtype=self.dtype_policy
        )
        self.dense: dict[str, keras.layers.Dense] = {}
        self.norms: list[LayerPrepostprocess] = []
        self.residual = residual
        self._make_parts()

    def _make_parts(self) -> None:
        """Makes the layers that this kind of recurrence needs: projections in `dense`, and the norms around gates."""
        options, bias = self.options, self.options.transform_bias_init
        inputs = len(options.gates_inputs)
        if self.kind in ("highway", "skip"):
            self._add_dense("transform", inputs, bias)
            if not options.couple_carry_transform_gates:
                self._add_dense("carry", inputs, -bias)
            self._add_norms(inputs * len(self.dense))
        elif self.kind == "dwa":
            self._add_dense("dense", 1, 0.0, units=self.hidden_size if options.dwa_elements else 1)
        elif self.kind == "gru":
            for name, value in (("update", 1.0), ("reset", 1.0), ("candidate", 0.0)):
                self._add_dense(name, 2, value)
            self._add_norms(2)
        elif self.kind == "lstm":
            for name in ("input", "forget", "output", "input_modulation"):
                self._add_dense(name, 2, 0.0)
            self._add_norms(2)
        elif self.kind == "act" and options.act_type != "random":
            self._add_dense("dense", 1, options.act_halting_bias_init, units=1)

    def _add_dense(self, name: str, inputs: int, bias: float, units: int | None = None) -> None:
        self.dense[name] = keras.layers.Dense(
            units or self.hidden_size,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=keras.initializers.Constant(bias),
            name=name,
            dtype=self.dtype_policy,
        )
        self._inputs = inputs

    def _add_norms(self, count: int) -> None:
        names = ["layer_prepostprocess", *(f"layer_prepostprocess_{i}" for i in range(1, count))]
        self.norms = [self.residual.before(name=name, dtype=self.dtype_policy) for name in names]

    def build(self, x_shape: Shape) -> None:
        scope = {"gru": "gru", "lstm": "lstm", "act": "sigmoid_activation_for_pondering"}.get(self.kind)
        for layer in (*self.before, *self.units, self.timing, *self.norms, *self.after):
            layer.build(x_shape)
        with keras.name_scope(scope or self.name):
            for dense in self.dense.values():
                dense.build((*x_shape[:-1], self._inputs * self.hidden_size))
        if self.kind == "dwa" and self.options.depth_embedding:
            self.depth_embedding = self.add_weight(
                name="depth_embedding",
                shape=(self.options.num_rec_steps + 1, 1, 1, self.hidden_size),
                initializer=keras.initializers.RandomNormal(stddev=self.hidden_size**-0.5),
            )

    def call(
        self,
        x: Tensor,
        apply: Apply,
        start: Tensor | int = 0,
        nonpadding: Tensor | None = None,
        unrolled: bool = False,
    ) -> Tensor:
        mask = ops.cast(nonpadding, x.dtype)[:, :, None] if self.zero_padding and nonpadding is not None else 1.0
        padding = 1.0 - nonpadding if self.options.mask_padding and nonpadding is not None else None
        lengths = None if padding is None else pooling.lengths(padding)
        x = self._plain(self.before, x, apply, start)
        if self.kind == "act":
            x = self._adaptive(x, apply, start, unrolled or keras.backend.backend() == "jax", padding, lengths)
        else:
            x = self._fixed(x, apply, start, mask, lengths)
        return self._plain(self.after, x, apply, start)

    def _plain(self, layers: list[keras.layers.Layer], x: Tensor, apply: Apply, start: Tensor) -> Tensor:
        if layers and self.options.add_position_timing_signal:
            x = positions.add_timing_signal_1d(x, start_index=start)
        for layer in layers:
            x = apply(layer, x, 0)
        return x

    def _transform(self, x: Tensor, step: Tensor | int, apply: Apply, start: Tensor, lengths: Tensor | None) -> Tensor:
        """Returns the units' output for a state."""
        x = self.timing(x, step=step, start=start, apply=apply, lengths=lengths)
        for unit in self.units:
            x = apply(unit, x, step)
        return x

    def _fixed(self, x: Tensor, apply: Apply, start: Tensor, mask: Tensor, lengths: Tensor | None) -> Tensor:
        """Runs `num_rec_steps` steps."""
        state, memory = x, ops.zeros_like(x)
        states = [x]  # of all steps, for attention in depth
        for step in range(self.options.num_rec_steps):
            if self.kind == "dwa":
                state = self._attended(states)
            new = self._transform(state, step, apply, start, lengths)
            if self.kind == "highway":
                new, state = self._gated(state, new, x, state, mask), new
            elif self.kind == "skip":
                new = self._gated(state, new, x, x, mask)
            elif self.kind == "gru":
                new = self._gru(new, state, mask)
            elif self.kind == "lstm":
                new, memory = self._lstm(new, state, memory, mask)
            state = new
            states.append(state)
        return memory if self.kind == "lstm" and self.options.use_memory_as_final_state else state

    def _gated(self, state: Tensor, transformed: Tensor, x: Tensor, carried: Tensor, mask: Tensor) -> Tensor:
        """Returns the transformed state where a gate is open, `carried` where it is not."""
        inputs = [
            {"s": state, "t": transformed, "i": x}[letter] for letter in "sti" if letter in self.options.gates_inputs
        ]
        norms = iter(self.norms)
        inputs = [next(norms)(y) for y in inputs]
        transform = ops.sigmoid(self.dense["transform"](ops.concatenate(inputs, axis=-1))) * mask
        if "carry" not in self.dense:
            return carried * (1.0 - transform) + transformed * transform
        inputs = [next(norms)(y) for y in inputs]  # normed again, as in T2T
        return (
            carried * ops.sigmoid(self.dense["carry"](ops.concatenate(inputs, axis=-1))) * mask
            + transformed * transform
        )

    def _attended(self, states: list[Tensor]) -> Tensor:
        """Returns the start of the next step: the weighted sum of all states but the last, at first 0, as in T2T."""
        total = ops.zeros_like(states[0])
        for i, state in enumerate(states[:-1]):
            if self.options.depth_embedding:
                state = state + ops.cast(self.depth_embedding[i], state.dtype) * self.hidden_size**0.5
            total = total + state * ops.softmax(self.dense["dense"](state), axis=-1)
        return total

    def _gru(self, x: Tensor, state: Tensor, mask: Tensor) -> Tensor:
        x = self.norms[0](x)
        update = ops.sigmoid(self._dense_of("update", x, state)) * mask
        reset = ops.sigmoid(self._dense_of("reset", x, state)) * mask
        candidate = ops.tanh(self._dense_of("candidate", x, reset * state)) * mask
        return self.norms[1]((1.0 - update) * x + update * candidate)

    def _lstm(self, x: Tensor, state: Tensor, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norms[0](x)
        let_in = ops.sigmoid(self._dense_of("input", x, state)) * mask
        keep = ops.sigmoid(self._dense_of("forget", x, state) * mask + self.options.lstm_forget_bias)
        let_out = ops.sigmoid(self._dense_of("output", x, state)) * mask
        memory = memory * keep + let_in * ops.tanh(self._dense_of("input_modulation", x, state)) * mask
        return self.norms[1](ops.tanh(memory) * let_out), memory

    def _dense_of(self, name: str, *inputs: Tensor) -> Tensor:
        return self.dense[name](ops.concatenate(inputs, axis=-1))

    def _adaptive(
        self,
        x: Tensor,
        apply: Apply,
        start: Tensor,
        unrolled: bool,
        padding: Tensor | None,
        lengths: Tensor | None,
    ) -> Tensor:
        """Runs steps until all positions have halted; further steps change nothing, so a fixed number is correct."""
        threshold = 1.0 - self.options.act_epsilon
        max_steps = self.options.act_max_steps
        is_global = self.options.act_type == "global"
        zeros = ops.zeros(ops.shape(x)[: 1 if is_global else 2], "float32")

        def should_continue(
            step: Tensor | int, state: Tensor, halting: Tensor, remainders: Tensor, updates: Tensor, accumulated: Tensor
        ) -> Tensor:
            return ops.any(ops.logical_and(halting < threshold, updates < max_steps))

        def body(
            step: Tensor | int, state: Tensor, halting: Tensor, remainders: Tensor, updates: Tensor, accumulated: Tensor
        ) -> tuple:
            state = self.timing(state, step=step, start=start, apply=apply, lengths=lengths)
            p = self._halting_probability(state, zeros, padding)
            running = ops.cast(halting < 1.0, "float32")
            halts = ops.cast(halting + p * running > threshold, "float32") * running
            running = ops.cast(halting + p * running <= threshold, "float32") * running
            halting = halting + p * running
            remainders = remainders + halts * (1.0 - halting)
            halting = halting + halts * remainders
            weights = p * running + halts * remainders
            weights = ops.cast(weights[:, None, None] if is_global else weights[:, :, None], x.dtype)
            for unit in self.units:
                state = apply(unit, state, step)
            kept = 1.0 if self.options.act_type == "accumulated" else 1.0 - weights
            return step + 1, state, halting, remainders, updates + running + halts, state * weights + accumulated * kept

        values = (0 if unrolled else ops.zeros((), "int32"), x, zeros, zeros, zeros, ops.zeros_like(x))
        if unrolled:  # JAX differentiates loops of a fixed number of steps only
            for _ in range(max_steps):
                values = body(*values)
        else:
            values = ops.while_loop(should_continue, body, values, maximum_iterations=max_steps + 1)
        _, _, _, remainders, updates, accumulated = values
        if self.options.act_loss_weight:
            cost = updates + remainders
            if padding is None or is_global:
                mean = ops.mean(cost)
            else:
                mean = ops.sum(cost * (1.0 - padding)) / ops.maximum(ops.sum(1.0 - padding), 1.0)
            self.add_loss(self.options.act_loss_weight * mean)
        return accumulated

    def _halting_probability(self, state: Tensor, like: Tensor, padding: Tensor | None) -> Tensor:
        """Returns float32 [batch, length], or [batch] where all positions halt together."""
        if self.options.act_type == "random":
            return keras.random.uniform(ops.shape(like), seed=self.seed_generator)
        p = ops.cast(ops.sigmoid(self.dense["dense"](state)), "float32")
        return pooling.mean(p, padding)[:, 0] if self.options.act_type == "global" else p[:, :, 0]
