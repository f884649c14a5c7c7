"""Atomic writes leave the whole content or the former file; text that is not UTF-8 is refused with file and line."""

import os
import stat

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


def test_text_that_is_not_utf8_is_refused_with_file_and_line():
    assert files.decode("grün".encode(), "a.txt") == "grün"
    assert files.decode(b"\xef\xbb\xbfa", "a.txt", encoding="utf-8-sig") == "a"
    with pytest.raises(ValueError, match=r"a\.txt, line 3: not UTF-8 \(invalid start byte\)"):
        files.decode(b"one\ntwo\nth\xffree\n", "a.txt")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\n", ["a", ""]),
        ("a\u2028b\r\nc", ["a\u2028b\r", "c"]),
    ],
)
def test_only_line_feeds_end_lines(text, lines):
    assert files.split_lines(text) == lines
