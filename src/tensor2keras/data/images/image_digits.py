"""Handwritten digits of scikit-learn, a data set that needs no download."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.image_problem import Image2ClassProblem, image_generator

TRAINING_SHARE = 0.8


@registry.register_problem
class ImageDigits(Image2ClassProblem):
    """Handwritten digits on 8 x 8 pixels, 1,797 of them; the last fifth, by other writers, is for validation.

    Reference:
        Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49.
    """

    image_size = 8
    num_channels = 1
    num_classes = 10
    is_small = True
    class_labels = tuple(map(str, range(10)))
    train_shards = 1

    def generator(self, data_dir: str, tmp_dir: str, is_training: bool) -> Iterator[dict[str, Any]]:
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise sources.MissingDataError(
                "image_digits are part of scikit-learn: pip install 'tensor2keras[examples]'"
            ) from None
        digits = load_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
        middle = round(TRAINING_SHARE * len(images))
        part = slice(middle) if is_training else slice(middle, None)
        return image_generator(images[part], digits.target[part])
