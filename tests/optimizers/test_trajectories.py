"""Twenty steps of Tensor2Tensor's Transformer from the same weights: the losses and what the weights have become."""

import keras
import numpy as np
import pytest

from tensor2keras import convert, optimizers, registry
from tests.golden.model_cases import hparams_of, in_our_shape
from tests.helpers import load_case


class ShardedAdafactor(optimizers.Adafactor):
    """Adafactor that treats the embedding as T2T's 16 variables: what it scales and clips by is each shard's own."""

    def build(self, variables):
        super().build(variables)
        (table,) = (variable for variable in variables if variable.path.endswith("shared/weights"))
        self.table_index = variables.index(table)
        self.shards = [keras.Variable(rows, name=f"weights_{i}") for i, rows in enumerate(np.array_split(table, 16))]
        self.shard_optimizer = optimizers.Adafactor.from_config(self.get_config())
        self.shard_optimizer.build(self.shards)

    def update_step(self, gradient, variable, learning_rate):
        if self._get_variable_index(variable) != self.table_index:
            return super().update_step(gradient, variable, learning_rate)
        ends = np.cumsum([shard.shape[0] for shard in self.shards])
        self.shard_optimizer.apply(keras.ops.split(gradient, ends[:-1].tolist()))
        return self.assign(variable, keras.ops.concatenate(self.shards))


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough for whole trainings")
@pytest.mark.parametrize(
    "name", ["trajectory_adafactor", "trajectory_adam", "trajectory_adam_clip_wd", "trajectory_multistep_adam2"]
)
def test_training_follows_t2ts(name, golden):
    arrays, info = load_case(golden / "optimizers", name)
    start, model_info = load_case(golden / "models", "transformer_base")
    hparams = hparams_of({"case": name, **model_info, "hparams": info["hparams"]}, start)
    model, final = (registry.model("transformer", hparams) for _ in range(2))
    convert.load_t2t_weights(model, start)
    optimizer = optimizers.from_hparams(hparams)
    if isinstance(optimizer, optimizers.Adafactor):
        optimizer = ShardedAdafactor.from_config(optimizer.get_config())
    model.compile(optimizer)
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
