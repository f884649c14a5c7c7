"""Weights of target positions: which of them count in the loss and the metrics (T2T's `common_layers.weights_*`).

The data pipeline weighs batches in tf.data, whatever the Keras backend is; a model without a `sample_weight` weighs
them itself, on its backend. Both use the functions of `WEIGHTS`, whose argument `xp` is `tensorflow` or `keras.ops`;
they use its `cast`, `cumsum`, `ones_like` and `pad`.

Shapes: targets [batch, length] int, 0 for padding (any shape for `weights_nonzero` and `weights_all`); weights float32
of the targets' shape, 0.0 where a position does not count.
"""

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from tensor2keras.symbols import EOS_ID, PAD_ID
from tensor2keras.types import Tensor

WeightsFn = Callable[[Tensor, ModuleType], Tensor]


def weights_nonzero(targets: Tensor, xp: ModuleType) -> Tensor:
    """Returns 1 at every id but 0, which is padding."""
    return xp.cast(targets != PAD_ID, "float32")


def weights_all(targets: Tensor, xp: ModuleType) -> Tensor:
    """Returns 1 everywhere."""
    return xp.ones_like(targets, dtype="float32")


def weights_examples(targets: Tensor, xp: ModuleType) -> Tensor:
    """Returns 1 for each example, [batch], of targets [batch, classes] with one loss per example."""
    return xp.ones_like(targets[:, 0], dtype="float32")


def weights_prepend_inputs_to_targets(targets: Tensor, xp: ModuleType) -> Tensor:
    """Returns 1 at the ids after the first 0, which ends the prepended inputs."""
    return weights_multi_problem(targets, xp, task_id=PAD_ID)


def weights_concatenated(targets: Tensor, xp: ModuleType) -> Tensor:
    """Returns 1 in every second sentence (ended by EOS), except at its first two ids, which name the language."""
    ends = xp.cast(targets == EOS_ID, "int32")
    sentence = xp.cumsum(ends, axis=1) - ends  # an EOS belongs to the sentence that it ends
    two_before = xp.pad(sentence + 1, ((0, 0), (2, 0)))[:, :-2] - 1
    return xp.cast((sentence % 2 == 1) & (sentence == two_before), "float32")


def weights_multi_problem(targets: Tensor, xp: ModuleType, task_id: int) -> Tensor:
    """Returns 1 at the ids after `task_id`, which separates inputs from outputs in examples of several problems."""
    after = xp.cumsum(xp.cast(targets == task_id, "int32"), axis=1) > 0
    return xp.cast(after & (targets != task_id) & (targets != PAD_ID), "float32")


def weights_multi_problem_all(targets: Tensor, xp: ModuleType, task_id: int) -> Tensor:
    """Returns 1 at all ids of examples of the problem `task_id`, inputs included."""
    of_task = xp.cumsum(weights_multi_problem(targets, xp, task_id), axis=1)[:, -1:] > 0
    return xp.cast(of_task & (targets != PAD_ID), "float32")


def weights_multi_problem_input(targets: Tensor, xp: ModuleType, task_id: int) -> Tensor:
    """Returns 1 at the inputs (and the id) of examples of the problem `task_id`."""
    return weights_multi_problem_all(targets, xp, task_id) - weights_multi_problem(targets, xp, task_id)


WEIGHTS: dict[str, Callable[..., Tensor]] = {
    function.__name__: function
    for function in (
        weights_all,
        weights_concatenated,
        weights_examples,
        weights_multi_problem,
        weights_multi_problem_all,
        weights_multi_problem_input,
        weights_nonzero,
        weights_prepend_inputs_to_targets,
    )
}
OF_TASKS = frozenset(name for name in WEIGHTS if name.startswith("weights_multi_problem"))


def get(name: str) -> WeightsFn:
    """Returns a function of `WEIGHTS` by name; `weights_multi_problem*` take a task id: `weights_multi_problem:4`.

    Raises:
        ValueError: unknown name, with the known ones; a missing task id, or one where none is taken.
    """
    base, _, task_id = str(name).partition(":")
    if base not in WEIGHTS or not (task_id.isdecimal() if base in OF_TASKS else base == name):
        allowed = ", ".join(f"{known}:TASK_ID" if known in OF_TASKS else known for known in sorted(WEIGHTS))
        raise ValueError(f"unknown weights_fn {name!r}; allowed: {allowed}")
    return functools.partial(WEIGHTS[base], task_id=int(task_id)) if task_id else WEIGHTS[base]


def targets_weights_fn(hparams: Mapping[str, Any], modality: Any, training: bool) -> WeightsFn:
    """Returns the function that weighs targets, by the first of these rules that applies.

    1. `hparams.weights_fn["targets"]`, a name of `WEIGHTS`.
    2. `weights_prepend_inputs_to_targets` with `hparams.prepend_mode`, for modalities whose weights are
       `weights_nonzero`; but not in training with masked attention, where the model predicts the inputs too.
    3. The modality's own `weights_fn`.

    Args:
        hparams: the model's hyperparameters.
        modality: the targets' `Modality` class.
        training: whether the weights are for a training step.

    Raises:
        ValueError: unknown name, with those allowed; a weight function for features other than the targets.

    Reference:
        T2T `T2TModel.__init__` (prepend mode), `modalities.get_weights_fn`.
    """
    given = hparams.get("weights_fn") or {}
    others = sorted(set(given) - {"targets"})
    if others:
        raise ValueError(f"hparams.weights_fn has {', '.join(others)}: only targets are weighed")
    if "targets" in given:
        return get(given["targets"])
    mode = hparams.get("prepend_mode") or "none"
    inputs_count = mode == "none" or (mode == "prepend_inputs_masked_attention" and training)
    if modality.weights_fn is weights_nonzero and not inputs_count:
        return weights_prepend_inputs_to_targets
    return modality.weights_fn
