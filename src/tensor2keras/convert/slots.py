"""Training state in a T2T checkpoint: optimizer slots and the step."""

import re

import keras
import numpy as np

from tensor2keras.convert import names
from tensor2keras.optimizers import Adafactor, Adam

# Training state that checkpoints hold in addition to the model's variables.
_STATE = re.compile(
    r"global_step|training/.*|losses_avg/.*|train_stats/.*|.*beta[12]_power|"
    r".*/(Adam|Adafactor|Momentum|RMSProp|ExponentialMovingAverage)(_\d+)?"
)
_SLOT = re.compile(r"(?P<variable>.*)/(?P<slot>(Adam|Adafactor)(_\d+)?)")
_SHARDED = re.compile(r"(.*/weights)_(\d+)")


def is_training_state(name: str) -> bool:
    """Returns whether a checkpoint's variable is training state rather than a weight of the model."""
    return _STATE.fullmatch(name) is not None


def assignments(
    model: keras.Model, state: dict[str, np.ndarray], source: str
) -> list[tuple[keras.Variable, np.ndarray]]:
    """Returns (variable of `model.optimizer`, value) pairs for each slot and the step.

    Raises:
        ValueError: the model is not compiled, its optimizer is neither Adam nor Adafactor, or a slot is missing or of
            another shape.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError("optimizer_state=True needs a compiled model: call model.compile() first")
    if not isinstance(optimizer, Adam | Adafactor):
        raise ValueError(
            f"the state of {type(optimizer).__name__} cannot be taken over; optimizers that can: Adam, Adafactor"
        )
    optimizer.build(model.trainable_variables)
    found = _by_slot(state)
    if "global_step" not in state:
        raise ValueError(f"{source} has no global_step")
    pairs = [(optimizer.iterations, state["global_step"])]
    kind = "Adam" if isinstance(optimizer, Adam) else "Adafactor"
    for index, variable in enumerate(model.trainable_variables):
        for number, slot in enumerate(optimizer.slots(index)):
            key = names.canonical_name(variable.path), f"{kind}_{number}" if number else kind
            if key not in found:
                raise ValueError(f"{source} has no {kind} state for {variable.path}; nothing was loaded")
            pairs.append((slot, _whole(found[key], tuple(slot.shape), f"{source}: {'/'.join(key)}")))
    return pairs


def _by_slot(state: dict[str, np.ndarray]) -> dict[tuple[str, str], list[np.ndarray]]:
    """Returns {(canonical name of the variable, slot): shards in order}."""
    found: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for name, array in state.items():
        if match := _SLOT.fullmatch(name):
            shard = _SHARDED.fullmatch(match["variable"])
            variable, number = (shard[1], int(shard[2])) if shard else (match["variable"], 0)
            found.setdefault((names.canonical_name(variable), match["slot"]), {})[number] = array
    return {key: [parts[number] for number in sorted(parts)] for key, parts in found.items()}


def _whole(parts: list[np.ndarray], shape: tuple[int, ...], name: str) -> np.ndarray:
    """Returns a variable's slot in the optimizer's shape, joined from the slots of its shards.

    Shards are rows of the table: slots with a row axis are concatenated, and Adafactor's means over the rows are
    averaged (the shards differ by one row at most).
    """
    if len(parts) == 1:
        joined = parts[0]
    else:
        joined = np.mean(parts, axis=0) if parts[0].shape == shape else np.concatenate(parts)
    if joined.size != np.prod(shape):
        raise ValueError(f"{name}: {joined.shape} in the source, {shape} in the optimizer; nothing was loaded")
    return joined.reshape(shape)
