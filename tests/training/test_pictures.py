"""Grids, PNG files, and samples in TensorBoard."""

import numpy as np
import tensorflow as tf

from tensor2keras.training import pictures
from tests.models.tiny_images import tiny_image_model


def test_a_grid_has_a_border_and_black_cells_at_its_end():
    images = np.full((5, 4, 6, 3), 200, "uint8")
    picture = pictures.grid(images)
    assert picture.shape == (2 * 5 + 1, 3 * 7 + 1, 3)
    assert picture[1:5, 1:7].min() == 200
    assert picture[0].max() == picture[:, 0].max() == 0
    assert picture[6:10, 15:21].max() == 0  # the sixth place
    assert pictures.grid(images, columns=5).shape == (6, 36, 3)


def test_a_png_file_holds_the_picture(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("uint8")
    path = tmp_path / "new" / "picture.png"
    pictures.write_png(path, image)
    np.testing.assert_array_equal(tf.io.decode_png(path.read_bytes()).numpy(), image)
    assert [file.name for file in path.parent.iterdir()] == ["picture.png"]


def test_classes_are_drawn_in_turn_and_equal_seeds_draw_the_same():
    model = tiny_image_model()
    drawn = pictures.sample(model, 7)
    assert drawn.shape == (7, 4, 4, 3)
    np.testing.assert_array_equal(drawn, pictures.sample(model, 7))
    assert not np.array_equal(drawn, pictures.sample(model, 7, seed=1))
