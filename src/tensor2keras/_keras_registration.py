"""Classes in `.keras` files are found after `import tensor2keras`, which imports neither Keras nor any of them.

Keras looks up a registered class by its name only among those that have been imported. Here the look-up of an unknown
`tensor2keras...>Name` first imports every module that registers classes. Keras has no public hook for that, so
`get_registered_object` is wrapped: at once, or when Keras is imported later.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import pkgutil
import sys
from types import ModuleType
from typing import Any

_LOOK_UP = "keras.src.saving.object_registration"
_PACKAGES = ("layers", "metrics", "models", "optimizers")


def register_all() -> None:
    """Imports every module that registers classes with Keras."""
    for name in _PACKAGES:
        package = importlib.import_module(f"{__package__}.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Wraps the look-up as soon as Keras imports it."""

    def find_spec(self, name: str, path: Any = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != _LOOK_UP:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        exec_module = spec.loader.exec_module

        def exec_and_wrap(module: ModuleType) -> None:
            exec_module(module)
            _wrap(module)

        spec.loader.exec_module = exec_and_wrap
        return spec


def _wrap(module: ModuleType) -> None:
    look_up = module.get_registered_object

    @functools.wraps(look_up)
    def get_registered_object(name: str, *args: Any, **kwargs: Any) -> Any:
        found = look_up(name, *args, **kwargs)
        if found is None and isinstance(name, str) and name.partition(">")[0].partition(".")[0] == __package__:
            register_all()
            found = look_up(name, *args, **kwargs)
        return found

    module.get_registered_object = get_registered_object


def install() -> None:
    """Lets Keras find this package's classes in this process."""
    if _LOOK_UP in sys.modules:
        _wrap(sys.modules[_LOOK_UP])
    else:
        sys.meta_path.insert(0, _KerasFinder())
