"""Dropout with a shared mask."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.dropout import broadcast_dropout


@pytest.mark.parametrize("dims", [(0, 1), (-4, -3)])
def test_the_mask_is_the_same_along_broadcast_dims(dims):
    dropped = broadcast_dropout(0.5, 4, dims, seed=3)(np.ones((3, 2, 8, 8), "float32"), training=True)
    dropped = ops.convert_to_numpy(dropped)
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert (dropped == dropped[:1, :1]).all()


def test_without_broadcast_dims_every_unit_has_its_own():
    dropped = ops.convert_to_numpy(broadcast_dropout(0.5, 2, seed=3)(np.ones((8, 64), "float32"), training=True))
    assert (dropped[0] != dropped[1]).any()


@pytest.mark.parametrize("dim", [4, -5])
def test_an_axis_that_the_input_does_not_have_is_refused(dim):
    with pytest.raises(
        ValueError, match=rf"dropout_broadcast_dims=0, {dim} must be axes of an input of rank 4: -4 to 3"
    ):
        broadcast_dropout(0.5, 4, (0, dim))
