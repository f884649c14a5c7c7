"""Every model with every kind of problem: it trains, or says at once why not."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tests.helpers import fewer_on_jax
from tests.models import zoo
from tests.models.tiny import compile_for_few_steps, symbol_problem

PROBLEMS = {
    "text to text": symbol_problem(),
    "text to class": zoo.classes(),
    "language model": symbol_problem(inputs=False),
    "text to number": zoo.real_values(),
    "image to class": zoo.classified_images(),
}
# What models take besides the kind that they have in the zoo.
ACCEPTED = {
    "basic_fc_relu": {"text to class"},  # of texts of one length
    "evolved_transformer": {"text to class", "language model"},
    "lstm_seq2seq": {"language model"},
    "lstm_seq2seq_bidirectional_encoder": {"language model"},
    "slice_net": {"text to class"},
    "transformer": {"text to class", "language model"},
    "transformer_encoder": {"text to text", "text to number"},  # symbols are read off position by position
    "transformer_memory": {"text to text"},  # the text's inputs are left out: its sets are unconditional
    "transformer_scorer": {"language model"},
    "universal_transformer": {"text to class", "language model"},
    "universal_transformer_encoder": {"text to text", "text to number"},
}


def others(name: str, accepted: bool) -> list[str]:
    """The kinds of problem, other than the zoo's, that the model takes or does not."""
    own = modalities(zoo.ZOO[name].problem)
    kinds = [kind for kind, problem in PROBLEMS.items() if modalities(problem) != own]
    return [kind for kind in kinds if (kind in ACCEPTED.get(name, ())) == accepted]


def modalities(problem: dict[str, Any]) -> dict[str, str]:
    return {name: spec["modality"] for name, spec in problem["features"].items()}


FEW = ["basic_fc_relu", "lstm_seq2seq", "transformer_encoder", "transformer_memory"]


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in fewer_on_jax(ACCEPTED, FEW) for kind in others(name, True)]
)
def test_it_trains_saves_loads_and_decodes(name, kind, tmp_path):
    keras.utils.set_random_seed(0)
    small, problem = zoo.ZOO[name], PROBLEMS[kind]
    model = registry.model(name, registry.hparams(small.hparams_set, problem, small.overrides))
    batch = zoo.batch_of(problem)
    model(batch)
    compile_for_few_steps(model, keras.optimizers.SGD(1e-3 if kind == "text to number" else 0.1))
    targets = batch["targets"]
    weights = np.full(targets.shape, 1 / targets.size, "float32")
    losses = [model.train_on_batch(batch, targets, sample_weight=weights) for _ in range(6)]
    assert min(losses[1:]) < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(batch)), ops.convert_to_numpy(model(batch)), rtol=1e-5, atol=1e-6
    )
    features = {"inputs": batch["inputs"]} if "inputs" in batch and name != "transformer_scorer" else batch
    assert ops.shape(loaded.infer(features, decode_length=2)["outputs"])[0] == 3


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in sorted(zoo.ZOO) for kind in others(name, False)])
def test_others_are_refused_at_once(name, kind):
    small, problem = zoo.ZOO[name], PROBLEMS[kind]
    with pytest.raises(ValueError, match=f"({name}|transformer) .*(tiny|set|not)"):
        registry.model(name, registry.hparams(small.hparams_set, problem, small.overrides))
