"""The Neural GPU, which learns algorithms (Kaiser and Sutskever 2016, https://arxiv.org/abs/1511.08228), and the
Diagonal Neural GPU (Freivalds and Liepins 2017, https://arxiv.org/abs/1702.08727).

A convolutional GRU is applied as many times as the input has positions. All outputs are computed at once from the last
state: the model does not read targets, and decoding runs it once. With `mask_padding` convolutions read zeros at
padding.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.layers.conv_gru import ConvGRU, DiagonalConvGRU
from tensor2keras.layers.convolution import longest
from tensor2keras.layers.recurrent import time_major
from tensor2keras.models import t2t_model
from tensor2keras.models.allowed import Allowed
from tensor2keras.models.common_hparams import basic_params1
from tensor2keras.types import Cache, Features, Tensor


class _NeuralGPU(t2t_model.T2TModel):
    """Base of both models.

    Call arguments:
        features: "inputs" [batch, length] ids; "targets" [batch, length] ids, of which only the length is used.
        training: whether dropout applies.

    Returns:
        Logits [batch, length, vocab_size] of the longer of the two; zeros past the inputs.
    """

    scope = ""  # T2T's, within the body
    cache_grows = False
    allowed: ClassVar[Allowed] = {"kernel_width": (1,)}  # a sequence has width 1

    def __init__(self, hparams: HParams, **kwargs: Any):
        super().__init__(hparams, **kwargs)
        self.require_modality("inputs", "symbol")
        self.require_modality("targets", "symbol")
        self.units = [self._unit(i) for i in range(hparams.num_hidden_layers)]
        self.drop = keras.layers.Dropout(hparams.dropout, dtype=self.dtype_policy)

    def _unit(self, layer: int) -> keras.layers.Layer:
        raise NotImplementedError

    @property
    def _unit_options(self) -> dict[str, Any]:
        hparams = self.hparams
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        return {"filters": hparams.hidden_size, "kernel_size": hparams.kernel_height, **shared}

    def build_body(self) -> None:
        with keras.name_scope(self.scope):
            for unit in self.units:
                unit.build((None, None, self.hidden_size))

    def _masks(self, x: Tensor, training: bool) -> Tensor | None:
        """Returns the dropout masks of all steps, because JAX cannot sample within a loop; None without dropout."""
        if not training or not self.drop.rate:
            return None
        return self.drop(ops.ones((ops.shape(x)[1], *ops.shape(x)), x.dtype), training=True)

    def _real(self, features: Features) -> Tensor | None:
        """Returns 0.0 where convolutions read zeros, else 1.0: [batch, length, 1]; None if they read padding."""
        padding = self.inputs_padding(features)
        return None if padding is None else ops.cast(1.0 - padding, self.compute_dtype)[:, :, None]

    def _lengthened(self, state: Tensor, targets: Tensor) -> Tensor:
        """Pads the state with zeros to the length of the targets if they are longer, as T2T pads logits."""
        missing = longest(ops.shape(targets)[1] - ops.shape(state)[1], 0)
        return ops.pad(state, ((0, 0), (0, missing), (0, 0)))

    def init_cache(self, features: Features, max_length: int) -> Cache:
        inputs = features["inputs"]
        targets = ops.zeros((ops.shape(inputs)[0], max_length), "int32")
        return {"encoder": self({"inputs": inputs, "targets": targets}, training=False)}

    def decode_step(self, ids: Tensor, position: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        logits = ops.take(cache["encoder"], position, axis=1)
        return ops.repeat(logits, ops.shape(ids)[0] // ops.shape(logits)[0], axis=0), cache


def _is_padding(inputs: Tensor) -> Tensor:
    """Returns where embedded inputs are padding, whose steps leave the state unchanged: [length, batch, 1, 1]."""
    return time_major(ops.sum(ops.abs(inputs), axis=-1) < 1e-5)[:, :, None, None]


@registry.register_model("neural_gpu")
class NeuralGPU(_NeuralGPU):
    """A convolutional GRU."""

    scope = "neural_gpu"

    def _unit(self, layer: int) -> keras.layers.Layer:
        return ConvGRU(name=f"cgru_{layer}", **self._unit_options)

    def body(self, features: Features, training: bool = False) -> Tensor:
        inputs = features["inputs"]
        padding, masks, real = _is_padding(inputs), self._masks(inputs, training), self._real(features)

        def step(i: Tensor, state: Tensor) -> Tensor:
            x = state if masks is None else state * ops.take(masks, i, axis=0)
            for unit in self.units:
                x = unit(x) if real is None else unit(x) * real
            return ops.where(ops.take(padding, i, axis=0), state, x)

        state = ops.fori_loop(0, ops.shape(inputs)[1], step, inputs)
        return self._lengthened(state, features["targets"])


@registry.register_model("diagonal_neural_gpu")
class DiagonalNeuralGPU(_NeuralGPU):
    """A diagonal convolutional GRU.

    As in T2T the output is the state after the first step, and the cost of saturated gates in all steps is added to the
    loss.
    """

    scope = "diagonal_neural_gpu"

    def _unit(self, layer: int) -> keras.layers.Layer:
        return DiagonalConvGRU(name=f"dcgru_{layer}", **self._unit_options)

    def body(self, features: Features, training: bool = False) -> Tensor:
        inputs = features["inputs"]
        length = ops.shape(inputs)[1]
        padding, masks, real = _is_padding(inputs), self._masks(inputs, training), self._real(features)

        def step(i: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            state, first, total = carry
            x, cost = state, 0.0
            for unit in self.units:
                x, cost = unit(x, None if masks is None else ops.take(masks, i, axis=0))
                x = x if real is None else x * real
            state = ops.where(ops.take(padding, i, axis=0), state, x)
            return state, ops.where(i == 0, state, first), total + ops.cast(cost, "float32")

        start = (inputs, inputs, ops.zeros((), "float32"))
        _, first, total = ops.fori_loop(0, length, step, start)
        self.add_loss(2.0 * total / ops.cast(length, "float32"))
        return self._lengthened(first, features["targets"])


variant = registry.variants_of(__name__)

# fmt: off
neural_gpu = variant(
    "neural_gpu", basic_params1, "One layer of hidden size 256.",
    num_hidden_layers=1, hidden_size=256, kernel_height=3, kernel_width=1, dropout=0.1, label_smoothing=0.0,
    initializer_gain=1.0, clip_grad_norm=10.0, weight_decay=0.0, learning_rate=0.02, learning_rate_decay_scheme="exp",
    learning_rate_warmup_steps=3000, optimizer_adam_beta1=0.85, optimizer_adam_beta2=0.997, optimizer_adam_epsilon=1e-6,
    batch_size=1024, daisy_chain_variables=False, sampling_method="argmax",
)
# fmt: on
