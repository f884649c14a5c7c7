"""ResNet and its hyperparameter sets."""

from tensor2keras.models.resnet import hparams
from tensor2keras.models.resnet.resnet import BottleneckBlock, LayerMaker, ResidualBlock, Resnet
