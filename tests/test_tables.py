"""Tables of .tsv and .csv files: headers, quotes, and rows that are refused."""

import pytest

from tensor2keras import tables

PAIR, CLASS, SPEECH = ("inputs", "targets"), ("inputs", "label"), ("file", "transcript")


def read(tmp_path, name, content, columns, **options):
    (tmp_path / name).write_bytes(content)
    return [row for _, row in tables.read_table(tmp_path / name, columns, **options)]


@pytest.mark.parametrize(
    ("header", "columns", "layout"),
    [
        (["text", "label"], CLASS, {"inputs": 0, "label": 1}),
        (["Label", "Review"], CLASS, {"inputs": 1, "label": 0}),
        (["", "sentence", "target"], CLASS, {"inputs": 1, "label": 2}),  # with the numbers that pandas writes
        (["text", "summary"], PAIR, {"inputs": 0, "targets": 1}),
        (["source", "target"], PAIR, {"inputs": 0, "targets": 1}),
        (["en", "de"], PAIR, {"inputs": 0, "targets": 1}),
        (["client", "Path", "sentence"], SPEECH, {"file": 1, "transcript": 2}),
        (["article", "highlights"], ("article", "highlights"), {"article": 0, "highlights": 1}),
        (["good text", "pos"], CLASS, None),
        (["text", "pos"], CLASS, None),
        (["text"], CLASS, None),
        (["text", "text"], CLASS, None),
        (["de", "de"], PAIR, None),
        (["en", "de", "fr"], PAIR, None),
        (["en", "de"], CLASS, None),
    ],
)
def test_headers(header, columns, layout):
    assert tables.find_header(header, columns) == layout


@pytest.mark.parametrize("name", ["a.tsv", "b.csv"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_header_is_no_row_and_is_told_once(tmp_path, name, mark, caplog):
    content = mark + b"label\tid\ttext\r\npos\t1\tgood\r\n\r\nneg\t2\t\r\n".replace(
        b"\t", b"\t" if name == "a.tsv" else b","
    )
    rows = [{"inputs": "good", "label": "pos"}, {"inputs": "", "label": "neg"}]
    assert read(tmp_path, name, content, CLASS) == read(tmp_path, name, content, CLASS) == rows
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / name}, line 1 is a header, not a sample: label, id, text"
    ]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'"a, b",c\n"say ""x""","two\nlines"\n', [("a, b", "c"), ('say "x"', "two\nlines")]),
        (b'"a, b";c\n', [("a, b", "c")]),
        (b"a\tb\nc\td, e\n", [("a", "b"), ("c", "d, e")]),
        (b"a,b", [("a", "b")]),
        (b"", []),
    ],
)
def test_quotes_and_delimiters_of_csv(tmp_path, content, rows):
    found = read(tmp_path, "a.csv", content, PAIR)
    assert [tuple(row.values()) for row in found] == rows


def test_quotes_in_a_tsv_file_are_text(tmp_path):
    assert read(tmp_path, "a.tsv", b'"a\tb" "c"\n', PAIR) == [{"inputs": '"a', "targets": 'b" "c"'}]


def test_optional_columns_and_more_cells(tmp_path):
    content = b"path\tsplit\ttext\na.wav\tdev\tA\tmore\n"
    expected = [{"file": "a.wav", "transcript": "A", "split": "dev"}]
    assert read(tmp_path, "a.tsv", content, SPEECH, optional=("split",), more_cells=True) == expected
    assert read(tmp_path, "a.tsv", b"a.wav\tA\tmore\n", SPEECH, optional=("split",), more_cells=True) == [
        {"file": "a.wav", "transcript": "A"}
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", b"a\tA\n\nb\n", r"a\.tsv, line 3: 1 columns, expected 2 \(inputs, targets\)"),
        ("a.tsv", b"id\tsource\ttarget\n1\ta\n", r"line 2: 2 columns, expected 3 \(id, source, target\)"),
        ("a.tsv", b"a\tA\tx\n", "line 1: 3 columns"),
        ("a.csv", b'a,b\n"two\nlines",c\n"a" b,c\n', r"a\.csv, line 4: not CSV"),
        ("a.csv", b'a,b\n"never closed,c\n', r"a\.csv, line 2: not CSV"),
        ("a.csv", b"a,b\n\xff,c\n", r"a\.csv, line 2: not UTF-8"),
    ],
)
def test_bad_rows_are_named(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, name, content, PAIR)
