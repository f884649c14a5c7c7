"""Beam search with a length penalty (T2T's `utils/beam_search.py`; Wu et al. 2016, https://arxiv.org/abs/1609.08144).

A hypothesis Y of length |Y| scores `log P(Y) / ((5 + |Y|) / 6) ** alpha`. The `beam_size` unfinished ("alive")
hypotheses grow by one token a step; those that reach EOS compete for the `beam_size` places of finished hypotheses.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from tensor2keras.decoding.prefix import Prefix
from tensor2keras.symbols import EOS_ID
from tensor2keras.types import Cache, Tensor

INFINITY = 1e7  # T2T's: an impossible hypothesis scores its negative

# decode_step(ids [rows], position [], cache) -> (logits [rows, vocab], cache)
DecodeStep = Callable[[Tensor, Tensor, Cache], tuple[Tensor, Cache]]


class BeamState(NamedTuple):
    """The state of a search between two steps."""

    position: Tensor  # [] int32: tokens decoded so far
    alive_ids: Tensor  # [batch, beam, length] int32, best first
    alive_log_probs: Tensor  # [batch, beam] float32
    finished_ids: Tensor  # [batch, beam, length] int32, best first
    finished_scores: Tensor  # [batch, beam] float32, with the length penalty
    is_finished: Tensor  # [batch, beam] bool: whether there is a finished hypothesis at that place
    last_ids: Tensor  # [batch * beam] int32: the alive hypotheses' last tokens
    cache: Cache  # the model's; leaves outside "encoder" are [batch * beam, ...]


class BeamSearch(NamedTuple):
    """Beam search as pure functions of its state: `start`, `should_continue`, `step` and `finalize`.

    Args:
        beam_size: number of hypotheses per input.
        alpha: strength of the length penalty.
        stop_early: whether to stop once the best finished hypothesis of every input cannot be overtaken, or only once
            none of its `beam_size` finished ones can.
        eos_id: the token that ends a sequence.
    """

    beam_size: int
    alpha: float = 0.6
    stop_early: bool = True
    eos_id: int = EOS_ID

    def start(
        self, cache: Cache, batch_size: int | Tensor, max_length: int, uniforms: Tensor | None = None
    ) -> BeamState:
        """Returns the state before the first token; all beams of an input are equal, so only the first may grow.

        Args:
            cache: the model's, with one row per input.
            batch_size: number of inputs.
            max_length: static length of the sequences.
            uniforms: not used; accepted because `Sampling.start` needs it.
        """
        empty = ops.zeros((batch_size, self.beam_size, max_length), dtype="int32")
        impossible = ops.full((batch_size, self.beam_size), -INFINITY, dtype="float32")
        return BeamState(
            position=ops.zeros((), dtype="int32"),
            alive_ids=empty,
            alive_log_probs=ops.where(ops.arange(self.beam_size)[None, :] == 0, 0.0, impossible),
            finished_ids=empty,
            finished_scores=impossible,
            is_finished=ops.zeros((batch_size, self.beam_size), dtype="bool"),
            last_ids=ops.zeros((batch_size * self.beam_size,), dtype="int32"),
            cache=map_steps(lambda leaf: ops.repeat(leaf, self.beam_size, axis=0), cache),
        )

    def should_continue(self, state: BeamState, limit: Tensor) -> Tensor:
        """Returns whether fewer than `limit` tokens are decoded and an alive hypothesis can still enter the results."""
        best_possible = state.alive_log_probs[:, 0] / length_penalty(limit, self.alpha)  # [batch]
        scores = state.finished_scores
        to_beat = ops.max(scores, axis=1) if self.stop_early else ops.min(scores)
        return ops.logical_and(state.position < limit, ops.logical_not(ops.all(to_beat > best_possible)))

    def step(self, state: BeamState, decode_step: DecodeStep, prefix: Prefix | None = None) -> BeamState:
        """Returns the state after one more token for every alive hypothesis.

        Args:
            state: the state before.
            decode_step: the model's, over batch * beam rows; the beams of one input are neighbours.
            prefix: tokens that every sequence must begin with; they count as log-probability 0 and never end it.
        """
        ids, log_probs, parents, ends, cache = self._candidates(state, decode_step, prefix)  # [batch, 2 * beam]
        sequences = _append(_take_beams(state.alive_ids, parents), ids, state.position)
        open_log_probs = ops.where(ends, -INFINITY, log_probs)
        alive = _best(open_log_probs, self.beam_size)
        rows = _flat_index(_take_beams(parents, alive), self.beam_size)
        scores = log_probs / length_penalty(state.position + 1, self.alpha)
        all_scores = ops.concatenate([state.finished_scores, ops.where(ends, scores, scores - INFINITY)], axis=1)
        finished = _best(all_scores, self.beam_size)
        return BeamState(
            position=state.position + 1,
            alive_ids=_take_beams(sequences, alive),
            alive_log_probs=_take_beams(open_log_probs, alive),
            finished_ids=_take_beams(ops.concatenate([state.finished_ids, sequences], axis=1), finished),
            finished_scores=_take_beams(all_scores, finished),
            is_finished=_take_beams(ops.concatenate([state.is_finished, ends], axis=1), finished),
            last_ids=ops.reshape(_take_beams(ids, alive), (-1,)),
            cache=map_steps(lambda leaf: ops.take(leaf, rows, axis=0), cache),
        )

    def finalize(self, state: BeamState) -> tuple[Tensor, Tensor]:
        """Returns ids [batch, beam, length], best first, with EOS, then 0; and scores [batch, beam].

        An input without a finished hypothesis gets its alive ones, whose scores are log-probabilities without length
        penalty.
        """
        has_finished = ops.any(state.is_finished, axis=1)  # [batch]
        ids = ops.where(has_finished[:, None, None], state.finished_ids, state.alive_ids)
        return ids, ops.where(has_finished[:, None], state.finished_scores, state.alive_log_probs)

    def _candidates(
        self, state: BeamState, decode_step: DecodeStep, prefix: Prefix | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Cache]:
        """Returns the 2 * beam best continuations of the alive hypotheses: enough that `beam` of them do not end.

        Returns:
            ids, log_probs, parents (the beam each continues), ends, all [batch, 2 * beam], best first; and the new
            cache.
        """
        batch_size, beam_size = ops.shape(state.alive_log_probs)
        logits, cache = decode_step(state.last_ids, state.position, state.cache)  # [batch * beam, vocab]
        logits = ops.cast(logits, "float32")
        if prefix is not None:
            logits = prefix.repeat(beam_size).force(logits, state.position)
        # The best of each row first: no log-softmax over the vocabulary and no sort across beams is needed.
        per_row = min(2 * beam_size, logits.shape[-1])
        values, ids = ops.top_k(logits, per_row)  # [batch * beam, per_row]
        log_probs = values - ops.logsumexp(logits, axis=-1, keepdims=True)
        log_probs = ops.reshape(log_probs, (batch_size, beam_size, per_row)) + state.alive_log_probs[:, :, None]
        log_probs = ops.reshape(log_probs, (batch_size, beam_size * per_row))
        chosen = _best(log_probs, 2 * beam_size)
        ids = ops.cast(_take_beams(ops.reshape(ids, (batch_size, beam_size * per_row)), chosen), "int32")
        ends = ids == self.eos_id
        if prefix is not None:
            ends = ops.logical_and(ends, state.position >= prefix.lengths[:, None])
        return ids, _take_beams(log_probs, chosen), chosen // per_row, ends, cache


def length_penalty(length: int | Tensor, alpha: float) -> Tensor:
    """Returns `((5 + length) / 6) ** alpha`."""
    return ops.power((5.0 + ops.cast(length, "float32")) / 6.0, alpha)


def map_steps(function: Callable[..., Any], cache: Cache, *others: Cache) -> Cache:
    """Applies `function` to every leaf of a cache (and of others like it) that differs between hypotheses.

    Entries under a key "encoder" are the same for all beams of an input; they are returned unchanged, [batch, ...].
    """
    if isinstance(cache, dict):
        return {
            key: value if key == "encoder" else map_steps(function, value, *(other[key] for other in others))
            for key, value in cache.items()
        }
    return keras.tree.map_structure(function, cache, *others)


def _best(scores: Tensor, k: int) -> Tensor:
    """Returns the indices [batch, k] of the k largest of [batch, n]; the first of equals comes first."""
    return ops.cast(ops.top_k(scores, k)[1], "int32")


def _append(sequences: Tensor, ids: Tensor, position: Tensor) -> Tensor:
    """Returns [batch, n, length] with `ids` [batch, n] written at `position`."""
    here = ops.arange(sequences.shape[-1], dtype="int32") == position  # [length]
    return ops.where(here, ids[:, :, None], sequences)


def _take_beams(values: Tensor, index: Tensor) -> Tensor:
    """Returns `values[b, index[b, i], ...]` for values [batch, n, ...] and index [batch, m]: [batch, m, ...]."""
    batch_size, n, *rest = ops.shape(values)
    flat = ops.take(ops.reshape(values, (batch_size * n, *rest)), _flat_index(index, n), axis=0)
    return ops.reshape(flat, (batch_size, ops.shape(index)[1], *rest))


def _flat_index(index: Tensor, n: int) -> Tensor:
    """Returns row numbers [batch * m] in a flattened [batch * n, ...] for index [batch, m]."""
    first = ops.arange(ops.shape(index)[0], dtype="int32")[:, None] * n
    return ops.reshape(first + index, (-1,))
