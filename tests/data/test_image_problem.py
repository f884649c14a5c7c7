"""Reading images: T2T's changes to them, a seed for each batch, T2T's own hooks."""

import numpy as np
import pytest
import tensorflow as tf

from tensor2keras.data import image_problem
from tensor2keras.data.image_problem import Image2ClassProblem, image_generator
from tests.data.image_raw_files import pixels
from tests.data.problem_test_case import batch_hparams, run_problem_test


class Small(Image2ClassProblem):
    """Forty images of 6 x 6 and their classes."""

    image_size = 6
    num_classes = 4
    is_small = True
    train_shards = 2

    def generator(self, data_dir, tmp_dir, is_training):
        images = pixels(40, 6)
        return image_generator(images, np.arange(40) % 4)


class AsInT2T(Image2ClassProblem):
    """Written against T2T's interface: encoded images of any size, one example changed at a time."""

    num_classes = 3
    is_small = False

    def generator(self, data_dir, tmp_dir, is_training):
        for i in range(9):
            encoded = tf.io.encode_png(pixels(1, 5 + i % 2, seed=i)[0]).numpy()
            yield {"image/encoded": [encoded], "image/format": ["png"], "image/class/label": [i % 3]}

    def preprocess_example(self, example, mode, hparams):
        example["inputs"] = tf.image.resize(example["inputs"], [4, 4]) / 255.0
        return example


def batches(problem, split="train", count=2, batch_size=8, **kwargs):
    data = problem.dataset(split, batch_hparams(batch_size=batch_size), **kwargs)
    return [features["inputs"].numpy() for features, _, _ in data.take(count)]


def test_images_are_stored_exactly_and_standardized_when_read(dirs):
    problem = run_problem_test(Small(**dirs), same_text=False)
    (images,) = batches(problem, "validation", count=1, batch_size=40)
    assert (images.dtype, images.shape) == (np.float32, (40, 6, 6, 3))
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(images.std(axis=(1, 2, 3)), 1, rtol=1e-5)
    stored = {image["inputs"].tobytes() for image in problem.as_dataset(split="train").as_numpy_iterator()}
    assert stored == {image.tobytes() for image in pixels(40, 6)}


def test_what_a_model_is_told(dirs):
    problem = Small(**dirs)
    assert problem.get_hparams() == {
        "name": "small",
        "features": {
            "inputs": {"modality": "image", "vocab_size": 256, "shape": [6, 6, 3]},
            "targets": {"modality": "class_label", "vocab_size": 4},
        },
        "input_space_id": 25,
        "target_space_id": 1,
        "was_reversed": False,
        "was_copy": False,
        "eval_metrics": ["accuracy", "accuracy_top5", "neg_log_perplexity"],
        "loss_multiplier": 3.0,
        "stop_at_eos": False,
    }


def test_a_reversed_problem_has_pixels_as_targets_which_all_count(dirs):
    problem = Small(was_reversed=True, **dirs)
    problem.generate_data()
    assert problem.get_hparams()["loss_multiplier"] == 1.0
    features, targets, weights = next(iter(problem.dataset("validation", batch_hparams(batch_size=40))))
    assert features["inputs"].shape == (40,)
    assert targets.dtype == tf.int32
    assert np.min(targets) == 0
    np.testing.assert_allclose(weights, np.full((40, 6, 6, 3), 1 / (40 * 108)), rtol=1e-5)


def test_interface_of_t2t(dirs):
    problem = run_problem_test(AsInT2T(**dirs), same_text=False)
    (images,) = batches(problem, "validation", count=1, batch_size=9)
    expected = sorted(tf.image.resize(pixels(1, 5 + i % 2, seed=i)[0], [4, 4]).numpy().sum() / 255 for i in range(9))
    np.testing.assert_allclose(sorted(images.sum(axis=(1, 2, 3))), expected, rtol=1e-5)
    assert "shape" not in problem.get_hparams()["features"]["inputs"]


def test_picture_files_become_a_models_inputs(dirs, raw):
    path = raw / "one.png"
    path.write_bytes(tf.io.encode_png(pixels(1, 6)[0]).numpy())
    encoder = Small(**dirs).get_feature_encoders()["inputs"]
    np.testing.assert_allclose(encoder.encode(str(path)), image_problem.standardize(pixels(1, 6)[0]), rtol=1e-5)
    assert encoder.decode(np.zeros((6, 6, 3))) == "image 6x6x3"


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([{"inputs": pixels(1, 5)[0], "targets": 0}], r"image 0 of train: an image of 5 x 5 x 3, expected 6 x 6 x 3"),
        ([{"inputs": pixels(1, 6)[0], "targets": 4}], r"image 0 of train: label 4 is not in 0\.\.3"),
        ([{"inputs": b"nothing", "targets": 0}], r"image 0 of train: not a picture that can be read"),
    ],
)
def test_bad_samples_are_named(samples, message, dirs):
    problem = Small(**dirs)
    problem.generator = lambda *args: iter(samples)
    with pytest.raises(ValueError, match=message):
        problem.generate_data()


# ---- changes at random ----

SEED = tf.constant([1, 2], tf.int64)


def numbered(count, size):
    """Images whose pixels tell where they were: 1 + row * size + column."""
    image = 1 + np.arange(size * size, dtype=np.uint8).reshape(1, size, size, 1)
    return tf.constant(np.repeat(np.repeat(image, count, axis=0), 3, axis=3))


def test_random_crop_and_flip_moves_by_up_to_four_pixels_over_black_and_mirrors_half():
    size, count = 12, 400
    found = image_problem.random_crop_and_flip(numbered(count, size), SEED).numpy()[..., 0].astype(int)
    moves, mirrored = set(), 0
    for image in found:
        inside = image[4, 4:8] - 1  # always of the image
        step = inside[1] - inside[0]
        mirrored += step < 0
        columns = inside % size
        moves.add((int(inside[0] // size) - 4, int(columns[0]) - (4 if step > 0 else size - 5)))
        assert (np.diff(inside) == step).all()
        assert abs(step) == 1
    assert {row for row, _ in moves} == set(range(-4, 5))
    assert {column for _, column in moves} == set(range(-4, 5))
    assert 160 < mirrored < 240
    assert (found == 0).any()


def test_random_shift_moves_by_up_to_a_tenth():
    found = image_problem.random_shift(numbered(200, 15), SEED).numpy()[:, 7, 7, 0].astype(int) - 1
    assert set(found // 15) == set(range(5, 10))
    assert set(found % 15) == set(range(5, 10))


def test_the_same_batch_is_changed_in_the_same_way_and_others_in_other_ways():
    images = numbered(8, 12)
    once, again = (image_problem.random_crop_and_flip(images, SEED).numpy() for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert (once != image_problem.random_crop_and_flip(images, SEED + 1).numpy()).any()


def test_resize_by_area_is_the_mean_rounded_down():
    images = pixels(2, 8)
    expected = images.reshape(2, 2, 4, 2, 4, 3).mean(axis=(2, 4)).astype(int)
    np.testing.assert_array_equal(image_problem.resize_by_area(images, 2), expected)


def test_a_resumed_run_sees_the_same_images(dirs):
    class Moved(Small):
        def preprocess_images(self, images, split, seed):
            if split == "train":
                images = image_problem.random_crop_and_flip(images, seed)
            return super().preprocess_images(images, split, seed)

    problem = Moved(**dirs)
    problem.generate_data()
    whole = batches(problem, count=12, seed=3)  # more than two epochs
    np.testing.assert_array_equal(batches(problem, count=5, seed=3, start_step=7), whole[7:])
    assert (batches(problem, count=1, seed=4)[0] != whole[0]).any()
