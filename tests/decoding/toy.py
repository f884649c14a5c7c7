"""A language of known probabilities: the next token's logits are looked up by position and previous token."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
from keras import ops

EOS = 1


class TableModel(keras.Model):
    """The logits at `position` after the token p are `table[position, p]`, times 1 + inputs[b, 0] of input b.

    Positions beyond the table use its last row. `traces` counts how often `init_cache` ran in Python.

    Args:
        length: rows of the table.
        vocab_size: number of tokens.
        hparams: what `infer` reads of a T2TModel's, by name.
    """

    def __init__(self, length: int, vocab_size: int, hparams: dict | None = None):
        super().__init__()
        self.hparams = hparams
        self.table = self.add_weight(shape=(length, vocab_size, vocab_size), initializer="zeros", name="table")
        self.traces = 0
        self.built = True

    def set(self, table) -> "TableModel":
        self.table.assign(np.asarray(table, "float32"))
        return self

    def init_cache(self, features, max_length):
        self.traces += 1
        ids = next(iter(features.values()))
        scale = ops.cast(features["inputs"][:, :1], "float32") if "inputs" in features else ops.zeros((ids.shape[0], 1))
        return {"encoder": {"scale": 1.0 + scale}, "history": ops.zeros((ids.shape[0], max_length), "int32")}

    def decode_step(self, ids, position, cache):
        """The previous token is read from the cache, so that beams must be reordered rightly for right results."""
        here = ops.arange(cache["history"].shape[1], dtype="int32") == position
        history = ops.where(here, ids[:, None], cache["history"])  # [rows, length]
        previous = ops.take(history, position, axis=1)
        table = ops.take(self.table.value, ops.minimum(position, self.table.shape[0] - 1), axis=0)
        logits = ops.take(table, previous, axis=0)  # [rows, vocab]
        scale = cache["encoder"]["scale"]  # [batch, 1]: not repeated for the beams
        logits = ops.reshape(logits, (scale.shape[0], -1, logits.shape[-1])) * scale[:, None]
        return ops.reshape(logits, (ids.shape[0], -1)), {"encoder": cache["encoder"], "history": history}


def token_log_probs(table, sequence) -> list[float]:
    """The log-probability of each token of a sequence."""
    result, previous = [], 0
    for position, token in enumerate(sequence):
        logits = np.asarray(table, "float64")[min(position, len(table) - 1), previous]
        result.append(logits[token] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
        previous = token
    return result


def best_sequences(table, length: int, alpha: float) -> list[tuple[float, tuple[int, ...]]]:
    """Every sequence of at most `length` tokens that ends in EOS with its score, best first."""
    scored = []
    for n in range(1, length + 1):
        for body in itertools.product([t for t in range(table.shape[-1]) if t != EOS], repeat=n - 1):
            sequence = (*body, EOS)
            scored.append((sum(token_log_probs(table, sequence)) / ((5 + n) / 6) ** alpha, sequence))
    return sorted(scored, reverse=True)


class Letters:
    """An encoder: a is 2, b is 3, ...; unknown letters have no id."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - ord("a") + 2 for letter in text]

    def decode(self, ids) -> str:
        return "".join(chr(i + ord("a") - 2) for i in ids)


def letters_problem(*features: str) -> SimpleNamespace:
    """A problem whose features are texts of letters."""
    return SimpleNamespace(
        name="letters", get_feature_encoders=lambda data_dir=None: dict.fromkeys(features, Letters())
    )


def language_model_hparams(vocab_size: int) -> dict:
    """The hparams of a model that continues prompts."""
    return {"problem": {"features": {"targets": {"modality": "symbol", "vocab_size": vocab_size}}}}
