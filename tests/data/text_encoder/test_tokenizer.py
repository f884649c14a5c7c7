"""The tokenizer cuts as T2T's does and loses nothing."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensor2keras.data.text_encoder import tokenizer


def test_tokens_and_text_equal_t2t(golden):
    for case in json.loads((golden / "text/tokenizer.json").read_text()):
        assert tokenizer.encode(case["text"]) == case["tokens"]
        assert tokenizer.decode(case["tokens"]) == case["decoded"]


def test_token_counts_of_a_corpus_equal_t2t(golden):
    lines = (golden / "text/build_input.txt").read_text(encoding="utf-8").split("\n")
    assert tokenizer.token_counts(lines) == json.loads((golden / "text/build_token_counts.json").read_text())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("a b", ["a", "b"]),
        (" a b ", [" ", "a", "b", " "]),
        ("a  b", ["a", "  ", "b"]),
        ("don't_stop", ["don", "'", "t", "_", "stop"]),
        ("½ Ⅷ 你好!", ["½", "Ⅷ", "你好", "!"]),
    ],
)
def test_cuts_between_letters_or_digits_and_the_rest(text, tokens):
    assert tokenizer.encode(text) == tokens


@given(st.text())
def test_decoding_gives_the_text_back(text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_isalnum_is_t2ts_class_of_letters_and_numbers():
    for char in map(chr, range(sys.maxunicode)):
        assert char.isalnum() == (unicodedata.category(char)[0] in "LN")
