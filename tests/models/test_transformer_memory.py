"""Chunks and memory in the whole model; what every model does is tested in `test_every_model.py`.

The memories' values are tested in `tests/layers/test_memory.py`.
"""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras import registry
from tensor2keras.convert import names
from tests.models import zoo
from tests.models.tiny import features, run, symbol_problem, symbols, tiny_model

SET = "transformer_wikitext103_l4k_memory_v0"
CHUNK = 4
KINDS = {
    "transformer_xl": {"num_memory_items": 4},
    "shorter than a chunk": {"num_memory_items": 2, "self_attention_type": "dot_product", "proximity_bias": True},
    "longer than a chunk": {"num_memory_items": 7, "pos": "timing"},
    "neural_memory": {"memory_type": "neural_memory"},
    "convolutions": {"ffn_layer": "conv_relu_conv", "num_memory_items": 0, "pos": "emb"},
}


def tiny(problem=None, **overrides):
    return tiny_model(
        "transformer_memory",
        SET,
        problem or symbol_problem(inputs=False),
        **{"split_targets_chunk_length": CHUNK, **overrides},
    )


def changed_at(ids, place):
    """The ids with others at one place."""
    other = ids.copy()
    other[:, place] = 2 + (ids[:, place] - 1) % 18
    return other


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return tiny(**KINDS[request.param])


def test_steps_equal_the_whole_text(model):
    ids = symbols(2, 9)
    expected = run(model, {"targets": ids})
    cache = model.init_cache({"targets": ops.convert_to_tensor(ids)}, 1000)
    assert all(size < 20 for leaf in keras.tree.flatten(cache) for size in leaf.shape)  # whatever the length
    last = np.zeros(2, "int32")
    for position in range(ids.shape[1]):
        logits, cache = model.decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=2e-4, atol=2e-4)
        last = ids[:, position]


def test_chunks_remember_those_before_them(model):
    ids = symbols(2, 10)
    before = run(model, {"targets": ids})
    difference = np.abs(run(model, {"targets": changed_at(ids, 1)}) - before).max(axis=(0, 2))
    assert difference[:2].max() < 1e-5
    assert difference[2:8].min() > 1e-5  # the rest of the chunk, and the next one
    # a chunk is shifted right by itself: its last symbol is an input of none
    last = np.abs(run(model, {"targets": changed_at(ids, CHUNK - 1)}) - before)
    assert last.max() < 1e-5
    # the first chunk is read as if it were alone
    np.testing.assert_allclose(run(model, {"targets": ids[:, :CHUNK]}), before[:, :CHUNK], rtol=1e-4, atol=1e-5)


def test_texts_of_a_batch_share_nothing(model):
    ids = symbols(3, 10)
    whole = run(model, {"targets": ids})
    alone = run(model, {"targets": ids[1:2]})
    np.testing.assert_allclose(alone[0], whole[1], rtol=1e-4, atol=1e-5)


def test_memory_reaches_as_far_as_its_items():
    ids = symbols(1, 4 * CHUNK)
    model = tiny(num_memory_items=2, num_hidden_layers=1)
    before = run(model, {"targets": ids})
    far, near = (np.abs(run(model, {"targets": changed_at(ids, i)}) - before)[0].max(axis=-1) for i in (0, 2))
    assert far[CHUNK:].max() < 1e-5  # the input at position 1, of which the next chunk remembers nothing
    assert near[CHUNK : 2 * CHUNK].min() > 1e-5  # the input at position 3
    assert near[2 * CHUNK :].max() < 1e-5


def test_packed_texts_do_not_see_each_other():
    ids = symbols(1, 9)
    segments = np.array([[1, 1, 1, 2, 2, 2, 2, 2, 2]], "int32")
    positions = np.array([[0, 1, 2, 0, 1, 2, 3, 4, 5]], "int32")
    model = tiny()

    def read(ids):
        return run(model, {"targets": ids, "targets_segmentation": segments, "targets_position": positions})

    # the symbol at 1 is the input at 2, of the first text
    difference = np.abs(read(changed_at(ids, 1)) - read(ids))[0].max(axis=-1)
    assert difference[2] > 1e-5
    assert difference[3:].max() < 1e-5
    # that at 4 is of the second, which is remembered
    assert np.abs(read(changed_at(ids, 4)) - read(ids))[0, 8].max() > 1e-5


@pytest.mark.parametrize("kind", ["transformer_xl", "neural_memory"])
def test_it_trains_compiled_saves_and_decodes(kind, tmp_path):
    keras.utils.set_random_seed(0)
    model = tiny(memory_type=kind)
    model.compile(optimizer=keras.optimizers.SGD(0.3))
    model.optimizer.build(model.trainable_variables)
    ids = symbols(4, 10)
    weights = np.full(ids.shape, 1 / 20, "float32")
    history = model.fit({"targets": ids}, ids, sample_weight=weights, batch_size=2, epochs=4, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(run(loaded, {"targets": ids}), run(model, {"targets": ids}), rtol=1e-5, atol=1e-6)
    assert ops.shape(loaded.infer({"targets": ids[:, :5]}, decode_length=6, beam_size=2)["outputs"])[0] == 4


def test_inputs_are_seen_by_every_chunk():
    model = tiny(symbol_problem(), unconditional=False)
    batch = features(targets=7)
    expected = run(model, batch)
    difference = np.abs(run(model, {**batch, "inputs": changed_at(batch["inputs"], 0)}) - expected)
    assert difference.max(axis=(0, 2)).min() > 1e-5
    cache = model.init_cache({"inputs": ops.convert_to_tensor(batch["inputs"])}, 8)
    last = np.zeros(3, "int32")
    for position in range(7):
        logits, cache = model.decode_step(ops.convert_to_tensor(last), ops.convert_to_tensor(position, "int32"), cache)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), expected[:, position], rtol=2e-4, atol=2e-4)
        last = batch["targets"][:, position]


def test_neural_memory_has_t2ts_names():
    model = tiny(memory_type="neural_memory", num_hidden_layers=1)
    scope = "body/decoder/layer_0/self_attention/multihead_attention/layer_0/recurrent_memory"
    found = {
        name.removeprefix(f"{scope}/")
        for name in (names.canonical_name(variable.path) for variable in model.weights)
        if name.startswith(scope)
    }
    dense = ("pre_attention/mem_key", "pre_attention/mem_query", "post_attention/gamma", "post_attention/dense_1")
    dense += ("post_attention/candidate_value", "post_attention/erase")
    expected = {f"{name}/{part}" for name in dense for part in ("kernel", "bias")}
    assert found == expected | {"post_attention/dense/kernel"}


def test_recent_tokens_add_no_variables():
    model = registry.model("transformer", zoo.make("transformer_memory").hparams)
    model.build()
    paths = ({v.path.split("/", 1)[1] for v in network.weights} for network in (model, zoo.make("transformer_memory")))
    assert len({frozenset(found) for found in paths}) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        {"memory_type": "recent"},
        {"self_attention_type": "dot_product_relative_v2"},
        {"attention_variables_3d": True},
        {"causal_decoder_self_attention": False},
        {"prepend_mode": "prepend_inputs_full_attention"},
        {"pos": "timing_from_features"},
    ],
)
def test_what_it_cannot_do_is_refused(overrides):
    ((name, value),) = overrides.items()
    with pytest.raises(ValueError, match=f"hparams.{name}={value!r} is not supported by transformer_memory; allowed: "):
        tiny(**overrides)


def test_chunks_are_needed():
    with pytest.raises(ValueError, match=r"transformer_memory needs chunks: set hparams.split_targets_chunk_length=0"):
        tiny(split_targets_chunk_length=0)


def test_neural_memory_refuses_packed_texts():
    ids = symbols(1, 8)
    with pytest.raises(ValueError, match="neural_memory cannot read packed texts"):
        tiny(memory_type="neural_memory")({"targets": ids, "targets_segmentation": np.ones_like(ids)})


@pytest.mark.parametrize(
    ("name", "modality", "sizes"),
    [
        ("wikitext103_l4k", "symbol", (64, 64)),
        ("wikitext103_l16k", "symbol", (64, 64)),
        ("cifar10", "symbol_weights_all", (192, 384)),
        ("imagenet64", "symbol_weights_all", (192, 384)),
    ],
)
def test_published_sets_make_a_model(name, modality, sizes):
    problem = symbol_problem(inputs=False)
    problem["features"]["targets"] = {"modality": modality, "vocab_size": 256}
    model = registry.model("transformer_memory", registry.hparams(f"transformer_{name}_memory_v0", problem))
    assert (model.chunk_length, model.num_items) == sizes
