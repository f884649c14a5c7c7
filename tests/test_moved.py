"""Earlier import paths keep working."""

import importlib
import subprocess
import sys

import pytest

from tensor2keras import _moved


@pytest.mark.parametrize(("old", "new"), sorted(_moved.MOVED.items()))
def test_an_earlier_path_gives_the_same_module(old, new):
    moved = importlib.import_module(f"tensor2keras.{new}")
    assert importlib.import_module(f"tensor2keras.{old}") is moved
    assert moved.__spec__.name == moved.__name__ == f"tensor2keras.{new}"


@pytest.mark.parametrize(
    "path",
    [
        "data.batching.make_dataset",
        "data.problem.Problem",
        "data.speech.SpeechRecognitionProblem",
        "data.text_encoder.SubwordTextEncoder",
        "data.translate.TranslateProblem",
        "data.user_files.Text2textTmpdir",
        "layers.attention.MultiHeadAttention",
        "layers.local_attention.LocalAttention",
        "layers.modality.Symbol",
        "layers.transformer.DecoderLayer",
        "models.image_transformer.Imagetransformer",
        "models.resnet.BottleneckBlock",
        "models.transformer.Transformer",
        "models.transformer_hparams.transformer_base",
    ],
)
def test_public_names_are_found_where_they_were(path):
    module, _, name = path.rpartition(".")
    assert hasattr(importlib.import_module(f"tensor2keras.{module}"), name)


def test_an_earlier_path_can_be_the_first_import():
    code = (
        "from tensor2keras.data.tokenizer import encode\n"
        "from tensor2keras.data.text_encoder import tokenizer\n"
        "assert tokenizer.encode is encode\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_path_that_never_was_is_no_module():
    with pytest.raises(ModuleNotFoundError, match=r"tensor2keras\.data\.translates"):
        importlib.import_module("tensor2keras.data.translates")
