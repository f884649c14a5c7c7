"""The hyperparameter sets of `resnet`."""

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.models.common_hparams import basic_params1

RESIDUAL = {"block_fn": "residual"}
TARGETED_WEIGHTS = {"use_td": "weight", "targeting_rate": 0.5, "keep_prob": 0.5}
TARGETED_UNITS = {"use_td": "unit", "targeting_rate": 0.5, "keep_prob": 0.5}
NO_DROP = {"use_td": "unit", "targeting_rate": 0.0, "keep_prob": 1.0}


def resnet_base() -> HParams:
    """For ImageNet: 120,000 steps with 1,024 images each."""
    return (
        basic_params1()
        .extend(
            layer_sizes=[3, 4, 6, 3],
            bottleneck_ratios=[4, 4, 4, 4],
            filter_sizes=[64, 64, 128, 256, 512],
            block_fn="bottleneck",
            use_nchw=True,
            is_cifar=False,
            use_td=False,
            targeting_rate=None,
            keep_prob=None,
        )
        .override(
            initializer="normal_unit_scaling",
            initializer_gain=2.0,
            optimizer="Momentum",
            optimizer_momentum_momentum=0.9,
            optimizer_momentum_nesterov=True,
            weight_decay=1e-4,
            clip_grad_norm=0.0,
            learning_rate=0.4,
            learning_rate_decay_scheme="cosine",
            learning_rate_cosine_cycle_steps=120000,
            batch_size=128,
        )
    )


@registry.register_hparams
def resnet_50() -> HParams:
    """50 layers."""
    return resnet_base()


@registry.register_hparams
def resnet_18() -> HParams:
    """18 layers."""
    return resnet_base().override(RESIDUAL, layer_sizes=[2, 2, 2, 2])


@registry.register_hparams
def resnet_34() -> HParams:
    """34 layers."""
    return resnet_base().override(RESIDUAL)


@registry.register_hparams
def resnet_101() -> HParams:
    """101 layers."""
    return resnet_base().override(layer_sizes=[3, 4, 23, 3])


@registry.register_hparams
def resnet_152() -> HParams:
    """152 layers."""
    return resnet_base().override(layer_sizes=[3, 8, 36, 3])


@registry.register_hparams
def resnet_200() -> HParams:
    """200 layers."""
    return resnet_base().override(layer_sizes=[3, 24, 36, 3])


@registry.register_hparams
def resnet_imagenet_34() -> HParams:
    """34 layers, most of them in the third stage."""
    return resnet_base().override(RESIDUAL, layer_sizes=[2, 4, 8, 2])


@registry.register_hparams
def resnet_imagenet_34_td_weight_05_05() -> HParams:
    """With targeted dropout of weights."""
    return _targeted(resnet_imagenet_34(), TARGETED_WEIGHTS)


@registry.register_hparams
def resnet_imagenet_34_td_unit_05_05() -> HParams:
    """With targeted dropout of channels."""
    return _targeted(resnet_imagenet_34(), TARGETED_UNITS)


@registry.register_hparams
def resnet_imagenet_34_td_unit_no_drop() -> HParams:
    """Without dropout, in the form of the others."""
    return _targeted(resnet_imagenet_34(), NO_DROP)


@registry.register_hparams
def resnet_imagenet_102() -> HParams:
    """102 layers of residual blocks."""
    return resnet_imagenet_34().override(layer_sizes=[3, 8, 36, 3])


@registry.register_hparams
def resnet_cifar_15() -> HParams:
    """15 layers for CIFAR."""
    return resnet_base().override(RESIDUAL, is_cifar=True, layer_sizes=[2, 2, 2], filter_sizes=[16, 32, 64, 128])


@registry.register_hparams
def resnet_cifar_32() -> HParams:
    """32 layers for CIFAR."""
    return resnet_cifar_15().override(layer_sizes=[5, 5, 5])


@registry.register_hparams
def resnet_cifar_32_td_weight_05_05() -> HParams:
    """With targeted dropout of weights."""
    return _targeted(resnet_cifar_32(), TARGETED_WEIGHTS)


@registry.register_hparams
def resnet_cifar_32_td_unit_05_05() -> HParams:
    """With targeted dropout of channels."""
    return _targeted(resnet_cifar_32(), TARGETED_UNITS)


@registry.register_hparams
def resnet_cifar_32_td_unit_no_drop() -> HParams:
    """Without dropout, in the form of the others."""
    return _targeted(resnet_cifar_32(), NO_DROP)


def _targeted(hparams: HParams, values: dict[str, object]) -> HParams:
    with hparams.ignore_type():  # False and None become text and numbers
        for name, value in values.items():
            hparams[name] = value
    return hparams
