"""What happens when Keras and TensorFlow are first imported after `import tensor2keras`, which imports neither.

A backend that is not installed is named with the command that installs it, and TensorFlow's C++ libraries write no log
lines, which Python cannot catch: they write to the file descriptor of stderr.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

# Keras's backend -> the packages whose absence means that it is not installed, and what to install.
BACKENDS = {
    "tensorflow": ({"tensorflow"}, "tensorflow"),
    "jax": ({"jax", "jaxlib"}, "tensor2keras[jax]"),
    "torch": ({"torch"}, "tensor2keras[torch]"),
}


class MissingBackendError(ImportError):
    """Raised when Keras is imported and its backend is not installed, or unknown."""


class _Finder(importlib.abc.MetaPathFinder):
    """Imports one module through `around`, which is called with a function that runs the module."""

    def __init__(self, name: str, around: Callable[[Callable[[], None], ModuleType], None]):
        self._name, self._around = name, around

    def find_spec(self, name: str, path: Any = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self._around(lambda: run(module), module)
        return spec


def around_import(name: str, around: Callable[[Callable[[], None], ModuleType], None]) -> None:
    """Has the module `name`, when it is first imported, run by `around(run, module)`, which must call `run()`."""
    sys.meta_path.insert(0, _Finder(name, around))


def _name_missing_backend(run: Callable[[], None], module: ModuleType) -> None:
    """Runs Keras; raises MissingBackendError if its backend is missing."""
    try:
        run()
    except ModuleNotFoundError as error:
        for backend, (packages, install) in BACKENDS.items():
            if error.name in packages:
                raise MissingBackendError(
                    f"Keras's backend is {backend} (KERAS_BACKEND or ~/.keras/keras.json), which is not installed: "
                    f'pip install "{install}"'
                ) from None
        raise
    except ValueError:
        backend = os.environ.get("KERAS_BACKEND", "")
        if backend in ("", "numpy", "openvino", *BACKENDS):
            raise
        raise MissingBackendError(f"KERAS_BACKEND={backend} is unknown; choose {', '.join(BACKENDS)}") from None


def _run_quietly(run: Callable[[], None], module: ModuleType) -> None:
    """Runs TensorFlow without log lines unless TF_CPP_MIN_LOG_LEVEL asks for them."""
    with _closed_stderr() if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") >= "2" else contextlib.nullcontext():
        run()


def _run_and_find_devices(run: Callable[[], None], module: ModuleType) -> None:
    """Runs TensorFlow as `_run_quietly` does and has it look for GPUs, of which it writes a line of its own."""

    def run_and_find() -> None:
        run()
        module.config.list_physical_devices()

    _run_quietly(run_and_find, module)


@contextlib.contextmanager
def _closed_stderr() -> Iterator[None]:
    """Discards what the process, its C++ libraries included, writes to stderr."""
    try:
        stderr = os.dup(2)
    except OSError:  # there is none
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stderr.flush()
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def install() -> None:
    """Sets the hooks of this process."""
    if "keras" not in sys.modules:
        around_import("keras", _name_missing_backend)
    if "tensorflow" not in sys.modules:
        around_import("tensorflow", _run_quietly)


def find_devices_quietly() -> None:
    """Has TensorFlow look for GPUs as it is imported: for commands, where no code chooses the visible ones later."""
    if "tensorflow" not in sys.modules:
        around_import("tensorflow", _run_and_find_devices)
