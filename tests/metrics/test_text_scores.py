"""Scores of decoded texts by name."""

import sys

import pytest

from tensor2keras.metrics import corpus, rouge, text_scores


def test_bleu_is_sacrebleus():
    outputs, references = ["A dog runs fast today."], ["A dog runs fast now."]
    found = text_scores.score("bleu", outputs, references)
    score, signature = corpus.sacrebleu(outputs, [references])
    assert found.figures == {"bleu": score}
    assert signature in found.line


def test_rouge():
    found = text_scores.score("rouge", ["the cat sat. it slept.", "a"], ["it slept. the cat sat.", "b"])
    figures = {kind: round(value, 2) for kind, value in found.figures.items()}
    # the first pair: all 5 words, 3 of 4 bigrams, 3 words in order; by sentences all; the second pair: nothing
    assert figures == {"rouge1": 50.0, "rouge2": 37.5, "rougeL": 30.0, "rougeLsum": 50.0}
    assert found.line.startswith("ROUGE-1 50.00  ROUGE-2 37.50  ROUGE-L 30.00  ROUGE-Lsum 50.00")


def test_sentences_are_cut_at_line_breaks_if_there_are_any():
    assert rouge.in_sentences("A b. C d? E") == "A b.\nC d?\nE"
    assert rouge.in_sentences("A b. C\nd") == "A b. C\nd"


def test_accuracy_of_labels():
    found = text_scores.score("accuracy", ["pos", "neg", "pos"], ["pos", "pos ", "neg"])
    assert found.line == "accuracy = 0.3333 (1 of 3 labels)"


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
