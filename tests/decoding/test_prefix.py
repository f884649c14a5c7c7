import numpy as np
from keras import ops

from tensor2keras.decoding import prefix


def lists(tensor):
    return ops.convert_to_numpy(tensor).tolist()


def test_lengths_leave_out_zeros_at_the_end_only():
    assert lists(prefix.with_lengths(np.array([[5, 0, 6, 0], [0, 0, 0, 0], [1, 2, 3, 4]])).lengths) == [3, 0, 4]


def test_rows_inside_their_prefix_may_only_take_its_token():
    forced = prefix.with_lengths(np.array([[2, 1], [3, 0]]))
    logits = np.arange(8, dtype="float32").reshape(2, 4)
    assert lists(ops.argmax(forced.force(logits, 0), axis=-1)) == [2, 3]
    second = ops.convert_to_numpy(forced.force(logits, 1))
    assert second[0].argmax() == 1
    np.testing.assert_array_equal(second[1], logits[1])  # its prefix is over
    np.testing.assert_array_equal(ops.convert_to_numpy(forced.force(logits, 5)), logits)


def test_a_beam_has_copies_of_its_row_side_by_side():
    repeated = prefix.with_lengths(np.array([[2, 1], [3, 0]])).repeat(2)
    assert lists(repeated.ids) == [[2, 1], [2, 1], [3, 0], [3, 0]]
    assert lists(repeated.lengths) == [2, 2, 1, 1]


def test_prepended_inputs_end_in_a_zero():
    found = prefix.prepended(np.array([[2, 1], [3, 0]]))
    assert lists(found.ids) == [[2, 1, 0], [3, 0, 0]]
    assert lists(found.lengths) == [3, 2]


def test_outputs_without_their_prefix_are_padded_with_zeros():
    outputs, lengths = np.array([[2, 1, 7, 8], [3, 5, 6, 9]]), np.array([2, 1])
    assert lists(prefix.remove(outputs, lengths)) == [[7, 8, 0, 0], [5, 6, 9, 0]]
    assert lists(prefix.remove(np.stack([outputs, outputs + 1], axis=1), lengths)) == [
        [[7, 8, 0, 0], [8, 9, 0, 0]],
        [[5, 6, 9, 0], [6, 7, 10, 0]],
    ]
