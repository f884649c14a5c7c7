"""The values that a model supports for hyperparameters that choose among names.

A model class declares them in its attribute `allowed`, a dict from a hyperparameter's name to its values, which extends
those of its base classes. `T2TModel.__init__` checks it before any layer is made; hyperparameters that the set does not
have are not checked.

Example:
    >>> class MyModel(T2TModel):
    ...     allowed = {"pos": ("timing", "none"), "layer_preprocess_sequence": Letters("nd", names=("none",))}
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

from tensor2keras.hparams import HParams


@dataclasses.dataclass(frozen=True)
class Letters:
    """Strings that consist of certain letters.

    Args:
        letters: the letters.
        names: further values.
        empty: whether the empty string is allowed.
    """

    letters: str
    names: tuple[str | None, ...] = ()
    empty: bool = True

    def __contains__(self, value: Any) -> bool:
        if value in self.names:
            return True
        return isinstance(value, str) and set(value) <= set(self.letters) and (self.empty or value != "")

    def __str__(self) -> str:
        return ", ".join([*map(str, self.names), f"letters of {self.letters}"])


@dataclasses.dataclass(frozen=True)
class When:
    """Values that are checked only if other hyperparameters have certain values.

    Args:
        values: the allowed values.
        conditions: {another hyperparameter: its values for which this one is checked}.
    """

    values: Iterable[Any]
    conditions: dict[str, tuple]


Allowed = dict[str, Iterable[Any] | Letters | When]  # {hyperparameter: its values}


def allowed_values(model: type) -> Allowed:
    """Returns the table of a model class: its own entries and those of its base classes."""
    table: Allowed = {}
    for base in reversed(model.__mro__):
        table |= vars(base).get("allowed", {})
    return table


def check_allowed(model: type, name: str, hparams: HParams) -> None:
    """Checks hparams against the table of a model class.

    Args:
        model: the class.
        name: the model's name in messages.
        hparams: the hyperparameters.

    Raises:
        ValueError: a value that is not allowed; the message lists the allowed ones.
    """
    for hparam, values in allowed_values(model).items():
        if hparam not in hparams:
            continue
        if isinstance(values, When):
            if any(hparams.get(other) not in those for other, those in values.conditions.items()):
                continue
            values = values.values
        values = values if isinstance(values, Letters) else tuple(values)
        if hparams[hparam] not in values:
            known = values if isinstance(values, Letters) else ", ".join(sorted(map(str, values)))
            raise ValueError(f"hparams.{hparam}={hparams[hparam]!r} is not supported by {name}; allowed: {known}")
