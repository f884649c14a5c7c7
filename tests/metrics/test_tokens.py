"""Token metrics: T2T's figures, shapes, masks, sums over batches."""

import math

import keras
import numpy as np
import pytest

from tensor2keras import metrics
from tests.helpers import load_case
from tests.metrics.updates import evaluate, evaluate_compiled

GOLDEN_NAMES = {
    "accuracy": "padded_accuracy",
    "accuracy_top5": "padded_accuracy_top5",
    "accuracy_per_sequence": "padded_sequence_accuracy",
    "neg_log_perplexity": "padded_neg_log_perplexity",
    "edit_distance": "sequence_edit_distance",
    "approx_bleu_score": "approx_bleu",
    "rouge_2_fscore": "rouge_2_fscore",
    "rouge_L_fscore": "rouge_l_fscore",
}
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def golden_batch(golden):
    """labels [4, 7], logits [4, 7, 12] and T2T's figures."""
    arrays, expected = load_case(golden / "text", "metrics")
    return arrays["labels"][:, :, 0, 0], arrays["logits"][:, :, 0, 0], expected


@pytest.fixture
def random_batch():
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 12, (6, 9)) * (np.arange(9) < rng.integers(3, 10, (6, 1)))
    logits = rng.normal(size=(6, 9, 12)).astype("float32") + 2 * np.eye(12, dtype="float32")[labels]
    return labels.astype("int32"), logits, (labels > 0).astype("float32") / 29


@pytest.mark.parametrize("name", GOLDEN_NAMES)
@pytest.mark.parametrize("run", [evaluate, evaluate_compiled])
def test_figures_equal_t2t(golden_batch, name, run):
    labels, logits, expected = golden_batch
    assert run(name, (labels, logits)) == pytest.approx(expected[GOLDEN_NAMES[name]]["weighted_mean"], rel=TOLERANCE)


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_t2ts_shapes_are_taken_too(golden_batch, name):
    labels, logits, _ = golden_batch
    assert evaluate(name, (labels[:, :, None, None], logits[:, :, None, None])) == evaluate(name, (labels, logits))


@pytest.mark.parametrize("run", [evaluate, evaluate_compiled])
@pytest.mark.parametrize(
    ("name", "longer"), [("accuracy", "logits"), ("accuracy", "labels"), ("neg_log_perplexity", "labels")]
)
def test_the_shorter_of_targets_and_logits_is_filled_with_zeros(golden_batch, run, name, longer):
    labels, logits, expected = golden_batch
    batch = (labels[:, :5], logits) if longer == "logits" else (labels, logits[:, :5])
    figure = expected[f"{GOLDEN_NAMES[name]}_longer_{longer}"]["weighted_mean"]
    assert run(name, batch) == pytest.approx(figure, rel=TOLERANCE)


@pytest.mark.parametrize("name", ["accuracy", "accuracy_top5", "accuracy_per_sequence", "neg_log_perplexity"])
def test_one_batch_or_many_give_one_figure(random_batch, name):
    whole = evaluate(name, random_batch)
    assert evaluate_compiled(name, *([array[rows] for array in random_batch] for rows in (slice(4), slice(4, 6)))) == (
        pytest.approx(whole, rel=TOLERANCE)
    )


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_rows_and_positions_of_weight_zero_change_nothing(random_batch, name):
    labels, logits, weights = random_batch
    padded = (
        np.pad(labels, [(0, 2), (0, 3)]),
        np.pad(logits, [(0, 2), (0, 3), (0, 0)], constant_values=7.0),
        np.pad(weights, [(0, 2), (0, 3)]),
    )
    assert evaluate(name, padded) == pytest.approx(evaluate(name, random_batch), rel=TOLERANCE)


def test_top5_counts_equal_logits_as_top_k_does():
    logits = np.zeros((1, 8, 8), "float32")  # all equal: the five lowest ids win
    assert evaluate("accuracy_top5", (np.arange(8)[None], logits, np.ones((1, 8)))) == pytest.approx(5 / 8)


def test_logits_that_are_not_numbers_are_no_hits():
    logits = np.full((1, 3, 8), np.nan, "float32")
    assert evaluate("accuracy_top5", (np.array([[1, 2, 3]]), logits)) == 0.0


@pytest.mark.parametrize("shape", [(4, 3), (4, 1, 3), (4, 1, 1, 1, 3)])
@pytest.mark.parametrize("name", ["accuracy", "accuracy_top5", "accuracy_per_sequence", "sigmoid_accuracy"])
def test_class_labels_count_label_zero(shape, name):
    logits = np.eye(3, dtype="float32")[[0, 1, 2, 0]].reshape(shape)
    expected = 1.0 if name == "accuracy_top5" else 0.75
    assert evaluate(name, (np.array([0, 1, 2, 1]), logits)) == expected
    assert evaluate(name, (np.array([0, 1, 2, 1]), logits, np.array([0.3, 0.3, 0.3, 0.0]))) == 1.0


def test_targets_and_logits_that_do_not_go_together_are_named():
    with pytest.raises(ValueError, match=r"targets of shape \(4,\) do not go with logits of shape \(4, 7, 3\)"):
        evaluate("accuracy", (np.zeros(4), np.zeros((4, 7, 3))))


def test_a_real_output_is_cut_to_an_integer():
    assert evaluate("accuracy", (np.array([[3, 4]]), np.array([[[3.9], [3.9]]]))) == 0.5


def test_multilabel_match3_is_vqa_accuracy():
    labels = np.array([[5, 5, 5, 5], [5, 5, 1, 0], [1, 2, 3, 0]])
    logits = np.eye(6)[[5, 5, 5]][:, None, None, None]
    assert evaluate("accuracy_multilabel_match3", (labels, logits)) == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_set_precision_and_recall_compare_sets():
    labels = np.array([[1, 2, 0], [3, 0, 0]])
    scores = np.array([[-1, 1, -1, 1], [-1, -1, 1, -1.0]])  # {1, 3} and {2}
    assert evaluate("set_precision", (labels, scores)) == pytest.approx(1 / 3)
    assert evaluate("set_recall", (labels, scores)) == pytest.approx(1 / 3)


def test_one_hot_metrics_of_a_worked_example():
    labels = np.array([[1, 0, 1], [0, 1, 0.0]])
    logits = np.array([[2, 1, 0], [2, 1, 0.0]], "float32")
    assert evaluate("sigmoid_accuracy_one_hot", (labels, logits)) == 0.5
    assert evaluate("sigmoid_precision_one_hot", (labels, logits)) == 0.5
    assert evaluate("sigmoid_recall_one_hot", (labels, logits)) == pytest.approx(1 / 3)
    probabilities = 1 / (1 + np.exp(-logits))
    binary = -np.mean(np.where(labels == 1, np.log(probabilities), np.log(1 - probabilities)))
    assert evaluate("sigmoid_cross_entropy_one_hot", (labels, logits)) == pytest.approx(binary, rel=TOLERANCE)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    categorical = -np.mean((labels * logs).sum(-1))
    assert evaluate("softmax_cross_entropy_one_hot", (labels, logits)) == pytest.approx(categorical, rel=TOLERANCE)


@pytest.mark.parametrize("name", metrics.names())
def test_metrics_survive_serialization(name):
    copy = keras.metrics.deserialize(keras.metrics.serialize(metrics.get(name)))
    assert isinstance(copy, metrics.StreamingMetric)
    assert copy.name == copy.metric == name


def test_every_metric_starts_at_a_number():
    assert all(math.isfinite(metrics.get(name).result()) for name in metrics.names())


def test_an_unknown_name_brings_the_closest():
    with pytest.raises(KeyError, match="unknown metric 'acuracy'; did you mean accuracy"):
        metrics.get("acuracy")


def test_all_t2t_metrics_of_text_labels_and_real_values_are_there():
    t2t = """accuracy accuracy_top5 accuracy_per_sequence accuracy_multilabel_match3 neg_log_perplexity
        masked_neg_log_perplexity approx_bleu_score rmse unpadded_mse pearson r_squared rouge_2_fscore rouge_L_fscore
        edit_distance prefix_accuracy softmax_cross_entropy_one_hot sigmoid_accuracy sigmoid_accuracy_one_hot
        sigmoid_recall_one_hot sigmoid_precision_one_hot sigmoid_cross_entropy_one_hot set_precision set_recall
        two_class_accuracy two_class_log_likelihood mean_absolute_error word_error_rate"""
    assert set(t2t.split()) <= set(metrics.names())


def test_metrics_evaluate_in_fit(random_batch):
    labels, logits, weights = random_batch
    model = keras.Sequential([keras.layers.Identity()])
    model.compile(
        loss="sparse_categorical_crossentropy",
        weighted_metrics=[metrics.get("accuracy"), metrics.get("approx_bleu_score")],
    )
    figures = model.evaluate(logits, labels, sample_weight=weights, batch_size=3, verbose=0, return_dict=True)
    assert figures["accuracy"] == pytest.approx(evaluate("accuracy", random_batch), rel=TOLERANCE)
    assert figures["approx_bleu_score"] == pytest.approx(evaluate("approx_bleu_score", random_batch), rel=TOLERANCE)
