"""English and German number words, and the problem that translates between them: the library's default, made by rule.

    761    seven hundred sixty-one        siebenhunderteinundsechzig
    42,001 forty-two thousand one         zweiundvierzigtausendeins

German writes one word, says units before tens and changes some stems (`sech-zehn`, `sieb-zig`, `drei-ßig`).
"""

import itertools
import os
import random
import string
from collections.abc import Iterator
from typing import Any, ClassVar

from tensor2keras import registry
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder import encoders as text_encoder
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.data.text_problem import Text2TextProblem

LARGEST = 999_999

ENGLISH_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
ENGLISH_TENS = ["-", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
GERMAN_SMALL = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
GERMAN_TENS = ["-", "zehn", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]


def english(number: int) -> str:
    """`761` -> `"seven hundred sixty-one"`; ValueError outside 0 to 999,999."""
    _check(number)
    thousands, rest = divmod(number, 1000)
    hundreds, below_hundred = divmod(rest, 100)
    words = [english(thousands), "thousand"] if thousands else []
    if hundreds:
        words += [ENGLISH_SMALL[hundreds], "hundred"]
    tens, units = divmod(below_hundred, 10)
    if tens >= 2:
        words.append(ENGLISH_TENS[tens] + (f"-{ENGLISH_SMALL[units]}" if units else ""))
    elif below_hundred or not words:
        words.append(ENGLISH_SMALL[below_hundred])
    return " ".join(words)


def german(number: int) -> str:
    """`761` -> `"siebenhunderteinundsechzig"`; ValueError outside 0 to 999,999."""
    _check(number)
    word = _german_stem(number)
    return word + "s" if word.endswith("ein") else word  # 1 is "eins" at the end, "ein" before hundert, und, tausend


def _german_stem(number: int) -> str:
    thousands, rest = divmod(number, 1000)
    hundreds, below_hundred = divmod(rest, 100)
    tens, units = divmod(below_hundred, 10)
    word = f"{_german_stem(thousands)}tausend" if thousands else ""
    if hundreds:
        word += f"{GERMAN_SMALL[hundreds]}hundert"
    if tens >= 2:
        word += (f"{GERMAN_SMALL[units]}und" if units else "") + GERMAN_TENS[tens]
    elif below_hundred or not word:
        word += GERMAN_SMALL[below_hundred]
    return word


def subtokens() -> list[str]:
    """Returns the vocabulary: English words, the parts of German ones, and single characters for any other text.

    Parts follow the words' structure (`siebenhundert`, `einund`, `sechzig`, `tausend`), where a learnt vocabulary
    would cut some of them at accidental places; a German word ends with the subtoken `_`.
    """
    words = [*ENGLISH_SMALL, *ENGLISH_TENS, "hundred", "thousand"]
    parts = [*GERMAN_SMALL, *GERMAN_TENS[1:], "tausend"]
    parts += [unit + joint for unit in GERMAN_SMALL[1:10] for joint in ("hundert", "und")]
    characters = string.ascii_letters + string.digits + "äöüß\\;_-"
    reserved = [token + "_" for token in text_encoder.RESERVED_TOKENS]
    return list(dict.fromkeys([*reserved, *(word + "_" for word in words), "eins_", *parts, *characters]))


@registry.register_problem
class TranslateEndeNumbers(Text2TextProblem):
    """English number words to German ones, 0 to 999,999: made by rule in seconds, no download.

    The splits have no number in common; 50 of the numbers below 1000 are in the test split. In training each number
    below 1000 comes five times, so that the short ones are not lost among the long.
    """

    SIZES: ClassVar = {  # how many numbers below 1000, and above
        DatasetSplit.TEST: (50, 950),
        DatasetSplit.EVAL: (50, 950),
        DatasetSplit.TRAIN: (900, 55_500),
    }
    SMALL_REPEATS = 5

    @property
    def is_generate_per_split(self) -> bool:
        return True

    @property
    def dataset_splits(self) -> list[dict[str, Any]]:
        return [{"split": split, "shards": 1} for split in (DatasetSplit.TRAIN, DatasetSplit.EVAL, DatasetSplit.TEST)]

    @property
    def approx_vocab_size(self) -> int:
        return 2**7

    def get_or_create_vocab(self, data_dir: str, tmp_dir: str | None, force_get: bool = False) -> TextEncoder:
        path = os.path.join(data_dir, self.vocab_filename)
        if not os.path.exists(path):
            os.makedirs(data_dir, exist_ok=True)
            text_encoder.SubwordTextEncoder.from_subtokens(subtokens()).store_to_file(path)
        return super().get_or_create_vocab(data_dir, tmp_dir, force_get)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for number in self.numbers(dataset_split):
            yield {"inputs": english(number), "targets": german(number)}

    def numbers(self, split: str) -> list[int]:
        """Returns the numbers of a split; always the same ones."""
        draw = random.Random(761).random  # the one method whose sequence Python promises to keep
        small = sorted(range(1000), key=lambda _: draw())
        large: dict[int, None] = {}  # distinct, in the order drawn
        while len(large) < sum(num_large for _, num_large in self.SIZES.values()):
            large[1000 + int(draw() * (LARGEST - 999))] = None
        small, large = iter(small), iter(large)
        splits = {
            name: (_take(small, num_small), _take(large, num_large))
            for name, (num_small, num_large) in self.SIZES.items()
        }
        below_thousand, above = splits[split]
        return below_thousand * (self.SMALL_REPEATS if split == DatasetSplit.TRAIN else 1) + above


def _take(numbers: Iterator[int], count: int) -> list[int]:
    return list(itertools.islice(numbers, count))


def _check(number: int) -> None:
    if not 0 <= number <= LARGEST:
        raise ValueError(f"number={number} is not in 0..{LARGEST}")
