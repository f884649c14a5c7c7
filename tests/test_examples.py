"""examples/: every script runs."""

import subprocess
import sys

import pytest

from tests import test_readme

EXAMPLES = test_readme.ROOT / "examples"


@pytest.fixture
def run(tmp_path):
    def run(name, *arguments):
        command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
        environment = test_readme.environment(tmp_path)
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-4000:]
        return result.stdout

    return run


@pytest.mark.slow
def test_translate_numbers(run):
    assert run("translate_numbers.py", "--steps=3").splitlines()[-3].startswith("forty-two -> ")


def test_open_t2t_checkpoint(run, shared, tmp_path):
    printed = run("open_t2t_checkpoint.py", shared / "t2t", f"--save={tmp_path / 'saved' / 'model.ckpt-1'}")
    assert "66 variables loaded" in printed
    assert (tmp_path / "saved" / "model.ckpt-1.index").exists()


def test_no_example_is_left_out():
    assert sorted(path.name for path in EXAMPLES.iterdir()) == ["open_t2t_checkpoint.py", "translate_numbers.py"]
