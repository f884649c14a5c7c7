import io
import os

import pytest

from tensor2keras.decoding import text_files


@pytest.mark.parametrize(
    ("content", "delimiter", "texts"),
    [
        (b"one\ntwo\n", "\n", ["one", "two"]),
        (b"one\n\ntwo", "\n", ["one", "", "two"]),
        (b"\xef\xbb\xbfone\r\n", "\n", ["one"]),  # a byte order mark
        (b"\xef\xbb\xbfone||", "||", ["one"]),
        (b"one\ntwo||three||", "||", ["one\ntwo", "three"]),
        (b"", "\n", []),
    ],
)
def test_texts_end_in_the_delimiter(tmp_path, content, delimiter, texts):
    (tmp_path / "file").write_bytes(content)
    assert text_files.read_texts(tmp_path / "file", delimiter) == texts


def test_written_lines_are_read_back_and_dated(tmp_path):
    (tmp_path / "checkpoint").touch()
    os.utime(tmp_path / "checkpoint", (1000, 1000))
    text_files.write_lines(tmp_path / "new" / "file", ["\u00e4", ""], "|", timestamp_of=tmp_path / "checkpoint")
    assert text_files.read_texts(tmp_path / "new" / "file", "|") == ["\u00e4", ""]
    assert (tmp_path / "new" / "file").stat().st_mtime == 1000


def test_standard_input_and_output(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    text_files.write_lines("-", text_files.read_texts("-"))
    assert capsys.readouterr().out == "one\ntwo\n"


def test_pairs_are_separated_by_a_tab(tmp_path):
    (tmp_path / "pairs").write_text("one \teno\ntwo\towt\n")
    assert text_files.read_pairs(tmp_path / "pairs") == [("one", "eno"), ("two", "owt")]
    (tmp_path / "headed").write_text("Source\tTarget\none\teno\n")
    assert text_files.read_pairs(tmp_path / "headed") == [("one", "eno")]
    (tmp_path / "pairs.csv").write_text('one,"e,no"\n')
    assert text_files.read_pairs(tmp_path / "pairs.csv") == [("one", "e,no")]
    (tmp_path / "targets").write_text("eno\n")
    assert text_files.read_pairs(tmp_path / "targets", has_inputs=False) == [("eno", "eno")]


@pytest.mark.parametrize(("line", "count"), [("one", 1), ("one\ttwo\tthree", 3)])
def test_another_number_of_columns_is_named_with_its_line(tmp_path, line, count):
    (tmp_path / "pairs").write_text(f"one\teno\n{line}\n")
    with pytest.raises(ValueError, match=f"pairs, line 2: {count} columns; a line is INPUT<TAB>TARGET"):
        text_files.read_pairs(tmp_path / "pairs")


def test_names_of_outputs():
    assert text_files.output_name("-", "m", "s", "p", 4, 0.6) == "-"
    assert text_files.output_name("in", "m", None, "p", 4, 0.6) == "in.m.p.beam4.alpha0.6.decodes"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("in", 1, 0), "in"),
        (("-", 8, 3), "-"),
        (("", 8, 3), ""),
        (("in", 8, 3), "in003"),
        (("in", 8, 3, True), "in-00003-of-00008"),
    ],
)
def test_names_of_shards(arguments, name):
    assert text_files.shard_name(*arguments) == name
