"""Modalities: how each kind of feature enters a model (bottom), leaves it (top) and is scored (loss, weights).

`MODALITIES` maps T2T's modality names to layers, `LOSSES` and `WEIGHTS` to functions. A `Modality` is named as T2T
names its variables' scope (`symbol_modality_50_32`); features whose names agree share one.

Shapes: symbols [batch, length] int; class labels [batch] int; real values [batch, ..., channels]; embedded features
[batch, length, hidden].
"""

import math
from collections.abc import Callable, Collection
from typing import Any

import keras
from keras import ops

from tensor2keras.layers.embedding import SymbolEmbedding, TableEmbedding
from tensor2keras.layers.initializer import unseeded

HIDDEN = -1e9  # the logit of what cannot be


class Modality(keras.layers.Layer):
    """One kind of feature: identity in and out; subclasses transform.

    Args:
        vocab_size: number of symbols, classes or output channels; None where there is none.
        hidden_size: the model's width.
        roles: which of "inputs" (`bottom`), "targets" (`targets_bottom`) and "top" it serves: only what they need is
            built.
        scale: factor on embeddings.
        shared_embedding: inputs and targets use one embedding matrix.
        shared_softmax: the softmax uses that matrix too.
        symbol_dropout: share of symbols hidden in training.
        body_size: width of what `top` is given; `hidden_size` by default.
        kernel_initializer: of projections.
    """

    scope = "identity_modality"  # the scope's name; may hold {vocab_size} and {hidden_size}
    settings: tuple[str, ...] = ()  # further arguments, that hyperparameters of these names give

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
        """T2T's name of the scope that holds this modality's variables."""
        return cls.scope.format(vocab_size=vocab_size, hidden_size=hidden_size)

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def bottom(self, x: Any, training: bool = False) -> Any:
        """Raw input feature -> [batch, ..., hidden]."""
        return ops.cast(x, self.compute_dtype)

    def targets_bottom(self, x: Any, training: bool = False) -> Any:
        """Raw target feature -> [batch, ..., hidden]."""
        return self.bottom(x, training)

    def top(self, body_output: Any) -> Any:
        """Body output [batch, ..., hidden] -> logits."""
        return body_output

    def padding(self, raw: Any, embedded: Any) -> Any:
        """1.0 at the positions [batch, length] of `embedded`, the bottom's output for `raw`, that hold no input."""
        return ops.cast(ops.equal(raw, 0), "float32")


class Symbol(Modality):
    """Text: embedded symbols in, a softmax over the vocabulary out."""

    scope = "symbol_modality_{vocab_size}_{hidden_size}"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        shared = self._embedding("shared") if self.shared_embedding else None
        self.input_embedding = self.target_embedding = self.softmax = None
        if "inputs" in self.roles:
            self.input_embedding = shared or self._embedding("input_emb")
        if "targets" in self.roles:
            self.target_embedding = shared or self._embedding("target_emb")
        if "top" in self.roles:
            self.softmax = shared if self.shared_softmax else self._embedding("softmax", self.body_size)

    def _embedding(self, name: str, size: int | None = None) -> SymbolEmbedding:
        return SymbolEmbedding(
            self.vocab_size,
            size or self.hidden_size,
            scale=self.scale,
            symbol_dropout=self.symbol_dropout,
            name=name,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Any = None) -> None:
        if self.softmax is not None and self.shared_softmax and self.body_size != self.hidden_size:
            raise ValueError(
                f"shared_embedding_and_softmax_weights: the body's output is {self.body_size} wide, embeddings are "
                f"{self.hidden_size}"
            )
        for embedding in (self.input_embedding, self.target_embedding, self.softmax):
            if embedding is not None and not embedding.built:
                embedding.build()
        self.built = True

    def bottom(self, x: Any, training: bool = False) -> Any:
        return self.input_embedding(x, training=training)

    def targets_bottom(self, x: Any, training: bool = False) -> Any:
        return self.target_embedding(x, training=training)

    def top(self, body_output: Any) -> Any:
        return self.softmax.logits(body_output)


class CTCSymbol(Symbol):
    """Text written by connectionist temporal classification (Graves et al. 2006): one symbol an input position.

    Symbol 0 is the blank. What is read off the positions, repetitions and blanks left out, is the text.
    """

    def hide_padding(self, logits: Any, padding: Any) -> Any:
        """Logits [batch, length, vocab_size] that surely say blank where `padding` [batch, length] is 1."""
        blank = HIDDEN * ops.cast(ops.arange(logits.shape[-1]) > 0, logits.dtype)
        return ops.where(padding[:, :, None] > 0, blank, logits)


class SymbolOneHot(Modality):
    """Symbols as one-hot vectors; the body's output is the logits."""

    scope = "symbol_modality_{vocab_size}_{hidden_size}"

    def bottom(self, x: Any, training: bool = False) -> Any:
        return ops.one_hot(x, self.vocab_size, dtype=self.compute_dtype)


class ClassLabel(Modality):
    """A class: the body's output is pooled over all positions and projected to a softmax over the classes."""

    scope = "class_label_modality_{vocab_size}_{hidden_size}"
    pool = staticmethod(ops.mean)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.embedding = self.dense = None
        if "inputs" in self.roles:
            self.embedding = TableEmbedding(
                self.vocab_size,
                self.hidden_size,
                scale=self.scale,
                initializer=self.kernel_initializer,
                name="embedding",
                dtype=self.dtype_policy,
            )
        if "top" in self.roles:
            self.dense = keras.layers.Dense(
                self.vocab_size, kernel_initializer=self.kernel_initializer, name="dense", dtype=self.dtype_policy
            )

    def build(self, input_shape: Any = None) -> None:
        with keras.name_scope(self.name):  # T2T's functions open the scope's name a second time
            if self.embedding is not None:
                self.embedding.build()
            if self.dense is not None:
                self.dense.build((None, self.body_size))
        self.built = True

    def bottom(self, x: Any, training: bool = False) -> Any:
        return self.embedding(x)

    def targets_bottom(self, x: Any, training: bool = False) -> Any:
        return ops.zeros((ops.shape(x)[0], 1, self.hidden_size), self.compute_dtype)  # classes are never fed back

    def top(self, body_output: Any) -> Any:
        return self.dense(self.pool_positions(body_output))

    def pool_positions(self, x: Any) -> Any:
        """[batch, ..., hidden] -> [batch, hidden]."""
        return self.pool(x, axis=tuple(range(1, len(x.shape) - 1)))


class SigmoidClassLabel(ClassLabel):
    """Several classes at once, each with its own sigmoid; mean-pooled."""

    scope = "sigmoid_class_symbol_modality_{vocab_size}_{hidden_size}"


class SigmoidMaxPoolingClassLabel(ClassLabel):
    """Several classes at once, each with its own sigmoid; max-pooled."""

    scope = "sigmoid_max_pooling_class_symbol_modality_{vocab_size}_{hidden_size}"
    pool = staticmethod(ops.max)


class SoftmaxAveragePoolingClassLabel(ClassLabel):
    """One-hot class targets; mean-pooled."""

    scope = "softmax_average_pooling_onehot_class_label_modality_{vocab_size}_{hidden_size}"


class SoftmaxMaxPoolingClassLabel(ClassLabel):
    """One-hot class targets; max-pooled."""

    scope = "softmax_max_pooling_onehot_class_label_modality_{vocab_size}_{hidden_size}"
    pool = staticmethod(ops.max)


class SoftmaxLastTimestepClassLabel(ClassLabel):
    """One-hot class targets, from the last position alone."""

    scope = "softmax_last_timestep_onehot_class_label_modality_{vocab_size}_{hidden_size}"

    def pool_positions(self, x: Any) -> Any:
        return x[:, -1]


class Real(Modality):
    """Real values, projected to the model's width and from it to `vocab_size` channels."""

    scope = "real_modality"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)

        def dense(size: int, name: str) -> keras.layers.Dense:
            return keras.layers.Dense(
                size, kernel_initializer=self.kernel_initializer, name=name, dtype=self.dtype_policy
            )

        self.input_projection = dense(self.hidden_size, "bottom") if "inputs" in self.roles else None
        self.target_projection = dense(self.hidden_size, "bottom") if "targets" in self.roles else None
        self.output_projection = dense(self.vocab_size, "top") if "top" in self.roles else None

    def build(self, input_shape: Any = None) -> None:
        with keras.name_scope("real"):
            if self.input_projection is not None:
                self.input_projection.build((None, self.vocab_size))
            if self.output_projection is not None:
                self.output_projection.build((None, self.hidden_size))
        if self.target_projection is not None:
            with keras.name_scope("targets_bottom"), keras.name_scope("real"):
                self.target_projection.build((None, self.vocab_size))
        self.built = True

    def bottom(self, x: Any, training: bool = False) -> Any:
        return self.input_projection(ops.cast(x, self.compute_dtype))

    def targets_bottom(self, x: Any, training: bool = False) -> Any:
        return self.target_projection(ops.cast(x, self.compute_dtype))

    def top(self, body_output: Any) -> Any:
        return self.output_projection(body_output)


class RealL2Loss(Real):
    """`Real` under a squared loss."""

    scope = "real_l2_loss_modality"


class RealLogPoissonLoss(Real):
    """`Real` as the log of a Poisson rate."""

    scope = "real_log_poisson_loss_modality"


MODALITIES: dict[str, type[Modality]] = {
    "class_label": ClassLabel,
    "ctc_symbol": CTCSymbol,
    "generic_l2": Modality,
    "identity": Modality,
    "identity_symbol": type("IdentitySymbol", (Modality,), {"scope": Symbol.scope}),
    "one_hot_class_label": ClassLabel,
    "real": Real,
    "real_l2": RealL2Loss,
    "real_log_poisson": RealLogPoissonLoss,
    "sigmoid_class_label": SigmoidClassLabel,
    "sigmoid_max_pooling_class_label": SigmoidMaxPoolingClassLabel,
    "softmax_average_pooling_class_label": SoftmaxAveragePoolingClassLabel,
    "softmax_last_timestep_class_label": SoftmaxLastTimestepClassLabel,
    "softmax_max_pooling_class_label": SoftmaxMaxPoolingClassLabel,
    "symbol": Symbol,
    "symbol_one_hot": SymbolOneHot,
    "symbol_weights_all": Symbol,
}


# Losses: (logits, targets, label_smoothing) -> float32, one loss a target position.


def cross_entropy(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """Softmax cross-entropy less the best value that smoothed labels allow.

    With smoothing e, the true symbol has probability 1 - e and every other one e / (vocab_size - 1).

    Args:
        logits: [..., vocab_size].
        targets: int [...].
        label_smoothing: e.

    Returns:
        float32 [...].

    Reference:
        T2T `common_layers.smoothing_cross_entropy`.
    """
    vocab_size = logits.shape[-1]
    logits = ops.cast(logits, "float32")
    targets = ops.cast(targets, "int32")
    if not label_smoothing:
        return ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    high, low = 1.0 - label_smoothing, label_smoothing / (vocab_size - 1)
    best = -(high * math.log(high) + (vocab_size - 1) * low * math.log(low + 1e-20))
    soft_targets = ops.one_hot(targets, vocab_size, dtype="float32") * (high - low) + low
    return ops.categorical_crossentropy(soft_targets, logits, from_logits=True) - best


def one_hot_cross_entropy(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """Softmax cross-entropy with one-hot (or soft) targets [batch, classes] -> [batch]."""
    return ops.categorical_crossentropy(ops.cast(targets, "float32"), ops.cast(logits, "float32"), from_logits=True)


def sigmoid_cross_entropy(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """Mean binary cross-entropy of independent classes, targets 0 or 1 [batch, classes] -> [batch]."""
    losses = ops.binary_crossentropy(ops.cast(targets, "float32"), ops.cast(logits, "float32"), from_logits=True)
    return ops.mean(losses, axis=-1)


def squared_error(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """(prediction - target)^2, in the targets' shape."""
    targets = ops.cast(targets, "float32")
    return ops.square(ops.reshape(ops.cast(logits, "float32"), ops.shape(targets)) - targets)


def log_poisson(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """-log of the Poisson likelihood with rate exp(prediction), without the constant term."""
    targets = ops.cast(targets, "float32")
    log_rate = ops.reshape(ops.cast(logits, "float32"), ops.shape(targets))
    return ops.exp(log_rate) - targets * log_rate


def connectionist(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """Minus the log-probability of all ways to write a text (Graves et al. 2006), in equal parts at its symbols.

    Args:
        logits: [batch, positions, vocab_size]; symbol 0 is the blank, and positions that surely say blank cost nothing.
        targets: int [batch, length], texts followed by 0.
        label_smoothing: has no effect, as in T2T.

    Returns:
        float32 [batch, length]; 0 for a text that needs more positions than there are.

    Reference:
        T2T `ctc_symbol_loss`, which takes the last symbol as the blank and the text's length for that of the logits.
    """
    targets, logits = ops.cast(targets, "int32"), ops.cast(logits, "float32")
    symbols = ops.cast(ops.not_equal(targets, 0), "float32")
    lengths = ops.sum(ops.cast(symbols, "int32"), axis=1)  # [batch]
    # Between two equal symbols there must be a blank.
    repeated = ops.logical_and(ops.equal(targets[:, 1:], targets[:, :-1]), ops.not_equal(targets[:, 1:], 0))
    needed = lengths + ops.sum(ops.cast(repeated, "int32"), axis=1)
    free = ops.sum(ops.cast(ops.max(logits[:, :, 1:], axis=-1) > HIDDEN / 2, "int32"), axis=1)  # can say a symbol
    # Sure blanks at the end, enough for every text: what cannot be written costs much, but nothing becomes infinite.
    surely_blank = HIDDEN * ops.cast(ops.arange(logits.shape[-1]) > 0, "float32")
    blanks = ops.ones((ops.shape(logits)[0], 2 * ops.shape(targets)[1] + 1, 1), "float32")
    logits = ops.concatenate([logits, blanks * surely_blank], axis=1)
    positions = ops.full((ops.shape(logits)[0],), ops.shape(logits)[1], "int32")
    losses = ops.ctc_loss(targets, logits, lengths, positions, mask_index=0)
    losses = ops.where(needed <= free, losses, 0.0)
    return losses[:, None] * symbols / ops.maximum(ops.sum(symbols, axis=1, keepdims=True), 1.0)


Loss = Callable[[Any, Any, float], Any]
LOSSES: dict[str, Loss] = {
    "class_label": cross_entropy,
    "ctc_symbol": connectionist,
    "generic_l2": squared_error,
    "identity": cross_entropy,
    "identity_symbol": cross_entropy,
    "one_hot_class_label": one_hot_cross_entropy,
    "real": squared_error,
    "real_l2": squared_error,
    "real_log_poisson": log_poisson,
    "sigmoid_class_label": sigmoid_cross_entropy,
    "sigmoid_max_pooling_class_label": sigmoid_cross_entropy,
    "softmax_average_pooling_class_label": one_hot_cross_entropy,
    "softmax_last_timestep_class_label": one_hot_cross_entropy,
    "softmax_max_pooling_class_label": one_hot_cross_entropy,
    "symbol": cross_entropy,
    "symbol_one_hot": cross_entropy,
    "symbol_weights_all": cross_entropy,
}


# Weights: targets -> float32 weights in their shape, 0 where a position does not count.


def weights_nonzero(targets: Any) -> Any:
    """1 at every symbol but padding."""
    return ops.cast(ops.not_equal(targets, 0), "float32")


def weights_all(targets: Any) -> Any:
    """1 everywhere."""
    return ops.ones(ops.shape(targets), "float32")


def weights_prepend_inputs_to_targets(targets: Any) -> Any:
    """1 at the symbols after the first 0, which ends the prepended inputs."""
    return weights_past_first(0, targets)


def weights_past_first(symbol: int, targets: Any) -> Any:
    """1 at the nonzero positions after the first occurrence of `symbol` in each row."""
    here = ops.cast(ops.equal(targets, symbol), "int32")
    before = ops.cumsum(here, axis=1) - here
    return ops.cast(ops.logical_and(before > 0, ops.not_equal(targets, 0)), "float32")


def weights_concatenated(targets: Any) -> Any:
    """1 in every second sentence (they end in EOS=1), but for its first two symbols, which name the language."""
    sentence = ops.cumsum(ops.cast(ops.equal(targets, 1), "int32"), axis=1)
    sentence = ops.pad(sentence, ((0, 0), (1, 0)))[:, :-1]  # EOS belongs to the sentence that it ends
    two_before = ops.pad(sentence + 1, ((0, 0), (2, 0)))[:, :-2] - 1
    counted = ops.logical_and(ops.equal(sentence % 2, 1), ops.equal(sentence, two_before))
    return ops.cast(counted, "float32")


WEIGHTS: dict[str, Callable[[Any], Any]] = {
    "weights_all": weights_all,
    "weights_concatenated": weights_concatenated,
    "weights_nonzero": weights_nonzero,
    "weights_prepend_inputs_to_targets": weights_prepend_inputs_to_targets,
    "ctc_symbol": weights_nonzero,
    "identity_symbol": weights_nonzero,
    "symbol": weights_nonzero,
    "symbol_one_hot": weights_nonzero,
}


def lookup(table: dict[str, Any], name: str, what: str) -> Any:
    """`table[name]`, where T2T's function names (`identity_top`) mean their modality.

    Raises:
        ValueError: unknown name, with the known ones.
    """
    for suffix in ("", "_targets_bottom", "_bottom", "_top", "_loss"):
        if name.endswith(suffix) and name.removesuffix(suffix) in table:
            return table[name.removesuffix(suffix)]
    raise ValueError(f"unknown {what} {name!r}; known: {', '.join(sorted(table))}")
