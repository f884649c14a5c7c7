"""TextCNN; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest

from tensor2keras import registry
from tests.models import zoo
from tests.models.tiny import run, symbol_problem


@pytest.mark.parametrize("length", [1, 4, 5])
def test_texts_shorter_than_the_widest_filter(length):
    logits = run(zoo.make("text_cnn"), {"inputs": np.full((2, length), 5, "int32"), "targets": np.zeros(2, "int32")})
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


def test_the_order_of_distant_words_does_not_matter():
    model = zoo.make("text_cnn")
    ids = np.full((1, 24), 9, "int32")
    ids[0, 4:7], ids[0, 16:19] = (3, 4, 5), (6, 7, 8)
    swapped = np.roll(ids, 12, axis=1)
    labels = np.zeros(1, "int32")
    np.testing.assert_allclose(
        *(run(model, {"inputs": each, "targets": labels}) for each in (ids, swapped)), rtol=1e-5, atol=1e-6
    )


def test_targets_must_be_classes():
    with pytest.raises(ValueError, match="text_cnn needs targets of modality class_label; in problem 'tiny' they are"):
        registry.model("text_cnn", registry.hparams("text_cnn_base", problem=symbol_problem()))
