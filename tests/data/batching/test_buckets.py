"""T2T's bucket boundaries and batch sizes."""

import pytest

from tensor2keras.data.batching import buckets
from tensor2keras.data.batching.buckets import BatchingScheme
from tensor2keras.hparams import HParams


def test_bucket_boundaries_of_t2ts_defaults():
    # From 8 by a factor of 1.1, rounded down, but at least 1.
    expected = [*range(8, 21), 22, 24, 26, 28, 30, 33, 36, 39, 42, 46, 50, 55, 60, 66, 72, 79, 86, 94]
    expected += [103, 113, 124, 136, 149, 163, 179, 196, 215, 236]
    assert buckets.bucket_boundaries(256) == expected


def hparams(**kwargs):
    values = {"batch_size": 64, "max_length": 16, "min_length_bucket": 4, "length_bucket_step": 1.5}
    return HParams({**values, **kwargs})


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
