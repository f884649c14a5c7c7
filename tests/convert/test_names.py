"""The form in which variables' names are compared."""

import numpy as np
import pytest

from tensor2keras.convert.names import canonical_name, join_shards, split_shards, t2t_array, t2t_name, without_sizes


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("m/class_label_modality_7_3/class_label_modality_7_3/dense/bias", "class_label_modality_7_3/dense/bias"),
        ("m/parallel_0/body/layer_0/ffn/local_moe/parallel_3/w_in", "body/layer_0/ffn/local_moe/parallel_3/w_in"),
        ("body/model/parallel_0/body/encoder/layer_0/q_transform_single/kernel", "body/encoder/layer_0/q/kernel"),
        ("text_cnn/parallel_0_4/text_cnn/text_cnn/body/conv_1/bias:0", "body/conv_1/bias"),
        ("symbol_modality_8_4/input_emb/weights", "symbol_modality_8_4/input_emb/weights"),
        ("other/kernel", "other/kernel"),
        (
            "m/encoder/layer_0/att_a/multihead_attention/q/kernel",
            "body/encoder/layer_0/att_a/multihead_attention/q/kernel",
        ),
        ("m/layer_1/ffn/ffn2/f1", "body/layer_1/ffn/ffn2/f1"),
    ],
)
def test_canonical_names(name, canonical):
    assert canonical_name(name) == canonical
    assert canonical_name(canonical) == canonical


def test_a_modality_without_its_sizes():
    assert without_sizes("symbol_modality_33708_512/shared/weights") == "symbol_modality/shared/weights"


def test_our_own_scopes_are_not_written():
    assert t2t_name("m/body/layer_0/ffn/dense_relu_dense/conv1/kernel") == "m/body/layer_0/ffn/conv1/kernel"


@pytest.mark.parametrize(
    ("name", "shape", "t2ts"),
    [
        ("m/body/ffn/conv_hidden_relu/conv1_single/kernel", (1, 4, 8), (1, 1, 4, 8)),
        ("m/body/q_single/kernel", (3, 4, 8), (3, 1, 4, 8)),
        ("m/body/conv_single/depthwise_kernel", (3, 4, 1), (3, 1, 4, 1)),
        ("m/body/conv_single/kernel", (4, 8), (1, 1, 4, 8)),
        ("m/body/conv_single/kernel", (3, 3, 4, 8), (3, 3, 4, 8)),
        ("m/body/conv_single/bias", (8,), (8,)),
        ("m/body/dense/kernel", (4, 8), (4, 8)),
    ],
)
def test_convolutions_over_a_sequence_are_2d_in_t2t(name, shape, t2ts):
    assert t2t_array(name, np.zeros(shape)).shape == t2ts


def test_shards_are_cut_as_t2t_does_larger_ones_first():
    table = np.arange(20.0).reshape(10, 2)
    shards = split_shards("m/symbol_modality_10_2/shared/weights", table, 4)
    assert [shard.shape[0] for shard in shards.values()] == [3, 3, 2, 2]
    np.testing.assert_array_equal(join_shards(shards)["m/symbol_modality_10_2/shared/weights_*"], table)
    assert list(split_shards("m/body/weights", table, 4)) == ["m/body/weights"]
