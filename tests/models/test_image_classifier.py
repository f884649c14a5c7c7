"""What all networks that classify images share."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.decoding import text
from tests.models import zoo

NAMES = ("resnet", "revnet", "shake_shake", "xception")


def test_images_are_decoded_to_classes_a_batch_at_a_time():
    model, images = zoo.make("shake_shake"), zoo.batch("shake_shake")["inputs"].astype("float32")
    expected = ops.convert_to_numpy(model({"inputs": images}))
    decoded = text.decode_ids(model, list(images), batch_size=2)
    assert [int(result.ids[0]) for result in decoded] == expected.argmax(-1).tolist()
    log_probs = ops.convert_to_numpy(ops.log_softmax(expected)).max(-1)
    np.testing.assert_allclose([result.scores[0] for result in decoded], log_probs, rtol=1e-3)


def test_paths_of_pictures_are_encoded_as_they_are():
    image = np.zeros((4, 4, 3), "float32")
    encoder = type("Encoder", (), {"encode": lambda self, path: image})()
    assert text.encode({"inputs": encoder}, ["one.png", ""]) == [image, None]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("feature", "modality"), [("inputs", "symbol"), ("targets", "symbol")])
def test_problems_on_text_are_refused(name, feature, modality):
    problem = zoo.classified_images()
    problem["features"][feature] = {"modality": modality, "vocab_size": 9}
    with pytest.raises(ValueError, match=f"{name} needs {feature} of modality"):
        registry.model(name, registry.hparams(zoo.ZOO[name].hparams_set, problem, zoo.ZOO[name].overrides))
