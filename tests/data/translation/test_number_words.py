"""Number words, checked by parsers that share nothing with the rules that made them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensor2keras import registry
from tensor2keras.data.translation.number_words import english, german

ENGLISH = {
    **{"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9},
    **{"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16},
    **{"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50},
    **{"sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90},
}
GERMAN_UNITS = {"ein": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9}
GERMAN_TEENS = {
    **{"zehn": 10, "elf": 11, "zwölf": 12, "dreizehn": 13, "vierzehn": 14, "fünfzehn": 15, "sechzehn": 16},
    **{"siebzehn": 17, "achtzehn": 18, "neunzehn": 19},
}
GERMAN_TENS = {
    **{"zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "sechzig": 60, "siebzig": 70, "achtzig": 80},
    "neunzig": 90,
}


def parse_english(words: str) -> int:
    """A running total, as a child counts: "hundred" multiplies what stands before it, "thousand" closes a group."""
    total = group = 0
    for word in re.split("[ -]", words):
        if word == "hundred":
            group *= 100
        elif word == "thousand":
            total, group = group * 1000, 0
        else:
            group += ENGLISH[word]
    return total + group


def _choice(words, group):
    return f"(?P<{group}>{'|'.join(sorted(words, key=len, reverse=True))})"


def _group_pattern(n: int) -> str:
    """1 to 999 in German, with groups numbered by n."""
    tens = f"(?:{_choice(GERMAN_UNITS, f'u{n}')}und)?{_choice(GERMAN_TENS, f't{n}')}"
    below = f"(?:{tens}|{_choice(GERMAN_TEENS, f'e{n}')}|{_choice(GERMAN_UNITS, f'o{n}')})"
    return f"(?:{_choice(GERMAN_UNITS, f'h{n}')}hundert)?{below}?"


GERMAN = re.compile(f"(?:(?P<thousand>{_group_pattern(1)})tausend)?{_group_pattern(2)}(?P<s>s?)")


def parse_german(word: str) -> int:
    """By one regular expression; AssertionError for anything but a well-formed number word."""
    if word == "null":
        return 0
    match = GERMAN.fullmatch(word)
    assert match, word
    assert word
    value = 0
    for n, scale in ((1, 1000), (2, 1)):
        units, tens, teens, ones, hundreds = (match[f"{kind}{n}"] for kind in "uteoh")
        value += scale * (100 * GERMAN_UNITS.get(hundreds, 0) + GERMAN_UNITS.get(units, 0) + GERMAN_TENS.get(tens, 0))
        value += scale * (GERMAN_TEENS.get(teens, 0) + GERMAN_UNITS.get(ones, 0))
    assert (match["o2"] == "ein") == bool(match["s"]), word  # "eins" at the end, "ein" nowhere else there
    return value


@pytest.mark.parametrize(
    ("number", "english_words", "german_word"),
    [
        (0, "zero", "null"),
        (1, "one", "eins"),
        (16, "sixteen", "sechzehn"),
        (17, "seventeen", "siebzehn"),
        (21, "twenty-one", "einundzwanzig"),
        (30, "thirty", "dreißig"),
        (42, "forty-two", "zweiundvierzig"),
        (66, "sixty-six", "sechsundsechzig"),
        (77, "seventy-seven", "siebenundsiebzig"),
        (100, "one hundred", "einhundert"),
        (101, "one hundred one", "einhunderteins"),
        (761, "seven hundred sixty-one", "siebenhunderteinundsechzig"),
        (1000, "one thousand", "eintausend"),
        (1001, "one thousand one", "eintausendeins"),
        (101_000, "one hundred one thousand", "einhunderteintausend"),
        (
            999_999,
            "nine hundred ninety-nine thousand nine hundred ninety-nine",
            "neunhundertneunundneunzigtausendneunhundertneunundneunzig",
        ),
    ],
)
def test_known_words(number, english_words, german_word):
    assert (english(number), german(number)) == (english_words, german_word)


def test_all_numbers_below_ten_thousand_parse_back():
    for number in range(10_000):
        assert parse_english(english(number)) == number
        assert parse_german(german(number)) == number


@given(st.integers(0, 999_999))
def test_any_number_parses_back(number):
    assert parse_english(english(number)) == number
    assert parse_german(german(number)) == number


@pytest.mark.parametrize("number", [-1, 1_000_000])
@pytest.mark.parametrize("words", [english, german])
def test_other_numbers_are_refused(words, number):
    with pytest.raises(ValueError, match=f"number={number} is not in 0..999999"):
        words(number)


@pytest.fixture
def problem(tmp_path):
    return registry.problem("translate_ende_numbers", data_dir=str(tmp_path))


def test_splits_share_no_number(problem):
    splits = {name: problem.numbers(name) for name in ("train", "validation", "test")}
    assert {name: len(numbers) for name, numbers in splits.items()} == {
        "train": 60_000,
        "validation": 1000,
        "test": 1000,
    }
    train, validation, test = (set(numbers) for numbers in splits.values())
    assert not train & test
    assert not train & validation
    assert not validation & test
    assert sum(n < 1000 for n in test) == 50
    assert sum(n < 1000 for n in train) == 900
    assert problem.numbers("test") == splits["test"]  # the same every time


def test_vocabulary_has_the_words_parts_and_spells_everything_else(problem, tmp_path):
    encoder = problem.get_or_create_vocab(str(tmp_path), None)
    pieces = [encoder.all_subtoken_strings[i] for i in encoder.encode("siebenhunderteinundsechzig")]
    assert pieces == ["siebenhundert", "einund", "sechzig", "_"]
    assert len(encoder.encode("seven hundred sixty-one")) == 5
    assert (tmp_path / "vocab.translate_ende_numbers.128.subwords").exists()
    for text in ["Où est 12_3?", "eins zwei", *map(german, range(1200)), *map(english, range(1200))]:
        assert encoder.decode(encoder.encode(text)) == text


def test_samples_are_short(problem, tmp_path):
    encoder = problem.get_or_create_vocab(str(tmp_path), None)
    samples = list(problem.generate_samples(str(tmp_path), str(tmp_path), "test"))
    assert {tuple(sample) for sample in samples} == {("inputs", "targets")}
    assert max(len(encoder.encode(text)) for sample in samples for text in sample.values()) <= 11
