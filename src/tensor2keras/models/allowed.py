"""The values a model supports of hyperparameters that choose among names.

A model class declares them in its attribute `allowed`, a dict from the hyperparameter's name to the values it may have.
The tables of its base classes apply as well, where the class does not replace an entry. `T2TModel.__init__` checks the
table before it makes any layer; a hyperparameter that the set does not have is not checked.

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
    """Texts that consist of certain letters.

    Args:
        letters: the letters.
        names: further values.
        empty: whether the empty text is allowed.
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
    """Values that are checked only where other hyperparameters have certain values.

    Args:
        values: the allowed values.
        conditions: {another hyperparameter: the values with which this one is read}.
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
        name: what messages call it.
        hparams: the hyperparameters.

    Raises:
        ValueError: a value that is not allowed, with those that are.
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
