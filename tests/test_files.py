"""Atomic writes leave the whole content or the former file; text files are read in one way, faults named by line."""

import ast
import gzip
import os
import stat
from pathlib import Path

import pytest

from tensor2keras import files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_written_files_have_the_content_and_nothing_else_is_left(tmp_path):
    files.write_text(tmp_path / "new/folder/a.txt", "grün\r\n\n")
    files.write_bytes(tmp_path / "new/folder/b.bin", b"\x00\xff")
    files.write_bytes(os.fspath(tmp_path / "new/folder/b.bin"), b"replaced")
    assert (tmp_path / "new/folder/a.txt").read_bytes() == "grün\r\n\n".encode()
    assert (tmp_path / "new/folder/b.bin").read_bytes() == b"replaced"
    assert sorted(os.listdir(tmp_path / "new/folder")) == ["a.txt", "b.bin"]


def test_the_temporary_path_is_beside_the_target_and_keeps_its_ending(tmp_path):
    target = tmp_path / "model.ckpt-1.weights.h5"
    with files.atomic_path(target) as one, files.atomic_path(target) as other:
        assert one != other
        assert one.parent == target.parent
        assert one.name.startswith("tmp.")
        assert one.name.endswith(".model.ckpt-1.weights.h5")
        assert not target.exists()
        one.write_text("one")
        other.write_text("other")
    assert target.read_text() == "one"  # the outer block ends last


def write_half(path):
    path.write_text("half of the con")
    raise ZeroDivisionError


@pytest.mark.parametrize("existing", ["former", None])
def test_a_failure_leaves_the_former_file_and_no_temporary_one(tmp_path, existing):
    target = tmp_path / "a.txt"
    if existing:
        target.write_text(existing)
    with pytest.raises(ZeroDivisionError), files.atomic_path(target) as temporary:
        write_half(temporary)
    assert os.listdir(tmp_path) == (["a.txt"] if existing else [])
    if existing:
        assert target.read_text() == existing


def test_a_block_that_removes_the_temporary_file_fails_and_leaves_the_former_one(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("former")
    with pytest.raises(FileNotFoundError), files.atomic_path(target) as temporary:
        temporary.unlink()
    assert target.read_text() == "former"


def test_a_group_of_files_is_renamed_together(tmp_path):
    prefix = tmp_path / "model.ckpt-1"
    (tmp_path / "model.ckpt-1.index").write_text("former")
    suffixes = (".data", ".index")
    with pytest.raises(ZeroDivisionError), files.atomic_path(prefix, suffixes) as temporary:
        write_half(temporary.with_name(f"{temporary.name}.data"))
    assert os.listdir(tmp_path) == ["model.ckpt-1.index"]
    with files.atomic_path(prefix, suffixes) as temporary:
        for suffix in suffixes:
            temporary.with_name(temporary.name + suffix).write_text(suffix)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "model.ckpt-1.data": ".data",
        "model.ckpt-1.index": ".index",
    }


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX systems")
def test_permissions_are_those_of_a_plain_write(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "new.txt", "")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new.txt") == 0o640
    kept = tmp_path / "kept.txt"
    kept.touch()
    kept.chmod(0o604)
    files.write_text(kept, "replaced")
    assert (kept.read_text(), mode(kept)) == ("replaced", 0o604)


CONTENT = b"\xef\xbb\xbfone\xe2\x80\xa8still one\xc2\x85 and\x0c still\r\n\nthr\xc3\xa9\re"
LINES = ["one\u2028still one\x85 and\x0c still", "", "thré\re"]


@pytest.fixture(params=["plain", "packed.gz"])
def write(request, tmp_path):
    """Writes bytes to a plain or to a packed file and returns its path."""

    def write_bytes(content):
        path = tmp_path / request.param
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write_bytes


def test_byte_order_mark_line_ends_and_gzip(write):
    path = write(CONTENT)
    assert list(files.read_lines(path)) == files.split_lines(files.read_text(path)) == LINES
    assert files.read_bytes(path) == CONTENT


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("read", [files.read_text, lambda path: list(files.read_lines(path))])
def test_text_that_is_not_utf8_is_refused_with_file_and_line(write, read, mark):
    path = write(mark + b"one\ntwo\nth\xffree\n")
    with pytest.raises(ValueError, match=rf"{path}, line 3: not UTF-8 text \(byte 3 of the line: invalid start byte\)"):
        read(path)
    path = write(mark + b"\xffone\n")
    with pytest.raises(ValueError, match=rf"{path}, line 1: not UTF-8 text \(byte 1 of the line"):
        read(path)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"BM\xf6\1\0\0\0\0\0\0\xff", "a BMP picture"),
        (b"RIFF\xff\0\0\0WAVEfmt", "a WAV recording"),
    ],
)
def test_a_picture_or_recording_is_not_called_a_damaged_text(write, data, kind):
    path = write(data)
    with pytest.raises(ValueError, match=f"{path}: {kind}, not text; .* are given by their paths, one a line"):
        files.read_text(path)


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(bytes(range(256)) * 20, mtime=0)[:100]], ids=["no gzip", "cut off"]
)
@pytest.mark.parametrize("read", [files.read_bytes, files.read_text, lambda path: list(files.read_lines(path))])
def test_a_broken_gzip_file_is_named(tmp_path, content, read):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.gz: not a whole gzip file|a\.gz, line 1: not UTF-8"):
        read(tmp_path / "a.gz")


def test_json(write):
    assert files.read_json(write(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')) == {"a": "é"}
    with pytest.raises(ValueError, match=r", line 2: not JSON \(Expecting value\)"):
        files.read_json(write(b'{"a":\n}'))
    for text in (b"[" * 100_000, b"9" * 10_000):
        with pytest.raises(ValueError, match="JSON that cannot be read"):
            files.read_json(write(text))


def test_text_is_opened_in_one_place_alone():
    """`files.py` knows of byte order marks, line ends, packed files and faults; nothing else reads text by itself."""
    source = Path(files.__file__).parent
    found = []
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and path.name != "files.py":
                called, text = ast.unparse(node.func), ast.unparse(node)
                if called.endswith((".read_text", ".write_text")) and not called.startswith("files."):
                    found.append(f"{path}: {text}")
                if called in ("open", "gzip.open") and not any(mode in text for mode in ("'rb'", "'wb'", "'w'")):
                    found.append(f"{path}: {text}")
    assert found == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\n", ["a", ""]),
        ("a\u2028b\r\nc\rd\r\n", ["a\u2028b", "c\rd"]),
    ],
)
def test_only_line_feeds_end_lines(text, lines):  # with or without a carriage return
    assert files.split_lines(text) == lines
