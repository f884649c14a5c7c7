"""BLEU and ROUGE of corpora: T2T's figures and sacreBLEU's."""

import json
import sys

import pytest

from tensor2keras.metrics import corpus


@pytest.fixture(scope="module")
def bleu_cases(golden):
    return json.loads((golden / "text/bleu.json").read_text())


def test_tokens_for_bleu_equal_t2t(bleu_cases):
    for case in bleu_cases["tokenize"]:
        assert corpus.bleu_tokenize(case["text"]) == case["tokens"]


def test_bleu_equals_t2t(bleu_cases):
    for case in bleu_cases["compute_bleu"]:
        bleu = corpus.compute_bleu(case["reference"], case["hypothesis"], **case["kwargs"])
        assert bleu == pytest.approx(case["bleu"], rel=1e-6)


@pytest.mark.parametrize("case_sensitive", [False, True])
def test_bleu_of_files_equals_t2t(golden, bleu_cases, case_sensitive):
    files = golden / "text/bleu_ref.txt", golden / "text/bleu_hyp.txt"
    expected = bleu_cases["wrapper_cased" if case_sensitive else "wrapper_uncased"]
    assert corpus.bleu_wrapper(*files, case_sensitive=case_sensitive) == pytest.approx(expected, rel=1e-6)


def test_rouge_equals_t2t(golden):
    case = json.loads((golden / "text/rouge.json").read_text())
    assert corpus.rouge_n(case["eval"], case["ref"], 1) == pytest.approx(case["rouge_1"], rel=1e-6)
    assert corpus.rouge_n(case["eval"], case["ref"], 2) == pytest.approx(case["rouge_2"], rel=1e-6)
    assert corpus.rouge_l_sentence_level(case["eval"], case["ref"]) == pytest.approx(case["rouge_l"], rel=1e-6)
    for x, y, length in case["lcs"]:
        assert corpus.len_lcs(x, y) == length


@pytest.mark.parametrize(
    ("system", "references", "bleu", "chrf"),
    [("UEdin", ["A"], 29.90, 59.47), ("ICL", ["A"], 24.54, 55.19), ("UEdin", ["A", "C"], 48.43, None)],
)
def test_sacrebleu_of_wmt21_equals_the_published_figures(shared, system, references, bleu, chrf):
    folder = shared / "data/wmt21_ende"
    names = [f"hyp.{system}", *(f"ref.{name}" for name in references)]
    hypotheses, *lines = corpus.read_aligned(*(folder / f"newstest2021.en-de.{name}.de.gz" for name in names))
    score, signature = corpus.sacrebleu(hypotheses, lines)
    assert round(score, 2) == bleu
    assert f"nrefs:{len(references)}|case:mixed" in signature
    assert "tok:13a" in signature
    if chrf:
        assert round(corpus.chrf(hypotheses, lines)[0], 2) == chrf


def test_without_sacrebleu_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(ValueError, match=r"pip install 'tensor2keras\[eval\]'"):
        corpus.sacrebleu(["a"], [["a"]])


def test_misaligned_files_are_told_with_their_line_counts(tmp_path):
    (tmp_path / "a").write_text("1\n2\n")
    (tmp_path / "b").write_text("1\n2\n3\n")
    with pytest.raises(ValueError, match=r"not aligned: .*a has 2 lines, .*b has 3 lines"):
        corpus.read_aligned(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["私は学生です。 OK"], True),
        (["他说好 ok."], True),
        (["ภาษาไทย"], True),
        (["He said 是."], False),
        (["12"], False),
        ([], False),
    ],
)
def test_scripts_without_blanks(texts, expected):
    assert corpus.is_written_without_blanks(texts) == expected
