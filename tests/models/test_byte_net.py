"""ByteNet; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.models import zoo
from tests.models.tiny import run


@pytest.fixture(scope="module")
def model():
    return zoo.make("byte_net")


@pytest.mark.parametrize(("inputs", "targets", "padded"), [(6, 6, 50), (40, 6, 100), (6, 51, 100), (33, 50, 50)])
def test_both_are_padded_to_one_length(model, inputs, targets, padded):
    batch = {"inputs": np.full((2, inputs), 3, "int32"), "targets": np.full((2, targets), 3, "int32")}
    logits = run(model, batch)
    assert logits.shape == (2, padded, 20)
    lengths = {"inputs": padded * 2 // 3, "targets": padded}  # the model leaves half as much room after the inputs
    by_hand = {name: np.pad(ids, ((0, 0), (0, lengths[name] - ids.shape[1]))) for name, ids in batch.items()}
    np.testing.assert_allclose(run(model, by_hand), logits, rtol=1e-5, atol=1e-5)


def test_what_decoding_keeps_does_not_grow_with_the_length(model):
    features = {"inputs": ops.convert_to_tensor(zoo.batch("byte_net")["inputs"])}
    shapes = []
    for length in (50, 500):
        cache = model.init_cache(features, length)
        del cache["encoder"]  # computed once
        shapes.append({name: cache["decoder"][name]["conv_0"].shape for name in cache["decoder"]})
    assert shapes[0] == shapes[1]


def test_inputs_must_be_text():
    with pytest.raises(ValueError, match="byte_net needs inputs of modality symbol; in problem 'tiny' they are image"):
        registry.model("byte_net", registry.hparams("bytenet_base", problem=zoo.classified_images()))
