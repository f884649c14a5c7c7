"""Translations of a file and of a directory with one file a checkpoint."""

import pytest

from tensor2keras import watch
from tensor2keras.metrics import translations

pytest.importorskip("sacrebleu")
REFERENCE = "Der Hund läuft schnell durch den Park .\nEine Frau liest ein Buch am Fenster .\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reference").write_text(REFERENCE, encoding="utf-8")
    directory = tmp_path / "translations"
    directory.mkdir()
    (directory / "ende-200").write_text(REFERENCE, encoding="utf-8")
    (directory / "ende-30").write_text(REFERENCE.replace("Park", "Garten"), encoding="utf-8")
    (directory / "ende-flags.txt").write_text("--problem=ende\n")
    return tmp_path


def test_a_variant_chooses_the_scores(folder):
    lower = folder / "lower"
    lower.write_text(REFERENCE.lower(), encoding="utf-8")
    found = translations.score_file(lower, [folder / "reference"])
    assert list(found) == ["BLEU_uncased", "BLEU_cased", "chrF2"]
    assert found["BLEU_uncased"][0] == pytest.approx(100)
    assert found["BLEU_cased"][0] < 90
    assert list(translations.score_file(lower, [folder / "reference"], "cased")) == ["BLEU_cased", "chrF2"]


def test_files_named_by_step_are_scored_in_order(folder):
    found = list(translations.score_directory(folder / "translations", [folder / "reference"], "cased"))
    assert [(item.file.step, item.file.path.name) for item in found] == [(30, "ende-30"), (200, "ende-200")]
    assert found[0].scores["BLEU_cased"][0] < found[1].scores["BLEU_cased"][0]


def test_a_file_that_appears_later_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: (tmp_path / "ende-7").write_text("text"))
    assert next(translations.step_files(tmp_path, wait_minutes=1)).step == 7


def test_nothing_to_score_is_an_error(folder):
    with pytest.raises(ValueError, match="STEP from 1,000 on"):
        list(translations.score_directory(folder / "translations", [folder / "reference"], min_steps=1000))
    with pytest.raises(FileNotFoundError, match="no such directory"):
        list(translations.score_directory(folder / "nowhere", [folder / "reference"]))
