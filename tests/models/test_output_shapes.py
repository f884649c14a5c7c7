"""`model.summary` shows output shapes."""

import re

from tensor2keras import registry
from tests.models.tiny import VOCABULARY, tiny_hparams, tiny_model


def test_summary_shows_every_output_shape_and_leaves_the_layers_as_they_were():
    model = tiny_model()
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text), line_length=120)
    shapes = dict(re.findall(r"^│ (\w+) \(\w+\)\s+│ (\(.*?\))", "\n".join(lines), re.MULTILINE))
    assert {"encoder", "decoder"} < set(shapes)
    assert shapes.pop(f"symbol_modality_{VOCABULARY}_16") == f"(None, None, {VOCABULARY})"
    assert shapes.pop("target_space_embedding") == "(1, 1, 16)"
    assert set(shapes.values()) == {"(None, None, 16)"}
    assert not any({"call", "output_shape"} & set(vars(layer)) for layer in model.layers)


def test_summary_needs_no_problem_and_no_call():
    lines = []
    hparams = tiny_hparams().override(problem=None)
    registry.model("transformer", hparams).summary(print_fn=lambda text, **_: lines.append(text))
    assert "(None, None, 16)" in lines[0]
    assert "?" not in lines[0]
