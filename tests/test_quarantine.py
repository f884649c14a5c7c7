"""Private parts of other packages are used in three files only, which have tests that a new version would fail."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import tensor2keras

ROOT = Path(tensor2keras.__file__).parent
QUARANTINE = ("_keras_registration.py", "backend/keras_internals.py", "data/tfds_internals.py")
UNDOCUMENTED = ("keras.src", "tensorflow.python", "tensorflow.core", "tensorflow_datasets.core", "jax.interpreters")
NAMED_TUPLE = {"_asdict", "_fields", "_field_defaults", "_make", "_replace"}  # its documented methods
TFDS_HOOKS = {"_info", "_split_generators", "_generate_examples"}  # documented methods of a tfds builder


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def assigned_or_defined(tree: ast.AST) -> set[str]:
    """Names of functions, classes, variables and attributes that a file makes."""
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            made.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "object.__setattr__":
            made.add(ast.literal_eval(node.args[1]))
    return made


def private_uses(sources: dict[str, str]) -> list[str]:
    """ "FILE:LINE what" for each private name of another package that the files (name: text) use.

    A private attribute of `self`, `cls` or `super()` must be made somewhere in the files; one of any other object must
    be made in the same file.
    """
    trees = {name: ast.parse(text) for name, text in sources.items()}
    made_in = {name: assigned_or_defined(tree) for name, tree in trees.items()}
    made = set().union(*made_in.values())
    found = []
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in NAMED_TUPLE:
                own = ast.unparse(node.value) in ("self", "cls", "super()")
                if node.attr not in (made if own else made_in[name]):
                    found.append(f"{name}:{node.lineno} {ast.unparse(node)}")
            elif isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None)
                paths = [f"{module}.{alias.name}" if module else alias.name for alias in node.names]
                for path in paths:
                    others = not path.startswith("tensor2keras") and getattr(node, "level", 0) == 0
                    undocumented = any(f"{path}.".startswith(f"{prefix}.") for prefix in UNDOCUMENTED)
                    if others and (undocumented or any(map(is_private, path.split(".")))):
                        found.append(f"{name}:{node.lineno} {path}")
    return found


def test_no_file_outside_the_quarantine_uses_private_names_of_other_packages():
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in ROOT.rglob("*.py")}
    assert set(QUARANTINE) <= set(sources)
    found = [use for use in private_uses(sources) if not use.startswith(QUARANTINE)]
    assert not found, f"move these behind {' or '.join(QUARANTINE)}: {found}"


@pytest.mark.parametrize(
    ("code", "use"),
    [
        ("model._compile_loss", "a.py:1 model._compile_loss"),
        ("class A:\n    def f(self):\n        return self._layers", "a.py:3 self._layers"),
        ("from keras.src import backend", "a.py:1 keras.src.backend"),
        ("import tensorflow.python.ops as o", "a.py:1 tensorflow.python.ops"),
        ("from jax._src import core", "a.py:1 jax._src.core"),
        ("from numpy import _core", "a.py:1 numpy._core"),
        ("optimizer._momentums", "a.py:1 optimizer._momentums"),  # b.py makes an attribute of that name
    ],
)
def test_a_private_use_is_found(code, use):
    assert private_uses({"a.py": code, "b.py": "class B:\n    def f(self):\n        self._momentums = []"}) == [use]


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    _x = 1\n    def f(self):\n        return self._x",
        "class A(B):\n    def f(self):\n        return self._momentums",
        "class A:\n    def f(self, other):\n        self._y = other._y",
        "state._replace(step=1)",
        "from tensor2keras import _moved",
        "import keras\nkeras.__version__",
    ],
)
def test_own_private_names_are_no_finding(code):
    assert private_uses({"a.py": code, "b.py": "class B:\n    def f(self):\n        self._momentums = []"}) == []


def test_no_class_outside_the_quarantine_overrides_a_private_method_of_another_package():
    found = set()
    for module in pkgutil.walk_packages(tensor2keras.__path__, "tensor2keras."):
        if module.name.endswith("__main__"):
            continue
        for owner in vars(importlib.import_module(module.name)).values():
            if not inspect.isclass(owner) or not owner.__module__.startswith("tensor2keras"):
                continue
            own = {name for name in vars(owner) if is_private(name)} - TFDS_HOOKS - {"_abc_impl"}
            for base in owner.__mro__[1:]:
                if not base.__module__.startswith("tensor2keras"):
                    overridden = own & set(vars(base))
                    found |= {f"{owner.__module__}.{owner.__qualname__}.{name} ({base})" for name in overridden}
    quarantined = tuple(f"tensor2keras.{path.removesuffix('.py').replace('/', '.')}." for path in QUARANTINE)
    assert any(name.startswith(quarantined) for name in found)  # the check sees what is there
    assert not [name for name in found if not name.startswith(quarantined)]
