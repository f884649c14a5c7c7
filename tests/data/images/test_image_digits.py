"""The digits of scikit-learn."""

import sys

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.data import sources
from tests.data.problem_test_case import batch_hparams, run_problem_test


def test_real_digits(dirs, no_network):
    pytest.importorskip("sklearn")
    problem = run_problem_test(registry.problem("image_digits", **dirs), same_text=False)
    assert {split: info.num_examples for split, info in problem.info.splits.items()} == {
        "train": 1438,
        "validation": 359,
    }
    features, targets, _ = next(iter(problem.dataset("validation", batch_hparams(batch_size=359))))
    assert features["inputs"].shape == (359, 8, 8, 1)
    assert np.bincount(targets).min() > 25
    raw = [example["inputs"] for example in problem.as_dataset(split="train").as_numpy_iterator()]
    assert (np.min(raw), np.max(raw)) == (0, 255)


def test_without_scikit_learn_it_is_said_what_to_install(dirs, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(sources.MissingDataError, match="part of scikit-learn: pip install"):
        list(registry.problem("image_digits", **dirs).generator(**dirs, is_training=True))
