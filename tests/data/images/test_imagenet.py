"""ImageNet in folders of JPEG files, its small pictures, and mocked tfds data sets."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.images import imagenet
from tests.data.image_raw_files import pixels, put_jpeg, put_png
from tests.data.problem_test_case import batch_hparams, run_problem_test

SEED = tf.constant([1, 2], tf.int64)


def samples(name, dirs, is_training=True):
    return list(registry.problem(name, **dirs).generator(**dirs, is_training=is_training))


@pytest.fixture
def folders(raw):
    for split, count in (("train", 3), ("val", 2)):
        for name in ("n01", "n02"):
            for i in range(count):
                put_jpeg(raw / split / name / f"{name}_{i}.JPEG", pixels(1, 40 + 8 * i, seed=i)[0])
    return raw


def test_folders_of_classes(folders, dirs):
    assert [sample["targets"] for sample in samples("image_imagenet", dirs)] == [0, 0, 0, 1, 1, 1]
    assert [sample["targets"] for sample in samples("image_imagenet", dirs, False)] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("name", "size"),
    [("image_imagenet224", 224), ("image_imagenet32", 32), ("image_imagenet64", 64)],
)
def test_generation_end_to_end(name, size, folders, dirs, no_network):
    problem = run_problem_test(registry.problem(name, **dirs), same_text=False)
    assert problem.get_hparams()["features"]["inputs"]["shape"] == [size, size, 3]
    for split in ("train", "validation"):
        features, targets, _ = next(iter(problem.dataset(split, batch_hparams(batch_size=4))))
        assert features["inputs"].shape == (4, size, size, 3)
        assert features["inputs"].dtype == tf.float32
        assert np.abs(np.mean(features["inputs"])) < 1
        assert targets.shape == (4,)


def test_the_sizes_share_the_data(dirs):
    names = ("image_imagenet", "image_imagenet224", "image_imagenet32", "image_imagenet64", "img2img_imagenet")
    assert {registry.problem(name, **dirs).dataset_filename() for name in names} == {"image_imagenet"}


def test_evaluation_takes_the_normalized_middle():
    image = np.zeros((300, 600, 3), np.uint8)
    image[75:225, 225:375] = (124, 116, 104)  # about the mean
    found = imagenet.preprocess(tf.constant(image), 224, "validation", SEED).numpy()
    np.testing.assert_allclose(found[80:144, 80:144], 0, atol=0.02)
    np.testing.assert_allclose(found[0, 0], -np.array(imagenet.MEAN_RGB) / imagenet.STDDEV_RGB, rtol=1e-5)


def test_training_takes_parts_by_the_seed():
    image = tf.constant(pixels(1, 64)[0])
    one, same, other = (imagenet.preprocess(image, 48, "train", SEED + i).numpy() for i in (0, 0, 1))
    assert one.shape == (48, 48, 3)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_class_that_training_does_not_have(folders, dirs):
    put_jpeg(folders / "val" / "n03" / "a.JPEG", pixels(1)[0])
    with pytest.raises(ValueError, match=r"val/n03: no class of that name in .*train"):
        samples("image_imagenet", dirs, False)


def test_an_unreadable_picture_is_named(folders, dirs):
    (folders / "train" / "n01" / "n01_1.JPEG").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"n01_1\.JPEG: not a picture that can be read"):
        samples("image_imagenet", dirs)


@pytest.mark.parametrize("size", [32, 64])
def test_small_pictures(size, dirs, raw):
    images = pixels(3, size)
    for folder in ("train", "valid"):
        for i, image in enumerate(images):
            put_png(raw / f"{folder}_{size}x{size}" / f"{i}.png", image)
    problem = registry.problem(f"image_imagenet{size}_gen_rev", **dirs)
    problem.generate_data()
    _, targets, _ = next(iter(problem.dataset("validation", batch_hparams(batch_size=3))))
    np.testing.assert_array_equal(sorted(targets.numpy().sum(axis=(1, 2, 3))), sorted(images.sum(axis=(1, 2, 3))))
    put_png(raw / f"train_{size}x{size}" / "bad.png", pixels(1, 16)[0])
    with pytest.raises(ValueError, match=rf"bad\.png: a picture of 16 x 16, expected {size}x{size}"):
        samples(f"image_imagenet{size}_gen", dirs)


@pytest.mark.parametrize("name", ["image_imagenet", "image_imagenet32_gen"])
def test_tfds_data_set_is_used_when_no_file_is_there(name, dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=2):
        assert len(samples(name, dirs)) == 2


def test_without_files_and_network_it_is_said_what_to_put_where(dirs, no_network):
    with pytest.raises(sources.MissingDataError, match=r"put train/CLASS/\*\.JPEG and validation"):
        samples("image_imagenet", dirs)
