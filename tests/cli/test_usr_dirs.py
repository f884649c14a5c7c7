import sys

import pytest

from tensor2keras import registry
from tensor2keras.cli import usr_dirs


@pytest.fixture
def usr_dir(tmp_path, monkeypatch):
    """A plain directory, a package and a file, each registering a problem; all forgotten afterwards."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    before, path = set(sys.modules), list(sys.path)
    entry = "from tensor2keras import registry\n\n\n@registry.register_problem\nclass {name}:\n    '''Mine.'''\n"
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/usr_one.py").write_text(entry.format(name="UsrOne") + "\nimport usr_two\n")
    (tmp_path / "plain/usr_two.py").write_text(entry.format(name="UsrTwo"))
    (tmp_path / "usr_package").mkdir()
    (tmp_path / "usr_package/__init__.py").write_text("from usr_package import inner\nfrom . import inner\n")
    (tmp_path / "usr_package/inner.py").write_text(entry.format(name="UsrPackaged"))
    (tmp_path / "json.py").write_text(entry.format(name="UsrNamedLikeALibrary"))
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.startswith(("usr_", "t2t_usr_")):
            del sys.modules[name]
    for name in [name for name in registry.problems._entries if name.startswith("usr_")]:
        del registry.problems._entries[name]


def test_usr_dirs_are_imported(usr_dir):
    import json

    usr_dirs.import_code(f"{usr_dir / 'plain'}, {usr_dir / 'usr_package'},{usr_dir / 'json.py'}")
    assert {name for name in registry.problems._entries if name.startswith("usr_")} == {
        "usr_one", "usr_two", "usr_packaged", "usr_named_like_a_library"
    }  # fmt: skip
    assert sys.modules["json"] is json
    usr_dirs.import_code(str(usr_dir / "plain"))  # a second time is harmless


def test_usr_dir_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        usr_dirs.import_code(str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"holds no \.py file"):
        usr_dirs.import_code(str(tmp_path))


def test_usr_dir_with_an_error_names_file_and_line(tmp_path):
    (tmp_path / "usr_broken.py").write_text("x = 1\nimport no_such\n")
    with pytest.raises(ValueError, match=r"usr_broken\.py:2: ModuleNotFoundError: No module named 'no_such'"):
        usr_dirs.import_code(str(tmp_path))


def imported():
    return [name for name in sys.modules if name.startswith("usr_")]


def test_recorded_code_is_imported_only_if_it_was_given_here(usr_dir):
    code = str(usr_dir / "usr_package")
    with pytest.raises(ValueError, match=rf"/run/flags\.txt names --t2t_usr_dir={code}; .*--trust_usr_dir imports it"):
        usr_dirs.import_recorded(code, "/run")
    usr_dirs.import_recorded(code, "/run", trust=False)
    usr_dirs.import_recorded(None, "/run")
    assert imported() == []
    usr_dirs.import_given(code)
    record = usr_dir / "config" / "tensor2keras" / "usr_dirs"
    assert record.parent.stat().st_mode & 0o777 == 0o700
    (usr_dir / "link").symlink_to(code)
    usr_dirs.import_given(str(usr_dir / "link"))
    assert record.read_text() == f"{code}\n"  # each place once
    usr_dirs.import_recorded(code, "/run")
    assert imported()
    with pytest.raises(ValueError, match=rf"{usr_dir}/plain would be imported"):
        usr_dirs.import_recorded(f"{code},{usr_dir}/plain", "/run")
    usr_dirs.import_recorded(f"{code},{usr_dir}/plain", "/run", trust=True)
    assert {"usr_one", "usr_two"} < set(imported())


@pytest.mark.parametrize("trust", [None, True])
def test_relative_recorded_paths_are_never_imported(usr_dir, monkeypatch, trust):
    monkeypatch.chdir(usr_dir)
    usr_dirs.import_given("plain")  # as a flag it may be relative
    for path in ("usr_package", "./plain", "~/x", f"{usr_dir}/plain,usr_package"):
        with pytest.raises(ValueError, match="a relative path, which is never imported"):
            usr_dirs.import_recorded(path, "/run", trust)
    assert "usr_package" not in sys.modules


@pytest.mark.parametrize("mode", [0o777, 0o710])
def test_a_record_that_others_can_write_does_not_count(usr_dir, mode):
    usr_dirs.import_given(str(usr_dir / "plain"))
    (usr_dir / "config" / "tensor2keras").chmod(mode)
    with pytest.raises(ValueError, match="is not yours alone"):
        usr_dirs.import_recorded(str(usr_dir / "plain"), "/run")


def test_a_record_that_cannot_be_written_is_said(usr_dir, capsys):
    (usr_dir / "config").write_text("a file")
    usr_dirs.import_given(str(usr_dir / "plain"))
    assert "--t2t_usr_dir: not recorded" in capsys.readouterr().err
    assert "usr_one" in sys.modules
