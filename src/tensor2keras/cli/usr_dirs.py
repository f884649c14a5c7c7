"""The user's own code (`--t2t_usr_dir`): its import, and the record of what this user has given on this machine.

A run's directory may come from somebody else, and its `flags.txt` names code to import. Such code is imported only if
the user has given the same directory to a command before. The record is `$XDG_CONFIG_HOME/tensor2keras/usr_dirs`
(`~/.config` by default): absolute paths without symbolic links, one a line, in a directory of mode 700.
"""

import importlib.util
import os
import sys
import traceback
from pathlib import Path

from tensor2keras import files


def import_given(paths: str | None) -> None:
    """Imports the code that a command line gives, and records its paths; raises as `import_code`."""
    import_code(paths)
    if not paths:
        return
    known = recorded()
    try:
        if added := {str(path) for path in _resolved(paths)} - known:
            _record().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write_text(_record(), "".join(f"{path}\n" for path in sorted(known | added)))
    except OSError as error:
        print(f"--t2t_usr_dir: not recorded ({error}); --trust_usr_dir will be needed to decode", file=sys.stderr)


def import_recorded(paths: str | None, run_dir: str | os.PathLike, trust: bool | None = None) -> None:
    """Imports the code that a run's `flags.txt` names.

    Args:
        paths: the recorded value of `--t2t_usr_dir`, separated by commas, or None.
        run_dir: the run's directory, for messages.
        trust: `--trust_usr_dir`: whether to import code that this user has not given on this machine; False imports
            nothing; None raises.

    Raises:
        ValueError: a relative path, or one that is not in the record, without `trust`.
    """
    if not paths or trust is False:
        return
    what = f"{Path(run_dir, 'flags.txt')} names --t2t_usr_dir={paths}"
    choices = "--notrust_usr_dir goes on without it, --t2t_usr_dir=DIR imports yours"
    if any(not Path(part.strip()).is_absolute() for part in paths.split(",") if part.strip()):
        raise ValueError(f"{what}, a relative path, which is never imported: {choices}")
    known = recorded()
    new = [str(path) for path in _resolved(paths) if str(path) not in known]
    if new and not trust:
        raise ValueError(
            f"{what}; {', '.join(new)} would be imported, which you have not given to a command on this machine. If "
            f"you trust its code, --trust_usr_dir imports it; {choices}"
        )
    import_code(paths)


def recorded() -> set[str]:
    """Returns the recorded paths.

    Raises:
        ValueError: others can write to the directory of the record.
    """
    record = _record()
    if not record.exists():
        return set()
    status = record.parent.stat()
    if status.st_mode & 0o077 or status.st_uid != getattr(os, "getuid", lambda: status.st_uid)():
        raise ValueError(f"{record.parent} is not yours alone, so that it cannot say what code to import: remove it")
    return set(files.read_lines(record))


def _record() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "tensor2keras", "usr_dirs")


def _resolved(paths: str | None) -> list[Path]:
    return [Path(part.strip()).expanduser().resolve() for part in (paths or "").split(",") if part.strip()]


def import_code(paths: str | None) -> None:
    """Imports the user's code, which registers problems, models and hyperparameters.

    Args:
        paths: separated by commas; each a package directory (with `__init__.py`, which imports the rest), a plain
            directory (every .py file in it is imported) or a .py file.

    Raises:
        FileNotFoundError: a path that does not exist.
        ValueError: code that does not import, with file, line and reason.
    """
    for path in _resolved(paths):
        if path.suffix == ".py" and path.is_file():
            modules = [path]
        elif (path / "__init__.py").is_file():
            modules = [path / "__init__.py"]
        elif path.is_dir():
            modules = sorted(path.glob("*.py"))
            if not modules:
                raise FileNotFoundError(f"--t2t_usr_dir={path} holds no .py file")
        else:
            raise FileNotFoundError(f"--t2t_usr_dir={path}: no such directory")
        folder = str(modules[0].parent.parent if modules[0].name == "__init__.py" else modules[0].parent)
        if folder not in sys.path:
            sys.path.append(folder)  # last, so that a file named like a library does not shadow it
        for module in modules:
            _import_file(module)


def _import_file(file: Path) -> None:
    is_package = file.name == "__init__.py"
    name = file.parent.name if is_package else file.stem
    spec = sys.modules[name].__spec__ if name in sys.modules else importlib.util.find_spec(name)
    if spec is not None and (spec.origin is None or Path(spec.origin).resolve() != file):
        name = f"t2t_usr_{name}"  # the name belongs to a library
    if name in sys.modules:
        return
    places = [str(file.parent)] if is_package else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=places)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        inside = [frame for frame in traceback.extract_tb(error.__traceback__) if str(file.parent) in frame.filename]
        where = f"{inside[-1].filename}:{inside[-1].lineno}" if inside else str(file)
        raise ValueError(f"cannot import {where}: {type(error).__name__}: {' '.join(str(error).split())}") from error
