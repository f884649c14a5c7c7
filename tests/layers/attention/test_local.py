"""Local and dilated attention against T2T's own values (1e-5), and step by step against all at once."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import local as local_attention
from tests.layers.layer_test_case import assert_close, assign, golden_case

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


@pytest.mark.parametrize(
    "name",
    [
        "local_attention_2d_8x8",
        "local_attention_2d_7x9",
        "masked_local_attention_2d_8x8",
        "masked_local_attention_2d_7x9",
        "masked_local_attention_2d_q2x4_f4x3",
    ],
)
def test_attention_over_an_image_equals_t2t(golden, name):
    args, inputs, (expected,), _ = golden_case(golden, name)
    masked = name.startswith("masked")
    attend = local_attention.masked_local_attention_2d if masked else local_attention.local_attention_2d
    assert_close(attend(**inputs, **args), expected)


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
def test_no_query_sees_a_later_key(name):
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 2, 10, 8)).astype("float32")
    layer = MASKED[name]()
    layer.build(q.shape)
    expected = layer(q, k, v)
    k[:, :, 6:] += 1.0
    v[:, :, 6:] += 1.0
    assert_close(layer(q, k, v)[:, :, :6], expected[:, :, :6])


@pytest.mark.parametrize("name", MASKED)
def test_config_makes_the_same_layer(name):
    layer = MASKED[name]()
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config


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
    kept = np.full((2, 2, 2, slots, 8), 1e3, "float32")  # what must not be seen
    for position in range(length):
        kept[:, :, :, position % slots] = k[:, :, position], v[:, :, position]
        y = layer(ops.convert_to_tensor(q[:, :, position : position + 1]), *kept, query_position=position)
        assert_close(y[:, :, 0], expected[:, :, position], 1e-4)


SHAPES_2D = [((6, 8), (2, 4), (2, 4)), ((5, 7), (2, 3), (1, 2)), ((4, 9), (4, 2), (3, 5)), ((7, 7), (2, 2), (4, 2))]


@pytest.mark.parametrize(("shape", "query_shape", "memory_flange"), SHAPES_2D)
def test_steps_equal_the_whole_image(shape, query_shape, memory_flange):
    q, k, v = np.random.default_rng(0).normal(size=(3, 1, 2, *shape, 8)).astype("float32")
    expected = ops.convert_to_numpy(local_attention.masked_local_attention_2d(q, k, v, query_shape, memory_flange))
    order = local_attention.block_order(shape, query_shape)
    slots = local_attention.masked_local_2d_cache_length(order, query_shape, memory_flange)
    kept = np.full((2, 1, 2, slots, 8), 1e3, "float32")
    for step, place in enumerate(order.order):
        row, column = divmod(int(place), shape[1])
        kept[:, :, :, step % slots] = k[:, :, row, column], v[:, :, row, column]
        y = local_attention.masked_local_attention_2d_step(
            ops.convert_to_tensor(q[:, :, row, column][:, :, None]),
            *map(ops.convert_to_tensor, kept),
            ops.convert_to_tensor(step, "int32"),
            order,
            query_shape,
            memory_flange,
        )
        assert_close(y[:, :, 0], expected[:, :, row, column], 1e-4)


def test_the_cache_of_two_dimensions_holds_a_row_of_blocks():
    def slots(rows, columns):
        order = local_attention.block_order((rows, columns), (4, 4))
        return local_attention.masked_local_2d_cache_length(order, (4, 4), (4, 4))

    assert slots(64, 32) == slots(16, 32)
    assert slots(16, 64) <= 2 * slots(16, 32)


def test_block_order_goes_block_by_block():
    order = local_attention.block_order((2, 5), (2, 2))
    assert order.order.tolist() == [0, 1, 5, 6, 2, 3, 7, 8, 4, 9]
    assert order.previous.tolist() == [-1, 0, -1, 2, -1, 1, 5, 3, 7, -1]  # 9 follows a place that is missing
    assert local_attention.block_order((2, 3)).order.tolist() == [0, 1, 2, 3, 4, 5]
    assert local_attention.block_order((2, 3)).previous.tolist() == [-1, 0, 1, 2, 3, 4]
