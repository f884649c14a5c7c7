"""The fully connected network; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest

from tensor2keras import registry
from tests.models import zoo
from tests.models.tiny import run, symbol_problem


def test_the_first_batch_makes_the_variables_where_no_shape_is_known():
    problem = zoo.classified_images()
    del problem["features"]["inputs"]["shape"]
    model = registry.model("basic_fc_relu", registry.hparams("basic_fc_small", problem, {"hidden_size": 16}))
    batch = zoo.batch("basic_fc_relu")
    assert np.isfinite(run(model, batch)).all()
    assert model.count_params() == (48 + 1) * 16 + (16 + 1) * 16 + (16 + 1) * 3


def test_every_input_value_counts():
    model, batch = zoo.make("basic_fc_relu"), zoo.batch("basic_fc_relu")
    before = run(model, batch)
    batch["inputs"][:, -1, -1, -1] = 255 - batch["inputs"][:, -1, -1, -1]
    assert np.abs(run(model, batch) - before).max() > 1e-5


def test_targets_must_be_classes():
    with pytest.raises(ValueError, match="basic_fc_relu needs targets of modality class_label"):
        registry.model("basic_fc_relu", registry.hparams("basic_fc_small", problem=symbol_problem()))
