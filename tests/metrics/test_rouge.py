"""The score "rouge"."""

import pytest

from tensor2keras.metrics import rouge, text_scores


def test_rouge():
    found = text_scores.score("rouge", ["the cat sat. it slept.", "a"], ["it slept. the cat sat.", "b"])
    figures = {kind: round(value, 2) for kind, value in found.figures.items()}
    # the first pair: all 5 words, 3 of 4 bigrams, 3 words in order; by sentences all; the second pair: nothing
    assert figures == {"rouge1": 50.0, "rouge2": 37.5, "rougeL": 30.0, "rougeLsum": 50.0}
    assert found.report.startswith("ROUGE-1 50.00  ROUGE-2 37.50  ROUGE-L 30.00  ROUGE-Lsum 50.00")


def test_sentences_are_cut_at_line_breaks_if_there_are_any():
    assert rouge.in_sentences("A b. C d? E") == "A b.\nC d?\nE"
    assert rouge.in_sentences("A b. C\nd") == "A b. C\nd"


def test_three_leading_sentences_of_real_articles(shared):
    """The baseline that data/README.md states: 28.6 / 10.4 / 25.6."""
    import gzip
    import json

    with gzip.open(shared / "data/cnn_dailymail_small/val.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    leads = ["\n".join(rouge.in_sentences(row["article"]).split("\n")[:3]) for row in rows]
    figures = text_scores.score("rouge", leads, [row["highlights"] for row in rows]).figures
    assert figures["rouge1"] == pytest.approx(28.6, abs=1.5)
    assert figures["rouge2"] == pytest.approx(10.4, abs=1.5)
    assert figures["rougeLsum"] == pytest.approx(25.6, abs=1.5)


def test_a_stemmer_makes_forms_of_a_word_equal():
    plain, stemmed = (rouge.score(["cats slept"], ["cat slept"], use_stemmer).figures for use_stemmer in (False, True))
    assert plain["rouge1"] == pytest.approx(50.0)
    assert stemmed["rouge1"] == pytest.approx(100.0)


def test_another_script_is_warned_of(caplog):
    assert text_scores.score("rouge", ["кот спит"], ["кот спит"]).figures["rouge1"] == 0.0
    assert "rouge-score reads the letters a to z only" in caplog.text
