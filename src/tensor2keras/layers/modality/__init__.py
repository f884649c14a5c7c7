"""Modalities: how each kind of feature enters a model (bottom), leaves it (top), and is scored (loss, weights).

    base         `Modality`, the base of custom modalities; features that are embedded already
    symbol       text
    class_label  classes
    real         real values
    image        pixels
    speech       audio
    losses       their losses

Importing the package registers all of them under T2T's names (`registry.modality("symbol")`).
"""

from tensor2keras.layers.modality.base import GenericL2, Identity, Modality
from tensor2keras.layers.modality.class_label import (
    ClassLabel,
    OneHotClassLabel,
    SigmoidClassLabel,
    SigmoidMaxPoolingClassLabel,
    SoftmaxAveragePoolingClassLabel,
    SoftmaxLastTimestepClassLabel,
    SoftmaxMaxPoolingClassLabel,
)
from tensor2keras.layers.modality.image import (
    Image,
    ImageChannelCompress,
    ImageChannelEmbeddings,
    ImageChannelEmbeddingsOfTargets,
    ImageMixture,
)
from tensor2keras.layers.modality.losses import (
    Loss,
    cross_entropy,
    ctc,
    log_poisson,
    one_hot_cross_entropy,
    sigmoid_cross_entropy,
    squared_error,
)
from tensor2keras.layers.modality.real import Real, RealL2Loss, RealLogPoissonLoss
from tensor2keras.layers.modality.speech import SpeechRecognition
from tensor2keras.layers.modality.symbol import CTCSymbol, IdentitySymbol, Symbol, SymbolOneHot, SymbolWeightsAll
