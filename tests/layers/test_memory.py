"""Attention with a memory of earlier chunks, against T2T's formulas in NumPy: one chunk a step, memory in variables."""

import keras
import numpy as np
import pytest
from keras import ops

from tensor2keras.layers import memory
from tensor2keras.layers.attention.bias import causal_bias
from tests.gradients import gradients
from tests.layers.layer_test_case import assert_close, run_layer_test

HIDDEN, HEADS, CHUNK, LIMIT = 8, 2, 4, 3
RELATIVE = {"attention_type": "dot_product_relative", "attention_options": {"max_relative_position": LIMIT}}


def make(kind, x, **options):
    """A built layer in the scope T2T gives it, every variable random."""
    layer = memory.MEMORY_TYPES[kind](hidden_size=HIDDEN, num_heads=HEADS, scope="layer_0", **options).make()
    layer.build(x.shape)
    random = np.random.default_rng(3)
    for variable in layer.weights:
        variable.assign(random.normal(scale=0.5, size=variable.shape))
    return layer


def values(layer):
    """The variables by their name inside the layer."""
    return {variable.path.split("/", 1)[1]: ops.convert_to_numpy(variable) for variable in layer.weights}


def texts(chunks, batch=2, chunk_length=CHUNK, seed=0):
    """Chunks as rows [batch * chunks, chunk_length, hidden] and their numbers [batch, chunks]."""
    x = np.random.default_rng(seed).normal(size=(batch * chunks, chunk_length, HIDDEN)).astype("float32")
    return x, np.tile(np.arange(chunks, dtype="int32"), (batch, 1))


# T2T's formulas: x is one chunk of every text, [batch, chunk, hidden]


def softmax(x):
    exponents = np.exp(x - x.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def attend(x, keys_from, bias, variables, relative):
    """Multi-head attention with query positions at the end of the keys; bias [batch, query, key]."""
    batch, queries, _ = x.shape
    keys = keys_from.shape[1]
    depth = HIDDEN // HEADS
    q = (x @ variables["q/kernel"] * depth**-0.5).reshape(batch, queries, HEADS, depth)
    k = (keys_from @ variables["k/kernel"]).reshape(batch, keys, HEADS, depth)
    v = (keys_from @ variables["v/kernel"]).reshape(batch, keys, HEADS, depth)
    output = np.zeros((batch, queries, HEADS, depth))
    for b in range(batch):
        for h in range(HEADS):
            for i in range(queries):
                key, value = k[b, :, h], v[b, :, h]
                if relative:
                    distance = np.clip(np.arange(keys) - (keys - queries + i), -LIMIT, LIMIT) + LIMIT
                    tables = [variables[f"dot_product_attention_relative/relative_positions_{name}/embeddings"]
                              for name in ("keys", "values")]  # fmt: skip
                    key, value = key + tables[0][distance], value + tables[1][distance]
                output[b, i, h] = softmax(key @ q[b, i, h] + bias[b, i]) @ value
    return output.reshape(batch, queries, HIDDEN) @ variables["output_transform/kernel"]


class RecentTokens:
    """T2T's RecentTokensMemory."""

    def __init__(self, batch, chunk_length, num_items):
        self.chunk_length, self.num_items = chunk_length, num_items
        self.vals = np.zeros((batch, num_items, HIDDEN))
        self.bias = np.full((batch, 1, num_items), -1e9)

    def run(self, x, segment, variables, relative):
        masked = -1e9 * (segment == 0)[:, None, None]
        causal = np.where(np.arange(self.chunk_length) > np.arange(self.chunk_length)[:, None], -1e9, 0.0)
        causal = np.tile(causal, (len(x), 1, 1))
        bias = np.concatenate([np.tile(self.bias + masked, (1, self.chunk_length, 1)), causal], -1)
        output = attend(x, np.concatenate([self.vals, x], 1), bias, variables, relative)
        vals, seen = x, causal.max(-2, keepdims=True)
        if self.chunk_length < self.num_items:
            vals, seen = np.concatenate([self.vals, x], 1), np.concatenate([self.bias + masked, seen], -1)
        self.vals, self.bias = vals[:, -self.num_items :], seen[:, :, -self.num_items :]
        return output


class Table:
    """T2T's neural memory."""

    def __init__(self, batch, size):
        self.segment = np.full(batch, 100000)
        self.vals = np.zeros((batch, size, HIDDEN))
        self.mean_logits = np.zeros((batch, size))

    def run(self, x, segment, variables, relative):
        def dense(y, name):
            kernel = variables[f"layer_0/recurrent_memory/{name}/kernel"]
            return y @ kernel + variables.get(f"layer_0/recurrent_memory/{name}/bias", 0.0)

        def norm(y):
            return np.sqrt((y**2).sum(-1, keepdims=True) + 1e-7)

        def sigmoid(y):
            return 1 / (1 + np.exp(-y))

        new = segment < self.segment
        self.vals[new], self.mean_logits[new], self.segment = 0.0, 0.0, segment

        keys, query = dense(self.vals, "pre_attention/mem_key"), dense(x, "pre_attention/mem_query")
        dot = query @ keys.swapaxes(1, 2)
        logits = dot / (norm(query) @ norm(keys).swapaxes(1, 2) + 1e-7)
        retrieved = (softmax(logits)[..., None] * self.vals[:, None]).sum(2)

        causal = np.where(np.arange(x.shape[1]) > np.arange(x.shape[1])[:, None], -1e9, 0.0)
        attended = attend(x, x, np.tile(causal, (len(x), 1, 1)), variables, relative)
        output = dense(attended, "post_attention/dense") + dense(retrieved, "post_attention/dense_1")

        write_logits = logits - sigmoid(dense(x, "post_attention/gamma")) * self.mean_logits[:, None]
        candidate = np.maximum(dense(x, "post_attention/candidate_value"), 0)
        weights = softmax(write_logits)
        erase = (1 - sigmoid(dense(x, "post_attention/erase")) * weights)[..., None] * self.vals[:, None]
        self.vals = (erase + weights[..., None] * candidate[:, :, None]).mean(1)
        self.mean_logits = self.mean_logits * 0.1 + (write_logits * 0.9).mean(1)
        return output


def one_after_another(numpy_memory, x, chunk_number, layer):
    """The chunks' outputs when each is a step of its own, as rows again."""
    by_chunk = x.reshape(*chunk_number.shape, *x.shape[1:])
    relative = layer.attention_type == "dot_product_relative"
    outputs = [
        numpy_memory.run(by_chunk[:, i], chunk_number[:, i], values(layer), relative)
        for i in range(chunk_number.shape[1])
    ]
    return np.stack(outputs, 1).reshape(x.shape)


def full_bias(chunk_number, chunk_length, num_items):
    """Returns the bias the model passes to the layer: that of the memory beside the causal one."""
    causal = ops.tile(causal_bias(chunk_length), (chunk_number.size, 1, 1, 1))
    if not num_items:
        return causal
    before = memory.recent_tokens_bias(ops.convert_to_tensor(chunk_number), chunk_length, num_items)
    return ops.concatenate([ops.tile(before, (1, 1, chunk_length, 1)), causal], axis=-1)


@pytest.mark.parametrize("options", [{}, RELATIVE], ids=["dot_product", "relative"])
@pytest.mark.parametrize("num_items", [CHUNK, 2, 6, 11])
def test_recent_tokens_equal_t2t(num_items, options):
    x, chunk_number = texts(4)
    layer = make("transformer_xl", x, chunk_length=CHUNK, num_items=num_items, **options)
    expected = one_after_another(RecentTokens(2, CHUNK, num_items), x, chunk_number, layer)
    assert_close(layer(x, chunk_number, full_bias(chunk_number, CHUNK, num_items)), expected, 1e-4)


@pytest.mark.parametrize("options", [{}, RELATIVE], ids=["dot_product", "relative"])
def test_neural_memory_equals_t2t(options):
    x, chunk_number = texts(4)
    layer = make("neural_memory", x, chunk_length=CHUNK, **options)
    expected = one_after_another(Table(2, CHUNK), x, chunk_number, layer)
    assert_close(layer(x, chunk_number, full_bias(chunk_number, CHUNK, 0)), expected, 1e-4)


KINDS = {"transformer_xl": {"num_items": 6}, "neural_memory": {}}
STATES = {"transformer_xl": lambda batch: RecentTokens(batch, CHUNK, 6), "neural_memory": lambda batch: Table(batch, 4)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_text_begins_with_an_empty_memory(kind):
    x, _ = texts(5)
    chunk_number = np.array([[0, 1, 0, 1, 2], [0, 1, 2, 0, 1]], "int32")  # two texts a row
    layer = make(kind, x, chunk_length=CHUNK, **KINDS[kind])
    bias = full_bias(chunk_number, CHUNK, layer.num_items)
    together = ops.convert_to_numpy(layer(x, chunk_number, bias))
    assert_close(together, one_after_another(STATES[kind](2), x, chunk_number, layer), 1e-4)
    second = x[2:5], chunk_number[:1, 2:]
    alone = layer(*second, full_bias(second[1], CHUNK, layer.num_items))
    assert_close(together[2:5], alone)


@pytest.mark.parametrize("kind", KINDS)
def test_later_chunks_see_earlier_ones_and_no_gradient_goes_back(kind):
    x, chunk_number = texts(3, batch=1)
    layer = make(kind, x, chunk_length=CHUNK, **KINDS[kind])
    bias = full_bias(chunk_number, CHUNK, layer.num_items)
    changed = x.copy()
    changed[0] += 1.0
    before, after = (ops.convert_to_numpy(layer(y, chunk_number, bias)) for y in (x, changed))
    assert np.abs(after - before)[1:].max(axis=(1, 2)).min() > 1e-4

    shift = keras.Variable(np.zeros(x.shape, "float32"))
    (gradient,) = gradients(
        lambda: ops.sum(layer(shift + ops.convert_to_tensor(x), chunk_number, bias)[2] ** 2), [shift]
    )
    gradient = ops.convert_to_numpy(gradient)
    assert np.all(gradient[:2] == 0)
    assert np.abs(gradient[2]).max() > 1e-4


@pytest.mark.parametrize("options", [{}, RELATIVE], ids=["dot_product", "relative"])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_whole_chunks(kind, options):
    x, chunk_number = texts(3)
    layer = make(kind, x, chunk_length=CHUNK, **KINDS[kind], **options)
    whole = layer(x, chunk_number, full_bias(chunk_number, CHUNK, layer.num_items))
    text = ops.convert_to_tensor(x.reshape(2, -1, HIDDEN))
    slots = layer.num_items + CHUNK
    cache, steps = layer.init_cache(2, 1000), []
    assert cache["k"].shape[2] == slots
    for position in range(text.shape[1]):
        place = position % CHUNK
        seen = np.arange(slots) - layer.num_items - place
        bias = np.where((seen > 0) | (seen + position < 0), -1e9, 0.0).astype("float32")[None, None, None]
        y, cache = layer.step(text[:, position : position + 1], ops.convert_to_tensor(position), cache, bias)
        steps.append(ops.convert_to_numpy(y))
    assert_close(np.concatenate(steps, 1).reshape(x.shape), whole, 1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_keras_layer(kind):
    x, chunk_number = texts(3)
    layer = make(kind, x, chunk_length=CHUNK, **KINDS[kind], **RELATIVE)
    for variable in layer.weights:
        variable.assign(ops.convert_to_numpy(variable) * 0.2)
    run_layer_test(layer, x, chunk_number, known_lengths=(CHUNK,))


def test_the_table_is_written_without_training():
    layer = make("neural_memory", texts(1)[0], chunk_length=CHUNK)
    fixed = {variable.path.split("/")[-2] for variable in layer.non_trainable_variables}
    assert fixed == {"gamma", "candidate_value", "erase"}


@pytest.mark.parametrize("length", [3, 4, 5, 8, 9])
def test_chunks_and_back(length):
    x = np.random.default_rng(0).normal(size=(2, length, 3)).astype("float32")
    chunks = memory.to_chunks(ops.convert_to_tensor(x), 4)
    assert chunks.shape == (2 * -(-length // 4), 4, 3)
    assert memory.chunk_numbers(x, 4).shape == (2, -(-length // 4))
    assert_close(memory.from_chunks(chunks, length), x)


@pytest.mark.parametrize("kind", KINDS)
def test_other_attention_is_refused(kind):
    with pytest.raises(ValueError, match=r"self_attention_type=local_mask_right .*set one of dot_product"):
        memory.MEMORY_TYPES[kind](chunk_length=4, hidden_size=8, num_heads=2, attention_type="local_mask_right").make()
