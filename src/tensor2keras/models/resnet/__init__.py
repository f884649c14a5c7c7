"""ResNet and its hyperparameter sets."""

from tensor2keras.models.resnet.resnet import (
    BLOCKS,
    EPSILON,
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
    "MOMENTUM",
    "BottleneckBlock",
    "LayerMaker",
    "ResidualBlock",
    "Resnet",
    "check_values",
]
