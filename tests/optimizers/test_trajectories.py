"""Twenty steps of Tensor2Tensor's Transformer from the same weights: the losses and what the weights have become."""

import keras
import numpy as np
import pytest

from tensor2keras import convert, registry
from tests.golden.model_cases import hparams_of, in_our_shape
from tests.helpers import load_case


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["trajectory_adafactor", "trajectory_adam", "trajectory_adam_clip_wd", "trajectory_multistep_adam2"]
)
def test_training_follows_t2ts(name, golden):
    arrays, info = load_case(golden / "optimizers", name)
    start, model_info = load_case(golden / "models", "transformer_base")
    hparams = hparams_of({"case": name, **model_info, "hparams": info["hparams"]}, start)
    model, final = (registry.model("transformer", hparams) for _ in range(2))
    convert.load_t2t_weights(model, start)
    model.compile()
    model.optimizer.build(model.trainable_variables)

    losses, rates = [], []
    for step in range(20):
        features = {key: in_our_shape(arrays[f"feature/{key}"][step], "symbol") for key in ("inputs", "targets")}
        mask = (features["targets"] != 0).astype("float32")
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        losses.append(float(model.train_on_batch(features, features["targets"], mask / mask.sum())))
    np.testing.assert_allclose(rates, info["lr"], rtol=1e-5)
    np.testing.assert_allclose(losses, info["loss"], rtol=1e-3)

    convert.load_t2t_weights(final, {key.replace("final/", "var/"): value for key, value in arrays.items()})
    for got, wanted in zip(model.trainable_variables, final.trainable_variables, strict=True):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), atol=2e-3, err_msg=got.path)
