"""Local attention over an image against T2T's own values (1e-5), and step by step against all at once."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import local_2d
from tests.layers.layer_test_case import assert_close, golden_case


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
    attend = local_2d.masked_local_attention_2d if masked else local_2d.local_attention_2d
    assert_close(attend(**inputs, **args), expected)


SHAPES_2D = [((6, 8), (2, 4), (2, 4)), ((5, 7), (2, 3), (1, 2)), ((4, 9), (4, 2), (3, 5)), ((7, 7), (2, 2), (4, 2))]


@pytest.mark.parametrize(("shape", "query_shape", "memory_flange"), SHAPES_2D)
def test_steps_equal_the_whole_image(shape, query_shape, memory_flange):
    q, k, v = np.random.default_rng(0).normal(size=(3, 1, 2, *shape, 8)).astype("float32")
    expected = ops.convert_to_numpy(local_2d.masked_local_attention_2d(q, k, v, query_shape, memory_flange))
    order = local_2d.block_order(shape, query_shape)
    slots = local_2d.masked_local_2d_cache_length(order, query_shape, memory_flange)
    kept = np.full((2, 1, 2, slots, 8), 1e3, "float32")
    for step, place in enumerate(order.order):
        row, column = divmod(int(place), shape[1])
        kept[:, :, :, step % slots] = k[:, :, row, column], v[:, :, row, column]
        y = local_2d.masked_local_attention_2d_step(
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
        order = local_2d.block_order((rows, columns), (4, 4))
        return local_2d.masked_local_2d_cache_length(order, (4, 4), (4, 4))

    assert slots(64, 32) == slots(16, 32)
    assert slots(16, 64) <= 2 * slots(16, 32)


def test_block_order_goes_block_by_block():
    order = local_2d.block_order((2, 5), (2, 2))
    assert order.order.tolist() == [0, 1, 5, 6, 2, 3, 7, 8, 4, 9]
    assert order.previous.tolist() == [-1, 0, -1, 2, -1, 1, 5, 3, 7, -1]  # 9 follows a place that is missing
    assert local_2d.block_order((2, 3)).order.tolist() == [0, 1, 2, 3, 4, 5]
    assert local_2d.block_order((2, 3)).previous.tolist() == [-1, 0, 1, 2, 3, 4]
