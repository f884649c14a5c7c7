"""A problem in memory and a model of two layers that follow the library's protocols and train in milliseconds."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tensor2keras import registry
from tensor2keras.data.problem_hooks import ProblemHooks
from tensor2keras.hparams import HParams
from tensor2keras.training.metrics_log import read

VOCAB = 12


@registry.register_problem("tiny_problem")
class TinyProblem(ProblemHooks):
    """Copies of random ids, of uneven lengths; the order of the training batches is a function of seed and step."""

    name = "tiny_problem"
    stored_features = {}  # noqa: RUF012  # nothing on disk

    def __init__(self, data_dir=None, tmp_dir=None, was_reversed=False, was_copy=False):
        pass

    def get_hparams(self, hparams: Any = None) -> dict[str, Any]:
        feature = {"modality": "symbol", "vocab_size": VOCAB}
        return {"name": self.name, "features": {"inputs": feature, "targets": feature}, "eval_metrics": ["accuracy"]}

    def dataset(self, split, hparams, *, num_replicas=1, seed=0, start_step=0, shuffle=None, repeat=None):
        import tensorflow as tf

        train = split == "train"
        rows = hparams.batch_size * num_replicas

        def batch(step):
            state = tf.stack([tf.cast(step, tf.int32), seed if train else {"validation": -1, "test": -2}[split]])
            ids = tf.random.stateless_uniform([rows, 6], state, 2, VOCAB, tf.int32)
            lengths = tf.random.stateless_uniform([rows, 1], state + 1, 1, 7, tf.int32)
            ids = tf.where(tf.range(6)[None] < lengths, ids, 0)
            mask = tf.cast(ids != 0, tf.float32)
            return {"inputs": ids, "targets": ids}, ids, mask / tf.reduce_sum(mask)

        steps = tf.data.Dataset.range(start_step, 2**62) if train else tf.data.Dataset.range(4)
        return steps.map(batch)


class PoisonedRate(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate, NaN from one update on."""

    def __init__(self, rate: float, nan_from: int):
        self.rate, self.nan_from = rate, nan_from

    def __call__(self, step):
        return ops.where(step < self.nan_from, self.rate, float("nan"))


@registry.register_model("tiny_model")
class TinyModel(keras.Model):
    """Embedding, dropout and softmax; from update `hparams.nan_from` on the weights become NaN."""

    def __init__(self, hparams: HParams):
        super().__init__(name="tiny_model")
        self.hparams = hparams
        self.embedding = keras.layers.Dense(8, use_bias=False, name="embedding")
        self.dropout = keras.layers.Dropout(hparams.dropout, name="dropout")
        self.softmax = keras.layers.Dense(VOCAB, name="softmax")

    def build(self, input_shape: Any = None) -> None:
        self.embedding.build((None, None, VOCAB))
        self.dropout.build((None, None, 8))
        self.softmax.build((None, None, 8))
        self.built = True

    def call(self, features, training=False):
        return self.softmax(self.dropout(self.embedding(ops.one_hot(features["inputs"], VOCAB)), training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
        return ops.sum(losses * sample_weight)

    def compile(self, jit_compile=False, training_metrics=True):
        rate = PoisonedRate(self.hparams.learning_rate, self.hparams.nan_from)
        super().compile(optimizer=keras.optimizers.Adam(rate), jit_compile=jit_compile)


@registry.register_hparams("tiny_set")
def tiny_set() -> HParams:
    """Small values."""
    return HParams(batch_size=8, dropout=0.2, learning_rate=0.01, nan_from=10**6)


def tiny_hparams(**values: Any) -> HParams:
    """`tiny_set` for the tiny problem, with other values."""
    return tiny_set().extend(problem=TinyProblem().get_hparams()).override(values)


def build(**values: Any) -> TinyModel:
    """A tiny model with all its variables, the optimizer's too."""
    model = TinyModel(tiny_hparams(**values))
    model.compile()
    model.build()
    model.optimizer.build(model.trainable_variables)
    return model


def fill(model: keras.Model, value: float) -> None:
    """Sets the i-th weight to `value` + i."""
    for i, variable in enumerate(model.trainable_variables):
        variable.assign(np.full(variable.shape, value + i))


def rows_of(output_dir: Path, split="train", column="loss") -> list[tuple[int, float]]:
    """[(step, value)] from a run's metrics.csv."""
    return [(row["step"], row[column]) for row in read(output_dir / "metrics.csv")[1] if row["split"] == split]


def losses(output_dir: Path) -> np.ndarray:
    """The training losses, step by step (of runs with log_steps=1)."""
    return np.array([loss for _, loss in rows_of(output_dir)])
