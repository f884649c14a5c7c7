"""enwik8 on a small file; never on the network."""

import numpy as np
import pytest

from tensor2keras import registry
from tests.data.problem_test_case import batch_hparams, run_problem_test
from tests.data.raw_files import put, put_zip

CONTENT = "\n".join(f"<page>{number} é</page>" for number in range(2000)).encode()  # 38 kB
SPLITS = ("train", "validation", "test")


def test_splits_and_overlap(dirs, raw, no_network):
    put(raw, {"enwik8": CONTENT})
    problem = registry.problem("enwik8_l512", **dirs)
    held_out = len(CONTENT) // 20
    pieces = {split: list(problem.pieces(dirs["tmp_dir"], split)) for split in SPLITS}
    assert b"".join(pieces["validation"]) == CONTENT[-2 * held_out : -held_out]
    assert b"".join(pieces["test"]) == CONTENT[-held_out:]
    assert b"".join(pieces["train"][::4])[: -2 * held_out] == CONTENT[: -2 * held_out][: -2 * held_out]
    assert pieces["train"][1] == CONTENT[128 : 128 + 512]


@pytest.mark.parametrize(("name", "first_id", "length"), [("enwik8_l65k", 2, 65536), ("enwik8_l1k", 0, 1024)])
def test_generation_end_to_end(name, first_id, length, dirs, raw, no_network):
    put_zip(raw / "enwik8.zip", {"enwik8": CONTENT})
    problem = run_problem_test(registry.problem(name, **dirs), splits=SPLITS, same_text=False, batches=False)
    assert problem.get_hparams()["features"]["targets"]["vocab_size"] == 258
    assert problem.max_length(batch_hparams()) == length
    features, _, weights = next(iter(problem.dataset("test", batch_hparams(batch_size=65536))))
    first = np.frombuffer(CONTENT[-(len(CONTENT) // 20) :], np.uint8)[:length]
    row = next(row for row in features["targets"].numpy() if row[0] == first[0] + first_id and len(first) <= len(row))
    np.testing.assert_array_equal(row[: len(first)], first.astype(int) + first_id)
    assert (weights.numpy() >= 0).all()
    text = problem.get_feature_encoders()["targets"].decode(row[: len(first)])
    assert text == first.tobytes().decode("utf-8", "replace")


def test_the_issues_name():
    assert registry.problems["languagemodel_enwik8_l65k"] is registry.problems["enwik8_l65k"]


def test_odd_files(dirs, raw, no_network):
    problem = registry.problem("enwik8_l2k", **dirs)
    with pytest.raises(FileNotFoundError, match=r"put enwik8\.zip into .*, or extracted: enwik8"):
        problem.generate_data()
    put(raw, {"enwik8": b"short"})
    with pytest.raises(ValueError, match=r"enwik8 has 5 bytes; enwik8 has 100,000,000"):
        problem.generate_data()
