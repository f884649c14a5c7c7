"""ResNet and its hyperparameter sets."""

from tensor2keras.models.resnet.resnet import (
    BLOCKS,
    EPSILON,
    KERNELS,
    MOMENTUM,
    BottleneckBlock,
    LayerMaker,
    ResidualBlock,
    Resnet,
    check_values,
)

__all__ = [
    "BLOCKS",
    "EPSILON",
    "KERNELS",
    "MOMENTUM",
    "BottleneckBlock",
    "LayerMaker",
    "ResidualBlock",
    "Resnet",
    "check_values",
]
