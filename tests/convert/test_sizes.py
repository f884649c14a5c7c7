"""At T2T's full size every model has T2T's number of parameters (no weight is ever made)."""

import math

import pytest

from tensor2keras import registry
from tests.helpers import shapes_alone

VOCABULARY = 33708


def text(size=VOCABULARY):
    symbol = {"modality": "symbol", "vocab_size": size}
    return {"name": "text", "features": {"inputs": symbol, "targets": symbol}, "target_space_id": 9}


def classified_images(size, classes=10):
    """Images to one of so many classes."""
    inputs = {"modality": "image", "vocab_size": 256, "shape": (size, size, 3)}
    features = {"inputs": inputs, "targets": {"modality": "class_label", "vocab_size": classes}}
    return {"name": "images", "features": features}


def speech():
    """Audio to characters."""
    inputs = {"modality": "speech_recognition", "vocab_size": None}
    return {"name": "speech", "features": {"inputs": inputs, "targets": {"modality": "symbol", "vocab_size": 256}}}


SIZES = [
    ("byte_net", "bytenet_base", text(), 137_888_256),
    ("evolved_transformer", "evolved_transformer_big", text(), 222_177_280),
    ("resnet", "resnet_50", classified_images(224, 1000), 25_557_032),
    ("shake_shake", "shakeshake_big", classified_images(32), 26_204_362),
    ("shake_shake", "shakeshake_small", classified_images(32), 2_926_986),
    ("transformer", "transformer_base", text(), 61_378_560),
    ("transformer", "transformer_base_v1", text(), 61_376_512),
    ("transformer", "transformer_big", text(), 210_837_504),
    ("transformer", "transformer_librispeech", speech(), 70_343_552),
    ("transformer", "transformer_small", text(), 12_318_720),
    ("transformer", "transformer_tiny", text(), 5_241_856),
    ("transformer", "transformer_relative", text(), 61_441_536),
    ("transformer", "transformer_relative_big", text(), 210_900_480),
    ("universal_transformer", "universal_transformer_base", text(), 63_946_752),
]


@pytest.mark.parametrize(("model", "hparams_set", "problem", "parameters"), SIZES, ids=[size[1] for size in SIZES])
def test_trainable_parameters(model, hparams_set, problem, parameters):
    with shapes_alone():
        network = registry.model(model, registry.hparams(hparams_set, problem=problem))
        network.build()
        assert sum(math.prod(variable.shape) for variable in network.trainable_variables) == parameters
