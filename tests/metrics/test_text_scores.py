"""Scores of decoded texts by name."""

import sys

import pytest

from tensor2keras.metrics import text_scores


@pytest.mark.parametrize(("name", "library"), [("rouge", "rouge_score"), ("bleu", "sacrebleu")])
def test_a_missing_library_is_said(name, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValueError, match=r"pip install 'tensor2keras\[eval\]'"):
        text_scores.score(name, ["a"], ["a"])


def test_errors():
    with pytest.raises(KeyError, match="unknown text score 'meteor'; known: accuracy, bleu, rouge"):
        text_scores.scorer("meteor")
    with pytest.raises(ValueError, match="1 references for 2 decoded texts"):
        text_scores.score("bleu", ["a", "b"], ["a"])
