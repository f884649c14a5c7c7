"""README.md: every command and snippet runs, in the order in which a reader meets them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def blocks(markdown: str) -> list[tuple[str, str]]:
    """(language, text) of each block of code that says its language."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", markdown, re.DOTALL | re.MULTILINE)


BLOCKS = blocks((ROOT / "README.md").read_text())
COMMANDS = [text for language, text in BLOCKS if language == "bash"]
SNIPPETS = [text for language, text in BLOCKS if language == "python"]
INSTALL = "python3 -m venv .venv && . .venv/bin/activate && pip install "


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    """One working directory for the whole README: later blocks use what earlier ones made."""
    return tmp_path_factory.mktemp("readme")


def environment(folder: Path) -> dict[str, str]:
    """The commands as scripts on PATH, in case the package is imported from the source tree."""
    scripts = folder / "bin"
    if not scripts.exists():
        scripts.mkdir()
        pyproject = (ROOT / "pyproject.toml").read_text()
        for name, module in re.findall(r'^(t2t-[\w-]+) = "([\w.]+):main"$', pyproject, re.MULTILINE):
            script = scripts / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
            script.chmod(0o755)
    path = os.pathsep.join([str(scripts), os.environ["PATH"]])
    python_path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PATH": path, "PYTHONPATH": python_path, "TF_CPP_MIN_LOG_LEVEL": "3"}


def run_bash(text: str, folder: Path) -> str:
    script = f"set -euo pipefail\n{text}"
    result = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{text}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def test_the_two_first_commands_set_themselves_up():
    first, second = COMMANDS[:2]
    assert first.startswith(INSTALL)
    assert second == INSTALL + '-e ".[test]" && pytest -n 2\n'


def test_the_ci_script_runs_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    assert 'pip install --quiet -e ".[test]"' in script
    assert script.rstrip().endswith("\npytest -n 2")


@pytest.mark.slow
def test_all_snippets_run_in_one_notebook(workplace):
    code = "\n".join(SNIPPETS)
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workplace,
        env=environment(workplace),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    assert (workplace / "numbers.keras").exists()


@pytest.mark.slow
def test_further_commands_run_one_after_the_other(workplace):
    """One test, as later commands use what earlier ones made; a command that fails is part of the message."""
    for name, text in (("en", "a dog runs\na cat sleeps\n"), ("de", "ein Hund rennt\neine Katze schläft\n")):
        if not (workplace / f"train.{name}").exists():  # the snippets make them, when they ran
            (workplace / f"train.{name}").write_text(text * 50)
    assert len(COMMANDS) > 2
    for command in COMMANDS[2:]:
        run_bash(command, workplace)


@pytest.mark.slow
def test_the_main_command_learns_to_translate_numbers(workplace):
    command = COMMANDS[0][len(INSTALL) :].partition("&&\n")[2]
    assert run_bash(command, workplace).splitlines()[-3:] == [
        "zweiundvierzig",
        "siebenhunderteinundsechzig",
        "neunhundertneunundneunzigtausendeins",
    ]
    code = (
        "import tensor2keras\n"
        "from tensor2keras import registry, training\n"
        "problem = registry.problem('translate_ende_numbers', data_dir='t2t_data')\n"
        "model = training.load_model('t2t_train/numbers')\n"
        "samples = list(problem.generate_samples('t2t_data', None, 'test'))\n"
        "answers = tensor2keras.decode(model, problem, [s['inputs'] for s in samples], beam_size=1)\n"
        "print(sum(a == s['targets'] for a, s in zip(answers, samples)) / len(samples))\n"
    )
    (workplace / "score.py").write_text(code)
    share = float(run_bash(f"{sys.executable} score.py", workplace).splitlines()[-1])
    assert share >= 0.98
