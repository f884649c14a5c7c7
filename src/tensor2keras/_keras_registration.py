"""Classes in `.keras` files are found after `import tensor2keras`, which imports neither Keras nor any of them.

Keras looks up a registered class by its name only among those that have been imported. Here the look-up of an unknown
`tensor2keras...>Name` first imports every module that registers classes. Keras has no public hook for that, so
`get_registered_object` is wrapped: at once, or when Keras is imported later.
"""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tensor2keras._import_hooks import around_import

_LOOK_UP = "keras.src.saving.object_registration"
_PACKAGES = ("layers", "metrics", "models", "optimizers")


def register_all() -> None:
    """Imports every module that registers classes with Keras."""
    for name in _PACKAGES:
        package = importlib.import_module(f"{__package__}.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


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
        around_import(_LOOK_UP, _run_and_wrap)


def _run_and_wrap(run: Callable[[], None], module: ModuleType) -> None:
    run()
    _wrap(module)
