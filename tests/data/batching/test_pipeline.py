"""Batching: T2T's bucket numbers, what lands in a batch, its order, padding and weights."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras import registry
from tensor2keras import weights as weights_functions
from tensor2keras.data.batching import buckets, reports
from tensor2keras.data.batching import pipeline as batching
from tensor2keras.data.batching.buckets import BatchingScheme
from tensor2keras.data.problem import Problem
from tensor2keras.hparams import HParams
from tests import test_weights

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


# ---- the scheme ----


def test_bucket_boundaries_of_t2ts_defaults():
    # From 8 by a factor of 1.1, rounded down, but at least 1.
    expected = [*range(8, 21), 22, 24, 26, 28, 30, 33, 36, 39, 42, 46, 50, 55, 60, 66, 72, 79, 86, 94]
    expected += [103, 113, 124, 136, 149, 163, 179, 196, 215, 236]
    assert buckets.bucket_boundaries(256) == expected


@pytest.mark.parametrize(
    ("kwargs", "boundaries", "batch_sizes"),
    [
        # 64 // 8 and 64 // 16 rows; both divide 24, the largest highly composite number up to 3 * 8
        ({"batch_size": 64, "max_length": 16, "min_length_bucket": 8, "length_bucket_step": 2.0}, [8], [8, 4]),
        # 10, 6, 4, 3 rows, rounded down to divisors of 24
        (
            {"batch_size": 100, "max_length": 30, "min_length_bucket": 10, "length_bucket_step": 1.5},
            [10, 15, 22],
            [8, 6, 4, 3],
        ),
        (
            {
                "batch_size": 100,
                "max_length": 30,
                "min_length_bucket": 10,
                "length_bucket_step": 1.5,
                "num_replicas": 2,
            },
            [10, 15, 22],
            [16, 12, 8, 6],
        ),
        # max_length 0 is the batch size
        ({"batch_size": 20, "max_length": 0, "min_length_bucket": 10, "length_bucket_step": 3.0}, [10], [2, 1]),
    ],
)
def test_batching_scheme_is_t2ts(kwargs, boundaries, batch_sizes):
    scheme = buckets.batching_scheme(**kwargs)
    assert (scheme.boundaries, scheme.batch_sizes) == (boundaries, batch_sizes)


def test_scheme_of_transformer_base():
    scheme = buckets.batching_scheme(4096, 256, 8, 1.1, drop_long_sequences=True)
    # 4096 // 8 = 512 rows -> window 1260 -> largest divisor 420; 4096 // 256 = 16 -> 15
    assert (scheme.batch_sizes[0], scheme.batch_sizes[-1], scheme.max_length) == (420, 15, 256)


def test_one_long_example_must_fit():
    message = r"batch_size=16 tokens cannot hold one example of max_length=256; raise batch_size or lower max_length\."
    with pytest.raises(ValueError, match=message):
        buckets.hparams_to_batching_scheme(hparams(batch_size=16, max_length=256))


@pytest.mark.parametrize(("name", "value"), [("length_bucket_step", 1.0), ("min_length", 17)])
def test_impossible_schemes_are_refused(name, value):
    with pytest.raises(ValueError, match=str(value)):
        buckets.hparams_to_batching_scheme(hparams(**{name: value}))


def test_fixed_batch_size_counts_examples():
    scheme = buckets.hparams_to_batching_scheme(
        hparams(use_fixed_batch_size=True), num_replicas=2, drop_long_sequences=True
    )
    assert scheme == BatchingScheme([], [128], 0, 16)


def test_kept_long_sequences_get_buckets_within_the_token_budget():
    scheme = buckets.hparams_to_batching_scheme(hparams(batch_size=64, max_length=16))
    assert scheme.boundaries[-3:] == [13, 17, 33] or scheme.boundaries[-2:] == [17, 33]
    assert scheme.batch_sizes[-2:] == [2, 1]  # up to 32 and up to 64 tokens
    assert scheme.max_length == buckets.LONGEST


# ---- batches ----


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


def test_padding_report():
    windows = tf.data.Dataset.from_tensors({"targets": tf.ragged.constant([[5], [5, 6], [7, 8, 9]], dtype=tf.int32)})
    report = reports.padding_report(batches_of(windows, shuffle=False))
    assert (report.batches, report.rows, report.positions, report.shapes) == (1, 3, 9, 1)
    assert report.non_padding == pytest.approx(6 / 9)
    assert "66.7% of them non-padding" in str(report)
    assert str(reports.PaddingReport(2, 8, 0, 1.0, 1)) == "2 batches, 4.0 rows each, 1 distinct shapes"  # of images


class Lengths(Problem):
    """Examples of 2 to 9 inputs and as many targets."""

    @property
    def is_generate_per_split(self):
        return True

    def generate_encoded_samples(self, data_dir, tmp_dir, dataset_split):
        for length in range(2, 10):
            yield {"inputs": [2] * length, "targets": [2] * length}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"max_length": 9}, ""),
        ({"max_length": 6}, "of the first 8 examples: 3 left out, longer than 6"),
        ({"max_length": 9, "max_input_seq_length": 7}, "of the first 8 examples: 2 inputs cut at 7 tokens"),
        (
            {"max_length": 9, "max_input_seq_length": 4, "prepend_mode": "prepend_inputs_masked_attention"},
            "of the first 8 examples: 5 inputs cut at 4 tokens, 5 left out, longer than 9",
        ),
        ({"max_length": 6, "split_to_length": 3}, ""),
    ],
)
def test_what_is_too_long_is_counted(values, expected, tmp_path):
    problem = Lengths(data_dir=str(tmp_path))
    problem.generate_data()
    assert reports.length_report(problem, "train", HParams({"batch_size": 100, **values})) == expected


# ---- problems ----


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


def test_multi30k_batches_are_nine_tenths_full(shared, tmp_path):
    folder = shared / "data/multi30k_ende"
    problem = Problem.from_files(
        folder / "train.en.gz", folder / "train.de.gz", data_dir=tmp_path, approx_vocab_size=2**13
    )
    settings = hparams(batch_size=4096, max_length=256, min_length_bucket=8, length_bucket_step=1.1)
    report = reports.padding_report(batching.make_dataset(problem, "train", settings, repeat=False), batches=10**6)
    assert report.non_padding >= 0.9
    assert report.positions / report.batches > 0.75 * 2 * 4096
