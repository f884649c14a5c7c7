"""Decoding with a key/value cache equals decoding by running the whole model again at every step."""

import numpy as np
import pytest

from tensor2keras.models.t2t_model import T2TModel
from tensor2keras.models.transformer.transformer import Transformer
from tests.models.tiny import symbol_problem, symbols, tiny_model

SETTINGS = [{}, {"beam_size": 3, "top_beams": 3}]


class SlowTransformer(Transformer):
    """A Transformer without a cache."""

    init_cache = T2TModel.init_cache
    decode_step = T2TModel.decode_step


def slow_copy(model: Transformer) -> SlowTransformer:
    slow = SlowTransformer(model.hparams)
    slow.build()
    slow.set_weights(model.get_weights())
    return slow


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("inputs", [True, False])
def test_cached_decoding_equals_decoding_without_a_cache(inputs, settings):
    model = tiny_model(problem=symbol_problem(inputs=inputs))
    ids = symbols(3, 5)
    ids[1, 3:] = 0
    features = {"inputs" if inputs else "targets": ids}
    fast, slow = (network.infer(features, decode_length=6, **settings) for network in (model, slow_copy(model)))
    np.testing.assert_array_equal(np.asarray(fast["outputs"]), np.asarray(slow["outputs"]))
    np.testing.assert_allclose(np.asarray(fast["scores"]), np.asarray(slow["scores"]), rtol=1e-4)


def test_scores_are_the_models_own_log_probabilities():
    model = tiny_model()
    inputs = symbols(2, 5)
    found = model.infer({"inputs": inputs}, decode_length=4, beam_size=3, alpha=0.0)
    ids = np.asarray(found["outputs"])
    logits = np.asarray(model({"inputs": inputs, "targets": ids}), "float64")
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for row in range(2):
        length = list(ids[row]).index(1) + 1 if 1 in ids[row] else len(ids[row])
        expected = sum(log_probs[row, i, ids[row, i]] for i in range(length))
        assert np.asarray(found["scores"])[row] == pytest.approx(expected, rel=1e-4)
