"""Algorithmic problems: the tasks themselves, their names and sizes, and what is written to disk."""

import json

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.data.algorithmic import algorithmic


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# name: (symbols, training length, validation length, training cases, validation cases), T2T's values
VALUES = {
    "algorithmic_identity_binary40": (2, 40, 400, 100_000, 10_000),
    "algorithmic_identity_decimal40": (10, 40, 400, 100_000, 10_000),
    "algorithmic_identity_vocab95_train20_eval30": (95, 20, 30, 1_000_000, 10_000),
    "algorithmic_shift_decimal40": (20, 40, 80, 100_000, 10_000),
    "algorithmic_reverse_binary40": (2, 40, 400, 100_000, 10_000),
    "algorithmic_reverse_decimal40": (10, 40, 400, 100_000, 10_000),
    "algorithmic_reverse_binary40_test": (2, 10, 10, 1000, 100),
    "algorithmic_reverse_nlplike8k": (8000, 70, 70, 100_000, 10_000),
    "algorithmic_reverse_nlplike32k": (32_000, 70, 70, 100_000, 10_000),
    "algorithmic_addition_binary40": (2, 40, 400, 100_000, 10_000),
    "algorithmic_addition_decimal40": (10, 40, 400, 100_000, 10_000),
    "algorithmic_multiplication_binary40": (2, 40, 400, 100_000, 10_000),
    "algorithmic_multiplication_decimal40": (10, 40, 400, 100_000, 10_000),
    "algorithmic_sort_problem": (20, 10, 20, 100_000, 10_000),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_t2ts(name, tmp_path):
    problem = registry.problem(name, data_dir=str(tmp_path))
    sizes = (problem.num_symbols, problem.train_length, problem.dev_length, problem.train_size, problem.dev_size)
    assert sizes == VALUES[name]


def test_all_t2t_names_are_here(golden):
    theirs = json.loads((golden / "problems.json").read_text())["problems"]
    theirs = {
        name for name, entry in theirs.items() if entry["module"].endswith(".algorithmic") and entry["in_all_problems"]
    }
    assert theirs - {"tiny_algo"} == set(VALUES)  # tiny_algo: a fixture of T2T's own tests


@pytest.mark.parametrize("name", VALUES)
def test_cases_fit_the_vocabulary_and_the_length(name, tmp_path):
    problem = registry.problem(name, data_dir=str(tmp_path))
    vocab_size = problem.get_hparams()["features"]["inputs"]["vocab_size"]
    for case in problem.generator(problem.num_symbols, problem.train_length, 200):
        for symbols in case.values():
            assert symbols
            assert all(0 <= s + 2 < vocab_size for s in symbols)
        assert len(case["inputs"]) <= problem.train_length


def test_identity_shift_reverse_and_sort(rng):
    for _ in range(50):
        case = algorithmic.identity(rng, 10, 40)
        assert case["targets"] == case["inputs"]
        case = algorithmic.shift(rng, 20, 40)
        assert case["targets"] == [s + 10 for s in case["inputs"]]
        assert max(case["inputs"]) < 10
        case = algorithmic.reverse(rng, 10, 40)
        assert case["targets"] == list(reversed(case["inputs"]))
        case = algorithmic.sort(rng, 20, 10)
        assert case["targets"] == sorted(case["inputs"])


@pytest.mark.parametrize("base", [2, 10])
@pytest.mark.parametrize(
    ("task", "operation"), [(algorithmic.addition, int.__add__), (algorithmic.multiplication, int.__mul__)]
)
def test_arithmetic(rng, base, task, operation):
    for _ in range(50):
        case = task(rng, base, 40)
        sign = case["inputs"].index(base)
        first, second = case["inputs"][:sign], case["inputs"][sign + 1 :]
        for digits in (first, second, case["targets"]):
            assert len(digits) == 1 or digits[-1] != 0  # no leading zeros, the last digit being the most significant
        as_number = lambda digits: int("".join(map(str, reversed(digits))), base)  # noqa: E731
        assert as_number(case["targets"]) == operation(as_number(first), as_number(second))


def test_arithmetic_needs_room_for_two_digits_and_the_sign(rng):
    with pytest.raises(ValueError, match="max_length=2 must be at least 3"):
        algorithmic.addition(rng, 10, 2)


def test_text_like_sequences_follow_zipfs_law(rng):
    task = algorithmic.zipf_reverse(1.3)
    cases = [task(rng, 8000, 70) for _ in range(500)]
    lengths = [len(case["inputs"]) for case in cases]
    assert 34 < np.mean(lengths) < 38
    assert 5 < np.std(lengths) < 9
    symbols = np.concatenate([case["inputs"] for case in cases])
    assert 1.9 < np.mean(symbols == 0) / np.mean(symbols == 1) < 3.1  # 2 ** 1.3 = 2.46


def test_same_arguments_give_the_same_cases(tmp_path):
    problem = registry.problem("algorithmic_reverse_binary40_test", data_dir=str(tmp_path))
    first, again = (list(problem.generator(2, 10, 20)) for _ in range(2))
    assert first == again
    assert first != list(problem.generator(2, 10, 21))[:20]  # validation data are not the training data's beginning


def test_generated_data(tmp_path):
    problem = registry.problem("algorithmic_reverse_binary40_test", data_dir=str(tmp_path))
    problem.generate_data()
    assert problem.info.splits["train"].num_examples == 1000
    assert problem.info.splits["validation"].num_examples == 100
    for example in problem.as_dataset(split="validation").as_numpy_iterator():
        inputs, targets = example["inputs"].tolist(), example["targets"].tolist()
        assert inputs[-1] == targets[-1] == 1  # EOS
        assert inputs[:-1] == targets[-2::-1]
        assert set(inputs[:-1]) <= {2, 3}
    hparams = problem.get_hparams()
    assert hparams["features"]["inputs"] == {"modality": "symbol", "vocab_size": 4}
    assert (hparams["input_space_id"], hparams["target_space_id"]) == (10, 11)
    assert problem.get_feature_encoders()["inputs"].decode([2, 3, 3, 1]).startswith("0 1 1")
