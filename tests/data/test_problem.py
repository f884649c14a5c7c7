"""Problem: its arguments, its name, and the functions that make problems of any files."""

import inspect
import os
import pickle

import pytest

from tensor2keras import data, registry
from tensor2keras.data.problem import Problem
from tests.data.counting import Counting


def test_constructing_touches_no_files(tmp_path):
    Counting(data_dir=tmp_path / "new", tmp_dir=tmp_path / "raw")
    assert not os.listdir(tmp_path)


def test_paths_are_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAW", "/raw")
    problem = Counting(data_dir="~/data", tmp_dir="$RAW/text")
    assert str(problem.data_dir_root) == str(tmp_path / "data")
    assert problem.tmp_dir == "/raw/text"


def test_pickling_keeps_the_arguments(tmp_path):
    problem = pickle.loads(pickle.dumps(Counting(data_dir=tmp_path, tmp_dir="/raw", was_reversed=True)))
    assert (problem.was_reversed, problem.was_copy, problem.tmp_dir) == (True, False, "/raw")


def test_registered_name_is_the_problems_name(tmp_path, monkeypatch):
    monkeypatch.setattr(registry.problems, "_entries", {name: registry.problems[name] for name in registry.problems})

    @registry.register_problem("counting_by_name")
    class SomeClass(Counting):
        pass

    problem = registry.problem("counting_by_name_rev", data_dir=tmp_path)
    assert problem.name == "counting_by_name"
    assert problem.was_reversed
    assert problem.data_dir == str(tmp_path / "counting_by_name" / "1.0.0")


@pytest.mark.parametrize("name", ["from_files", "from_tfds"])
def test_functions_of_data_are_aliases_with_their_signature(name):
    function = getattr(data, name)
    assert getattr(Problem, name) is function
    assert list(inspect.signature(getattr(Problem, name)).parameters)[-1] == "kwargs"
    assert "approx_vocab_size" in inspect.signature(getattr(Counting, name)).parameters
