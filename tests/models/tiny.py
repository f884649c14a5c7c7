"""Small models with random weights, and batches for them."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tensor2keras import registry
from tensor2keras.backend import compiled

VOCABULARY = 20


def symbol_problem(inputs: bool = True, **values: Any) -> dict[str, Any]:
    """A text problem's plain data; without `inputs` a language model's."""
    symbol = {"modality": "symbol", "vocab_size": VOCABULARY}
    features = {"inputs": symbol, "targets": symbol} if inputs else {"targets": symbol}
    return {"name": "tiny", "features": features, "target_space_id": 2, **values}


def tiny_hparams(hparams_set: str = "transformer_tiny", problem: Any = None, **overrides: Any) -> Any:
    """A set cut down to two layers of width 16, without dropout."""
    small = {
        "hidden_size": 16,
        "filter_size": 24,
        "num_heads": 2,
        "num_hidden_layers": 2,
        "attention_dropout": 0.0,
        "relu_dropout": 0.0,
        "layer_prepostprocess_dropout": 0.0,
    }
    return registry.hparams(hparams_set, problem=problem or symbol_problem(), overrides={**small, **overrides})


def tiny_model(
    name: str = "transformer", hparams_set: str = "transformer_tiny", problem: Any = None, **overrides: Any
) -> Any:
    """A built model; every variable is random, so that none can hide behind a zero or a one."""
    model = registry.model(name, tiny_hparams(hparams_set, problem, **overrides))
    model.build()
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + random.normal(scale=0.1, size=variable.shape))
    return model


def symbols(batch: int, length: int, seed: int = 0) -> np.ndarray:
    """Ids without padding, [batch, length]."""
    return np.random.default_rng(seed).integers(2, VOCABULARY, (batch, length)).astype("int32")


def features(batch: int = 3, inputs: int = 6, targets: int = 5) -> dict[str, np.ndarray]:
    return {"inputs": symbols(batch, inputs, 1), "targets": symbols(batch, targets, 2)}


def run(model: Any, batch: dict[str, np.ndarray], **kwargs: Any) -> np.ndarray:
    return ops.convert_to_numpy(model(batch, **kwargs))


def compiled_step(model: Any) -> Any:
    """`model.decode_step` as one graph: the many steps of an image run it, not Python."""
    return compiled(model, model.decode_step, jit_compile=False)


def compile_for_few_steps(model: Any, optimizer: Any = None) -> None:
    """Compiles a built model, by default with SGD.

    On TensorFlow the steps run eagerly: tracing one takes longer than dozens of them. Every model also trains in a
    graph, in `test_every_model`.
    """
    eagerly = keras.backend.backend() == "tensorflow"
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.1), run_eagerly=eagerly)
    model.optimizer.build(model.trainable_variables)
