"""Modalities of classes: labels [batch] int, or one-hot and multi-hot [batch, classes]."""

from typing import Any

import keras
from keras import ops

from tensor2keras import registry, weights
from tensor2keras.layers import pooling
from tensor2keras.layers.embedding import TableEmbedding
from tensor2keras.layers.modality import losses
from tensor2keras.layers.modality.base import Modality
from tensor2keras.types import Shape, Tensor


@registry.register_modality("class_label")
class ClassLabel(Modality):
    """One class per example: the body's output, averaged over all positions, projected to the classes."""

    scope = "class_label_modality_{vocab_size}_{hidden_size}"
    top_scope = ""  # that T2T's function of the top opens within the modality's; "": the same once more
    pool = staticmethod(pooling.mean)

    def __init__(self, vocab_size: int, hidden_size: int, **kwargs: Any):
        super().__init__(vocab_size, hidden_size, **kwargs)
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

    def build(self, input_shape: Shape | None = None) -> None:
        if self.embedding is not None:
            with keras.name_scope(ClassLabel.scope_name(self.vocab_size, self.hidden_size)):
                self.embedding.build()
        if self.dense is not None:
            scope = self.top_scope or self.scope
            with keras.name_scope(scope.format(vocab_size=self.vocab_size, hidden_size=self.hidden_size)):
                self.dense.build((None, self.body_size))

    def bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return self.embedding(x)

    def targets_bottom(self, x: Tensor, training: bool = False) -> Tensor:
        return ops.zeros((ops.shape(x)[0], 1, self.hidden_size), self.compute_dtype)  # classes are never fed back

    def top(self, body_output: Tensor) -> Tensor:
        return self.dense(self.pool_positions(body_output))

    def without_padding(self, body_output: Tensor, padding: Tensor) -> Tensor:
        """Pools the real positions of [batch, length, body_size], so that `top` sees no others.

        Args:
            body_output: [batch, length, body_size].
            padding: 1.0 at padding, [batch, length].

        Returns:
            [batch, 1, body_size].
        """
        return self.pool(body_output, padding)[:, None]

    def feature_spec(self, shape: Shape | None = None) -> keras.InputSpec:
        if type(self).weights_fn is weights.weights_examples:  # one-hot or multi-hot
            return keras.InputSpec("float32", (None, self.vocab_size))
        return keras.InputSpec("int32", (None,))

    def pool_positions(self, x: Tensor) -> Tensor:
        """[batch, ..., body_size] -> [batch, body_size]."""
        return self.pool(x)


@registry.register_modality("one_hot_class_label")
class OneHotClassLabel(ClassLabel):
    """`ClassLabel` with one-hot targets [batch, classes]."""

    loss = staticmethod(losses.one_hot_cross_entropy)
    weights_fn = staticmethod(weights.weights_examples)


@registry.register_modality("sigmoid_class_label")
class SigmoidClassLabel(ClassLabel):
    """Several classes per example, each with its own sigmoid; multi-hot targets, average pooling."""

    scope = "sigmoid_class_symbol_modality_{vocab_size}_{hidden_size}"
    top_scope = ClassLabel.scope
    loss = staticmethod(losses.sigmoid_cross_entropy)
    weights_fn = staticmethod(weights.weights_examples)


@registry.register_modality("sigmoid_max_pooling_class_label")
class SigmoidMaxPoolingClassLabel(SigmoidClassLabel):
    """`SigmoidClassLabel` with max pooling."""

    scope = top_scope = "sigmoid_max_pooling_class_symbol_modality_{vocab_size}_{hidden_size}"
    pool = staticmethod(pooling.maximum)


@registry.register_modality("softmax_average_pooling_class_label")
class SoftmaxAveragePoolingClassLabel(OneHotClassLabel):
    """One-hot targets; average pooling."""

    scope = "softmax_average_pooling_onehot_class_label_modality_{vocab_size}_{hidden_size}"


@registry.register_modality("softmax_max_pooling_class_label")
class SoftmaxMaxPoolingClassLabel(OneHotClassLabel):
    """One-hot targets; max pooling."""

    scope = "softmax_max_pooling_onehot_class_label_modality_{vocab_size}_{hidden_size}"
    pool = staticmethod(pooling.maximum)


@registry.register_modality("softmax_last_timestep_class_label")
class SoftmaxLastTimestepClassLabel(OneHotClassLabel):
    """One-hot targets; only the last position is projected."""

    scope = "softmax_last_timestep_onehot_class_label_modality_{vocab_size}_{hidden_size}"
    pool = staticmethod(pooling.last)
