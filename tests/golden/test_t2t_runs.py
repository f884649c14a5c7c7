"""Bodies that `run_t2t.py` had Tensor2Tensor compute: the same output and losses (1e-4), every variable by its name."""

import json

import numpy as np
import pytest
from keras import ops

from tensor2keras import convert, registry
from tests.golden.run_t2t import CASES, FOLDER
from tests.helpers import fewer_on_jax


def test_every_case_has_its_file():
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(CASES)


FEW = ["attention_lm_moe_kinds", "diagonal_neural_gpu", "transformer_encoder", "transformer_moe_kinds"]


@pytest.mark.parametrize("name", fewer_on_jax(CASES, FEW))
def test_the_body_equals_t2t(name):
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = dict(file)
    case = json.loads(str(arrays["case"]))
    hparams = registry.hparams(case["hparams_set"])
    for hparam, value in case["overrides"].items():
        hparams.override({hparam: value}) if hparam in hparams else hparams.add_hparam(hparam, value)
    model = registry.model(case["model"], convert.as_in_t2t(hparams))
    model.build()
    variables = {key.removeprefix("var/"): value for key, value in arrays.items() if key.startswith("var/")}
    report = convert.load_t2t_weights(model, variables)
    assert not report.unused
    # The deviation within an area of one position is rounding alone, its square root larger than that of the rest.
    atol = 1e-4 if name == "transformer_areas" else 1e-5
    output = model({"inputs": arrays["inputs"], "targets": arrays["targets"]})
    np.testing.assert_allclose(ops.convert_to_numpy(output), arrays["output"], rtol=1e-4, atol=atol)
    if arrays["loss"]:
        np.testing.assert_allclose(sum(float(loss) for loss in model.losses), arrays["loss"], rtol=1e-4)
