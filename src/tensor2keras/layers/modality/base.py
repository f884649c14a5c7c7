"""Modality: how one kind of feature enters a model (bottom), leaves it (top), and is scored (loss, weights)."""

from collections.abc import Collection
from types import ModuleType
from typing import Any

import keras
from keras import ops

from tensor2keras import registry, weights
from tensor2keras.layers.initializer import unseeded
from tensor2keras.layers.layer import Layer
from tensor2keras.layers.modality import losses
from tensor2keras.types import Shape, Tensor


class Modality(Layer):
    """One kind of feature: identity at bottom and top, softmax cross-entropy at every position.

    A subclass overrides what differs and is registered under a name, by which problems (`modality={"inputs":
    "celsius"}`) and `hparams.bottom`, `hparams.top` and `hparams.loss` refer to it. The model makes one layer for all
    features of a class and size.

    Args:
        vocab_size: number of symbols, classes or output channels; None where there is none.
        hidden_size: width of the embedded features.
        roles: which of "inputs" (`bottom`), "targets" (`targets_bottom`) and "top" the layer serves; only variables of
            these are made.
        scale: factor on embeddings.
        shared_embedding: whether inputs and targets use one embedding matrix.
        shared_softmax: whether the softmax uses that matrix too.
        symbol_dropout: fraction of symbols replaced by padding in training.
        kernel_initializer: of projections.
        body_size: width of the body's output; `hidden_size` by default.
        name: the outer scope of the variables; by default `scope_name`. Models give that of the problem's modality.

    Call arguments:
        x: an input feature, as for `bottom`.
        training: whether the step trains.

    Returns:
        float [batch, ..., hidden_size], as `bottom`.

    Example:
        >>> @registry.register_modality
        ... class AbsoluteError(Real):  # models that take "real" take it too
        ...     @staticmethod
        ...     def loss(logits, targets, label_smoothing=0.0):  # one loss a target position
        ...         return ops.abs(ops.reshape(logits, ops.shape(targets)) - targets)

    Reference:
        T2T `layers/modalities.py`.
    """

    scope = ""  # T2T's scope of the variables, may contain {vocab_size} and {hidden_size}; "": the class's name
    has_symbols = True  # whether `vocab_size` counts symbols, which `hparams.vocab_divisor` may round up
    settings: tuple[str, ...] = ()  # further constructor arguments, filled in from hyperparameters of the same names

    def __init__(
        self,
        vocab_size: int | None,
        hidden_size: int,
        roles: Collection[str] = ("inputs", "targets", "top"),
        scale: float = 1.0,
        shared_embedding: bool = False,
        shared_softmax: bool = False,
        symbol_dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        body_size: int | None = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("name", self.scope_name(vocab_size, hidden_size))
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.roles = frozenset(roles)
        self.scale = scale
        self.shared_embedding = shared_embedding or shared_softmax
        self.shared_softmax = shared_softmax
        self.symbol_dropout = symbol_dropout
        self.body_size = body_size or hidden_size
        self.kernel_initializer = unseeded(kernel_initializer)

    @classmethod
    def scope_name(cls, vocab_size: int | None, hidden_size: int) -> str:
        """Returns T2T's name of the scope of the variables."""
        scope = cls.scope or f"{registry.default_name(cls)}_modality"
        return scope.format(vocab_size=vocab_size, hidden_size=hidden_size)

    @classmethod
    def layer_class(cls) -> type["Modality"]:
        """Returns the class whose layer features of this kind share: the parent's if only loss or weights differ."""
        own = {name for name in vars(cls) if not (name.startswith("__") and name.endswith("__")) or name == "__init__"}
        return cls if own - {"loss", "weights_fn"} or cls.__base__ is Modality else cls.__base__.layer_class()

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes no variables."""

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        return self.bottom(x, training)

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        """Embeds an input feature: raw values -> [batch, ..., hidden_size]."""
        return ops.cast(x, self.compute_dtype)

    def targets_bottom(self, x: Tensor, training: bool = False) -> Tensor:
        """Embeds a target feature: raw values -> [batch, ..., hidden_size]."""
        return self.bottom(x, training)

    def top(self, body_output: Tensor) -> Tensor:
        """Turns the body's output [batch, ..., body_size] into logits (or predicted values)."""
        return body_output

    @staticmethod
    def loss(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Returns the loss of each target position, float32."""
        return losses.cross_entropy(logits, targets, label_smoothing)

    @staticmethod
    def weights_fn(targets: Tensor, xp: ModuleType) -> Tensor:
        """Returns which target positions count, float32 0 or 1; `xp` is `tensorflow` or `keras.ops` (see `weights`)."""
        return weights.weights_all(targets, xp)

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        """Returns shape and dtype of the raw feature: by default int32 [batch, length].

        Args:
            shape: that of one example, if the problem gives it.
        """
        return keras.InputSpec("int32", (None, *(shape or (None,))))

    def padding(self, raw: Tensor, embedded: Tensor) -> Tensor:
        """Returns 1.0 at the positions [batch, length] without input, else 0.0.

        Args:
            raw: the input feature.
            embedded: the output of `bottom`, [batch, length, hidden_size].
        """
        empty = ops.equal(raw, 0)
        return ops.cast(
            ops.all(empty, axis=tuple(range(2, len(raw.shape)))) if len(raw.shape) > 2 else empty, "float32"
        )


@registry.register_modality("identity")
class Identity(Modality):
    """Features that are embedded already, and a body whose output is the logits."""

    scope = "identity_modality"

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        return super().feature_spec(shape) if shape else keras.InputSpec("float32", (None, None, self.hidden_size))


@registry.register_modality("generic_l2")
class GenericL2(Identity):
    """`Identity` under a squared loss."""

    scope = "generic_l2_loss_modality"
    loss = staticmethod(losses.squared_error)
