"""The hyperparameter sets of `resnet`."""

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.models.common_hparams import basic_params1, momentum_training

TARGETED_WEIGHTS = {"use_td": "weight", "targeting_rate": 0.5, "keep_prob": 0.5}
TARGETED_UNITS = {"use_td": "unit", "targeting_rate": 0.5, "keep_prob": 0.5}
NO_DROP = {"use_td": "unit", "targeting_rate": 0.0, "keep_prob": 1.0}


# fmt: off
def resnet_base() -> HParams:
    """For ImageNet: 120,000 steps with 1,024 images each."""
    return momentum_training(basic_params1()).extend(
        layer_sizes=[3, 4, 6, 3], bottleneck_ratios=[4, 4, 4, 4], filter_sizes=[64, 64, 128, 256, 512],
        block_fn="bottleneck", use_nchw=True, is_cifar=False, use_td=False, targeting_rate=None, keep_prob=None,
    )


def _targeted(hparams: HParams, values: dict[str, object]) -> HParams:
    with hparams.ignore_type():  # False and None become text and numbers
        for name, value in values.items():
            hparams[name] = value
    return hparams


variant = registry.variants_of(__name__)

resnet_50 = variant("resnet_50", resnet_base, "50 layers.")
resnet_18 = variant("resnet_18", resnet_base, layer_sizes=[2, 2, 2, 2], block_fn="residual")
resnet_34 = variant("resnet_34", resnet_base, block_fn="residual")
resnet_101 = variant("resnet_101", resnet_base, layer_sizes=[3, 4, 23, 3])
resnet_152 = variant("resnet_152", resnet_base, layer_sizes=[3, 8, 36, 3])
resnet_200 = variant("resnet_200", resnet_base, layer_sizes=[3, 24, 36, 3])
resnet_imagenet_34 = variant(
    "resnet_imagenet_34", resnet_34, "34 layers, most of them in the third stage.", layer_sizes=[2, 4, 8, 2]
)
resnet_imagenet_34_td_weight_05_05 = variant(
    "resnet_imagenet_34_td_weight_05_05", lambda: _targeted(resnet_imagenet_34(), TARGETED_WEIGHTS),
    "Targeted dropout of weights.",
)
resnet_imagenet_34_td_unit_05_05 = variant(
    "resnet_imagenet_34_td_unit_05_05", lambda: _targeted(resnet_imagenet_34(), TARGETED_UNITS),
    "Targeted dropout of channels.",
)
resnet_imagenet_34_td_unit_no_drop = variant(
    "resnet_imagenet_34_td_unit_no_drop", lambda: _targeted(resnet_imagenet_34(), NO_DROP),
    "No dropout, in the form of targeted dropout.",
)
resnet_imagenet_102 = variant("resnet_imagenet_102", resnet_imagenet_34, layer_sizes=[3, 8, 36, 3])
resnet_cifar_15 = variant(
    "resnet_cifar_15", resnet_34, "15 layers for CIFAR.",
    layer_sizes=[2, 2, 2], filter_sizes=[16, 32, 64, 128], is_cifar=True,
)
resnet_cifar_32 = variant("resnet_cifar_32", resnet_cifar_15, layer_sizes=[5, 5, 5])
resnet_cifar_32_td_weight_05_05 = variant(
    "resnet_cifar_32_td_weight_05_05", lambda: _targeted(resnet_cifar_32(), TARGETED_WEIGHTS),
    "Targeted dropout of weights.",
)
resnet_cifar_32_td_unit_05_05 = variant(
    "resnet_cifar_32_td_unit_05_05", lambda: _targeted(resnet_cifar_32(), TARGETED_UNITS),
    "Targeted dropout of channels.",
)
resnet_cifar_32_td_unit_no_drop = variant(
    "resnet_cifar_32_td_unit_no_drop", lambda: _targeted(resnet_cifar_32(), NO_DROP),
    "No dropout, in the form of targeted dropout.",
)
# fmt: on
