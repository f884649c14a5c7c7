"""Raw files: where they lie, taken out of an archive, or fetched; broken and odd archives are named."""

import pytest

from tensor2keras.data import archives, sources
from tests.data.raw_files import lines, put, put_tar, put_zip

FILES = {"a/one.txt": lines("one"), "a/two.txt": lines("two"), "b.txt": lines("b")}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tgz", "x.tar.xz"])
def test_only_the_files_asked_for_are_extracted(name, raw):
    if name.endswith("zip"):
        put_zip(raw / name, FILES)
    else:
        put_tar(raw / name, FILES, {"x.tar": "w", "x.tgz": "w:gz", "x.tar.xz": "w:xz"}[name])
    (path,) = archives.Archive(name).files(str(raw), ["a/one.txt"])
    assert list(sources.read_lines(path)) == ["one"]
    assert not (raw / "b.txt").exists()
    assert not (raw / "a/two.txt").exists()


def test_extracted_files_need_no_archive(raw):
    put(raw, {"a/one.txt": lines("one"), "a/two.txt.gz": lines("two")})
    paths = archives.Archive("x.zip").files(str(raw), ["a/one.txt", "a/two.txt"])
    assert paths == [str(raw / "a/one.txt"), str(raw / "a/two.txt.gz")]


def test_missing_files_and_no_network(raw, no_network):
    put(raw, {"a/one.txt": lines("one")})
    archive = archives.Archive("x.zip", "http://example.org/x.zip")
    with pytest.raises(FileNotFoundError) as error:
        archive.files(str(raw), ["a/one.txt", "a/two.txt"])
    assert f"put x.zip into {raw}, or extracted: a/two.txt (from http://example.org/x.zip)" in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"x\.zip is not there; put x\.zip"):
        archives.Archive("x.zip").files(str(raw), ["a/two.txt"])


def test_an_archive_without_a_file_is_named(raw):
    put_zip(raw / "x.zip", FILES)
    with pytest.raises(ValueError, match=r"x\.zip does not hold c\.txt; is it complete\?"):
        archives.Archive("x.zip").files(str(raw), ["b.txt", "c.txt"])


@pytest.mark.parametrize("name", ["x.zip", "x.tgz", "x.tar.xz"])
def test_a_broken_archive_is_named_and_leaves_no_half_file(name, raw):
    content = {"b.txt": bytes(range(256)) * 4000}
    put_zip(raw / name, content) if name.endswith("zip") else put_tar(
        raw / name, content, "w:xz" if name.endswith("xz") else "w:gz"
    )
    whole = (raw / name).read_bytes()
    (raw / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"{name}: not a whole archive"):
        archives.Archive(name).files(str(raw), ["b.txt"])
    assert [path.name for path in raw.iterdir()] == [name]


def test_files_outside_the_directory_are_not_written(raw):
    put_tar(raw / "x.tgz", {"../evil.txt": b"x", "b.txt": b"b"})
    archives.extract(str(raw / "x.tgz"), str(raw), ["*"])
    assert not (raw.parent / "evil.txt").exists()
