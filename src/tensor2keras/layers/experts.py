"""Sparsely gated mixtures of feed-forward networks (Shazeer et al. 2017, https://arxiv.org/abs/1701.06538).

Each position is sent to a few of many networks. A loss, added with `add_loss`, balances their use.
"""

from typing import Any

import keras
from keras import ops

from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer, options_of
from tensor2keras.types import Cache, Shape, Tensor


def squared_variation(x: Tensor) -> Tensor:
    """Returns the squared coefficient of variation, variance / mean^2, of all elements: 0 where they are equal."""
    mean = ops.mean(x)
    return ops.mean(ops.square(x - mean)) / (ops.square(mean) + 1e-10)


def _normal_cdf(x: Tensor, deviation: Tensor) -> Tensor:
    return 0.5 * (1.0 + ops.erf(x / (2.0**0.5 * deviation + 1e-20)))


def probability_in_top_k(clean: Tensor, noisy: Tensor, deviation: Tensor, k: int) -> Tensor:
    """Returns each value's probability to be among the k largest of its row if its noise were redrawn (appendix A).

    Args:
        clean: logits before the noise, [positions, experts].
        noisy: logits with noise, [positions, experts].
        deviation: standard deviation of the noise, [positions, experts]; 0 gives 0 or 1.
        k: less than the number of experts.
    """
    top, _ = ops.top_k(noisy, k + 1)
    to_stay, to_enter = top[:, k : k + 1], top[:, k - 1 : k]  # the value to exceed
    threshold = ops.where(noisy > to_stay, to_stay, to_enter)
    return _normal_cdf(clean - threshold, deviation)


def noisy_top_k(
    clean: Tensor, deviation: Tensor, k: int, seed_generator: keras.random.SeedGenerator | None = None
) -> tuple[Tensor, Tensor]:
    """Returns the weights of the k experts of largest noisy logits, and each expert's probability to be among them.

    Args:
        clean, deviation: the outputs of `Gating`, [positions, experts].
        k: experts per position.
        seed_generator: of the noise; None for none.

    Returns:
        Gates [positions, experts], of which k per row are not 0 and sum to 1; and loads [positions, experts].

    Reference:
        T2T `expert_utils.noisy_top_k_gating`.
    """
    noisy = clean
    if seed_generator is None:
        deviation = ops.zeros_like(clean)
    else:
        noisy = clean + keras.random.normal(ops.shape(clean), seed=seed_generator) * deviation
    num_experts = clean.shape[-1]
    top, experts = ops.top_k(noisy, k)
    chosen = ops.one_hot(experts, num_experts, dtype="float32")  # [positions, k, experts]
    gates = ops.einsum("pk,pke->pe", ops.softmax(top, axis=-1), chosen)
    if k < num_experts:
        return gates, probability_in_top_k(clean, noisy, deviation, k)
    return gates, ops.cast(gates > 0, "float32")


def imbalance(gates: Tensor, loads: Tensor, nonpadding: Tensor | None = None) -> Tensor:
    """Returns the sum of the squared coefficients of variation of the experts' total gates and of their loads.

    Args:
        gates, loads: the outputs of `noisy_top_k`, [positions, experts].
        nonpadding: 1.0 at the positions that count, one element per position; all count if None.
    """
    if nonpadding is not None:
        counts = ops.reshape(ops.cast(nonpadding, gates.dtype), (-1, 1))
        gates, loads = gates * counts, loads * counts
    return squared_variation(ops.sum(gates, axis=0)) + squared_variation(ops.sum(loads, axis=0))


class PositionWise(Layer):
    """Base of networks whose output depends on one position only, so that decoding needs no state."""

    def init_cache(self, batch_size: Tensor | int) -> Cache:
        return {}

    def step(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        return self(x), cache


class _Experts(PositionWise):
    """Base of mixtures of experts: [batch, length, hidden] in and out."""

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        num_experts: int,
        loss_coef: float,
        mask_padding: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.mask_padding = mask_padding
        self.hidden_size = hidden_size
        self.filter_size = filter_size
        self.num_experts = num_experts
        self.loss_coef = loss_coef
        self.kernel_initializer = unseeded(kernel_initializer)


class _Expert(Layer):
    """relu(x W0) W1 / sqrt(filter_size / hidden_size), no biases."""

    def __init__(self, filter_size: int, kernel_initializer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.filter_size = filter_size
        self.kernel_initializer = kernel_initializer

    def build(self, x_shape: Shape) -> None:
        width = x_shape[-1]
        self.w_0 = self.add_weight(name="w_0", shape=(width, self.filter_size), initializer=self.kernel_initializer)
        self.w_1 = self.add_weight(name="w_1", shape=(self.filter_size, width), initializer=self.kernel_initializer)
        self.scale = (self.filter_size / width) ** -0.5 if self.filter_size != width else 1.0

    def call(self, x: Tensor) -> Tensor:
        return ops.matmul(ops.relu(ops.matmul(x, self.w_0)) * self.scale, self.w_1)


class Gating(Layer):
    """Logits of the experts and the standard deviation of their noise, each [positions, experts]; initially equal."""

    def __init__(self, num_experts: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_experts = num_experts

    def build(self, x_shape: Shape) -> None:
        shape = (x_shape[-1], self.num_experts)
        self.w_gate = self.add_weight(name="w_gate", shape=shape, initializer="zeros")
        self.w_noise = self.add_weight(name="w_noise", shape=shape, initializer="zeros")

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return ops.matmul(x, self.w_gate), ops.softplus(ops.matmul(x, self.w_noise)) + 1e-2


class _BatchDense(Layer):
    """[experts, positions, width] -> [experts, positions, units], a kernel for each expert. T2T `batch_dense`."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def build(self, x_shape: Shape) -> None:
        experts, _, width = x_shape
        initializer = keras.initializers.RandomNormal(stddev=width**-0.5)
        self.w = self.add_weight(name="w", shape=(experts, width, self.units), initializer=initializer)

    def call(self, x: Tensor) -> Tensor:
        return ops.matmul(x, self.w)


class NoisyTopKExperts(_Experts):
    """Each position goes to the k experts with the largest noisy logits, weighted by the softmax of those logits.

    Noise is added in training only (T2T adds it in evaluation too). The loss is loss_coef times the squared
    coefficients of variation of the experts' total gates and of their expected loads. Every expert computes every
    position and the gates select: this works on every backend with static shapes, but takes num_experts / k times the
    computation that is needed, unlike `CapacityExperts`.

    Args:
        hidden_size: width in and out.
        filter_size: width inside an expert.
        num_experts: number of experts.
        k: experts per position.
        loss_coef: of the balancing loss.
        mask_padding: whether padding does not count in that loss.
        kernel_initializer: of the experts.

    Reference:
        T2T `expert_utils.local_moe` with `gating_type="topk"`.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        num_experts: int,
        k: int = 1,
        loss_coef: float = 1e-2,
        name: str = "local_moe",
        **kwargs: Any,
    ):
        if not 1 <= k <= num_experts:
            raise ValueError(f"k={k} must be from 1 to num_experts={num_experts}")
        super().__init__(hidden_size, filter_size, num_experts, loss_coef, name=name, **kwargs)
        self.k = k
        self.seed_generator = keras.random.SeedGenerator()
        self.gating = Gating(num_experts, name="noisy_top_k_gating", dtype="float32")
        self.experts = [
            _Expert(filter_size, self.kernel_initializer, name=f"parallel_{i}", dtype=self.dtype_policy)
            for i in range(num_experts)
        ]

    def build(self, x_shape: Shape) -> None:
        self.gating.build(x_shape)
        for expert in self.experts:
            expert.build(x_shape)

    def call(
        self, x: Tensor, nonpadding: Tensor | None = None, mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        nonpadding = mask if nonpadding is None else nonpadding
        flat = ops.reshape(x, (-1, self.hidden_size))
        gates, loads = noisy_top_k(*self.gating(flat), self.k, self.seed_generator if training else None)
        self.add_loss(self.loss_coef * imbalance(gates, loads, nonpadding if self.mask_padding else None))
        gates = ops.cast(gates, x.dtype)
        y = sum(gates[:, i : i + 1] * expert(flat) for i, expert in enumerate(self.experts))
        return ops.reshape(y, ops.shape(x))


class CapacityExperts(_Experts):
    """Each position goes to its two best experts, as long as they have room for positions of its sequence.

    An expert takes the first 2 * length * overhead / num_experts of its positions in a sequence and drops the others.
    The weights of the two experts sum to 1. All shapes are static. In decoding, a step is a sequence of one
    position.

    Args:
        hidden_size: width in and out.
        filter_size: width inside an expert (T2T gives half its `filter_size`).
        num_experts: number of experts.
        loss_coef: of the balancing loss.
        overhead: factor of an expert's capacity in training.
        overhead_eval: factor of an expert's capacity outside training.
        mask_padding: whether padding takes no place, and a sequence's length is that without padding.
        kernel_initializer: of the logits' kernel.

    Reference:
        T2T `expert_utils.local_moe_tpu`.
    """

    def __init__(
        self,
        hidden_size: int,
        filter_size: int,
        num_experts: int,
        loss_coef: float = 1e-3,
        overhead: float = 1.0,
        overhead_eval: float = 2.0,
        name: str = "local_moe_tpu",
        **kwargs: Any,
    ):
        super().__init__(hidden_size, filter_size, num_experts, loss_coef, name=name, **kwargs)
        self.overhead = overhead
        self.overhead_eval = overhead_eval
        self.logits = keras.layers.Dense(
            num_experts, kernel_initializer=self.kernel_initializer, name="logits", dtype="float32"
        )
        self.hidden = _BatchDense(filter_size, name="x0", dtype=self.dtype_policy)
        self.projection = _BatchDense(hidden_size, name="x1", dtype=self.dtype_policy)

    def build(self, x_shape: Shape) -> None:
        self.logits.build(x_shape)
        self.hidden.build((self.num_experts, None, x_shape[-1]))
        self.projection.build((self.num_experts, None, self.filter_size))

    def call(
        self, x: Tensor, nonpadding: Tensor | None = None, mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        nonpadding = mask if nonpadding is None else nonpadding
        overhead = self.overhead if training else self.overhead_eval
        capacity, gates, real, room = self._capacity(ops.shape(x)[1], overhead), self.logits(x), None, None
        if self.mask_padding and nonpadding is not None:
            real = ops.cast(nonpadding, "float32")
            room = self._capacity(ops.cast(ops.sum(real, axis=1), "int32"), overhead)
        assignment, weighted, importance = self.assign(ops.softmax(gates, axis=-1), capacity, real, room)
        self.add_loss(self.loss_coef * squared_variation(importance))
        expert_inputs = ops.einsum("blec,bld->ebcd", ops.cast(assignment, x.dtype), x)
        shape = ops.shape(expert_inputs)
        hidden = ops.relu(self.hidden(ops.reshape(expert_inputs, (self.num_experts, -1, self.hidden_size))))
        expert_outputs = ops.reshape(self.projection(hidden), shape)
        return ops.einsum("blec,ebcd->bld", ops.cast(weighted, x.dtype), expert_outputs)

    def _capacity(self, length: Tensor | int, overhead: float) -> Tensor:
        """Positions of a sequence that an expert takes: at least 1, so that one position can be decoded alone."""
        share = 2 * overhead / self.num_experts
        if isinstance(length, int):
            return max(1, min(length, int(length * share)))
        return ops.maximum(1, ops.minimum(length, ops.cast(ops.cast(length, "float32") * share, "int32")))

    def assign(
        self, gates: Tensor, capacity: Tensor | int, real: Tensor | None = None, room: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Places positions in the experts' batches.

        Args:
            gates: probabilities [batch, length, experts].
            capacity: how many positions of one sequence an expert takes.
            real: 1.0 at positions that take a place, [batch, length]; all do if None.
            room: how many positions of each sequence an expert takes, at most `capacity`, [batch]; given with `real`.

        Returns:
            The assignment, 1.0 where a position has a place in an expert's batch, [batch, length, experts, capacity];
            the same times the positions' weights; and the gates of placed positions, summed over a sequence,
            [batch, experts].
        """
        length = ops.cast(ops.shape(gates)[1], "float32")
        places = 1.0  # of a position: 0 or 1
        if real is None:
            room = ops.cast(capacity, "float32")
        else:
            room, length = ops.cast(room, "float32")[:, None, None], ops.sum(real, axis=1)[:, None, None]
            places = real[:, :, None]

        first = ops.one_hot(ops.argmax(gates, axis=-1), self.num_experts, dtype="float32") * places
        first_place = ops.cumsum(first, axis=1) - first  # [batch, length, experts]
        first = first * ops.cast(first_place < room, "float32")
        taken = ops.sum(first, axis=1, keepdims=True)  # [batch, 1, experts]

        # The second choice leaves out the first, and experts that seem to be full by then.
        index = ops.cast(ops.arange(ops.shape(gates)[1]), "float32")[None, :, None]
        full = ops.cast(index > (room - taken) * length / (taken + 1.0), "float32")
        remaining = gates - first - full
        second = ops.one_hot(ops.argmax(remaining, axis=-1), self.num_experts, dtype="float32") * places
        # Where all other experts seem full, T2T takes a negative gate, which gives weights of any size.
        second = second * ops.cast(ops.max(remaining, axis=-1, keepdims=True) > 0, "float32")
        second_place = ops.cumsum(second, axis=1) - second + taken
        second_gate = ops.sum(remaining * second, axis=-1)
        second = second * ops.cast(second_place < room, "float32")

        first_weight = ops.sum(gates * first, axis=-1)  # [batch, length], 0 where nothing was placed
        second_weight = second_gate * ops.sum(second, axis=-1)
        total = first_weight + second_weight + 1e-9

        def place(mask: Tensor, places: Tensor) -> Tensor:
            here = ops.equal(ops.cast(places, "int32")[..., None], ops.arange(capacity, dtype="int32"))
            return mask[..., None] * ops.cast(here, "float32")

        first_at, second_at = place(first, first_place), place(second, second_place)
        weighted = (
            first_at * (first_weight / total)[..., None, None] + second_at * (second_weight / total)[..., None, None]
        )
        return first_at + second_at, weighted, ops.sum(gates * (first + second), axis=1)


CapacityExpertsOptions = options_of(CapacityExperts, "CapacityExpertsOptions")
NoisyTopKExpertsOptions = options_of(NoisyTopKExperts, "NoisyTopKExpertsOptions")
