"""Public names of a package that are imported on first use."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def exports(
    package: str, names: Mapping[str, Sequence[str]], modules: Sequence[str] = ()
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__all__`, `__getattr__` and `__dir__` of a package, so that importing it imports none of its modules.

    Args:
        package: `__name__` of the package.
        names: module, relative to the package -> its names that the package exports.
        modules: modules of the package that it exports as a whole.

    Example:
        >>> __all__, __getattr__, __dir__ = exports(__name__, {"search": ["infer"], "text": ["decode"]})
    """
    module_of = {name: module for module, exported in names.items() for name in exported}
    public = sorted([*module_of, *modules])

    def getattr_(name: str) -> Any:
        if name in module_of:
            return getattr(importlib.import_module(f"{package}.{module_of[name]}"), name)
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return public, getattr_, lambda: public
