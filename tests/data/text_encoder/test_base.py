"""The base class of encoders and vocabulary files equal T2T's; bad files are named."""

import json

import pytest

from tensor2keras.data.text_encoder import (
    TextEncoder,
)
from tensor2keras.data.text_encoder.base import read_vocab_lines, strip_ids


@pytest.fixture(scope="module")
def others(golden):
    return json.loads((golden / "text/other_encoders.json").read_text())


def test_numbers_as_text_equal_t2t(others):
    case = others["text_encoder"]
    assert TextEncoder().encode("3 4 10") == case["encode"]
    assert TextEncoder().decode([1, 0, 5, 7]) == case["decode"]
    assert TextEncoder().decode_list([0, 1, 5]) == case["decode_list"]
    assert TextEncoder().decode([5, 6, 1, 0], strip_extraneous=True) == case["decode_strip"]


def test_strip_ids_equals_t2t(others):
    for ids, ids_to_strip, left in others["strip_ids"]:
        assert strip_ids(ids, ids_to_strip) == left


def test_lines_of_a_vocabulary_file(tmp_path):
    (tmp_path / "vocab").write_bytes("a\n\u2028b\r\nc".encode())
    assert read_vocab_lines(tmp_path / "vocab") == ["a", "\u2028b", "c"]


@pytest.mark.parametrize(("content", "message"), [(b"", "vocab is empty"), (b"a\n\xff\n", "vocab, line 2: not UTF-8")])
def test_bad_vocabulary_files_are_named(content, message, tmp_path):
    (tmp_path / "vocab").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_vocab_lines(tmp_path / "vocab")
