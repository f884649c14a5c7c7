"""BLEU, ROUGE and edit distance on tensors equal the plain ones on lists."""

import json

import numpy as np
import pytest
from keras import ops

from tensor2keras.metrics import corpus, sequences
from tests.helpers import load_case
from tests.metrics.updates import evaluate, evaluate_compiled


def random_pair(seed, rows=5, length=12, ids=6):
    """Targets [rows, length] with padding, logits of similar sequences, and weights."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, length + 1, (rows, 1))
    labels = rng.integers(1, ids, (rows, length)) * (np.arange(length) < lengths)
    guesses = np.where(rng.random((rows, length)) < 0.3, rng.integers(1, ids, (rows, length)), labels)
    logits = np.eye(ids, dtype="float32")[guesses]
    weights = (labels > 0).astype("float32")
    cut = [(list(g[:n]), list(y[:n])) for g, y, (n,) in zip(guesses, labels, lengths, strict=True)]
    return (labels.astype("int32"), logits, weights), [g for g, _ in cut], [y for _, y in cut]


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(diagonal + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("approx_bleu_score", lambda ours, theirs: corpus.compute_bleu(theirs, ours)),
        ("rouge_2_fscore", lambda ours, theirs: corpus.rouge_n(ours, theirs, 2)),
        ("rouge_L_fscore", corpus.rouge_l_sentence_level),
        (
            "edit_distance",
            lambda ours, theirs: sum(map(levenshtein, ours, theirs)) / sum(map(len, theirs)),
        ),
        (
            "prefix_accuracy",
            lambda ours, theirs: np.mean(
                [np.cumprod(np.equal(o, t)).sum() / len(t) for o, t in zip(ours, theirs, strict=True)]
            ),
        ),
    ],
)
def test_figures_on_tensors_equal_figures_on_lists(name, plain, seed):
    batch, ours, theirs = random_pair(seed)
    assert evaluate(name, batch) == pytest.approx(plain(ours, theirs), rel=1e-5)


@pytest.mark.parametrize("name", ["approx_bleu_score", "rouge_2_fscore", "rouge_L_fscore", "edit_distance"])
def test_figures_do_not_depend_on_batches(name):
    batch, _, _ = random_pair(7)
    halves = [[array[rows] for array in batch] for rows in (slice(2), slice(2, 5))]
    assert evaluate_compiled(name, *halves) == pytest.approx(evaluate(name, batch), rel=1e-6)


def test_rouge_equals_t2t(golden):
    case = json.loads((golden / "text/rouge.json").read_text())
    logits = np.eye(12, dtype="float32")[np.array(case["eval"])]
    assert evaluate("rouge_L_fscore", (np.array(case["ref"]), logits)) == pytest.approx(case["rouge_l"], rel=1e-6)
    assert evaluate("rouge_2_fscore", (np.array(case["ref"]), logits)) == pytest.approx(case["rouge_2"], rel=1e-6)


@pytest.mark.parametrize("run", [evaluate, evaluate_compiled])
def test_word_error_rate_equals_t2t(golden, run):
    arrays, expected = load_case(golden / "text", "metrics")
    labels, guesses = arrays["wer_labels"][:, :, 0, 0], arrays["wer_pred_ids"][:, :, 0, 0]
    figure = expected["word_error_rate"]["value"]
    assert run("word_error_rate", (labels, np.eye(258, dtype="float32")[guesses])) == pytest.approx(figure, rel=1e-6)


@pytest.mark.parametrize("weights", [[[1, 1, 0, 0]], [[0, 0, 1, 1]]])
def test_masked_positions_may_lie_anywhere(weights):
    labels, wrong = np.array([[3, 3, 3, 3]]), np.array([[3, 3, 2, 2]])
    expected = 0.0 if weights[0][0] else 1.0
    logits = np.eye(4, dtype="float32")[wrong]
    assert evaluate("edit_distance", (labels, logits, np.array(weights))) == expected


@pytest.mark.parametrize("seed", range(3))
def test_edit_distances_of_random_sequences(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, (2, 8, 10)).astype("int32")
    a_length, b_length = rng.integers(0, 11, (2, 8)).astype("int32")
    expected = [levenshtein(x[:n], y[:m]) for x, n, y, m in zip(a, a_length, b, b_length, strict=True)]
    assert ops.convert_to_numpy(sequences.edit_distances(a, a_length, b, b_length)).tolist() == expected
