"""Metrics of a checkpoint, a language model's figures, and scores of decoded outputs."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tensor2keras.decoding.decode_hparams import decode_hparams
from tensor2keras.training import checkpoints, evaluation, loading
from tests.training.tiny import TinyProblem, build


def test_a_checkpoint_is_evaluated_with_its_own_weights(tmp_path):
    model = build(dropout=0.0)
    loading.write_run(tmp_path, "tiny_model", model.hparams)
    expected = {}
    for step in (1, 2):
        model.set_weights([3 * weight for weight in model.get_weights()])
        checkpoints.save_weights(model, tmp_path, step)
        expected[step] = evaluation.evaluate_model(model, TinyProblem())["loss"]
    assert expected[1] != expected[2]
    for path, step in ((None, 2), ("model.ckpt-1", 1)):
        found = evaluation.evaluate_checkpoint(tmp_path, TinyProblem(), path and tmp_path / path)
        assert found["step"] == step
        assert found["loss"] == pytest.approx(expected[step], rel=1e-6)


def test_evaluation_takes_the_first_batches_or_all():
    model = build()
    data = TinyProblem().dataset("validation", model.hparams)
    assert len(list(evaluation.take(data, 3))) == 3
    assert len(list(evaluation.take(data, 0))) == 4


class Words:
    """An encoder: a word an id."""

    def decode(self, ids):
        return " ".join("ab"[i - 2] for i in ids)


def language_model(modality="symbol", **features):
    description = {"features": {"targets": {"modality": modality}, **features}}
    return SimpleNamespace(
        name="words", get_hparams=lambda: description, get_feature_encoders=lambda: {"targets": Words()}
    )


class Batches(list):
    """A data set of (features, targets, weights)."""

    def take(self, count):
        return Batches(self[:count])

    def as_numpy_iterator(self):
        return iter(self)


def test_figures_of_a_language_model_are_by_word_and_character():
    batches = Batches([({}, np.array([[2, 3, 1, 0]]), None), ({}, np.array([[2, 1, 0, 0]]), None)])
    figures = evaluation.TextFigures(language_model())(batches, 1, {"neg_log_perplexity": -2.0})
    assert figures["word_perplexity"] == pytest.approx(math.exp(2.0 * 3 / 3))  # two words and the end
    assert figures["bits_per_char"] == pytest.approx(2.0 * 3 / math.log(2) / 4)  # "a b" and the end


@pytest.mark.parametrize("problem", [language_model("class_label"), language_model(inputs={"modality": "symbol"})])
def test_other_problems_have_no_such_figures(problem):
    assert evaluation.TextFigures(problem)(Batches(), 0, {"neg_log_perplexity": -2.0}) == {}


def test_outputs_of_a_language_model_have_no_scores():
    with pytest.raises(ValueError, match="words is a language model"):
        evaluation.decoded_scores(None, language_model(), "validation", decode_hparams())


def test_scores_are_reported_with_their_signature_and_the_tokenizer_of_the_language():
    reports = []
    problem = SimpleNamespace(name="p", text_scores=lambda: ["bleu"], target_language="zh")
    texts = ["我今天早上在家里吃早饭。"], ["我今天早上在公园里吃早饭。"]
    figures = evaluation.score_outputs(problem, *texts, report=reports.append)
    assert figures["bleu"] == pytest.approx(67.61, abs=0.01)
    assert sorted(figures) == ["bleu", "chrf"]
    assert "tok:zh" in reports[0]
    assert evaluation.score_outputs(problem, *texts, "13a", reports.append)["bleu"] == 0.0


def test_a_tokenizer_of_no_use_is_refused():
    problem = SimpleNamespace(name="p", text_scores=lambda: ["rouge"])
    with pytest.raises(ValueError, match="--tokenize=zh is for BLEU; p is scored by rouge"):
        evaluation.require_scorers(problem, "zh")
