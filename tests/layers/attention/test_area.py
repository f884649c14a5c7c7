"""Attention to areas against loops over rectangles (T2T's own numbers are in tests/golden)."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention import area as area_attention
from tests.layers.layer_test_case import assert_close, run_layer_test

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 6, 4)).astype("float32")
SHAPES = [(1, 1, 1), (3, 1, 1), (9, 1, 1), (2, 2, 2), (3, 3, 3)]  # max_width, max_height, height


def areas(x, max_width, max_height, height):
    """[batch, cells, depth] of each area, by its shape first and then by its place."""
    image = x.reshape(len(x), height, -1, x.shape[-1])
    rows, columns = image.shape[1:3]
    for h in range(1, max_height + 1):
        for w in range(1, max_width + 1):
            for i in range(rows - h + 1):
                for j in range(columns - w + 1):
                    yield image[:, i : i + h, j : j + w].reshape(len(x), -1, x.shape[-1]), h, w


def pooled(pool, shape, x=X):
    return np.stack([pool(area) for area, _, _ in areas(x, *shape)], axis=1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("mode", "pool"), [("sum", np.sum), ("mean", np.mean), ("max", np.max)])
def test_values_are_pooled_over_every_area(mode, pool, shape):
    values = area_attention.area_values(ops.convert_to_tensor(X), mode, *shape)
    assert_close(values, pooled(lambda area: pool(area, axis=1), shape), 1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_sizes(shape):
    heights, widths = area_attention.area_sizes(ops.convert_to_tensor(X), *shape)
    expected = [(h, w) for _, h, w in areas(X, *shape)]
    assert [(int(h), int(w)) for h, w in zip(heights, widths, strict=True)] == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_an_area_with_a_masked_key_is_masked(shape):
    masked = RANDOM.integers(0, 2, (2, 3, 6))
    bias = area_attention.area_bias(ops.convert_to_tensor(masked), *shape)
    expected = pooled(lambda area: area.max(axis=(1, 2)), shape, masked.reshape(6, 6, 1)).reshape(2, 3, -1)
    np.testing.assert_array_equal(ops.convert_to_numpy(bias) < -1, expected > 0)


@pytest.mark.parametrize("mode", area_attention.KEY_MODES)
@pytest.mark.parametrize("shape", [(3, 1, 1), (2, 2, 2)])
def test_keys(mode, shape):
    max_width, max_height, height = shape
    layer = area_attention.AreaKeys(max_width, max_height, mode, height)
    layer.build(X.shape)
    for variable in layer.trainable_variables:
        variable.assign(RANDOM.normal(scale=0.5, size=variable.shape))
    keys = run_layer_test(layer, X, tolerance=1e-5) if mode in ("mean", "max") else layer(X)

    mean, largest = (pooled(lambda area, pool=pool: pool(area, axis=1), shape) for pool in (np.mean, np.max))
    deviation = pooled(lambda area: np.sqrt(area.var(axis=1) + 1e-6), shape)
    if mode in ("mean", "max", "sample"):
        assert_close(keys, largest if mode == "max" else mean, 1e-5)
        return
    weights = {variable.path.split("/", 1)[1]: ops.convert_to_numpy(variable) for variable in layer.weights}
    embedded = [weights["area_height_emb"], weights["area_width_emb"]]
    size = np.stack([np.concatenate([embedded[0][h - 1], embedded[1][w - 1]]) for _, h, w in areas(X, *shape)])
    size = np.broadcast_to(size, mean.shape)
    joined = {
        "concat": np.concatenate([mean, deviation, size], -1),
        "max_concat": np.concatenate([largest, size], -1),
        "sample_concat": np.concatenate([mean, size], -1),
        "sum": mean + deviation + size,
        "sample_sum": mean + size,
    }[mode]
    hidden = np.maximum(joined @ weights["dense/kernel"] + weights["dense/bias"], 0)
    assert_close(keys, hidden @ weights["dense_1/kernel"] + weights["dense_1/bias"], 1e-3)


def test_samples_are_drawn_in_training_only():
    layer = area_attention.AreaKeys(3, mode="sample")
    layer.build(X.shape)
    drawn, mean = ops.convert_to_numpy(layer(X, training=True)), ops.convert_to_numpy(layer(X))
    assert_close(drawn[:, :6], mean[:, :6], 1e-2)  # areas of one key do not vary
    assert np.abs(drawn[:, 6:] - mean[:, 6:]).max() > 0.1


@pytest.mark.parametrize("shape", [(3, 1, 1), (2, 2, 2)])
def test_attention_reads_every_area_that_is_not_masked(shape):
    q, k, v = (RANDOM.normal(size=(2, 2, length, 4)).astype("float32") for length in (3, 6, 6))
    masked = np.arange(6) > np.array([2, 4, 5])[:, None]  # [query, key]
    layer = area_attention.AreaAttention(shape[0], shape[1], "max", "mean", shape[2])
    layer.build(q.shape)
    bias = ops.convert_to_tensor(np.where(masked, -1e9, 0)[None, None].astype("float32"))
    y = layer(*(ops.convert_to_tensor(x) for x in (q, k, v)), bias=bias)
    for batch, head in np.ndindex(2, 2):
        keys = pooled(lambda area: area.max(axis=1), shape, k[batch, head][None])[0]
        values = pooled(lambda area: area.mean(axis=1), shape, v[batch, head][None])[0]
        for query in range(3):
            visible = pooled(lambda area: area.max(axis=(1, 2)) == 0, shape, masked[query].reshape(1, 6, 1))[0]
            weights = np.where(visible, np.exp(keys @ q[batch, head, query]), 0)
            assert_close(y[batch, head, query], weights @ values / weights.sum(), 1e-5)


def test_unknown_modes_are_named():
    with pytest.raises(ValueError, match="unknown area_key_mode='none'; known: mean, max"):
        area_attention.AreaKeys(2, mode="none")
    with pytest.raises(ValueError, match="unknown area_value_mode='none'; known: sum, mean, max"):
        area_attention.area_values(X, "none", 2)
