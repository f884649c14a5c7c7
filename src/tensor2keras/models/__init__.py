"""The models. Importing this package registers them and their hyperparameter sets."""

from tensor2keras.models import common_hparams
from tensor2keras.models.attention_lm import AttentionLM
from tensor2keras.models.attention_lm_moe import AttentionLmMoe
from tensor2keras.models.basic import BasicFcRelu
from tensor2keras.models.byte_net import ByteNet
from tensor2keras.models.evolved_transformer import EvolvedTransformer
from tensor2keras.models.image_transformer import (
    Imagetransformer,
    Imagetransformer2d,
    ImagetransformerMoe,
    Img2imgTransformer,
)
from tensor2keras.models.lstm import (
    LSTMEncoder,
    LSTMSeq2seq,
    LSTMSeq2seqAttention,
    LSTMSeq2seqAttentionBidirectionalEncoder,
    LSTMSeq2seqBidirectionalEncoder,
)
from tensor2keras.models.neural_gpu import DiagonalNeuralGPU, NeuralGPU
from tensor2keras.models.resnet import Resnet
from tensor2keras.models.revnet import Revnet
from tensor2keras.models.shake_shake import ShakeShake
from tensor2keras.models.slice_net import SliceNet
from tensor2keras.models.t2t_model import T2TModel
from tensor2keras.models.text_cnn import TextCNN
from tensor2keras.models.transformer import Transformer, TransformerEncoder, TransformerRegressor, TransformerScorer
from tensor2keras.models.transformer_memory import TransformerMemory
from tensor2keras.models.transformer_moe import TransformerMoe
from tensor2keras.models.universal_transformer import UniversalTransformer, UniversalTransformerEncoder
from tensor2keras.models.xception import Xception
