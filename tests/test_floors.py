"""The import floors of pyproject.toml hold, and the light parts load no TensorFlow."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]

LIGHT = ["", ".hparams", ".registry", ".cli.common", ".cli.trainer", ".cli.datagen", ".cli.decoder", ".cli.evaluate",
         ".cli.avg_all", ".cli.bleu", ".cli.translate_all", ".cli.convert",
         ".data.text_encoder", ".decoding.decode_hparams"]  # fmt: skip


def test_no_room_imports_upwards():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout


def import_circles(graph):
    """The shortest circle of imports through each import, by its modules: importers before what they import."""
    circles = {}
    for module in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            back = graph.find_shortest_chain(importer=imported, imported=module)
            if back:
                circles.setdefault(frozenset(back), " -> ".join((module, *back)))
    return sorted(circles.values())


def test_no_circle_of_imports():
    """Imports inside functions count as well."""
    assert import_circles(grimp.build_graph("tensor2keras", cache_dir=None)) == []


def test_a_circle_would_be_found():
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")):
        graph.add_import(importer=importer, imported=imported)
    assert import_circles(graph) == ["a -> b -> c -> a"]


def test_importing_the_package_and_the_commands_loads_no_tensorflow():
    code = (
        "import importlib, sys\n"
        f"for name in {LIGHT}:\n"
        "    importlib.import_module('tensor2keras' + name)\n"
        "    heavy = {'tensorflow', 'keras', 'jax', 'torch', 'tensorflow_datasets'} & set(sys.modules)\n"
        "    assert not heavy, (name, heavy)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    "module", ["trainer", "datagen", "decoder", "evaluate", "avg_all", "bleu", "translate_all", "convert"]
)
def test_help_prints_every_flag_without_tensorflow(module):
    code = (
        "import sys\n"
        f"from tensor2keras.cli.{module} import main\n"
        "try:\n"
        "    status = main(['--help'])\n"
        "except SystemExit as exit:\n"
        "    status = exit.code\n"
        "assert not status, status\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert "--" in result.stdout
