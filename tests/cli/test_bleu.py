"""t2t-bleu: one file, a directory of checkpoints' translations, mistakes."""

import gzip
import os

import pytest

from tensor2keras.cli import bleu

REFERENCE = "Der Hund läuft schnell durch den Park .\nEine Frau liest ein Buch am Fenster .\n"
WORSE = "Der Hund läuft schnell durch den Garten .\nEine Frau liest ein Buch am Fenster .\n"
WORST = "Ein Hund rennt durch den Garten .\neine frau liest ein Buch .\n"


@pytest.fixture
def reference(tmp_path):
    path = tmp_path / "reference.de"
    path.write_text(REFERENCE, encoding="utf-8")
    return path


@pytest.fixture
def translations(tmp_path):
    folder = tmp_path / "translations"
    folder.mkdir()
    (folder / "model-100").write_text(WORST, encoding="utf-8")
    (folder / "model-1000").write_text(REFERENCE, encoding="utf-8")
    (folder / "model-300.gz").write_bytes(gzip.compress(WORSE.encode()))
    (folder / "notes-of-today").write_text("not a translation")
    return folder


def figures(output):
    """The printed table: step -> scores."""
    rows = [line.split() for line in output.splitlines()]
    return {int(row[0]): [float(cell) for cell in row[1:4]] for row in rows if row and row[0].isdigit()}


@pytest.mark.parametrize(("system", "cased", "chrf2"), [("UEdin", "29.90", "59.47"), ("ICL", "24.54", "55.19")])
def test_wmt21_figures_and_signature(shared, capsys, system, cased, chrf2):
    prefix = shared / "data/wmt21_ende/newstest2021.en-de"
    assert bleu.main([f"--translation={prefix}.hyp.{system}.de.gz", f"--reference={prefix}.ref.A.de.gz"]) == 0
    output = capsys.readouterr().out
    assert f"BLEU_cased =  {cased}  nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp" in output
    assert f"chrF2 =  {chrf2}" in output
    assert "BLEU_uncased = " in output


@pytest.mark.parametrize(
    ("variant", "shown"),
    [("both", {"BLEU_cased", "BLEU_uncased"}), ("cased", {"BLEU_cased"}), ("uncased", {"BLEU_uncased"})],
)
def test_the_variant_chooses_what_is_printed(reference, capsys, variant, shown):
    assert bleu.main(["--translation", str(reference), "--reference", str(reference), "--bleu-variant", variant]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == shown | {"chrF2"}
    assert all(" = 100.00 " in line for line in lines)


def test_a_byte_order_mark_and_other_line_ends_are_not_scored(reference, tmp_path, capsys):
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbf" + REFERENCE.replace("\n", "\r\n").encode())
    assert bleu.main([f"--translation={tmp_path / 'marked'}", f"--reference={reference}"]) == 0
    assert all(" = 100.00 " in line for line in capsys.readouterr().out.splitlines())


def test_chinese_has_a_tokenizer_of_its_own(tmp_path, capsys):
    translation, reference = tmp_path / "translation-7", tmp_path / "reference"
    translation.write_text("我今天早上在家里吃早饭。\n", encoding="utf-8")
    reference.write_text("我今天早上在公园里吃早饭。\n", encoding="utf-8")
    flags = [f"--reference={reference}", "--tokenize=zh", "--bleu_variant=cased"]
    assert bleu.main([f"--translation={translation}", *flags]) == 0
    assert "BLEU_cased =  67.61  nrefs:1|case:mixed|eff:no|tok:zh" in capsys.readouterr().out
    reference = reference.rename(tmp_path / "elsewhere")
    assert bleu.main([f"--translations_dir={tmp_path}", f"--reference={reference}", *flags[1:]]) == 0
    assert "best: BLEU_cased = 67.61 at step 7" in capsys.readouterr().out


def test_a_directory_is_scored_by_step_and_the_best_is_named(reference, translations, capsys):
    assert bleu.main([f"--translations_dir={translations}", f"--reference={reference}"]) == 0
    output = capsys.readouterr().out
    assert list(figures(output)) == [100, 300, 1000]
    assert figures(output)[1000] == [100.0, 100.0, 100.0]
    assert "best: BLEU_cased = 100.00 at step 1,000" in output


def test_min_steps_leaves_out_earlier_ones(reference, translations, capsys):
    assert bleu.main([f"--translations_dir={translations}", f"--reference={reference}", "--min_steps=300"]) == 0
    assert list(figures(capsys.readouterr().out)) == [300, 1000]


def test_several_references_are_taken(reference, translations, capsys):
    other = translations / "model-100"
    assert bleu.main([f"--translation={other}", f"--reference={reference},{other}"]) == 0
    assert "BLEU_cased = 100.00  nrefs:2" in capsys.readouterr().out


@pytest.mark.slow
def test_events_hold_the_scores_and_the_next_run_goes_on_after_them(reference, translations, tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = tmp_path / "events"
    arguments = [f"--translations_dir={translations}", f"--reference={reference}", f"--event_dir={events}"]
    os.utime(translations / "model-300.gz", (1000, 1000))
    assert bleu.main(arguments) == 0
    scalars = EventAccumulator(str(events)).Reload().Scalars("BLEU_cased")
    assert [event.step for event in scalars] == [0, 100, 300, 1000]
    assert scalars[0].wall_time == scalars[2].wall_time == 1000
    assert scalars[-1].value == pytest.approx(100.0)
    capsys.readouterr()

    (translations / "model-2000").write_text(WORSE, encoding="utf-8")
    assert bleu.main(arguments) == 0
    assert list(figures(capsys.readouterr().out)) == [2000]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--translation=a"], "--reference is required"),
        (["--reference={reference}"], "give either --translation or --translations_dir"),
        (["--reference={reference}", "--translation=a", "--translations_dir=b"], "give either --translation or"),
        (["--reference={reference}", "--translation={short}"], "short has 1 lines, "),
        (["--reference={reference}", "--translation=nowhere"], "nowhere"),
        (["--reference={reference}", "--translations_dir=nowhere"], "--translations_dir=nowhere: no such directory"),
        (["--reference={reference}", "--translations_dir={empty}"], "holds nothing to score"),
        (["--reference={reference}", "--translation=a", "--bleu_variant=loud"], "loud"),
        (["--reference={reference}", "--translation={reference}", "--tokenize=words"], "--tokenize=words is unknown"),
    ],
)
def test_mistakes_are_told_in_one_line(reference, tmp_path, capsys, arguments, message):
    (tmp_path / "short").write_text("one line\n")
    (tmp_path / "empty").mkdir()
    places = {"reference": reference, "short": tmp_path / "short", "empty": tmp_path / "empty"}
    assert bleu.main([argument.format(**places) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
