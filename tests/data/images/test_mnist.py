"""MNIST and Fashion-MNIST in IDX files, real and made up, and on a mocked tfds data set."""

import gzip

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.images import mnist
from tests.data.image_raw_files import idx, pixels, put_mnist
from tests.data.problem_test_case import batch_hparams, run_problem_test

IMAGES = pixels(24, 28, 1)
LABELS = [i % 10 for i in range(24)]


def samples(name, dirs, is_training=True):
    return list(registry.problem(name, **dirs).generator(**dirs, is_training=is_training))


@pytest.mark.parametrize("compressed", [True, False])
def test_files_plain_and_compressed(compressed, dirs, raw):
    put_mnist(raw, "train", IMAGES, LABELS, compressed)
    found = samples("image_mnist", dirs)
    np.testing.assert_array_equal([sample["inputs"] for sample in found], IMAGES)
    assert [sample["targets"] for sample in found] == LABELS


def test_generation_end_to_end(dirs, raw, no_network):
    put_mnist(raw, "train", IMAGES, LABELS)
    put_mnist(raw, "t10k", IMAGES[:6], LABELS[:6])
    problem = run_problem_test(registry.problem("image_mnist", **dirs), same_text=False)
    features, _, _ = next(iter(problem.dataset("validation", batch_hparams(batch_size=6))))
    np.testing.assert_allclose(np.mean(features["inputs"], axis=(1, 2, 3)), 0, atol=1e-5)
    assert problem.get_hparams()["features"]["inputs"]["shape"] == [28, 28, 1]


def test_a_twelfth_is_held_out_for_tuning(dirs, raw):
    put_mnist(raw, "train", IMAGES, LABELS)
    parts = [samples("image_mnist_tune", dirs, training) for training in (True, False)]
    np.testing.assert_array_equal([sample["inputs"] for part in parts for sample in part], IMAGES)
    assert [len(part) for part in parts] == [22, 2]


@pytest.mark.parametrize("place", ["", "fashion-mnist"])
def test_fashion_mnist_is_not_standardized(place, dirs, raw):
    for stem in ("train", "t10k"):
        put_mnist(raw / place, stem if place else f"fashion-{stem}", IMAGES, LABELS)
    problem = registry.problem("image_fashion_mnist", **dirs)
    problem.generate_data()
    features, _, _ = next(iter(problem.dataset("train", batch_hparams(batch_size=24))))
    assert features["inputs"].dtype == "int32"
    assert np.sum(features["inputs"]) == IMAGES.sum(dtype=int)


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=3):
        found = samples("image_mnist", dirs)
    assert [sample["inputs"].shape for sample in found] == [(28, 28, 1)] * 3
    assert all(sample["inputs"].any() and 0 <= sample["targets"] < 10 for sample in found)


def test_without_files_and_network_it_is_said_what_to_put_where(dirs, no_network):
    with pytest.raises(sources.MissingDataError, match="put train-images-idx3-ubyte, train-labels-idx1-ubyte"):
        samples("image_mnist", dirs)


def test_one_file_alone(dirs, raw):
    put_mnist(raw, "train", IMAGES, LABELS)
    (raw / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte is not there"):
        samples("image_mnist", dirs)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (idx(IMAGES[..., 0])[:-9], None, r"images.*: 18807 bytes of data, its header says 24 x 28 x 28"),
        (idx(np.array(LABELS)), None, "images.*: not an IDX file of 3-dimensional uint8 data"),
        (idx(pixels(24, 20, 1)[..., 0]), None, "images.*: images of 20 x 20, expected 28 x 28"),
        (None, idx(np.array(LABELS[:-1])), "labels.*: 23 labels for the 24 images"),
        (None, idx(np.array([*LABELS[:-1], 10])), r"labels.*, record 23: label 10 is not in 0\.\.9"),
    ],
)
def test_bad_files(images, labels, message, dirs, raw):
    put_mnist(raw, "train", IMAGES, LABELS, compressed=False)
    if images:
        (raw / "train-images-idx3-ubyte").write_bytes(images)
    if labels:
        (raw / "train-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(ValueError, match=message):
        samples("image_mnist", dirs)


def test_cut_off_gzip_file(dirs, raw):
    put_mnist(raw, "train", IMAGES, LABELS)
    file = raw / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(idx(IMAGES[..., 0]))[:-20])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: not a whole gzip file"):
        samples("image_mnist", dirs)


def test_real_images(shared):
    folder = shared / "data" / "mnist_t10k"
    files = (str(folder / f"t10k-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    images, labels = mnist.read_images(*files)
    assert images.shape == (10000, 28, 28, 1)
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
