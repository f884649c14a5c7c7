"""docs/ and CONTRIBUTING.md: every command and snippet runs, on the real T2T directory, and every path exists."""

import re
import subprocess
import sys

import pytest

from tests import test_readme

DOCS = test_readme.ROOT / "docs"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_path_that_a_page_names_exists(page):
    text = (test_readme.ROOT / page).read_text()
    named = set(re.findall(r"`(?:src/tensor2keras/)?([\w.]+(?:/[\w.]*)*)`", text))
    paths = {name for name in named if not name.startswith("..") and ("/" in name or name.endswith(".py"))}
    assert len(paths) > 10
    folders = [test_readme.ROOT, test_readme.ROOT / "src" / "tensor2keras"]
    folders += [path for root in ("src", "tests") for path in (test_readme.ROOT / root).rglob("*") if path.is_dir()]
    assert not {path for path in paths if not any((folder / path).exists() for folder in folders)}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("docs")


@pytest.fixture
def environment(workplace, shared):
    return {**test_readme.environment(workplace), "T2T_DIR": str(shared / "t2t")}


@pytest.mark.slow
def test_migrating_from_t2t(workplace, environment):
    blocks = test_readme.blocks((DOCS / "migrating_from_t2t.md").read_text())
    commands = "".join(text for language, text in blocks if language == "bash")
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=workplace, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-4000:]
    assert "66 variables loaded" in result.stdout
    snippets = "\n".join(text for language, text in blocks if language == "python")
    result = subprocess.run(
        [sys.executable, "-c", snippets], cwd=workplace, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-4000:]
    assert result.stdout.splitlines()[-1].endswith(" 1")
    assert (workplace / "served" / "model.ckpt-1.index").exists()
