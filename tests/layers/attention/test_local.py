"""Local and dilated attention against T2T's own values (1e-5), and step by step against all at once."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import local as local_attention
from tests.layers.layer_test_case import assert_close, assign, golden_case, run_layer_test

DILATED = {
    "block_length": "query_block_size",
    "memory_block_size": "memory_block_size",
    "gap_size": "gap_size",
    "num_memory_blocks": "num_memory_blocks",
}
KINDS = {
    "masked_local_attention_1d_L{}_b4": local_attention.masked_local,
    "masked_local_attention_1d_L{}_b16": local_attention.masked_local,
    "local_attention_1d_L{}_b4_f3": local_attention.unmasked_local,
    "masked_within_block_local_attention_1d_L{}_b4": local_attention.masked_within_block,
    "masked_dilated_self_attention_1d_L{}": local_attention.masked_dilated,
    "masked_dilated_self_attention_1d_gap0_L{}": local_attention.masked_dilated,
    "dilated_self_attention_1d_L{}": local_attention.unmasked_dilated,
}


@pytest.mark.parametrize("length", [7, 16, 21])
@pytest.mark.parametrize("name", KINDS)
def test_attention_along_a_sequence_equals_t2t(golden, name, length):
    args, inputs, (expected,), _ = golden_case(golden, name.format(length))
    if "dilated" in name:
        args = {ours: args[theirs] for ours, theirs in DILATED.items()}
    assert_close(KINDS[name](**args)(**inputs), expected)


@pytest.mark.parametrize("length", [7, 16, 21])
@pytest.mark.parametrize("suffix", ["", "_share_values"])
def test_relative_local_attention_equals_t2t(golden, suffix, length):
    name = f"masked_relative_local_attention_1d_L{length}_b4{suffix}"
    args, inputs, (expected,), variables = golden_case(golden, name)
    layer = local_attention.MaskedRelativeLocalAttention(**args)
    layer.build(inputs["q"].shape)
    assign(layer, variables)
    assert_close(layer(**inputs), expected)


MASKED = {
    "local": lambda: local_attention.masked_local(4),
    "within block": lambda: local_attention.masked_within_block(4),
    "dilated": lambda: local_attention.masked_dilated(4, 2, 2, 2),
    "relative": lambda: local_attention.MaskedRelativeLocalAttention(4),
    "relative, values": lambda: local_attention.MaskedRelativeLocalAttention(4, True, True),
}


@pytest.mark.parametrize("name", MASKED)
def test_steps_equal_the_whole_sequence(name):
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 2, 10, 8)).astype("float32")
    layer = MASKED[name]()
    layer.build(q.shape)
    expected = layer(q, k, v)
    for position in range(10):
        y = layer(ops.convert_to_tensor(q[:, :, position : position + 1]), k, v, query_position=position)
        assert_close(y[:, :, 0], expected[:, :, position])


@pytest.mark.parametrize("name", MASKED)
def test_no_query_attends_to_a_later_key(name):
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 2, 10, 8)).astype("float32")
    layer = MASKED[name]()
    layer.build(q.shape)
    expected = layer(q, k, v)
    k[:, :, 6:] += 1.0
    v[:, :, 6:] += 1.0
    assert_close(layer(q, k, v)[:, :, :6], expected[:, :, :6])


def test_values_of_distances_do_not_depend_on_the_length_if_padding_is_masked():
    q, k, v = np.random.default_rng(0).normal(size=(3, 1, 2, 10, 8)).astype("float32")
    layer = local_attention.MaskedRelativeLocalAttention(4, add_relative_to_values=True, mask_padding=True)
    layer.build(q.shape)
    assert_close(layer(*(x[:, :, :6] for x in (q, k, v))), layer(q, k, v)[:, :, :6])


@pytest.mark.parametrize("name", [*MASKED, "unmasked"])
def test_it_is_a_keras_layer(name):
    layer = MASKED[name]() if name in MASKED else local_attention.unmasked_local(4, 3)
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 2, 10, 8)).astype("float32")
    assert run_layer_test(layer, q, k, v, known_lengths=(2,)).shape == q.shape


@pytest.mark.parametrize("dims", [(0, 1), (-1,)])
def test_dropout_is_shared_along_axes_of_the_weights_in_blocks(dims):
    layer = local_attention.LocalAttention(4, range(4), masked=False, dropout=0.5, dropout_broadcast_dims=dims)
    zeros = np.zeros((2, 2, 8, 4), "float32")
    v = np.tile(np.eye(4, dtype="float32"), (2, 2, 2, 1))  # so that the output is the weights within a block
    weights = ops.convert_to_numpy(layer(zeros, zeros, v, training=True))
    np.testing.assert_allclose(np.unique(weights), [0.0, 0.5], rtol=1e-6)
    shared = weights[:1, :1] if dims == (0, 1) else weights[..., :1]
    np.testing.assert_array_equal(weights, np.broadcast_to(shared, weights.shape))


def test_wrong_offsets_are_named():
    with pytest.raises(ValueError, match="offsets must be ascending, not \\(1, 0\\)"):
        local_attention.LocalAttention(4, [1, 0], masked=True)
    with pytest.raises(ValueError, match="block_length=0 with 1 offsets"):
        local_attention.LocalAttention(0, [0], masked=True)


@pytest.mark.parametrize("name", MASKED)
def test_steps_need_no_more_keys_than_the_layer_says(name):
    length = 40
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 2, length, 8)).astype("float32")
    layer = MASKED[name]()
    layer.build(q.shape)
    expected = layer(q, k, v)
    slots = layer.cache_length
    assert slots < 20
    kept = np.full((2, 2, 2, slots, 8), 1e3, "float32")  # what is masked
    for position in range(length):
        kept[:, :, :, position % slots] = k[:, :, position], v[:, :, position]
        y = layer(ops.convert_to_tensor(q[:, :, position : position + 1]), *kept, query_position=position)
        assert_close(y[:, :, 0], expected[:, :, position], 1e-4)
