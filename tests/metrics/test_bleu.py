"""The score "bleu"."""

import pytest

from tensor2keras.metrics import corpus, text_scores


def test_bleu_is_sacrebleus():
    outputs, references = ["A dog runs fast today."], ["A dog runs fast now."]
    found = text_scores.score("bleu", outputs, references)
    score, signature = corpus.sacrebleu(outputs, [references])
    assert found.figures == {"bleu": score}
    assert signature in found.line


def test_equal_texts_have_100_and_texts_without_common_words_0():
    texts = ["A dog runs fast today.", "The cat sleeps all day."]
    assert text_scores.score("bleu", texts, texts).figures["bleu"] == pytest.approx(100.0)
    assert text_scores.score("bleu", ["x y z v w"], ["a b c d e"]).figures["bleu"] == 0.0
