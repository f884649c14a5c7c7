"""At T2T's full size every model has T2T's number of parameters (no weight is ever made)."""

import math

import keras
import pytest

from tensor2keras import registry

VOCABULARY = 33708


def text(size=VOCABULARY):
    symbol = {"modality": "symbol", "vocab_size": size}
    return {"name": "text", "features": {"inputs": symbol, "targets": symbol}, "target_space_id": 9}


SIZES = [
    ("byte_net", "bytenet_base", text(), 137_888_256),
    ("evolved_transformer", "evolved_transformer_big", text(), 222_177_280),
    ("transformer", "transformer_base", text(), 61_378_560),
    ("transformer", "transformer_base_v1", text(), 61_376_512),
    ("transformer", "transformer_big", text(), 210_837_504),
    ("transformer", "transformer_small", text(), 12_318_720),
    ("transformer", "transformer_tiny", text(), 5_241_856),
    ("transformer", "transformer_relative", text(), 61_441_536),
    ("transformer", "transformer_relative_big", text(), 210_900_480),
    ("universal_transformer", "universal_transformer_base", text(), 63_946_752),
]


@pytest.mark.parametrize(("model", "hparams_set", "problem", "parameters"), SIZES, ids=[size[1] for size in SIZES])
def test_trainable_parameters(model, hparams_set, problem, parameters):
    with keras.StatelessScope(initialize_variables=False):  # shapes alone
        network = registry.model(model, registry.hparams(hparams_set, problem=problem))
        network.build()
        assert sum(math.prod(variable.shape) for variable in network.trainable_variables) == parameters
