"""Tables of the user's own recordings."""

import pytest

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.user_files import speech
from tests.data.recordings import tone, write, write_table


@pytest.mark.parametrize(
    "content",
    [
        "a.wav\tONE\n\nb.flac\tTWO\n",
        "file\ttranscript\na.wav\tONE\nb.flac\tTWO\n",
        "client\tPath\tsentence\tage\nx\ta.wav\tONE\t\ny\tb.flac\tTWO\t7\n",
    ],
)
def test_columns_are_found(tmp_path, content):
    write(tmp_path / "a.wav", tone(300, 0.1))
    write(tmp_path / "b.flac", tone(300, 0.1))
    (tmp_path / "t.tsv").write_text(content)
    rows = list(speech.read_table(str(tmp_path / "t.tsv")))
    assert [(row["audio"], row["targets"]) for row in rows] == [
        (str(tmp_path / "a.wav"), "ONE"),
        (str(tmp_path / "b.flac"), "TWO"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.wav\tONE\nnone.wav\tTWO\n", r"t\.tsv, line 2: no such audio file: .*none\.wav"),
        ("a.wav\n", r"t\.tsv, line 1: 1 columns, expected 2 \(file, transcript\)"),
        ("a.wav\t\n", r"t\.tsv, line 1: a\.wav has no transcript"),
    ],
)
def test_a_bad_row_is_named(tmp_path, content, message):
    write(tmp_path / "a.wav", tone(300, 0.1))
    (tmp_path / "t.tsv").write_text(content)
    with pytest.raises(ValueError, match=message):
        list(speech.read_table(str(tmp_path / "t.tsv")))


def test_one_table_with_a_column_of_splits(dirs, raw):
    for name in "abc":
        write(raw / f"{name}.wav", tone(300, 0.1))
    (raw / "index.tsv").write_text("file\tsplit\ttext\na.wav\ttrain\tA\nb.wav\tdev\tB\nc.wav\ttest\tC\n")
    problem = registry.problem("speech_tmpdir", **dirs)
    problem.generate_data()
    texts = {split: [s["targets"] for s in problem.samples_as_text(split)] for split in problem.info.splits}
    assert texts == {"train": ["A"], "validation": ["B"], "test": ["C"]}
    assert problem.generate_data() is False
    write(raw / "b.wav", tone(600, 0.1))
    with pytest.raises(ValueError, match=r"in .*raw: b\.wav has changed; remove"):
        registry.problem("speech_tmpdir", **dirs).generate_data()


def test_without_a_validation_split_every_20th_row_is_held_out(raw):
    write(raw / "a.wav", tone(300, 0.1))
    (raw / "all.tsv").write_text("".join(f"a.wav\t{i}\n" for i in range(45)))
    rows = speech.table_rows(str(raw))
    assert [row["targets"] for row in rows["validation"]] == ["1", "21", "41"]
    assert len(rows["train"]) == 42


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"put train\.tsv there"),
        ({"a.tsv": "", "b.tsv": ""}, r"put train\.tsv there"),
        ({"all.tsv": ""}, "no recording for training"),
        ({"all.tsv": "file\tsplit\ttext\na.wav\tother\tA\n"}, "unknown split 'other'; known: train, eval"),
    ],
)
def test_what_is_no_table_for_training_is_told(raw, files, message):
    write(raw / "a.wav", tone(300, 0.1))
    for name, content in files.items():
        (raw / name).write_text(content)
    with pytest.raises((ValueError, sources.MissingDataError), match=message):
        speech.table_rows(str(raw))


def test_subwords(dirs, raw):
    texts = write_table(raw, count=12)
    problem = registry.problem("speech_tmpdir_subwords", approx_vocab_size=64, **dirs)
    problem.generate_data()
    again = registry.problem("speech_tmpdir_subwords", **dirs)  # finds the vocabulary's size
    found = [sample["targets"] for split in ("train", "validation") for sample in again.samples_as_text(split, 12)]
    assert sorted(found) == sorted(texts)
    size = again.get_hparams()["features"]["targets"]["vocab_size"]
    assert size == again.get_feature_encoders()["targets"].vocab_size
    assert "word_error_rate" not in again.get_hparams()["eval_metrics"]
