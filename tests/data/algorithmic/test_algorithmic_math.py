"""Sums of two variables on a small file of their layout; never on the network."""

import pytest

from tensor2keras import registry
from tests.data.problem_test_case import run_problem_test
from tests.data.raw_files import lines, put, put_tar

TASKS = lines(*(f"x={x},y=-{x},x+y:0" for x in range(22)))
NAME = "mathematical_language_understanding_train.tar.gz"


def test_generation_end_to_end(dirs, raw, no_network):
    put_tar(raw / NAME, {"symbolic_math_train.txt": TASKS})
    problem = run_problem_test(registry.problem("algorithmic_math_two_variables", **dirs))
    assert problem.info.splits["train"].num_examples == 20  # ten of eleven
    assert problem.get_hparams()["features"]["targets"]["vocab_size"] == 258


def test_odd_files(dirs, raw, no_network):
    problem = registry.problem("algorithmic_math_two_variables", **dirs)
    with pytest.raises(FileNotFoundError, match=f"put {NAME} into .*, or extracted: symbolic_math_train.txt"):
        problem.generate_data()
    put(raw, {"symbolic_math_train.txt": lines("x=1,y=2,x+y:3", "x=1,y=2,x+")})
    with pytest.raises(ValueError, match=r"symbolic_math_train\.txt, line 2: expected a task, a colon and its value"):
        problem.generate_data()
