"""T2TModel: compile, fit, evaluate, save; what a subclass of one's own gets."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.models.t2t_model import T2TModel
from tests.models.tiny import VOCABULARY, features, run, symbol_problem, tiny_hparams, tiny_model


def batch(size=8):
    """Features, targets and weights that sum to 1; the last target is padding."""
    x = features(size)
    x["targets"][:, -1] = 0
    weights = (x["targets"] != 0).astype("float32")
    return x, x["targets"], weights / weights.sum()


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.optimizer.build(model.trainable_variables)
    return model


class BagOfWords(T2TModel):
    """The mean of the inputs at every target position."""

    def __init__(self, hparams, **kwargs):
        super().__init__(hparams, **kwargs)
        self.hidden = keras.layers.Dense(hparams.hidden_size, name="hidden")

    def body(self, features, training=False):
        mean = ops.mean(self.hidden(features["inputs"]), axis=1, keepdims=True)
        return mean + 0.0 * features["targets"]


def test_a_subclass_needs_only_a_body(tmp_path):
    model = BagOfWords(tiny_hparams())
    model.build()
    assert {v.path for v in model.variables} == {
        "bag_of_words/symbol_modality_20_16/shared/weights",
        "bag_of_words/body/hidden/kernel",
        "bag_of_words/body/hidden/bias",
    }
    x, y, w = batch()
    first = compiled(model).train_on_batch(x, y, sample_weight=w, return_dict=True)["loss"]
    for _ in range(5):
        last = model.train_on_batch(x, y, sample_weight=w, return_dict=True)["loss"]
    assert last < first
    model.save(tmp_path / "bag.keras")
    np.testing.assert_array_equal(run(keras.models.load_model(tmp_path / "bag.keras"), x), run(model, x))


def test_loss_is_the_weighted_mean_of_the_cross_entropy():
    model, (x, y, w) = tiny_model(), batch()
    logits = model(x)
    log_probs = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
    expected = -(np.take_along_axis(log_probs, y[:, :, None], axis=-1)[:, :, 0] * w).sum()
    assert float(model.compute_loss(x, y, logits, w, training=False)) == pytest.approx(expected, rel=1e-5)
    # without weights they are made from the targets
    assert float(model.compute_loss(x, y, logits, training=False)) == pytest.approx(expected, rel=1e-5)
    assert float(model.compute_loss(x, y, logits, w, training=True)) != pytest.approx(expected, rel=1e-3)


def test_loss_multiplier_scales_the_loss():
    x, y, w = batch()
    plain, double = tiny_model(), tiny_model(problem=symbol_problem(loss_multiplier=2.0))
    double.set_weights(plain.get_weights())
    losses = [float(model.compute_loss(x, y, model(x), w, training=False)) for model in (plain, double)]
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-6)


@pytest.mark.parametrize(
    ("mode", "training", "expected"),
    [
        ("prepend_inputs_full_attention", True, [0, 0, 0, 1, 1, 1, 0]),
        ("prepend_inputs_full_attention", False, [0, 0, 0, 1, 1, 1, 0]),
        ("prepend_inputs_masked_attention", False, [0, 0, 0, 1, 1, 1, 0]),
        ("prepend_inputs_masked_attention", True, [1, 1, 0, 1, 1, 1, 0]),
    ],
)
def test_prepended_inputs_weigh_nothing_but_in_training_with_masked_attention(mode, training, expected):
    model = tiny_model(prepend_mode=mode)
    weights = ops.convert_to_numpy(model.loss_weights(np.array([[5, 6, 0, 7, 8, 1, 0]]), training))
    np.testing.assert_allclose(weights[0], np.array(expected) / sum(expected), rtol=1e-6)


def test_fit_learns_and_computes_metrics_only_in_evaluation():
    model = compiled(tiny_model(problem=symbol_problem(eval_metrics=["accuracy"])))
    x, y, w = batch()
    history = model.fit(x, y, sample_weight=w, batch_size=8, epochs=4, verbose=0, shuffle=False).history
    assert set(history) == {"loss"}
    assert history["loss"][-1] < history["loss"][0]
    assert set(model.evaluate(x, y, sample_weight=w, batch_size=8, verbose=0, return_dict=True)) == {"loss", "accuracy"}


def test_one_trace_when_built_before_fit():
    model = compiled(tiny_model())
    calls = []
    body = model.body
    object.__setattr__(model, "body", lambda *args, **kwargs: calls.append(1) or body(*args, **kwargs))
    x, y, w = batch()
    steps = 1 if keras.backend.backend() == "torch" else 3
    for _ in range(steps):
        model.train_on_batch(x, y, sample_weight=w)
    assert len(calls) == 1


def test_saved_model_is_compiled_and_goes_on(tmp_path):
    model = compiled(tiny_model(problem=symbol_problem(eval_metrics=["accuracy"])))
    x, y, w = batch()
    model.train_on_batch(x, y, sample_weight=w)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 1
    losses = [float(m.train_on_batch(x, y, sample_weight=w, return_dict=True)["loss"]) for m in (model, loaded)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_own_loss_and_metrics_are_keras_own():
    model = tiny_model()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss, metrics=["sparse_categorical_accuracy"])
    x, y, _ = batch()
    assert "sparse_categorical_accuracy" in model.train_on_batch(x, y, return_dict=True)


@pytest.mark.parametrize(
    ("overrides", "policy"),
    [
        ({}, "float32"),
        ({"activation_dtype": "bfloat16"}, "mixed_bfloat16"),
        ({"activation_dtype": "bfloat16", "weight_dtype": "bfloat16"}, "bfloat16"),
        ({"gpu_automatic_mixed_precision": True}, "mixed_float16"),
    ],
)
def test_precision_follows_hparams(overrides, policy):
    model = tiny_model(**overrides)
    assert model.dtype_policy.name == policy
    x, y, w = batch()
    loss = model.compute_loss(x, y, model(x), w)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert np.isfinite(float(loss))


def test_vocabulary_is_rounded_up_to_its_divisor():
    model = tiny_model(vocab_divisor=16)
    assert run(model, features()).shape[-1] == 32
    assert VOCABULARY == 20


def test_decoding_without_a_cache_reruns_the_prefix():
    model = tiny_model()
    x = features()
    expected = run(model, x)
    cache = T2TModel.init_cache(model, {"inputs": x["inputs"]}, max_length=6)
    ids = np.zeros(3, "int32")
    for position in range(5):
        step = ops.convert_to_tensor(position, "int32")
        logits, cache = T2TModel.decode_step(model, ops.convert_to_tensor(ids), step, cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=1e-5, atol=1e-5)
        ids = x["targets"][:, position]


def test_an_unknown_modality_is_refused():
    problem = symbol_problem()
    problem["features"]["inputs"] = {"modality": "sound", "vocab_size": 20}
    with pytest.raises(ValueError, match=r"unknown modality 'sound'; known: .*symbol"):
        registry.model("transformer", tiny_hparams(problem=problem))
