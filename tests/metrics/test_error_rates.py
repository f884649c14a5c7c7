import sys

import pytest

from tensor2keras.metrics import text_scores

pytest.importorskip("jiwer")


def test_words_and_characters_per_reference():
    found = text_scores.score("wer", ["a b x", "c"], ["a b c", "c d"])
    assert found.figures == {"wer": pytest.approx(40.0), "cer": pytest.approx(100 * 3 / 8)}
    assert found.report.startswith("WER 40.00 %  CER 37.50 %")
    assert "of 5 words 1 substituted, 1 deleted, 0 inserted" in found.report


def test_blanks_do_not_count_and_case_does():
    assert text_scores.score("wer", [" a  b "], ["a b"]).figures == {"wer": 0, "cer": 0}
    assert text_scores.score("wer", ["A"], ["a"]).figures["wer"] == 100


def test_an_empty_output_is_all_deleted():
    assert text_scores.score("wer", [""], ["a b"]).figures == {"wer": 100, "cer": 100}


def test_an_empty_reference_is_named():
    with pytest.raises(ValueError, match="reference 2 is empty"):
        text_scores.score("wer", ["a", "b"], ["a", " "])


def test_the_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ValueError, match="jiwer library: pip install"):
        text_scores.scorer("wer")
