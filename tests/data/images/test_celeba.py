"""CelebA in its folder and archive, and on a mocked tfds data set."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data.images import celeba
from tests.data.image_raw_files import put_jpeg
from tests.data.problem_test_case import batch_hparams, run_problem_test
from tests.data.raw_files import put_zip

IMAGE = np.full((218, 178, 3), 90, np.uint8)


def put_faces(raw, count=20):
    for i in range(count):
        put_jpeg(raw / "img_align_celeba" / f"{i:06}.jpg", IMAGE + np.uint8(i))


@pytest.mark.parametrize(
    ("name", "sizes"), [("img2img_celeba", (8, 32)), ("image_celeba32", (32, 32)), ("image_celeba64", (64, 64))]
)
def test_generation_end_to_end(name, sizes, dirs, raw, no_network):
    put_faces(raw)
    splits = ("train", "validation", "test")
    problem = run_problem_test(registry.problem(name, **dirs), splits=splits, same_text=False)
    assert [problem.info.splits[split].num_examples for split in splits] == [16, 2, 2]
    features, targets, weights = next(iter(problem.dataset("test", batch_hparams(batch_size=2))))
    assert features["inputs"].shape == (2, sizes[0], sizes[0], 3)
    assert targets.shape == weights.shape == (2, sizes[1], sizes[1], 3)
    np.testing.assert_allclose(sorted(np.mean(targets, axis=(1, 2, 3))), [108, 109], atol=2)
    assert problem.get_hparams()["features"]["inputs"] == {
        "modality": "identity",
        "vocab_size": 256,
        "shape": [sizes[0]] * 2 + [3],
    }


def test_whole_pictures(dirs, raw):
    put_faces(raw)
    problem = registry.problem("image_celeba", **dirs)
    problem.generate_data()
    features, targets, _ = next(iter(problem.dataset("validation", batch_hparams(batch_size=2))))
    assert features["inputs"].dtype == tf.float32
    assert targets.shape == (2, 218, 178, 3)


def test_the_archive(dirs, raw):
    files = {f"img_align_celeba/{i:06}.jpg": tf.io.encode_jpeg(IMAGE).numpy() for i in range(20)}
    put_zip(raw / "img_align_celeba.zip", files)
    assert len(celeba.original_files(str(raw), "train")) == 16


def test_the_parts_are_the_published_ones():
    assert {split: stop - start for split, (start, stop) in celeba.PARTS.items()} == {
        "train": 162_770,
        "validation": 19_867,
        "test": 19_962,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nothing", "not a picture"), (tf.io.encode_jpeg(IMAGE[:100]).numpy(), "a picture of 100 x 178, expected 218")],
)
def test_bad_pictures_are_named(content, message, dirs, raw):
    put_faces(raw)
    (raw / "img_align_celeba" / "000003.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=rf"000003\.jpg: {message}"):
        registry.problem("img2img_celeba", **dirs).generate_data()


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=2):
        problem = registry.problem("image_celeba", **dirs)
        assert len(list(problem.generate_encoded_samples(**dirs, dataset_split="test"))) == 2
