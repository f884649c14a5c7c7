"""Options of layers that several models share, from hparams: attention, feed-forward networks, residual steps.

Each function returns a frozen dataclass of a layer's arguments, so that no layer reads hparams itself.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from tensor2keras.hparams import HParams
from tensor2keras.layers.attention.area import KEY_MODES, VALUE_MODES
from tensor2keras.layers.attention.multi_head import ATTENTION_TYPES, AttentionOptions
from tensor2keras.layers.convolution import ConvHiddenReluOptions
from tensor2keras.layers.experts import CapacityExpertsOptions, NoisyTopKExpertsOptions
from tensor2keras.layers.feed_forward import (
    ConvReluConvOptions,
    DenseReluDenseOptions,
    NoFeedForwardOptions,
    ParameterAttentionOptions,
)
from tensor2keras.layers.layer import LayerOptions
from tensor2keras.layers.normalization import NORMS
from tensor2keras.layers.residual import STEPS, ResidualOptions
from tensor2keras.models.allowed import Allowed, Letters, When


def masks_padding(hparams: HParams) -> bool:
    """Returns whether padding must not change outputs: `hparams.mask_padding`, False for sets without it, as in T2T."""
    return bool(hparams.get("mask_padding", False))


def attention_options(hparams: HParams, kernel_initializer: Any) -> AttentionOptions:
    """Returns the options of attention to the encoder's output."""
    return AttentionOptions(
        hidden_size=hparams.hidden_size,
        num_heads=hparams.num_heads,
        key_size=hparams.attention_key_channels or hparams.hidden_size,
        value_size=hparams.attention_value_channels or hparams.hidden_size,
        dropout=hparams.attention_dropout,
        dropout_broadcast_dims=integers(hparams.get("attention_dropout_broadcast_dims")),
        variables_3d=bool(hparams.get("attention_variables_3d")),
        hard_attention_k=hparams.get("hard_attention_k", 0),
        gumbel_noise_weight=hparams.get("gumbel_noise_weight", 0.0),
        kernel_initializer=kernel_initializer,
    )


def self_attention_options(hparams: HParams, kernel_initializer: Any) -> AttentionOptions:
    """Returns the options of self-attention: `attention_options` with a type and the arguments of that type."""
    kind = hparams.get("self_attention_type", "dot_product")
    own: dict[str, Any] = {}
    if kind.startswith("dot_product") and "relative" in kind:
        own["max_relative_position"] = hparams.max_relative_position
    if kind.endswith("relative_v2") or kind == "local_relative_mask_right":
        own["heads_share_relative_embedding"] = hparams.heads_share_relative_embedding
        own["add_relative_to_values"] = hparams.add_relative_to_values
    if kind in ("local_unmasked", "local_relative_mask_right", "unmasked_dilated_1d"):
        own["mask_padding"] = masks_padding(hparams)
    options = attention_options(hparams, kernel_initializer)
    return dataclasses.replace(options, attention_type=kind, attention_options=own)


def attend_to_areas(
    hparams: HParams, options: AttentionOptions | None, num_layers: int
) -> AttentionOptions | list[AttentionOptions] | None:
    """Returns the options of each layer's attention; the first `hparams.num_area_layers` layers attend to areas."""
    count = hparams.get("num_area_layers", 0)
    width, height = hparams.get("max_area_width", 1), hparams.get("max_area_height", 1)
    if count == 0 or width == height == 1 or options.attention_type != "dot_product":
        return options
    areas = {
        "max_area_width": width,
        "max_area_height": height,
        "height": hparams.get("memory_height", 1),
        "area_key_mode": hparams.get("area_key_mode", "none"),
        "area_value_mode": hparams.get("area_value_mode", "none"),
        "kernel_initializer": options.kernel_initializer,
    }
    with_areas = dataclasses.replace(options, attention_type="dot_product_area", attention_options=areas)
    return [with_areas if i < count else options for i in range(num_layers)]


def feed_forward_options(hparams: HParams, kernel_initializer: Any, padding: str) -> LayerOptions:
    """Returns the options of the feed-forward network `hparams.ffn_layer`; `padding` is that of convolutions."""
    shared = {"hidden_size": hparams.hidden_size, "kernel_initializer": kernel_initializer}
    return FEED_FORWARD[hparams.ffn_layer](hparams, padding, **shared)


def _dense_relu_dense(hparams: HParams, padding: str, **shared: Any) -> LayerOptions:
    return DenseReluDenseOptions(
        filter_size=hparams.filter_size,
        dropout=hparams.relu_dropout,
        dropout_broadcast_dims=integers(hparams.get("relu_dropout_broadcast_dims")),
        **shared,
    )


def _conv_relu_conv(hparams: HParams, padding: str, **shared: Any) -> LayerOptions:
    return ConvReluConvOptions(
        filter_size=hparams.filter_size,
        kernel_size=hparams.get("conv_first_kernel", 3),
        padding=padding,
        dropout=hparams.relu_dropout,
        **shared,
    )


def _parameter_attention(hparams: HParams, padding: str, **shared: Any) -> LayerOptions:
    return ParameterAttentionOptions(
        filter_size=hparams.filter_size,
        num_heads=hparams.num_heads,
        key_size=hparams.get("parameter_attention_key_channels", 0),
        value_size=hparams.get("parameter_attention_value_channels", 0),
        dropout=hparams.attention_dropout,
        **shared,
    )


def _local_moe(hparams: HParams, padding: str, **shared: Any) -> LayerOptions:
    return NoisyTopKExpertsOptions(
        filter_size=hparams.filter_size,
        num_experts=hparams.moe_num_experts,
        k=hparams.moe_k,
        mask_padding=masks_padding(hparams),
        **shared,
    )


def _local_moe_tpu(hparams: HParams, padding: str, **shared: Any) -> LayerOptions:
    return CapacityExpertsOptions(
        filter_size=hparams.filter_size // 2,
        num_experts=hparams.moe_num_experts,
        loss_coef=hparams.moe_loss_coef,
        overhead=hparams.get("moe_overhead_train", 1.0),
        overhead_eval=hparams.get("moe_overhead_eval", 2.0),
        mask_padding=masks_padding(hparams),
        **shared,
    )


# hparams.ffn_layer -> options(hparams, padding, hidden_size=, kernel_initializer=)
FEED_FORWARD: dict[str, Callable[..., LayerOptions]] = {
    "dense_relu_dense": _dense_relu_dense,
    "conv_hidden_relu": _dense_relu_dense,  # its older name in T2T
    "conv_relu_conv": _conv_relu_conv,
    "local_moe": _local_moe,
    "local_moe_tpu": _local_moe_tpu,
    "none": lambda hparams, padding, **shared: NoFeedForwardOptions(),
    "parameter_attention": _parameter_attention,
}


def dense_options(
    hparams: HParams, kernel_initializer: Any, convolution_padding: str | None = None
) -> ConvHiddenReluOptions:
    """Returns the options of two dense layers or, with a padding, of two separable convolutions."""
    convolutions = {"kernel_size": 3, "second_kernel_size": 31, "padding": convolution_padding}
    return ConvHiddenReluOptions(
        hidden_size=hparams.hidden_size,
        filter_size=hparams.filter_size,
        dropout=hparams.relu_dropout,
        kernel_initializer=kernel_initializer,
        **(convolutions if convolution_padding else {}),
    )


def experts_options(hparams: HParams, kernel_initializer: Any) -> NoisyTopKExpertsOptions:
    """Returns the options of a mixture of experts.

    Raises:
        ValueError: `moe_hidden_sizes` has several sizes.
    """
    if not str(hparams.moe_hidden_sizes).isdigit():
        raise ValueError(
            f"hparams.moe_hidden_sizes={hparams.moe_hidden_sizes!r} is not supported; set one size, such as 2048"
        )
    return NoisyTopKExpertsOptions(
        hidden_size=hparams.hidden_size,
        filter_size=int(hparams.moe_hidden_sizes),
        num_experts=hparams.moe_num_experts,
        k=hparams.moe_k,
        loss_coef=hparams.moe_loss_coef,
        mask_padding=masks_padding(hparams),
        kernel_initializer=kernel_initializer,
    )


def residual_options(hparams: HParams) -> ResidualOptions:
    """Returns the options of the steps before and after each sublayer."""
    return ResidualOptions(
        preprocess=hparams.layer_preprocess_sequence,
        postprocess=hparams.layer_postprocess_sequence,
        dropout=hparams.layer_prepostprocess_dropout,
        broadcast_dims=integers(hparams.layer_prepostprocess_dropout_broadcast_dims),
        norm_type=hparams.norm_type,
        norm_epsilon=hparams.norm_epsilon,
    )


def integers(text: str | None) -> tuple[int, ...]:
    """Returns the integers of a string such as "0,1"."""
    return tuple(int(part) for part in (text or "").split(",") if part)


# The values of hyperparameters that the functions above read: see `models.allowed`.
ALLOWED: Allowed = {
    "norm_type": NORMS,
    "layer_preprocess_sequence": Letters("nd", names=("none", None)),  # nothing to add a residual to
    "layer_postprocess_sequence": Letters(STEPS, names=("none", None)),
    "self_attention_type": tuple(kind for kind in ATTENTION_TYPES if kind != "dot_product_area"),  # num_area_layers
    "area_key_mode": ("none", *KEY_MODES),
    "area_value_mode": ("none", *VALUE_MODES),
    "ffn_layer": FEED_FORWARD,
    "gating_type": When(("topk",), {"ffn_layer": ("local_moe",)}),
}
