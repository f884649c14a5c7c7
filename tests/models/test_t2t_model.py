"""T2TModel: compile, fit, evaluate, save; what a subclass of one's own gets."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.layers.modality import Modality, Symbol
from tensor2keras.models.t2t_model import T2TModel
from tests import test_weights
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


def test_terms_of_add_loss_are_part_of_the_loss():
    x, y, w = batch()
    for model in (tiny_model(), compiled(tiny_model())):
        logits = model(x)
        plain = float(model.compute_loss(x, y, logits, w, training=False))
        model.add_loss(ops.convert_to_tensor(2.0))
        model.add_loss(ops.convert_to_tensor(0.5))
        assert float(model.compute_loss(x, y, logits, w, training=False)) == pytest.approx(plain + 2.5, rel=1e-5)


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
    weights = ops.convert_to_numpy(model.target_weights(np.array([[5, 6, 0, 7, 8, 1, 0]]), training))
    np.testing.assert_allclose(weights[0], np.array(expected) / sum(expected), rtol=1e-6)


@pytest.mark.parametrize("in_training", [True, False])
def test_fit_learns_and_computes_slow_metrics_only_in_evaluation(in_training):
    model = tiny_model(problem=symbol_problem(eval_metrics=["accuracy", "rouge_2_fscore"]))
    eagerly = keras.backend.backend() == "tensorflow"
    model.compile(optimizer=keras.optimizers.Adam(0.01), training_metrics=in_training, run_eagerly=eagerly)
    x, y, w = batch()
    history = model.fit(x, y, sample_weight=w, batch_size=8, epochs=4, verbose=0, shuffle=False).history
    assert set(history) == ({"loss", "accuracy"} if in_training else {"loss"})
    assert history["loss"][-1] < history["loss"][0]
    values = model.evaluate(x, y, sample_weight=w, batch_size=8, verbose=0, return_dict=True)
    assert set(values) == {"loss", "accuracy", "rouge_2_fscore"}


def test_fit_builds_the_model_and_traces_it_once():
    model = registry.model("transformer", tiny_hparams())
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    trained = []
    body = model.body
    object.__setattr__(
        model, "body", lambda *args, training=False: trained.append(training) or body(*args, training=training)
    )
    x, y, w = batch()
    steps = 1 if keras.backend.backend() == "torch" else 3
    model.fit(x, y, sample_weight=w, batch_size=8, epochs=steps, verbose=0)
    assert sum(trained) == 1
    assert model.optimizer.built


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
    x, y, w = batch()
    table = ops.convert_to_numpy(model.target_top.softmax.table).copy()
    table[VOCABULARY:] = 50 * np.sign(table[VOCABULARY:])  # the ids beyond the vocabulary would be the likeliest
    model.target_top.softmax.table.assign(table)
    logits = model(x)
    assert ops.convert_to_numpy(logits)[..., VOCABULARY:].max() < -1e8
    outputs = model.infer({"inputs": x["inputs"]}, temperature=5.0, seed=0, decode_length=20)["outputs"]
    assert ops.convert_to_numpy(outputs).max() < VOCABULARY
    # the loss and the metrics are those of the vocabulary without rounding, with label smoothing too
    small = tiny_model()
    for training in (False, True):
        expected = float(small.compute_loss(x, y, logits[..., :VOCABULARY], w, training=training))
        assert float(model.compute_loss(x, y, logits, w, training=training)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("hparam", "value"),
    [("hidden_size", 0), ("label_smoothing", 1.0), ("label_smoothing", -0.1), ("vocab_divisor", -8)],
)
def test_numbers_out_of_range_are_refused(hparam, value):
    with pytest.raises(ValueError, match=f"hparams.{hparam}={value} must be at least"):
        tiny_model(**{hparam: value})


def test_channels_of_real_values_are_not_rounded_up():
    features = {"inputs": {"modality": "real", "vocab_size": 3}, "targets": {"modality": "real", "vocab_size": 2}}
    model = BagOfWords(tiny_hparams(vocab_divisor=16, problem={"name": "reals", "features": features}))
    assert (model.vocab_size("inputs"), model.vocab_size("targets")) == (3, 2)


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


def test_evaluation_without_weights_measures_what_the_loss_counts():
    problem = symbol_problem(eval_metrics=["neg_log_perplexity"])
    model = compiled(tiny_model(problem=problem, weights_fn={"targets": "weights_all"}))
    x, y, _ = batch()
    result = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    assert result["neg_log_perplexity"] == pytest.approx(-result["loss"], rel=1e-4)
    padded = np.full(y.shape, 1 / y.size, "float32")
    assert result == pytest.approx(
        model.evaluate(x, y, sample_weight=padded, batch_size=8, verbose=0, return_dict=True), rel=1e-5
    )


@pytest.mark.parametrize("what", ["loss", "top"])
def test_a_loss_or_top_of_the_inputs_is_refused(what):
    with pytest.raises(ValueError, match=f"hparams.{what} has inputs: it applies to targets only"):
        tiny_model(**{what: {"inputs": "symbol"}})


def test_a_bottom_of_a_feature_that_the_problem_lacks_is_refused():
    with pytest.raises(ValueError, match=r"hparams.bottom has input: it applies to inputs, targets only"):
        tiny_model(bottom={"input": "symbol"})
    tiny_hparams(problem=symbol_problem(inputs=False), bottom={"inputs": "symbol"})  # sets serve several problems


def test_an_unknown_modality_is_refused():
    problem = symbol_problem()
    problem["features"]["inputs"] = {"modality": "xyzzy", "vocab_size": 20}
    with pytest.raises(KeyError, match=r"unknown modality 'xyzzy'; known: .*symbol"):
        registry.model("transformer", tiny_hparams(problem=problem))
    with pytest.raises(KeyError, match=r"unknown modality 'real_l3'; did you mean .*real_l2"):
        tiny_model(loss={"targets": "real_l3"})


@pytest.mark.parametrize("name", test_weights.EXPECTED)
def test_target_weights_are_those_that_hparams_choose(name):
    model = registry.model("transformer", tiny_hparams(weights_fn={"targets": name}))
    real = np.array(test_weights.EXPECTED[name], "float32")
    for training in (False, True):
        weights = ops.convert_to_numpy(model.target_weights(np.array(test_weights.TARGETS, "int32"), training))
        np.testing.assert_allclose(weights, real / max(real.sum(), 1), rtol=1e-6)


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match=r"unknown weights_fn 'weights_al'; allowed: weights_all"):
        tiny_model(weights_fn={"targets": "weights_al"})


def test_the_loss_of_another_modality():
    model, (x, _, _) = tiny_model(loss={"targets": "one_hot_class_label"}, label_smoothing=0.0), batch()
    logits = model(x)
    one_hot = np.eye(VOCABULARY, dtype="float32")[x["targets"]]
    log_probs = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
    loss = model.compute_loss(x, one_hot, logits, np.full(x["targets"].shape, 0.5, "float32"))
    assert float(loss) == pytest.approx(-0.5 * (log_probs * one_hot).sum(), rel=1e-5)


def test_classes_that_differ_in_loss_or_weights_share_a_layer():
    problem = symbol_problem()
    problem["features"]["targets"] = {"modality": "symbol_weights_all", "vocab_size": VOCABULARY}
    model = tiny_model(problem=problem)
    assert model.modalities["inputs"] is model.modalities["targets"] is model.target_top
    targets = np.array([[4, 0]], "int32")
    np.testing.assert_allclose(ops.convert_to_numpy(model.target_weights(targets)), [[0.5, 0.5]])


def test_a_modality_is_taken_where_the_one_it_extends_is():
    @registry.register_modality("test_loud")
    class Loud(Symbol):
        pass

    problem = symbol_problem()
    problem["features"]["targets"] = {"modality": "test_loud", "vocab_size": VOCABULARY}
    model = BagOfWords(tiny_hparams(problem=problem))
    model.require_modality("targets", "symbol", "class_label")
    model.require_modality("targets", refused=("class_label",))
    with pytest.raises(ValueError, match=r"bag_of_words needs targets of modality class_label; .* they are test_loud"):
        model.require_modality("targets", "class_label")
    with pytest.raises(ValueError, match="bag_of_words needs targets of modality other than symbol"):
        model.require_modality("targets", refused=("symbol",))


def test_a_modality_of_ones_own(tmp_path):
    @registry.register_modality("test_celsius")
    class Celsius(Modality):
        def bottom(self, x, training=False):
            return ops.repeat(ops.cast(x, self.compute_dtype) / 100, self.hidden_size, axis=-1)

        def top(self, body_output):
            return 100 * ops.mean(body_output, axis=-1, keepdims=True)

        @staticmethod
        def loss(logits, targets, label_smoothing=0.0):
            return ops.abs(logits - targets)

        @staticmethod
        def weights_fn(targets, xp):
            return xp.cast(targets > -273, "float32")

    problem = symbol_problem()
    problem["features"]["targets"] = {"modality": "test_celsius", "vocab_size": None}
    model = BagOfWords(tiny_hparams(problem=problem))
    model.build()
    inputs, targets = features(2)["inputs"], np.array([[[20.0], [-300.0]], [[10.0], [0.0]]], "float32")
    x = {"inputs": inputs, "targets": targets}
    logits = run(model, x)
    expected = np.abs(logits - targets).ravel()[[0, 2, 3]].mean()  # colder than it can be does not count
    assert float(model.compute_loss(x, targets, ops.convert_to_tensor(logits))) == pytest.approx(expected, rel=1e-5)
    first = compiled(model).train_on_batch(x, targets, return_dict=True)["loss"]
    assert model.train_on_batch(x, targets, return_dict=True)["loss"] < first
    model.save(tmp_path / "celsius.keras")
    loaded = keras.models.load_model(tmp_path / "celsius.keras")
    assert type(loaded.target_top) is Celsius
    np.testing.assert_array_equal(run(loaded, x), run(model, x))
    assert type(BagOfWords.from_config(model.get_config()).modalities["targets"]) is Celsius


def test_the_model_keeps_a_locked_copy_of_hparams():
    hparams = tiny_hparams()
    before = hparams.to_json()
    model = registry.model("transformer", hparams)
    assert hparams.to_json() == before
    hparams.override(hidden_size=32)
    assert model.hparams.hidden_size == 16
    for change in (
        lambda: setattr(model.hparams, "hidden_size", 32),
        lambda: model.hparams.override(hidden_size=32),
        lambda: model.hparams.add_hparam("another", 1),
        lambda: setattr(model.hparams.problem, "name", "another"),
    ):
        with pytest.raises((AttributeError, KeyError), match="frozen"):
            change()
    assert model.hparams.to_json() == before


def test_editing_label_smoothing_after_construction_does_not_change_the_loss():
    hparams = tiny_hparams(label_smoothing=0.1)
    model = registry.model("transformer", hparams)
    x, y, w = batch()
    logits = model(x)
    before = float(model.compute_loss(x, y, logits, w, training=True))
    hparams.label_smoothing = 0.5
    assert float(model.compute_loss(x, y, logits, w, training=True)) == before
    other = registry.model("transformer", hparams)
    assert float(other.compute_loss(x, y, logits, w, training=True)) != pytest.approx(before, rel=1e-3)


class ReadsHParams(T2TModel):
    """A body that reads hparams, as in T2T."""

    def body(self, features, training=False):
        return features["targets"] * self.hparams.hidden_size


def test_a_body_may_read_hparams():
    model = ReadsHParams(tiny_hparams().override(problem=None))
    targets = np.ones((2, 3, 16), "float32")
    np.testing.assert_array_equal(run(model, {"targets": targets}), 16 * targets)


def test_a_model_has_the_name_under_which_it_is_registered(monkeypatch):
    assert ReadsHParams(tiny_hparams()).name == "reads_h_params"
    monkeypatch.setattr(registry.models, "_entries", {**registry.models._entries, "reader": ReadsHParams})
    assert ReadsHParams(tiny_hparams()).name == "reader"
    assert ReadsHParams(tiny_hparams(), name="mine").name == "mine"


def test_a_subclass_declares_the_values_that_it_supports():
    class OneNorm(ReadsHParams):
        allowed = {"norm_type": ("layer",)}  # noqa: RUF012

    OneNorm(tiny_hparams())
    with pytest.raises(ValueError, match=r"hparams.norm_type='batch' is not supported by one_norm; allowed: layer"):
        OneNorm(tiny_hparams(norm_type="batch"))


@pytest.fixture
def global_policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("dtype", "setting", "activation_dtype", "policy"),
    [
        ("mixed_bfloat16", "float32", "float32", "mixed_bfloat16"),  # given
        ("float32", "float32", "bfloat16", "float32"),  # given, against hparams
        (None, "mixed_bfloat16", "float32", "mixed_bfloat16"),  # Keras's own setting
        (None, "float32", "bfloat16", "mixed_bfloat16"),  # by hparams
        (None, "float32", "float32", "float32"),
    ],
)
def test_the_dtype_policy_comes_back_from_the_config(dtype, setting, activation_dtype, policy, global_policy):
    global_policy(setting)
    hparams = tiny_hparams(activation_dtype=activation_dtype)
    model = registry.model("transformer", hparams, **({} if dtype is None else {"dtype": dtype}))
    assert model.dtype_policy.name == policy
    assert model.encoder.dtype_policy.name == policy
    global_policy("float32")
    again = type(model).from_config(model.get_config())
    assert again.dtype_policy.name == policy
    assert again.decoder.dtype_policy.name == policy
    del (config := model.get_config())["dtype"]  # as files of earlier versions are
    expected = "mixed_bfloat16" if activation_dtype == "bfloat16" else "float32"
    assert type(model).from_config(config).dtype_policy.name == expected


def test_a_saved_model_keeps_its_dtype_policy(tmp_path):
    model = registry.model("transformer", tiny_hparams(), dtype="mixed_bfloat16")
    model.build()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    logits = run(model, features())
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(run(loaded, features()), logits)
