"""Every module has a test file at the same place: `src/tensor2keras/a/b.py` and `tests/a/test_b.py`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "tensor2keras"

# module -> where it is tested instead
EXCEPTIONS = {
    # sets of hyperparameters: every value is compared with T2T's
    **dict.fromkeys(
        (
            "models/common_hparams.py",
            "models/image_transformer/hparams.py",
            "models/image_transformer/hparams_2d.py",
            "models/resnet/hparams.py",
            "models/transformer/hparams.py",
            "models/universal_transformer/hparams.py",
        ),
        "tests/test_registry.py",
    ),
    # names and constants alone
    "_moved.py": "tests/test_moved.py",
    "_import_hooks.py": "tests/test_import_hooks.py",
    "_keras_registration.py": "tests/test_keras_registration.py",
    "symbols.py": "tests/data/batching/test_pipeline.py",
    "types.py": "tests/test_floors.py",
    "data/all_problems.py": "tests/test_registry.py",
    "data/space_id.py": "tests/data/algorithmic/test_algorithmic.py",
    "data/splits.py": "tests/data/test_problem_builder.py",
    # parts of what one public thing does, tested through it
    "convert/sources.py": "tests/convert/test_t2t.py",
}


def modules() -> set[str]:
    return {path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py") if path.name != "__init__.py"}


def mirrored(module: str) -> Path:
    path = Path("tests") / module
    return ROOT / path.with_name(f"test_{path.name}")


def test_every_module_has_its_test_file():
    missing = {module for module in modules() if not mirrored(module).exists()}
    assert missing - set(EXCEPTIONS) == set()


def test_exceptions_are_tested_where_they_say():
    for module, place in EXCEPTIONS.items():
        assert (SOURCES / module).exists(), module
        assert (ROOT / place).exists(), place
