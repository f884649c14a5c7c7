"""Relative attention against T2T's own values (1e-5)."""

import json

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.relative import RelativeAttention, RelativeAttentionV2
from tests.helpers import load_case

V2 = [
    (masked, limit, share, values)
    for masked in (True, False)
    for limit in (3, 7, 20)
    for share in (False, True)
    for values in (False, True)
]


def check(golden, name, layer):
    arrays, _ = load_case(golden / "layers", name)
    q, k, v = (ops.convert_to_tensor(arrays[f"in/{key}"]) for key in "qkv")
    layer.build(q.shape)
    for variable in layer.weights:
        variable.assign(arrays[f"var/layer/{variable.path}"])
    (expected,) = (value for key, value in arrays.items() if key.startswith("out/"))
    bias = arrays.get("in/bias")
    actual = layer(q, k, v, bias=None if bias is None else ops.convert_to_tensor(bias))
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["dot_product_attention_relative", "dot_product_attention_relative_maxpos20"])
def test_relative_attention_equals_t2t(golden, name):
    args = json.loads((golden / "layers" / "index.json").read_text())[name]["args"]
    check(golden, name, RelativeAttention(args["max_relative_position"]))


@pytest.mark.parametrize(("masked", "limit", "share", "values"), V2)
def test_relative_attention_v2_equals_t2t(golden, masked, limit, share, values):
    kind = "dot_product_self" if masked else "dot_product_unmasked_self"
    name = f"{kind}_attention_relative_v2_m{limit}_share{share:d}_values{values:d}"
    check(golden, name, RelativeAttentionV2(limit, share, values, masked=masked))


def test_a_reach_of_zero_is_refused():
    with pytest.raises(ValueError, match="max_relative_position=0 must be at least 1"):
        RelativeAttention(0)
