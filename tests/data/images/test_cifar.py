"""CIFAR in its original layouts, real and made up, and on a mocked tfds data set; never on the network."""

import pickle
import tarfile

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.images import cifar
from tests.data.image_raw_files import pixels, put_binary, put_cifar10, put_python
from tests.data.problem_test_case import batch_hparams, run_problem_test

TRAIN, TEST = pixels(50, seed=1), pixels(20, seed=2)


def samples(name, dirs, is_training=True):
    return list(registry.problem(name, **dirs).generator(**dirs, is_training=is_training))


def first_batch(name, dirs, split="validation", batch_size=20):
    problem = registry.problem(name, **dirs)
    problem.generate_data()
    return next(iter(problem.dataset(split, batch_hparams(batch_size=batch_size), shuffle=False)))


def test_binary_batches_of_any_length(dirs, raw):
    put_cifar10(raw, TRAIN, TEST)
    found = samples("image_cifar10", dirs)
    np.testing.assert_array_equal([sample["inputs"] for sample in found], TRAIN)
    assert [sample["targets"] for sample in found] == [i % 10 for i in range(50)]
    np.testing.assert_array_equal([sample["inputs"] for sample in samples("image_cifar10", dirs, False)], TEST)


def test_python_batches(dirs, raw):
    for name, images in (("data_batch_1", TRAIN[:30]), ("data_batch_2", TRAIN[30:])):
        put_python(raw / "cifar-10-batches-py" / name, images, labels=[3] * len(images))
    for number in (3, 4, 5):
        put_python(raw / "cifar-10-batches-py" / f"data_batch_{number}", TRAIN[:1], labels=[3])
    found = samples("image_cifar10", dirs)
    np.testing.assert_array_equal([sample["inputs"] for sample in found[:50]], TRAIN)
    assert len(found) == 53


def test_archives_are_taken_apart(dirs, raw):
    put_cifar10(raw, TRAIN, TEST)
    with tarfile.open(raw / "cifar-10-binary.tar.gz", "w:gz") as archive:
        archive.add(raw / "cifar-10-batches-bin", "cifar-10-batches-bin")
    for file in (raw / "cifar-10-batches-bin").iterdir():
        file.unlink()
    assert len(samples("image_cifar10", dirs)) == 50


@pytest.mark.parametrize(("name", "label"), [("image_cifar100", 77), ("image_cifar20", 5)])
@pytest.mark.parametrize("layout", ["binary", "python"])
def test_cifar_100_has_fine_and_coarse_labels(name, label, layout, dirs, raw):
    if layout == "binary":
        put_binary(raw / "cifar-100-binary" / "train.bin", TRAIN, [5] * 50, [77] * 50)
    else:
        put_python(raw / "cifar-100-python" / "train", TRAIN, coarse_labels=[5] * 50, fine_labels=[77] * 50)
    assert [sample["targets"] for sample in samples(name, dirs)] == [label] * 50
    assert registry.problem(name, **dirs).num_classes == {"image_cifar100": 100, "image_cifar20": 20}[name]


@pytest.mark.parametrize(
    ("labels", "count"), [(cifar.CIFAR10_LABELS, 10), (cifar.CIFAR100_LABELS, 100), (cifar.CIFAR20_LABELS, 20)]
)
def test_classes_are_numbered_in_the_order_of_their_names(labels, count):
    assert len(labels) == count
    assert labels == sorted(labels)


def test_tuning_problems_hold_the_last_twenty_fifth_out(dirs, raw):
    put_cifar10(raw, TRAIN, TEST)
    train, held_out = (samples("image_cifar10_tune", dirs, training) for training in (True, False))
    np.testing.assert_array_equal([sample["inputs"] for sample in train], TRAIN[:48])
    np.testing.assert_array_equal([sample["inputs"] for sample in held_out], TRAIN[48:])


def test_generation_end_to_end(dirs, raw, no_network):
    put_cifar10(raw, TRAIN, TEST)
    problem = run_problem_test(registry.problem("image_cifar10", **dirs), same_text=False)
    features, targets, _ = first_batch("image_cifar10", dirs)
    assert features["inputs"].shape == (20, 32, 32, 3)
    np.testing.assert_allclose(np.std(features["inputs"], axis=(1, 2, 3)), 1, rtol=1e-4)
    assert sorted(targets.numpy()) == sorted([*range(10)] * 2)
    assert {row["inputs"] for row in problem.samples_as_text("train")} == {"image 32x32x3"}


@pytest.mark.parametrize(
    ("name", "shapes", "kind", "values"),
    [
        ("image_cifar10_plain", {"inputs": (20, 32, 32, 3), "targets": (20,)}, "float32", 1e6),
        ("image_cifar10_plain_gen_rev", {"inputs": (20,), "targets": (20, 32, 32, 3)}, "int32", 256),
        ("image_cifar10_plain_gen_dmol_rev", {"inputs": (20,), "targets": (20, 32, 32, 3)}, "int32", 256),
        ("image_cifar10_plain_gen_flat_rev", {"targets": (20, 3072)}, "int32", 256),
        ("image_cifar10_plain8", {"inputs": (20, 8, 8, 3), "targets": (20,)}, "float32", 1e6),
        ("image_cifar10_plain8_rev", {"inputs": (20,), "targets": (20, 8, 8, 3)}, "int32", 256),
        ("img2img_cifar10", {"inputs": (20, 8, 8, 3), "targets": (20, 32, 32, 3)}, "int32", 256),
    ],
)
def test_problems_on_the_same_images(name, shapes, kind, values, dirs, raw):
    put_cifar10(raw, TRAIN, TEST)
    features, targets, weights = first_batch(name, dirs)
    assert {key: tuple(value.shape) for key, value in features.items()} == shapes
    image = "targets" if len(shapes["targets"]) > 1 else "inputs"
    assert features[image].dtype == kind
    assert np.abs(features[image]).max() < values
    assert weights.shape == targets.shape
    np.testing.assert_allclose(np.sum(weights), 1, rtol=1e-4)


def test_a_flat_problem_must_be_reversed(dirs):
    with pytest.raises(ValueError, match="use image_cifar10_plain_gen_flat_rev"):
        registry.problem("image_cifar10_plain_gen_flat", **dirs).get_hparams()


def test_only_the_augmented_problem_moves_images(dirs, raw):
    put_cifar10(raw, TRAIN, TEST)
    plain, moved = (
        first_batch(name, dirs, "train", 50)[0]["inputs"].numpy() for name in ("image_cifar10_plain", "image_cifar10")
    )
    means = {round(float(image[0, 0, 0]), 3) for image in plain}
    assert sum(round(float(image[0, 0, 0]), 3) in means for image in moved) < 25


def test_dmol_and_plain_have_their_metrics(dirs):
    metrics = registry.problem("image_cifar10_plain_gen_dmol_rev", **dirs).eval_metrics()
    assert metrics == ["disc_mol_neg_log_perplexity", "bits_per_dim"]
    assert "bits_per_dim" in registry.problem("image_cifar10_plain_gen_rev", **dirs).eval_metrics()
    hparams = registry.hparams("imagetransformer_cifar10_base_dmol")
    assert registry.problem("image_cifar10_plain_gen_rev", **dirs).get_hparams(hparams)["eval_metrics"] == metrics


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=3):
        found = samples("image_cifar20", dirs)
    assert [sample["inputs"].shape for sample in found] == [(32, 32, 3)] * 3
    assert all(0 <= sample["targets"] < 20 for sample in found)


def test_without_files_and_network_it_is_said_what_to_put_where(dirs, no_network):
    with pytest.raises(
        sources.MissingDataError, match=r"put cifar-10-python\.tar\.gz or cifar-10-binary\.tar\.gz into"
    ):
        samples("image_cifar10", dirs)


# ---- bad files ----


@pytest.fixture
def folder(raw):
    put_cifar10(raw, TRAIN, TEST)
    return raw / "cifar-10-batches-bin"


@pytest.mark.parametrize("size", [0, 3072, 9 * 3073 + 5])
def test_truncated_batch(size, folder, dirs):
    file = folder / "data_batch_2.bin"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match=rf"data_batch_2\.bin: {size} bytes are not a whole number of records of 3073"):
        samples("image_cifar10", dirs)


def test_label_out_of_range(folder, dirs):
    put_binary(folder / "data_batch_3.bin", TRAIN[:2], [1, 10])
    with pytest.raises(ValueError, match=r"data_batch_3\.bin, record 1: label 10 is not in 0\.\.9"):
        samples("image_cifar10", dirs)


def test_missing_batch(folder, dirs, no_network):
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(FileNotFoundError, match="cifar-10-batches-bin/data_batch_4"):
        samples("image_cifar10", dirs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02broken", "not a whole batch"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8)}), "not a whole batch .*labels"),
        (pickle.dumps({b"data": np.zeros((2, 300), np.uint8), b"labels": [0, 1]}), r"data \(2, 300\) uint8"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]}), "and 1 labels"),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [-1]}), r"record 0: label -1"),
        (pickle.dumps(print), "print is not part of a batch"),
    ],
)
def test_bad_python_batch(content, message, tmp_path):
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"data_batch_1.*{message}"):
        cifar.read_python(str(path), cifar.CIFAR10)


def test_real_images(shared, dirs, raw):
    archive = shared / "data" / "cifar10" / "cifar-10-binary.subset.tar.xz"
    (raw / archive.name).symlink_to(archive)
    found = samples("image_cifar10", dirs, is_training=False)
    assert len(found) == 2000
    assert np.bincount([sample["targets"] for sample in found]).tolist() == [200] * 10
    np.testing.assert_allclose(np.mean([sample["inputs"] for sample in found]) / 255, 0.473, atol=0.01)
