"""What every problem must do; a named problem's test calls `run_problem_test` with its source files in place."""

import contextlib
import json
import os
from collections import Counter
from typing import Any

import numpy as np

from tensor2keras.data.problem import Problem
from tensor2keras.hparams import HParams

BATCH_HPARAMS = {
    "batch_size": 1024,
    "max_length": 0,
    "min_length": 0,
    "min_length_bucket": 8,
    "length_bucket_step": 1.1,
    "split_to_length": 0,
    "max_input_seq_length": 0,
    "max_target_seq_length": 0,
    "prepend_mode": "none",
}


def batch_hparams(**values: Any) -> HParams:
    """The hyperparameters that batching reads, at T2T's defaults but for `values`."""
    return HParams(BATCH_HPARAMS | values)


class Lengths(Problem):
    """Examples of 2 to 9 inputs and as many targets."""

    @property
    def is_generate_per_split(self):
        return True

    def generate_encoded_samples(self, data_dir, tmp_dir, dataset_split):
        for length in range(2, 10):
            yield {"inputs": [2] * length, "targets": [2] * length}


def run_problem_test(
    problem: Problem, *, splits: tuple[str, ...] = ("train", "validation"), same_text: bool = True, batches: bool = True
) -> Problem:
    """Generates, then checks what is on disk, in `get_hparams` and in a batch.

    Args:
        problem: not yet generated.
        splits: the splits it must have.
        same_text: whether the decoded examples must be the samples of `generate_samples` (False for problems that draw
            them by chance, cut them or meet unknown words).
        batches: whether to read a batch of each split.

    Returns:
        The problem, generated.
    """
    problem.generate_data()
    assert set(problem.info.splits) == set(splits)
    for split in splits:
        assert all(os.path.exists(file) for file in problem.shard_files(split))
    if same_text:
        _check_text(problem, splits)
    _check_hparams(problem)
    _check_nothing_is_made_twice(problem)
    if batches:
        for split in splits:
            _check_batch(problem, split)
    return problem


def _check_text(problem: Problem, splits: tuple[str, ...]) -> None:
    per_split = problem.is_generate_per_split
    data_dir = str(problem.data_dir_root)
    for group in [(split,) for split in splits] if per_split else [splits]:
        wanted = Counter(
            frozenset(problem.maybe_reverse_and_copy(sample).items())
            for sample in problem.generate_samples(data_dir, problem.tmp_dir, group[0])
        )
        found = Counter(
            frozenset(sample.items())
            for split in group
            for sample in problem.samples_as_text(split, count=problem.info.splits[split].num_examples)
        )
        assert found == wanted


def _check_hparams(problem: Problem) -> None:
    values = problem.get_hparams()
    assert json.loads(json.dumps(values)) == values
    assert values["name"] == problem.name
    assert "targets" in values["features"]
    for name, encoder in problem.get_feature_encoders().items():
        if name not in values["features"]:  # read when an example is made, not by the model
            continue
        with contextlib.suppress(NotImplementedError):  # an encoder of numbers has no vocabulary
            assert values["features"][name]["vocab_size"] == encoder.vocab_size


def _check_nothing_is_made_twice(problem: Problem) -> None:
    files = [file for split in problem.info.splits for file in problem.shard_files(split)]
    before = [os.stat(file).st_mtime_ns for file in files]
    problem.generate_data()
    assert [os.stat(file).st_mtime_ns for file in files] == before


def _check_batch(problem: Problem, split: str) -> None:
    dataset = problem.dataset(split, batch_hparams(), shuffle=False, repeat=False)
    features, targets, weights = next(iter(dataset))
    assert set(features) <= set(problem.get_hparams()["features"]) | {
        f"{side}_{kind}" for side in ("inputs", "targets") for kind in ("segmentation", "position")
    }
    np.testing.assert_array_equal(features["targets"], targets)
    assert weights.shape == targets.shape
    np.testing.assert_allclose(np.sum(weights), 1.0, atol=1e-5)
