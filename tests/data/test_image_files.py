"""Pictures from files: every kind gives the pixels that it shows."""

import sys

import numpy as np
import pytest

from tensor2keras.data import image_files, sources
from tests.data.image_raw_files import pixels, put_jpeg, put_png

RED, GREEN, WHITE, BLACK = [255, 0, 0], [0, 255, 0], [255, 255, 255], [0, 0, 0]


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


def test_a_png_is_its_pixels(tmp_path):
    image = pixels(1, 9)[0]
    put_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(image_files.read_image(str(tmp_path / "a.png")), image)


def test_a_grey_picture_has_equal_channels_and_a_coloured_one_can_be_read_grey(tmp_path):
    put_png(tmp_path / "grey.png", np.full((4, 5, 1), 77, np.uint8))
    np.testing.assert_array_equal(image_files.read_image(str(tmp_path / "grey.png")), np.full((4, 5, 3), 77))
    assert image_files.read_image(str(tmp_path / "grey.png"), channels=1).shape == (4, 5, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_bmp_with_a_palette_has_the_colours_of_its_palette(tmp_path, pillow, channels):
    image = pillow.fromarray(np.array([[0, 1], [1, 0], [1, 1]], np.uint8), mode="P")
    image.putpalette([*RED, *GREEN])
    image.save(tmp_path / "palette.bmp")
    expected = np.array([[RED, GREEN], [GREEN, RED], [GREEN, GREEN]])
    if channels == 1:
        expected = np.where(expected[:, :, :1] == 255, 76, 150)  # 0.299 of red, 0.587 of green
    read = image_files.read_image(str(tmp_path / "palette.bmp"), channels)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("name", ["bits.bmp", "bits.png"])
def test_a_picture_of_one_bit_is_black_and_white(tmp_path, pillow, name):
    pillow.fromarray(np.array([[True, False, False]])).save(tmp_path / name)
    np.testing.assert_array_equal(image_files.read_image(str(tmp_path / name)), [[WHITE, BLACK, BLACK]])


@pytest.mark.parametrize(
    ("orientation", "restored"), [(1, lambda x: x), (3, lambda x: x[::-1, ::-1]), (6, lambda x: np.rot90(x, -1))]
)
@pytest.mark.parametrize("name", ["turned.png", "turned.jpg"])
def test_exif_orientation_is_applied(tmp_path, pillow, name, orientation, restored):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16] = 255
    image = pillow.fromarray(stored)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / name, exif=exif)
    np.testing.assert_allclose(image_files.read_image(str(tmp_path / name)), restored(stored), atol=2)


def test_without_pillow_the_pictures_that_need_it_say_so(tmp_path, pillow, monkeypatch):
    pillow.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "a.bmp")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ValueError, match=r"a\.bmp: .* read by Pillow: pip install 'tensor2keras\[images\]'"):
        image_files.read_image(str(tmp_path / "a.bmp"))


@pytest.mark.parametrize("content", [b"", b"no picture", b"BM", b"BM" + bytes(60), b"\x89PNG\r\n\x1a\n"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.png: not a picture that can be read"):
        image_files.read_image(str(tmp_path / "broken.png"))


def test_fit_scales_the_smaller_side_and_cuts_out_the_middle():
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 200
    np.testing.assert_array_equal(image_files.fit(image, 10), np.full((10, 10, 3), 200))


def test_class_folders_are_the_folders_with_pictures(tmp_path):
    put_png(tmp_path / "b" / "2.png", pixels(1)[0])
    put_jpeg(tmp_path / "b" / "1.jpg", pixels(1)[0])
    put_png(tmp_path / "a" / "x.png", pixels(1)[0])
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    found = image_files.class_folders(str(tmp_path))
    assert {name: [path.rpartition("/")[2] for path in paths] for name, paths in found.items()} == {
        "a": ["x.png"],
        "b": ["1.jpg", "2.png"],
    }
    assert list(found) == ["a", "b"]


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(sources.MissingDataError, match="has no pictures; put some there"):
        image_files.folder_images(str(tmp_path), "put some there")
