"""Batching: what lands in a batch, its order, padding and weights."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras import registry
from tensor2keras import weights as weights_functions
from tensor2keras.data.batching import pipeline as batching
from tensor2keras.data.batching.buckets import BatchingScheme
from tensor2keras.hparams import HParams
from tests import test_weights
from tests.data.problem_test_case import Lengths

SCHEME = BatchingScheme(boundaries=[5, 9], batch_sizes=[12, 6, 4], min_length=0, max_length=12)


def examples(num_examples=100, longest=12, seed=0):
    """Example i consists of ids i + 2; returns windows of 40 examples, and their lengths [examples, 2]."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, size=(num_examples, 2))
    ids = np.arange(num_examples) + 2
    features = {
        name: tf.RaggedTensor.from_row_lengths(np.repeat(ids, lengths[:, i]).astype(np.int32), lengths[:, i])
        for i, name in enumerate(["inputs", "targets"])
    }
    return tf.data.Dataset.from_tensor_slices(features).ragged_batch(40), lengths


def ids_of(batch):
    """The examples in a batch, in order, filler rows left out."""
    features, _, _ = batch
    return [int(i) - 2 for i in features["inputs"][:, 0] if i]


def batches_of(windows, scheme=SCHEME, **kwargs):
    return batching.batch_windows(lambda seed: windows, scheme, **{"seed": 1, "repeat": False, **kwargs})


def hparams(**kwargs):
    values = {"batch_size": 64, "max_length": 16, "min_length_bucket": 4, "length_bucket_step": 1.5}
    return HParams({**values, **kwargs})


def test_an_epoch_holds_every_example_once_in_batches_of_similar_length():
    windows, lengths = examples()
    batches = list(batches_of(windows))
    assert sorted(i for batch in batches for i in ids_of(batch)) == list(range(100))
    full = 0
    for features, _, _ in batches:
        rows = features["inputs"].shape[0]
        longest = max(features["inputs"].shape[1], features["targets"].shape[1])
        bucket = np.searchsorted(SCHEME.boundaries, longest, side="right")
        assert rows <= SCHEME.batch_sizes[bucket]
        full += rows == SCHEME.batch_sizes[bucket]
    assert full >= len(batches) - 3  # the epoch's end joins buckets
    longest = lengths.max(axis=1)
    mixed = [b for b in batches if len(set(np.searchsorted(SCHEME.boundaries, longest[ids_of(b)], side="right"))) > 1]
    assert len(mixed) <= 2


def test_batches_hold_the_examples_themselves():
    windows, lengths = examples()
    for batch in batches_of(windows):
        features, targets, _ = batch
        for name, column in (("inputs", 0), ("targets", 1)):
            for row, i in zip(features[name].numpy(), ids_of(batch), strict=True):
                length = lengths[i, column]
                assert (row[:length] == i + 2).all()
                assert (row[length:] == 0).all()
        np.testing.assert_array_equal(targets, features["targets"])
        assert features["inputs"].dtype == tf.int32


def test_order_depends_on_seed_and_epoch_only():
    windows, _ = examples()
    number = batching.count(batches_of(windows))
    two_epochs = [ids_of(batch) for batch in batches_of(windows, repeat=True).take(2 * number)]
    assert two_epochs == [ids_of(batch) for batch in batches_of(windows, repeat=True).take(2 * number)]
    assert two_epochs != [ids_of(batch) for batch in batches_of(windows, repeat=True, seed=2).take(2 * number)]
    first, second = two_epochs[:number], two_epochs[number:]
    for epoch in (first, second):
        assert sorted(itertools.chain(*epoch)) == list(range(100))
    assert first != second


@pytest.mark.parametrize("step", [1, 64])
def test_start_step_continues_where_an_uninterrupted_run_would_be(step):
    windows, _ = examples()
    uninterrupted = batches_of(windows, repeat=True).skip(step).take(5)
    resumed = batches_of(windows, repeat=True, start_step=step).take(5)
    for one, other in zip(uninterrupted, resumed, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_unshuffled_data_keep_their_order():
    windows, lengths = examples()
    batches = list(batches_of(windows, shuffle=False))
    assert [i for batch in batches for i in ids_of(batch)] == list(range(100))
    for batch in batches:
        bucket = np.searchsorted(SCHEME.boundaries, lengths[ids_of(batch)].max(), side="right")
        assert len(ids_of(batch)) <= SCHEME.batch_sizes[bucket]
    assert len(batches) < 40  # windows of 40 do not end batches: 4 to 12 rows each


def test_padding_to_boundaries_gives_one_shape_a_bucket():
    windows, _ = examples(300)
    scheme = SCHEME._replace(boundaries=[5, 9, 13], batch_sizes=[12, 6, 4, 4])
    shapes = set()
    for features, _, weights in batches_of(windows, scheme, pad_to_boundary=True, pad_rows=True):
        assert features["inputs"].shape == features["targets"].shape == weights.shape
        shapes.add(tuple(features["inputs"].shape))
    assert shapes == {(12, 4), (6, 8), (4, 12)}


def test_weights_sum_to_one_over_real_tokens_and_rows_divide_by_the_replicas():
    windows, _ = examples(50)
    fillers = 0
    for features, targets, weights in batches_of(windows, SCHEME._replace(batch_sizes=[9, 6, 3]), num_replicas=3):
        assert targets.shape[0] % 3 == 0
        real = targets.numpy() != 0
        np.testing.assert_allclose(weights, real / real.sum(), rtol=1e-6)
        fillers += int((features["inputs"].numpy()[:, 0] == 0).sum())
    assert fillers == -50 % 3


@pytest.mark.parametrize(
    ("mode", "training", "real"),
    [
        ("none", False, [[1, 1, 0, 1, 1, 1], [1, 0, 1, 0, 0, 0]]),
        ("prepend_inputs_full_attention", True, [[0, 0, 0, 1, 1, 1], [0, 0, 1, 0, 0, 0]]),
        ("prepend_inputs_masked_attention", True, [[1, 1, 0, 1, 1, 1], [1, 0, 1, 0, 0, 0]]),
        ("prepend_inputs_masked_attention", False, [[0, 0, 0, 1, 1, 1], [0, 0, 1, 0, 0, 0]]),
    ],
)
def test_prepended_inputs_have_weight_only_in_training_with_masked_attention(mode, training, real, tmp_path):
    weights_fn = batching.targets_weights_fn(Lengths(data_dir=str(tmp_path)), hparams(prepend_mode=mode), training)
    features = {"targets": tf.ragged.constant([[5, 6, 0, 7, 8, 1], [9, 0, 1]])}
    _, _, weights = batching.pad_and_weigh(features, 0, 1, weights_fn)
    np.testing.assert_allclose(weights, np.array(real) / np.sum(real), rtol=1e-6)


@pytest.mark.parametrize("name", test_weights.EXPECTED)
def test_hparams_choose_the_weights(name, tmp_path):
    settings = hparams(weights_fn={"targets": name})
    weights_fn = batching.targets_weights_fn(Lengths(data_dir=str(tmp_path)), settings, training=True)
    features = {"targets": tf.constant(test_weights.TARGETS)}
    _, _, weights = batching.pad_and_weigh(features, 0, 3, weights_fn)
    real = np.array(test_weights.EXPECTED[name], "float32")
    np.testing.assert_allclose(weights[:2], real / max(real.sum(), 1), rtol=1e-6)
    np.testing.assert_array_equal(weights[2:], np.zeros_like(real[:1]))  # the row that fills the batch


def test_rows_that_fill_a_batch_never_count():
    features = {"targets": tf.ragged.constant([[5, 6, 7], [8]])}
    _, targets, weights = batching.pad_and_weigh(features, 4, 3, weights_functions.weights_all)
    np.testing.assert_array_equal(targets, [[5, 6, 7, 0], [8, 0, 0, 0], [0] * 4])
    np.testing.assert_allclose(weights, [[1 / 8] * 4, [1 / 8] * 4, [0] * 4])
    _, _, weights = batching.pad_and_weigh({"targets": tf.eye(2)}, 0, 3, weights_functions.weights_examples)
    np.testing.assert_allclose(weights, [1 / 2, 1 / 2, 0])


def test_class_labels():
    inputs = tf.ragged.constant([[5], [5, 6], [7, 8, 9]], dtype=tf.int32)
    windows = tf.data.Dataset.from_tensors({"inputs": inputs, "targets": tf.constant([0, 2, 0])})
    [(features, targets, weights)] = batches_of(
        windows, shuffle=False, num_replicas=2, weights_fn=registry.modality("class_label").weights_fn
    )
    np.testing.assert_array_equal(targets, [0, 2, 0, 0])
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 1 / 3, 0])  # label 0 is a label; the filler is not
    np.testing.assert_array_equal(features["inputs"], [[5, 0, 0], [5, 6, 0], [7, 8, 9], [0, 0, 0]])


def test_language_models_have_no_inputs():
    windows = tf.data.Dataset.from_tensors({"targets": tf.ragged.constant([[5], [5, 6], [7, 8, 9]], dtype=tf.int32)})
    [(features, targets, _)] = batches_of(windows, shuffle=False)
    assert set(features) == {"targets"}
    assert targets.shape == (3, 3)


def test_lengths_outside_the_limits_are_dropped():
    windows, lengths = examples()
    [kept] = batching.keep_lengths(next(iter(windows)), 4, 8)["inputs"].values.numpy()[None]
    longest = lengths[:40].max(axis=1)
    assert set(kept - 2) == set(np.flatnonzero((longest >= 4) & (longest <= 8)))


def test_an_epoch_without_examples_is_an_error_not_an_endless_loop():
    windows, _ = examples()
    nothing = windows.map(lambda features: batching.keep_lengths(features, 100, 200))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no example is left"):
        next(iter(batches_of(nothing, repeat=True)))


def test_splitting_needs_targets_alone():
    targets = tf.ragged.constant([[1, 2, 3, 4, 5], [6]])
    assert batching.split_sequences({"targets": targets}, 2)["targets"].to_list() == [[1, 2], [3, 4], [5], [6]]
    with pytest.raises(ValueError, match="split_to_length=2"):
        batching.split_sequences({"inputs": targets, "targets": targets}, 2)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    problem = registry.problem("algorithmic_reverse_binary40_test", data_dir=str(tmp_path_factory.mktemp("data")))
    problem.generate_data()
    return problem


def test_problem_validation_is_one_pass_in_order(problem):
    rows = [
        row[row != 0].tolist()
        for features, _, _ in problem.dataset("validation", hparams())
        for row in features["inputs"].numpy()
    ]
    assert rows == [
        example["inputs"].tolist() for example in problem.as_dataset(split="validation").as_numpy_iterator()
    ]


def test_problem_training_is_reproducible_and_resumable(problem):
    settings = hparams(batch_size=256)
    run = list(problem.dataset("train", settings, seed=3).take(12))
    again = list(problem.dataset("train", settings, seed=3, start_step=8).take(4))
    for one, other in zip(run[8:], again, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)
    assert sum(batch[1].shape[0] for batch in run) > 0


def test_unknown_weights_are_refused(problem):
    with pytest.raises(ValueError, match=r"unknown weights_fn 'weights_al'; allowed: weights_all"):
        problem.dataset("train", hparams(weights_fn={"targets": "weights_al"}))


def test_truncation_and_dropping(problem):
    short = hparams(max_input_seq_length=4, max_target_seq_length=3)
    for features, targets, _ in problem.dataset("validation", short):
        assert features["inputs"].shape[1] <= 4
        assert targets.shape[1] <= 3
    dropping = hparams(max_length=6, eval_drop_long_sequences=True)
    kept = sum(batch[1].shape[0] for batch in problem.dataset("validation", dropping))
    lengths = [len(example["inputs"]) for example in problem.as_dataset(split="validation").as_numpy_iterator()]
    assert kept == sum(length <= 6 for length in lengths) < len(lengths)


def test_reversed_and_own_preprocessing(problem):
    class Doubled(type(problem)):
        def dataset_filename(self):
            return problem.dataset_filename()

        def preprocess_example(self, example, mode, hparams):
            return {**super().preprocess_example(example, mode, hparams), "targets": example["targets"] * 2}

    doubled = Doubled(data_dir=problem.data_dir_root, was_reversed=True)
    straight = next(iter(problem.dataset("validation", hparams())))[0]
    features = next(iter(doubled.dataset("validation", hparams())))[0]
    np.testing.assert_array_equal(features["inputs"], straight["targets"] * 2)
    np.testing.assert_array_equal(features["targets"], straight["inputs"])
