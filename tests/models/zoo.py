"""Every registered model, small: the hyperparameter set, the problem and the overrides to try it with."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tensor2keras import registry
from tests.models.tiny import symbol_problem
from tests.models.tiny_images import image_problem

TRANSFORMER = {"hidden_size": 16, "filter_size": 24, "num_heads": 2, "num_hidden_layers": 2}
EXPERTS = {"moe_num_experts": 3, "moe_hidden_sizes": "24"}
LSTM = {"hidden_size": 16}
IMAGES = {
    "hidden_size": 16,
    "filter_size": 24,
    "num_heads": 2,
    "num_decoder_layers": 2,
    "img_len": 4,
    "block_length": 8,
    "block_width": 4,
    "max_length": 32,
}
BLOCKS = {**IMAGES, "query_shape": (2, 4), "memory_flange": (2, 4)}
DOWNSAMPLED = {**BLOCKS, "num_encoder_layers": 1}


class Small(NamedTuple):
    """How to make a small model."""

    hparams_set: str
    problem: dict[str, Any]
    overrides: dict[str, Any]


def classes(modality: str = "class_label") -> dict[str, Any]:
    """Text to one of three classes."""
    symbol = {"modality": "symbol", "vocab_size": 20}
    return {"name": "tiny", "features": {"inputs": symbol, "targets": {"modality": modality, "vocab_size": 3}}}


def classified_images() -> dict[str, Any]:
    """Images of 4 x 4 x 3 to one of three classes."""
    features = {"inputs": {"modality": "image", "vocab_size": 256, "shape": (4, 4, 3)}}
    return {"name": "tiny", "features": {**features, "targets": {"modality": "class_label", "vocab_size": 3}}}


def real_values() -> dict[str, Any]:
    """Text to a real number."""
    symbol = {"modality": "symbol", "vocab_size": 20}
    return {"name": "tiny", "features": {"inputs": symbol, "targets": {"modality": "real", "vocab_size": 1}}}


ZOO = {
    "attention_lm": Small("attention_lm_small", symbol_problem(inputs=False), TRANSFORMER),
    "attention_lm_moe": Small(
        "attention_lm_hybrid_v2",
        symbol_problem(inputs=False),
        {
            **TRANSFORMER,
            **EXPERTS,
            "attention_layers": "he",
            "attention_block_length": 2,
            "attention_num_experts": 3,
            "attention_moe_k": 2,
            "attention_kq_size": 4,
            "attention_v_size": 8,
            "moe_layers": "1",
        },
    ),
    "basic_fc_relu": Small("basic_fc_small", classified_images(), {"hidden_size": 16}),
    "byte_net": Small("bytenet_base", symbol_problem(), {"hidden_size": 16, "num_block_repeat": 2}),
    "evolved_transformer": Small(
        "evolved_transformer_tiny", symbol_problem(), {**TRANSFORMER, "num_encoder_layers": 1, "num_decoder_layers": 1}
    ),
    "imagetransformer": Small("imagetransformer_base", image_problem(), IMAGES),
    "imagetransformer2d": Small("imagetransformer2d_base", image_problem(), BLOCKS),
    "imagetransformer_moe": Small(
        "imagetransformer_moe_tiny", image_problem(), {**IMAGES, "moe_layers_decoder": "1", "moe_num_experts": 2}
    ),
    "img2img_transformer": Small("img2img_transformer2d_tiny", image_problem("image"), DOWNSAMPLED),
    "lstm_encoder": Small("lstm_seq2seq", classes(), LSTM),
    "lstm_seq2seq": Small("lstm_seq2seq", symbol_problem(), LSTM),
    "lstm_seq2seq_attention": Small("lstm_attention", symbol_problem(), {**LSTM, "attention_layer_size": 12}),
    "lstm_seq2seq_attention_bidirectional_encoder": Small(
        "lstm_area_attention_base", symbol_problem(), {**LSTM, "num_heads": 2, "attention_layer_size": 12}
    ),
    "lstm_seq2seq_bidirectional_encoder": Small("lstm_seq2seq", symbol_problem(), LSTM),
    "diagonal_neural_gpu": Small("neural_gpu", symbol_problem(), LSTM),
    "neural_gpu": Small("neural_gpu", symbol_problem(), {**LSTM, "num_hidden_layers": 2}),
    "slice_net": Small(
        "slicenet_1",
        symbol_problem(),
        {"hidden_size": 36, "num_hidden_layers": 1, "num_heads": 2, "kernel_scheme": "3.3.3.3"},
    ),
    "resnet": Small("resnet_50", classified_images(), {"layer_sizes": [1] * 4, "filter_sizes": [8] * 5}),
    "revnet": Small(
        "revnet_38_cifar",
        classified_images(),
        {"num_channels_init_block": 8, "num_channels": [4, 8, 8], "num_layers_per_block": [1, 2, 1]},
    ),
    "shake_shake": Small("shakeshake_small", classified_images(), {"hidden_size": 16, "num_hidden_layers": 8}),
    "text_cnn": Small("text_cnn_base", classes(), {"hidden_size": 16, "num_filters": 8}),
    "transformer": Small("transformer_tiny", symbol_problem(), TRANSFORMER),
    "transformer_encoder": Small("transformer_tiny", classes(), TRANSFORMER),
    "transformer_memory": Small(
        "transformer_wikitext103_l4k_memory_v0",
        symbol_problem(inputs=False),
        {**TRANSFORMER, "split_targets_chunk_length": 3, "num_memory_items": 2},
    ),
    "transformer_moe": Small(
        "transformer_moe_2k",
        symbol_problem(),
        {
            **TRANSFORMER,
            **EXPERTS,
            "layer_types": "a/redm-moe#locm-sepm/redm-moe/a",
            "default_ff": "fc",
            "attention_loc_block_length": 2,
        },
    ),
    "transformer_regressor": Small("transformer_tiny", real_values(), TRANSFORMER),
    "transformer_scorer": Small("transformer_tiny", symbol_problem(), TRANSFORMER),
    "universal_transformer": Small(
        "adaptive_universal_transformer_tiny", symbol_problem(), {**TRANSFORMER, "act_max_steps": 3}
    ),
    "universal_transformer_encoder": Small(
        "universal_transformer_tiny", classes(), {**TRANSFORMER, "num_rec_steps": 2}
    ),
    "xception": Small("xception_tiny", classified_images(), {"hidden_size": 16, "num_hidden_layers": 1}),
}


# Kinds of layers and of outputs that padding could reach otherwise than in the models above: (model, how to make it).
PADDED = {
    "slice_net_classes": ("slice_net", ZOO["slice_net"]._replace(problem=classes())),
    "attention_lm_moe_inputs": (
        "attention_lm_moe",
        ZOO["attention_lm_moe"]._replace(
            problem=symbol_problem(),
            overrides={
                **ZOO["attention_lm_moe"].overrides,
                "use_inputs": True,
                "attention_layers": "",
                "attention_local": False,
            },
        ),
    ),
    "transformer_capacity": (
        "transformer",
        Small(
            "transformer_tiny", symbol_problem(), {**TRANSFORMER, "ffn_layer": "local_moe_tpu", "moe_num_experts": 3}
        ),
    ),
    "transformer_encoder_local": (
        "transformer_encoder",
        Small(
            "transformer_tiny",
            classes("softmax_max_pooling_class_label"),
            {**TRANSFORMER, "self_attention_type": "local_unmasked"},
        ),
    ),
    "transformer_encoder_last": (
        "transformer_encoder",
        Small("transformer_tiny", classes("softmax_last_timestep_class_label"), TRANSFORMER),
    ),
    "transformer_moe_convolutions": (
        "transformer_moe",
        ZOO["transformer_moe"]._replace(overrides={**ZOO["transformer_moe"].overrides, "layer_types": "a-sep#a-a-sep"}),
    ),
    "universal_transformer_encoder_halting_together": (
        "universal_transformer_encoder",
        Small(
            "adaptive_universal_transformer_tiny",
            classes(),
            {
                **TRANSFORMER,
                "act_max_steps": 3,
                "act_type": "global",
                "position_start_index": "step",
            },
        ),
    ),
}


def package_models() -> list[str]:
    """The registered models that this package defines."""
    return [name for name in registry.models if registry.models[name].__module__.startswith("tensor2keras.")]


def make(name: str, small: Small | None = None) -> Any:
    """The small model of this name, built; `small` is one of `ZOO` by default."""
    small = small or ZOO[name]
    model = registry.model(name, registry.hparams(small.hparams_set, small.problem, small.overrides))
    model.build()
    return model


def make_random(name: str, small: Small | None = None) -> Any:
    """The small model with random weights: no variable is a zero or a one, and no two ids are equally likely."""
    model = make(name, small)
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + random.normal(scale=0.1, size=variable.shape))
    return model


def batch(name: str, seed: int = 0) -> dict[str, np.ndarray]:
    """A batch of three examples for the small model of this name."""
    return batch_of(ZOO[name].problem, seed)


def batch_of(problem: dict[str, Any], seed: int = 0, length: int = 6) -> dict[str, np.ndarray]:
    """A batch of three examples of the problem, whose texts have this length."""
    random = np.random.default_rng(seed)
    features = {}
    for feature, spec in problem["features"].items():
        modality, size = spec["modality"], spec.get("vocab_size")
        if modality == "image":
            features[feature] = random.integers(0, size, (3, 4, 4, 3)).astype("int32")
        elif modality == "symbol":
            features[feature] = random.integers(2, size, (3, length)).astype("int32")
        elif modality == "class_label":
            features[feature] = random.integers(0, size, 3).astype("int32")
        elif modality.endswith("class_label"):  # one-hot
            features[feature] = np.eye(size, dtype="float32")
        else:
            features[feature] = random.normal(size=(3, 1)).astype("float32")
    return features
