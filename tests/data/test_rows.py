"""Rows of text files, .tsv and .jsonl files."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensor2keras.data.rows import TEXT_TO_TEXT, FileSource, find_split_files, read_rows
from tests.data.user_text import ENGLISH, GERMAN, write, write_pairs


@pytest.mark.parametrize("name", ["eval", "dev", "val", "valid", "validation"])
def test_names_of_the_validation_files(name, raw):
    write_pairs(raw, "train")
    write_pairs(raw, name)
    assert set(find_split_files(str(raw), TEXT_TO_TEXT)) == {"train", "validation"}


@pytest.mark.parametrize("layout", ["txt", "txt.gz", "tsv", "tsv.gz", "csv", "csv.gz", "jsonl", "jsonl.gz"])
def test_layouts(layout, raw):
    if layout.startswith("txt"):
        write_pairs(raw, "train", suffix=layout.removeprefix("txt"))
    elif layout.startswith("tsv"):
        rows = zip(["inputs", *ENGLISH], ["targets", *GERMAN], strict=True)  # the header is optional
        write(raw / f"train.{layout}", ["\t".join(row) for row in rows])
    elif layout.startswith("csv"):
        write(raw / f"train.{layout}", [f'"{e}","{g}"' for e, g in zip(ENGLISH, GERMAN, strict=True)])
    else:
        rows = zip(ENGLISH, GERMAN, strict=True)
        write(raw / f"train.{layout}", [json.dumps({"inputs": e, "targets": g, "more": 1}) for e, g in rows])
    groups = find_split_files(str(raw), TEXT_TO_TEXT)
    rows = [row for _, row in FileSource(groups, TEXT_TO_TEXT).rows("train")]
    assert rows == [{"inputs": e, "targets": g} for e, g in zip(ENGLISH, GERMAN, strict=True)]


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t"), min_size=1).filter(
    lambda line: line == line.strip() != ""
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(LINE, LINE), min_size=1))
def test_tsv_and_jsonl_give_back_what_was_written(rows, tmp_path):
    expected = [{"inputs": inputs, "targets": targets} for inputs, targets in rows]
    write(tmp_path / "rows.jsonl", [json.dumps(row) for row in expected])
    write(tmp_path / "rows.tsv", ["inputs\ttargets", *("\t".join(row) for row in rows)])
    for name in ("rows.jsonl", "rows.tsv"):
        read = list(read_rows([str(tmp_path / name)], ("inputs", "targets")))
        assert [row for _, row in read] == expected
