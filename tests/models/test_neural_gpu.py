"""The Neural GPU; what every model does is tested in `test_every_model.py`."""

import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.layers.conv_gru import hard_sigmoid
from tests.helpers import load_case
from tests.models import zoo
from tests.models.tiny import run, symbol_problem

NAMES = ["neural_gpu", "diagonal_neural_gpu"]


@pytest.mark.parametrize("name", NAMES)
def test_padding_takes_no_step(name):
    model, batch = zoo.make(name), zoo.batch(name)
    batch["inputs"][1] = 0
    logits = run(model, batch)
    assert np.all(logits[1] == 0)  # the state stays what it was at first, the zero vectors of padding
    assert np.abs(logits[0]).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_longer_targets_have_logits_of_zero_after_the_inputs(name):
    model, batch = zoo.make(name), zoo.batch(name)
    batch["targets"] = np.pad(batch["targets"], ((0, 0), (0, 2)))
    logits = run(model, batch)
    assert logits.shape == (3, 8, 20)
    assert np.all(logits[:, 6:] == 0)


def test_saturated_gates_cost():
    model = zoo.make("diagonal_neural_gpu")
    run(model, zoo.batch("diagonal_neural_gpu"))
    (cost,) = model.losses
    for unit in model.units:
        unit.gate.bias.assign(np.full(16, 5.0))
    run(model, zoo.batch("diagonal_neural_gpu"))
    assert float(model.losses[0]) > float(cost) + 2.0  # 2 * (5 - 0.9) / 2 a step and more


def test_hard_sigmoid_equals_t2t(golden):
    arrays, _ = load_case(golden / "layers", "hard_sigmoid")
    x = next(value for key, value in arrays.items() if key.startswith("in"))
    values, cost = map(ops.convert_to_numpy, hard_sigmoid(x))
    outputs = [value for key, value in arrays.items() if key.startswith("out")]
    np.testing.assert_allclose(values, outputs[0], rtol=1e-6)
    np.testing.assert_allclose(cost, outputs[1], rtol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"hparams.kernel_width=3 is not supported by neural_gpu; allowed: 1"):
        registry.model("neural_gpu", registry.hparams("neural_gpu", symbol_problem(), {"kernel_width": 3}))
    with pytest.raises(ValueError, match="neural_gpu needs inputs of modality symbol"):
        registry.model("neural_gpu", registry.hparams("neural_gpu", symbol_problem(inputs=False)))
