"""Optimizers and schedules agree with the updates that Tensor2Tensor itself made from the same gradients."""

import json
from typing import Any

import keras
import numpy as np
import pytest

from tensor2keras import optimizers, registry
from tensor2keras.hparams import HParams
from tests.helpers import load_case

CASES = [
    "adafactor_ctor_beta1",
    "adafactor_ctor_default",
    "adafactor_ctor_eps",
    "adafactor_ctor_lr",
    "adafactor_ctor_noclip",
    "adafactor_ctor_nofactor_noscale_mom",
    "adafactor_ctor_nopscale",
    "adafactor_hp_adam_decay",
    "adafactor_hp_clip3",
    "adafactor_hp_default",
    "adafactor_hp_nopscale",
    "multistep_adam_n1",
    "multistep_adam_n2",
    "multistep_adam_n4",
    "registry_adam",
    "registry_adam_w",
    "registry_momentum",
    "registry_sgd",
    "registry_true_adam",
    "registry_yellow_fin",
]


# The file has the rates of the case "legacy_piecewise_adam" but not these, which follow from them.
PIECEWISE = {"learning_rate_boundaries": [500, 5000], "learning_rate_multiples": [0.1, 0.01]}


def optimizer_of(name: str, info: dict[str, Any]) -> keras.optimizers.Optimizer:
    """The optimizer of a case, made the way its "kind" says."""
    if name.startswith("adafactor_ctor"):
        return optimizers.Adafactor(**info["kwargs"])
    if name.startswith("multistep_adam"):
        kwargs = dict(info["kwargs"])
        renamed = {"beta1": "beta_1", "beta2": "beta_2", "n": "accumulate_steps"}
        return optimizers.MultistepAdam(**{renamed.get(key, key): value for key, value in kwargs.items()})
    hparams = HParams({"weight_decay": info.get("weight_decay", 0.0), **info["hparams"]})
    if name.startswith("adafactor_hp"):
        return registry.optimizer(hparams.optimizer)(optimizers.learning_rate_schedule(hparams), hparams)
    return registry.optimizer(name.removeprefix("registry_"))(0.01, hparams)


@pytest.mark.parametrize("name", CASES)
def test_every_update_equals_t2ts(name, golden):
    arrays, info = load_case(golden / "optimizers", name)
    optimizer = optimizer_of(name, info)
    names = [key.removeprefix("init/") for key in arrays if key.startswith("init/")]
    variables = [keras.Variable(arrays[f"init/{key}"], name=key) for key in names]
    optimizer.build(variables)
    stored_steps = {key: list(arrays.get(f"vars_steps/{key}", range(info["steps"]))) for key in names}
    for step in range(info["steps"]):
        optimizer.apply([keras.ops.convert_to_tensor(arrays[f"grads/{key}"][step]) for key in names])
        for key, variable in zip(names, variables, strict=True):
            if step in stored_steps[key]:
                wanted = arrays[f"vars/{key}"][stored_steps[key].index(step)]
                got = variable.numpy()
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=2e-6, err_msg=f"{key} after step {step}")


def test_schedules_have_t2ts_learning_rates(golden):
    cases = json.loads((golden / "optimizers" / "lr_schedules.json").read_text())
    for name, case in cases.items():
        if "error" in case:  # T2T's own failed
            continue
        hparams = HParams({"train_steps": case["train_steps"], **PIECEWISE, **case["hparams"]})
        schedule = optimizers.learning_rate_schedule(hparams)
        rates = [float(keras.ops.convert_to_numpy(schedule(step))) for step in case["steps"]]
        np.testing.assert_allclose(rates, case["lr"], rtol=1e-5, atol=1e-12, err_msg=name)
