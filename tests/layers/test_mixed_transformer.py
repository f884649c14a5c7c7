"""The stack of layers of any kinds; the kinds are tested in files of their own."""

import numpy as np
import pytest
from keras import ops

from tensor2keras.layers.attention.compressed import MemoryCompressedAttentionOptions, MemoryEfficientAttentionOptions
from tensor2keras.layers.attention.expert import LocalExpertAttentionOptions
from tensor2keras.layers.attention.multi_head import AttentionOptions
from tensor2keras.layers.convolution import ConvHiddenReluOptions
from tensor2keras.layers.feed_forward import MemoryEfficientFeedForwardOptions
from tensor2keras.layers.mixed_transformer import MixedLayerOptions, MixedTransformer
from tensor2keras.layers.residual import ResidualOptions
from tensor2keras.layers.transformer import Context
from tests.layers.layer_test_case import assert_close, run_layer_test

MULTIHEAD = AttentionOptions(hidden_size=8, num_heads=2)
KINDS = {
    "local_experts": LocalExpertAttentionOptions(hidden_size=8, num_experts=2),
    "memory_compressed": MemoryCompressedAttentionOptions(attention=MULTIHEAD),
    "memory_efficient": MemoryEfficientAttentionOptions(hidden_size=8, num_heads=2),
    "multihead": MULTIHEAD,
}
DENSE = ConvHiddenReluOptions(hidden_size=8, filter_size=16)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def stack(*kinds, postprocess="da", ffn=DENSE, **options):
    layers = [MixedLayerOptions(attention=KINDS[kind], feed_forward=ffn, attention_scope="att") for kind in kinds]
    made = MixedTransformer(layers, ResidualOptions(postprocess=postprocess), name="decoder", **options)
    made.build((None, None, 8))
    return made


def paths(layer):
    return {variable.path for variable in layer.weights}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_keras_layer(kind):
    run_layer_test(stack(kind), normal(2, 5, 8))


def test_steps_equal_the_whole_sequence_with_all_kinds():
    layer, x = stack(*KINDS), normal(2, 5, 8)
    later = np.triu(np.full((6, 6), -1e9, "float32"), 1)[None, None]
    expected = layer(x, Context(bias=later[..., :5, :5]))
    cache = layer.init_cache(2, 6)
    assert layer.cache_length(cache) == 6
    for i in range(5):
        position = ops.convert_to_tensor(i, "int32")
        y, cache = layer.step(ops.convert_to_tensor(x[:, i : i + 1]), position, cache, later[:, :, i : i + 1])
        assert_close(y[:, 0], expected[:, i])


def test_a_cache_of_kinds_with_masks_of_their_own_has_no_length():
    layer = stack("local_experts", "memory_compressed")
    assert layer.cache_length(layer.init_cache(2, 6)) == 1


def test_sublayers_with_a_norm_have_no_other():
    def normed(layer):
        return {path.split("/layer_prepostprocess")[0] for path in paths(layer) if "layer_prepostprocess" in path}

    assert normed(stack("multihead")) == {"decoder", "decoder/layer_0/att", "decoder/layer_0/ffn"}
    network = MemoryEfficientFeedForwardOptions(hidden_size=8, filter_size=16)
    assert normed(stack("memory_efficient", ffn=network)) == {"decoder"}  # the norm after the stack


def test_the_step_after_a_sublayer_lies_in_its_scope():
    layer = stack("multihead", postprocess="dan")
    after = {f"decoder/layer_0/{place}/layer_postprocess/layer_norm/layer_norm_scale" for place in ("att", "ffn")}
    assert {path for path in paths(layer) if path.endswith("layer_postprocess/layer_norm/layer_norm_scale")} == after
