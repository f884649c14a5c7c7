"""Vocabularies are T2T's to the byte, and are built fast."""

import collections
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensor2keras.data.text_encoder import SubwordTextEncoder, subword_vocabulary, tokenizer
from tensor2keras.data.text_encoder.subword_vocabulary import RESERVED_TOKENS


def plain_build(token_counts, min_count, num_iterations, reserved_tokens, max_subtoken_length):
    """T2T's algorithm word for word: dictionaries of strings, everything counted anew in each round."""
    alphabet = subword_vocabulary.alphabet_of([*token_counts, *reserved_tokens])
    reserved = [subword_vocabulary.escape(token, alphabet) for token in reserved_tokens]
    vocabulary = sorted(alphabet)
    for _ in range(num_iterations):
        known = set(vocabulary)
        counts = collections.Counter()
        for token, count in token_counts.items():
            escaped = subword_vocabulary.escape(token, alphabet)
            start = 0
            while start < len(escaped):
                last = len(escaped) if max_subtoken_length is None else start + max_subtoken_length - 1
                for end in range(start + 1, min(last, len(escaped)) + 1):
                    counts[escaped[start:end]] += count
                start = max(end for end in range(start + 1, len(escaped) + 1) if escaped[start:end] in known)
        accepted = []
        for string in sorted(counts, key=len, reverse=True):
            if counts[string] >= min_count:
                if len(string) > 1:
                    accepted.append((counts[string], string))
                for end in range(1, len(string)):
                    counts[string[:end]] -= counts[string]
        ranked = sorted(accepted + [(counts[char], char) for char in alphabet], reverse=True)
        vocabulary = reserved + [string for _, string in ranked]
    return vocabulary


@pytest.mark.parametrize("case", ["build_1000", "build_2000_iter2", "build_300_reserved"])
def test_files_of_built_vocabularies_equal_t2t_byte_for_byte(golden, tmp_path, case):
    counts = json.loads((golden / "text/build_token_counts.json").read_text())
    given = json.loads((golden / f"text/{case}.json").read_text())
    encoder = SubwordTextEncoder.build_to_target_size(
        given["target_size"], counts, given["min_val"], given["max_val"], **given["kwargs"]
    )
    encoder.store_to_file(tmp_path / "vocab")
    assert encoder.vocab_size == given["vocab_size"]
    assert (tmp_path / "vocab").read_bytes() == (golden / f"text/{case}.subwords").read_bytes()
    for item in given["items"]:
        assert encoder.encode(item["text"]) == item["ids"]
        assert encoder.decode(item["ids"]) == item["decoded"]


def test_building_from_a_generator_equals_t2t(golden):
    lines = (golden / "text/build_input.txt").read_text(encoding="utf-8").splitlines()
    encoder = SubwordTextEncoder.build_from_generator(iter(lines), 1000)
    stored = SubwordTextEncoder(golden / "text/build_1000.subwords")
    assert encoder.all_subtoken_strings == stored.all_subtoken_strings


@given(
    token_counts=st.dictionaries(st.text("abc_\\é\n <", min_size=1, max_size=8), st.integers(1, 20), min_size=1),
    min_count=st.integers(1, 12),
    num_iterations=st.integers(1, 4),
    additional=st.lists(st.sampled_from(["bc", "<a>", "c"]), unique=True),
    max_subtoken_length=st.none() | st.integers(2, 5),
)
def test_the_array_algorithm_equals_the_plain_one(
    token_counts, min_count, num_iterations, additional, max_subtoken_length
):
    reserved = RESERVED_TOKENS + additional
    built = subword_vocabulary.build_from_token_counts(
        token_counts,
        min_count,
        reserved_tokens=reserved,
        max_subtoken_length=max_subtoken_length,
        num_iterations=num_iterations,
    )
    assert built == plain_build(token_counts, min_count, num_iterations, reserved, max_subtoken_length)


def test_max_subtoken_length_bounds_subtokens():
    counts = {"abcdefgh" * 40: 5}
    free = subword_vocabulary.build_from_token_counts(counts, 2)
    bounded = subword_vocabulary.build_from_token_counts(counts, 2, max_subtoken_length=4)
    assert max(map(len, free)) > 100
    assert max(map(len, bounded[2:])) == 3  # reserved tokens aside


def test_additional_reserved_tokens_take_the_next_ids():
    encoder = SubwordTextEncoder.build_from_generator(["a b c"], 40, reserved_tokens=[*RESERVED_TOKENS, "<SEP>"])
    assert encoder.encode_without_tokenizing("<SEP>") == [2]
    assert encoder.all_subtoken_strings[:3] == ("<pad>_", "<EOS>_", "<SEP>_")


def test_a_newline_in_the_corpus_survives_the_file(tmp_path):
    encoder = SubwordTextEncoder.build_from_generator(["one\n\ntwo", "three\nfour"], 60)
    encoder.store_to_file(tmp_path / "vocab")
    stored = SubwordTextEncoder(tmp_path / "vocab")
    assert stored.all_subtoken_strings == encoder.all_subtoken_strings
    assert stored.decode(encoder.encode("one\n\ntwo")) == "one\n\ntwo"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_size": 0}, "target_size=0 must be at least 1"),
        ({"min_count": 5, "max_count": 4}, "min_count=5 must not be above max_count=4"),
        ({"reserved_tokens": ["<EOS>", "<pad>"]}, "must begin with"),
        ({"token_counts": {}}, "without tokens"),
    ],
)
def test_impossible_requests_are_refused(arguments, message):
    defaults = {"target_size": 10, "token_counts": tokenizer.token_counts(["a b"]), "min_count": 1, "max_count": 9}
    with pytest.raises(ValueError, match=message):
        subword_vocabulary.build_to_target_size(**(defaults | arguments))
