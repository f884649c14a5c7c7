"""The lines of a corpus from which a vocabulary is learnt."""

import pytest

from tensor2keras.data import corpora


@pytest.mark.parametrize(
    ("count", "budget", "expected"),
    [
        (10, 1000, list(range(10))),  # 40 bytes: all
        (
            100,
            50,
            [4 + 5 * i for i in range(17)],
        ),  # 400 bytes // 50 // 2 + 1: every 5th line until 50 characters are spent
    ],
)
def test_vocabulary_lines_are_spread_over_the_file(count, budget, expected):
    texts = [f"{i:03}" for i in range(count)]  # 4 bytes a line in the file, 3 characters
    chosen = corpora.spread_lines(texts, 4 * count, budget)
    assert [int(text) for text in chosen] == expected
