"""The user's own pictures in folders."""

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.data import sources
from tests.data.image_raw_files import pixels, put_jpeg, put_png
from tests.data.problem_test_case import batch_hparams, run_problem_test


def put_pictures(folder, count, size=32, classes=("cat", "dog")):
    for name in classes:
        for i in range(count):
            put_png(folder / name / f"{i}.png", pixels(1, size, seed=i)[0])


def generated(dirs, name="image2class_tmpdir"):
    problem = registry.problem(name, **dirs)
    problem.generate_data()
    return problem


def test_folders_of_splits(dirs, raw):
    put_pictures(raw / "train", 4)
    put_pictures(raw / "val", 2)
    put_pictures(raw / "test", 1)
    splits = ("train", "validation", "test")
    problem = run_problem_test(registry.problem("image2class_tmpdir", **dirs), splits=splits, same_text=False)
    assert [problem.info.splits[split].num_examples for split in splits] == [8, 4, 2]
    assert problem.class_labels == ["cat", "dog"]
    assert {row["targets"] for row in problem.samples_as_text("train", 8)} == {"cat", "dog"}


def test_another_picture_is_noticed(dirs, raw):
    put_pictures(raw / "train", 3)
    generated(dirs)
    assert registry.problem("image2class_tmpdir", **dirs).generate_data() is False
    put_pictures(raw / "train", 4)
    with pytest.raises(ValueError, match=r"train/cat/3\.png is new, train/dog/3\.png is new; remove .*labels\."):
        generated(dirs)


def test_pictures_of_the_right_size_are_kept_exactly(dirs, raw):
    put_pictures(raw / "train", 3)
    problem = generated(dirs)
    stored = {image["inputs"].tobytes() for image in problem.as_dataset(split="train").as_numpy_iterator()}
    assert stored <= {pixels(1, seed=i)[0].tobytes() for i in range(3)}


def test_without_splits_every_twentieth_is_held_out(dirs, raw):
    put_pictures(raw, 40)
    problem = generated(dirs)
    assert [problem.info.splits[split].num_examples for split in ("train", "validation")] == [76, 4]


@pytest.mark.parametrize(("name", "size"), [("image2class_tmpdir", 32), ("image2class_tmpdir64", 64)])
def test_other_sizes_and_kinds_are_brought_to_one(name, size, dirs, raw):
    put_pictures(raw / "train", 2, size=100)
    put_jpeg(raw / "train" / "dog" / "wide.jpg", np.zeros((50, 200, 3), np.uint8))
    put_png(raw / "train" / "cat" / "grey.png", np.zeros((90, 70, 1), np.uint8))
    put_png(raw / "dev" / "dog" / "small.png", pixels(1, 10)[0])
    problem = generated(dirs, name)
    features, _, _ = next(iter(problem.dataset("train", batch_hparams(batch_size=6))))
    assert features["inputs"].shape == (6, size, size, 3)
    black = [not image.any() for image in features["inputs"].numpy()]
    assert sum(black) == 2  # the wide and the grey one


def test_no_pictures(dirs):
    with pytest.raises(sources.MissingDataError, match=r"put them there as train/CLASS/\*\.png"):
        generated(dirs)


def test_an_unreadable_picture_is_named(dirs, raw):
    put_pictures(raw / "train", 3)
    (raw / "train" / "dog" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(ValueError, match=r"train/dog/1\.png: not a picture that can be read"):
        generated(dirs)


def test_a_class_that_training_does_not_have(dirs, raw):
    put_pictures(raw / "train", 3)
    put_pictures(raw / "test", 1, classes=("bird",))
    with pytest.raises(ValueError, match=r"test/bird: test has a class that is not in training: cat, dog are"):
        generated(dirs)
