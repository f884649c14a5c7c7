"""The language model of self-attention; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest

from tests.models.tiny import features, run, symbol_problem, tiny_model


@pytest.mark.parametrize("mode", ["masked", "full"])
def test_prepended_inputs_are_seen(mode):
    model = tiny_model("attention_lm", "attention_lm_translation", prepend_mode=f"prepend_inputs_{mode}_attention")
    batch = features()
    joined = np.concatenate([batch["inputs"], np.zeros((3, 1), "int32"), batch["targets"]], axis=1)
    changed = joined.copy()
    changed[:, 0] = 2 + (joined[:, 0] - 1) % 18
    before, after = (run(model, {"targets": ids}) for ids in (joined, changed))
    assert np.abs(after[:, -5:] - before[:, -5:]).max() > 1e-4


def test_inputs_must_be_prepended():
    with pytest.raises(ValueError, match="attention_lm reads targets alone: set prepend_mode"):
        tiny_model("attention_lm", "attention_lm_small")


def test_targets_must_be_text():
    problem = symbol_problem()
    problem["features"]["targets"] = {"modality": "class_label", "vocab_size": 3}
    with pytest.raises(ValueError, match="needs targets of modality symbol; in problem 'tiny' they are class_label"):
        tiny_model("attention_lm", "attention_lm_small", problem)
