"""The score "bleu"."""

import sys

import pytest

from tensor2keras.metrics import corpus, text_scores


def test_bleu_is_sacrebleus():
    outputs, references = ["A dog runs fast today."], ["A dog runs fast now."]
    found = text_scores.score("bleu", outputs, references)
    score, signature = corpus.sacrebleu(outputs, [references])
    assert found.figures == {"bleu": score, "chrf": corpus.chrf(outputs, [references])[0]}
    assert signature in found.report


def test_equal_texts_have_100_and_texts_without_common_words_0():
    texts = ["A dog runs fast today.", "The cat sleeps all day."]
    assert text_scores.score("bleu", texts, texts).figures["bleu"] == pytest.approx(100.0)
    assert text_scores.score("bleu", ["x y z v w"], ["a b c d e"]).figures["bleu"] == 0.0


CHINESE = ["我今天早上在家里吃早饭。"], ["我今天早上在公园里吃早饭。"]


def test_the_language_chooses_the_tokenizer_and_another_can_be_given(caplog):
    found = text_scores.score("bleu", *CHINESE, language="zh")
    assert found.figures["bleu"] == pytest.approx(67.61, abs=0.01)  # precisions 11/12, 9/11, 7/10, 5/9
    assert "tok:zh" in found.report
    assert "chrF2 = " in found.report
    assert "tok:char" in text_scores.score("bleu", *CHINESE, language="zh", tokenize="char").report
    assert "tok:13a" in text_scores.score("bleu", ["a"], ["a"], language="de").report
    assert "without blanks" not in caplog.text


def test_chinese_without_a_tokenizer_for_it_is_told(caplog):
    assert text_scores.score("bleu", *CHINESE).figures["bleu"] == 0.0
    assert "The references are written without blanks" in caplog.text


def test_tokenizers_that_are_unknown_or_not_installed(monkeypatch):
    with pytest.raises(ValueError, match="--tokenize=chinese is unknown; known: none, zh, 13a"):
        text_scores.scorer("bleu", tokenize="chinese")
    monkeypatch.setitem(sys.modules, "MeCab", None)
    monkeypatch.delitem(sys.modules, "sacrebleu.tokenizers.tokenizer_ja_mecab", raising=False)
    with pytest.raises(ValueError, match=r"language 'ja' needs a library .*pip install sacrebleu\[ja\], or give"):
        text_scores.scorer("bleu", language="ja")
    with pytest.raises(ValueError, match=r"--tokenize=ja-mecab needs a library .*pip install sacrebleu\[ja\]"):
        text_scores.scorer("bleu", tokenize="ja-mecab")
