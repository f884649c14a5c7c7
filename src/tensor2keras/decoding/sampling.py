"""Greedy decoding and sampling, one token at a time, with a temperature, top-k and top-p."""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from tensor2keras.decoding.beam_search import DecodeStep
from tensor2keras.decoding.options import check_ranges
from tensor2keras.decoding.prefix import Prefix
from tensor2keras.symbols import EOS_ID
from tensor2keras.types import Cache, Tensor

# sampler(logits [batch, vocab], uniform [batch] in [0, 1)) -> ids [batch] int32
Sampler = Callable[[Tensor, Tensor], Tensor]


class SampleState(NamedTuple):
    """The state of decoding between two steps."""

    position: Tensor  # [] int32: tokens decoded so far
    ids: Tensor  # [batch, length] int32
    log_probs: Tensor  # [batch] float32, up to and including EOS
    is_finished: Tensor  # [batch] bool
    last_ids: Tensor  # [batch] int32
    uniforms: Tensor  # [length, batch] float32 in [0, 1): the randomness of each choice
    cache: Cache


class Sampling(NamedTuple):
    """Decoding of one sequence per input, a token at a time; has the same methods as `BeamSearch`.

    Args:
        sampler: picks a token from logits (`make_sampler`).
        eos_id: the token that ends a sequence.
    """

    sampler: Sampler
    eos_id: int = EOS_ID

    def start(self, cache: Cache, batch_size: int | Tensor, max_length: int, uniforms: Tensor) -> SampleState:
        """Returns the state before the first token. Arguments as `BeamSearch.start`; uniforms [max_length, batch]."""
        return SampleState(
            position=ops.zeros((), dtype="int32"),
            ids=ops.zeros((batch_size, max_length), dtype="int32"),
            log_probs=ops.zeros((batch_size,), dtype="float32"),
            is_finished=ops.zeros((batch_size,), dtype="bool"),
            last_ids=ops.zeros((batch_size,), dtype="int32"),
            uniforms=uniforms,
            cache=cache,
        )

    def should_continue(self, state: SampleState, limit: Tensor) -> Tensor:
        """Returns whether fewer than `limit` tokens are decoded and some sequence has not ended."""
        return ops.logical_and(state.position < limit, ops.logical_not(ops.all(state.is_finished)))

    def step(self, state: SampleState, decode_step: DecodeStep, prefix: Prefix | None = None) -> SampleState:
        """Returns the state after one more token for every sequence. Arguments as `BeamSearch.step`."""
        logits, cache = decode_step(state.last_ids, state.position, state.cache)  # [batch, vocab]
        logits = ops.cast(logits, "float32")
        if prefix is not None:
            logits = prefix.force(logits, state.position)
        ids = self.sampler(logits, ops.take(state.uniforms, state.position, axis=0))
        chosen = ops.squeeze(ops.take_along_axis(logits, ids[:, None], axis=-1), axis=-1)
        log_probs = chosen - ops.logsumexp(logits, axis=-1)
        ends = ids == self.eos_id
        if prefix is not None:
            ends = ops.logical_and(ends, state.position >= prefix.lengths)
        here = ops.arange(state.ids.shape[1], dtype="int32") == state.position  # [length]
        return SampleState(
            position=state.position + 1,
            ids=ops.where(here, ids[:, None], state.ids),
            log_probs=state.log_probs + ops.where(state.is_finished, 0.0, log_probs),
            is_finished=ops.logical_or(state.is_finished, ends),
            last_ids=ids,
            uniforms=state.uniforms,
            cache=cache,
        )

    def finalize(self, state: SampleState) -> tuple[Tensor, Tensor]:
        """Returns ids [batch, length] and their log-probabilities up to EOS, [batch].

        As in T2T a row that ended before the others is decoded further: ignore what follows its first EOS.
        """
        return state.ids, state.log_probs


def make_sampler(method: str = "argmax", temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Sampler:
    """Returns a function that picks tokens from logits.

    Args:
        method: "argmax", or T2T's "random".
        temperature: divides the logits before sampling; 0 is argmax.
        top_k: sample from the k most probable tokens only; 0 or T2T's -1 for all.
        top_p: sample from the fewest tokens whose probabilities add up to p (Holtzman et al. 2019,
            https://arxiv.org/abs/1904.09751), after temperature and `top_k`.

    Returns:
        `sampler(logits [batch, vocab], uniform [batch] in [0, 1))` -> ids [batch] int32.

    Raises:
        ValueError: a value out of range.
    """
    check_ranges(method, temperature=temperature, top_k=top_k, top_p=top_p)
    if method == "argmax" or temperature == 0 or top_k == 1:
        return lambda logits, uniform: ops.cast(ops.argmax(logits, axis=-1), "int32")
    if top_k < 1 and top_p == 1:
        return lambda logits, uniform: _draw(logits / temperature, uniform)

    def sample_from_best(logits: Tensor, uniform: Tensor) -> Tensor:
        k = min(top_k, logits.shape[-1]) if top_k > 0 else logits.shape[-1]
        values, ids = ops.top_k(logits / temperature, k)  # [batch, k], best first
        if top_p < 1:
            values = ops.where(_probability_before(values) < top_p, values, -float("inf"))
        place = _draw(values, uniform)
        return ops.cast(ops.squeeze(ops.take_along_axis(ids, place[:, None], axis=-1), axis=-1), "int32")

    return sample_from_best


def _probability_before(values: Tensor) -> Tensor:
    """Returns the summed probability of all better tokens, for logits sorted best first; 0 for the best."""
    probabilities = ops.softmax(values, axis=-1)
    return ops.cumsum(probabilities, axis=-1) - probabilities


def _draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Returns the tokens [batch] at which the cumulative probability passes `uniform`; never one of probability 0."""
    probabilities = ops.softmax(logits, axis=-1)
    reached = ops.where(probabilities > 0, ops.cumsum(probabilities, axis=-1), -1.0)
    goal = uniform[:, None] * ops.max(reached, axis=-1, keepdims=True)
    return ops.cast(ops.argmax(ops.cast(reached > goal, "int32"), axis=-1), "int32")
