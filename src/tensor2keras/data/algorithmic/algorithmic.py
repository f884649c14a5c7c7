"""Algorithmic problems: copy, shift, reverse, sort, add and multiply sequences of symbols (T2T's `algorithmic.py`).

A symbol s has the id s + 2, after padding and EOS. Training sequences have up to `train_length` symbols, validation
sequences up to `dev_length`, so validation tests generalization to longer sequences. The seed is fixed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensor2keras import registry
from tensor2keras.data import text_encoder
from tensor2keras.data.problem import Problem
from tensor2keras.data.problem_hooks import ProblemHParams
from tensor2keras.data.space_id import SpaceID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.hparams import HParams
from tensor2keras.symbols import EOS_ID

Case = dict[str, list[int]]


class AlgorithmicProblem(Problem):
    """Base class of algorithmic problems.

    A subclass defines `num_symbols` and either `case`, one random case, or T2T's `generator` of many.
    """

    SEED = 0

    @property
    def num_symbols(self) -> int:
        """Number of symbols of the problem's alphabet."""
        raise NotImplementedError(f"{type(self).__name__} does not define num_symbols")

    @staticmethod
    def case(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> Case:
        """Returns one case `{"inputs": symbols, "targets": symbols}`, symbols below `nbr_symbols`."""
        raise NotImplementedError("an algorithmic problem defines case or generator")

    def generator(self, nbr_symbols: int, max_length: int, nbr_cases: int) -> Iterator[Case]:
        """Yields `nbr_cases` cases, always the same for the same arguments."""
        rng = np.random.default_rng([self.SEED, max_length, nbr_cases])
        return (self.case(rng, nbr_symbols, max_length) for _ in range(nbr_cases))

    train_length, dev_length = 40, 400
    """Longest training and validation sequence, in symbols."""

    train_size, dev_size = 100_000, 10_000
    """Number of training and validation cases."""

    num_signs = 0
    """Number of symbols in addition to the `num_symbols` of the alphabet, such as the sign between two numbers."""

    num_shards = 10
    """Number of training files."""

    batch_size_means_tokens = True

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        return [{"split": DatasetSplit.TRAIN, "shards": self.num_shards}, {"split": DatasetSplit.EVAL, "shards": 1}]

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[Case]:
        train = dataset_split == DatasetSplit.TRAIN
        length, size = (self.train_length, self.train_size) if train else (self.dev_length, self.dev_size)
        for case in self.generator(self.num_symbols, length, size):
            yield {name: [int(s) + text_encoder.NUM_RESERVED_TOKENS for s in case[name]] + [EOS_ID] for name in case}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        encoder = text_encoder.TextEncoder()  # "3 1 4" <-> ids, as T2T decodes these problems
        return {"inputs": encoder, "targets": encoder}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        vocab_size = self.num_symbols + self.num_signs + text_encoder.NUM_RESERVED_TOKENS
        defaults.modality = {"inputs": "symbol", "targets": "symbol"}
        defaults.vocab_size = {"inputs": vocab_size, "targets": vocab_size}
        defaults.input_space_id = SpaceID.DIGIT_0
        defaults.target_space_id = SpaceID.DIGIT_1


# ---- one case of each task ----


def identity(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> Case:
    """Returns a sequence and itself; its length is uniform in [1, max_length]."""
    inputs = _symbols(rng, nbr_symbols, max_length)
    return {"inputs": inputs, "targets": inputs}


def shift(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> Case:
    """Returns a sequence of symbols below `nbr_symbols - 10`, and each symbol plus 10."""
    inputs = _symbols(rng, nbr_symbols - 10, max_length)
    return {"inputs": inputs, "targets": [s + 10 for s in inputs]}


def reverse(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> Case:
    """Returns a sequence and its reversal."""
    inputs = _symbols(rng, nbr_symbols, max_length)
    return {"inputs": inputs, "targets": inputs[::-1]}


def sort(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> Case:
    """Returns a sequence, with repetitions, and its symbols in rising order."""
    inputs = _symbols(rng, nbr_symbols, max_length)
    return {"inputs": inputs, "targets": sorted(inputs)}


def addition(rng: np.random.Generator, base: int, max_length: int) -> Case:
    """Returns two numbers with the symbol `base` between them, and their sum; least significant digit first."""
    return _arithmetic(rng, base, max_length, lambda a, b: a + b)


def multiplication(rng: np.random.Generator, base: int, max_length: int) -> Case:
    """Returns two numbers with the symbol `base` between them, and their product; least significant digit first."""
    return _arithmetic(rng, base, max_length, lambda a, b: a * b)


def zipf_reverse(alpha: float) -> Callable[[np.random.Generator, int, int], Case]:
    """Returns a case function for the reversal of text-like sequences.

    Their length is about `max_length / 2`; symbols follow Zipf's law with exponent `alpha`.
    """
    cumulative: dict[int, np.ndarray] = {}

    def case(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> Case:
        if nbr_symbols not in cumulative:
            weights = np.arange(1, nbr_symbols + 1, dtype=np.float64) ** -alpha
            cumulative[nbr_symbols] = np.cumsum(weights) / np.sum(weights)
        length = int(abs(rng.normal(max_length / 2, max_length / 10)) + 1)
        symbols = np.searchsorted(cumulative[nbr_symbols], rng.random(length))
        inputs = np.minimum(symbols, nbr_symbols - 1).tolist()
        return {"inputs": inputs, "targets": inputs[::-1]}

    return case


def to_digits(number: int, base: int) -> list[int]:
    """Returns the digits of a number, least significant first; `[0]` for 0."""
    digits = [number % base]
    while number := number // base:
        digits.append(number % base)
    return digits


def from_digits(digits: list[int], base: int) -> int:
    """Returns the number whose digits, least significant first, are given."""
    return sum(digit * base**place for place, digit in enumerate(digits))


def _arithmetic(rng: np.random.Generator, base: int, max_length: int, operation: Callable[[int, int], int]) -> Case:
    if max_length < 3:
        raise ValueError(f"max_length={max_length} must be at least 3, for two digits and the sign between them")
    first_length = int(rng.integers(1, max_length // 2 + 1))
    second_length = int(rng.integers(1, max_length - first_length))
    first, second = _number(rng, first_length, base), _number(rng, second_length, base)
    result = operation(from_digits(first, base), from_digits(second, base))
    return {"inputs": [*first, base, *second], "targets": to_digits(result, base)}


def _number(rng: np.random.Generator, length: int, base: int) -> list[int]:
    """Returns random digits; the last, most significant one is 0 only if it is the only one."""
    digits = rng.integers(base, size=length).tolist()
    if length > 1:
        digits[-1] = int(rng.integers(1, base))
    return digits


def _symbols(rng: np.random.Generator, nbr_symbols: int, max_length: int) -> list[int]:
    return rng.integers(nbr_symbols, size=int(rng.integers(1, max_length + 1))).tolist()


# ---- the named problems ----


def _task(
    name: str, case: Callable[..., Case], doc: str, num_symbols: int, **attributes: int
) -> type[AlgorithmicProblem]:
    attributes |= {"num_symbols": num_symbols, "case": staticmethod(case)}
    return registry.problem_variants_of(__name__)(f"Algorithmic{name}", AlgorithmicProblem, doc, **attributes)


# fmt: off
AlgorithmicIdentityBinary40 = _task("IdentityBinary40", identity, "Copying sequences of 2 symbols.", 2)
AlgorithmicIdentityDecimal40 = _task("IdentityDecimal40", identity, "Copying sequences of 10 symbols.", 10)
AlgorithmicIdentityVocab95Train20Eval30 = _task(
    "IdentityVocab95Train20Eval30", identity, "Copying sequences of 95 symbols.", 95,
    train_length=20, dev_length=30, train_size=1_000_000,
)
AlgorithmicShiftDecimal40 = _task("ShiftDecimal40", shift, "Adding 10 to each symbol.", 20, dev_length=80)
AlgorithmicReverseBinary40 = _task("ReverseBinary40", reverse, "Reversing sequences of 2 symbols.", 2)
AlgorithmicReverseDecimal40 = _task("ReverseDecimal40", reverse, "Reversing sequences of 10 symbols.", 10)
AlgorithmicReverseBinary40Test = _task(
    "ReverseBinary40Test", reverse, "Reversing sequences of 2 symbols: a tiny set for tests.", 2,
    train_length=10, dev_length=10, train_size=1000, dev_size=100, num_shards=1,
)
AlgorithmicReverseNlplike8k = _task(
    "ReverseNlplike8k", zipf_reverse(1.3), "Reversing sequences that look like text, 8,000 symbols.", 8000,
    train_length=70, dev_length=70,
)
AlgorithmicReverseNlplike32k = _task(
    "ReverseNlplike32k", zipf_reverse(1.05), "Reversing sequences that look like text, 32,000 symbols.", 32_000,
    train_length=70, dev_length=70,
)
# The vocabulary includes the sign between the numbers, which T2T's lacks.
AlgorithmicAdditionBinary40 = _task("AdditionBinary40", addition, "Adding binary numbers.", 2, num_signs=1)
AlgorithmicAdditionDecimal40 = _task("AdditionDecimal40", addition, "Adding decimal numbers.", 10, num_signs=1)
AlgorithmicMultiplicationBinary40 = _task(
    "MultiplicationBinary40", multiplication, "Multiplying binary numbers.", 2, num_signs=1
)
AlgorithmicMultiplicationDecimal40 = _task(
    "MultiplicationDecimal40", multiplication, "Multiplying decimal numbers.", 10, num_signs=1
)
# fmt: on


@registry.register_problem
class AlgorithmicSortProblem(AlgorithmicProblem):
    """Sorting numbers below 20, with repetitions."""

    num_symbols = 20
    train_length = 10
    dev_length = 20
    case = staticmethod(sort)

    def eval_metrics(self) -> list[str]:
        return [*super().eval_metrics(), "edit_distance"]
