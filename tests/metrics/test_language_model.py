"""Figures of language models that do not depend on the vocabulary."""

import math

import numpy as np
import pytest

from tensor2keras.data import text_encoder
from tensor2keras.metrics import language_model


def test_units_of_words():
    encoder = text_encoder.TokenTextEncoder(None, vocab_list=["the", "cat", "sät"])
    row = [*encoder.encode("the cat sät"), 1, 0, 0]
    assert language_model.count_units(encoder, [row, row]) == (8, 8, 24, 26)  # 11 characters and an end each


def test_units_of_bytes_and_of_packed_rows():
    encoder = text_encoder.ByteTextEncoder()
    row = [*encoder.encode("é b"), 1, *encoder.encode("c")]
    assert language_model.count_units(encoder, [np.array(row)]) == (6, 2 + 1 + 1, 3 + 1 + 1, 4 + 1 + 1)


def test_figures():
    units = language_model.Units(tokens=20, words=10, characters=50, bytes=100)
    found = language_model.figures(-1.0, units)
    assert found["perplexity"] == pytest.approx(math.e)
    assert found["word_perplexity"] == pytest.approx(math.e**2)
    assert found["bits_per_char"] == pytest.approx(20 / math.log(2) / 50)
    assert found["bits_per_byte"] == pytest.approx(20 / math.log(2) / 100)


def test_a_hopeless_model_has_infinite_perplexity():
    assert language_model.figures(-1000.0, language_model.Units(1, 1, 1, 1))["word_perplexity"] == math.inf
