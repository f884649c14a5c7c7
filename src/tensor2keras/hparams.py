"""HParams: the typed, named hyperparameters of a model and its training (T2T's `utils/hparam.py`)."""

import ast
import copy
import difflib
import json
import math
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

_BOOLS = {"true": True, "1": True, "false": False, "0": False}


class MissingHParamError(AttributeError, ValueError):
    """Raised when a hyperparameter that the set lacks is read; `name` is its name."""


class HParams(ConfigDict):
    """Hyperparameters by name: typed, locked, overridable by a string, JSON in and out.

    Names are fixed once the set is made: assigning an unknown name or a value of another type raises. `add_hparam` adds
    a name. `None` means "unset" and accepts any type.

    Example:
        >>> hparams = HParams(hidden_size=512, dropout=0.1)
        >>> hparams.override("hidden_size=256,dropout=0.3").hidden_size
        256
    """

    _frozen = False

    def __init__(self, initial: Mapping[str, Any] | None = None, type_safe: bool = True, **values: Any):
        """Makes a locked set from a mapping, keyword values, or both; `type_safe` as in `ConfigDict`."""
        initial = initial.to_dict() if isinstance(initial, ConfigDict) else dict(initial or {})
        super().__init__({**initial, **values}, type_safe=type_safe)
        self.lock()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            raise MissingHParamError(f"unknown hparam {name!r}{self._closest(name)}", name=name) from None

    def __reduce__(self):  # ConfigDict's own copying and pickling fill a set that is still unlocked
        return type(self), (self.to_dict(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HParams) and self.to_dict() == other.to_dict()

    __hash__ = None  # mutable

    def __setitem__(self, name: str, value: Any) -> None:  # called by every method that sets a value
        self._check_not_frozen(f"{name!r} cannot be set to {value!r}")
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self._check_not_frozen(f"{name!r} cannot be removed")
        super().__delitem__(name)

    def frozen(self) -> "HParams":
        """Returns a copy whose values, nested ones included, cannot be assigned; copies of that copy can be changed.

        Example:
            >>> hparams = HParams(hidden_size=512).frozen()
            >>> hparams.hidden_size = 256
            AttributeError: hparam 'hidden_size' cannot be set to 256: these hparams are frozen; ...
            >>> copy.deepcopy(hparams).override(hidden_size=256).hidden_size
            256
        """
        result = HParams(copy.deepcopy(self.to_dict()))  # lists are copied too
        with result.unlocked(), result.ignore_type():
            for name, value in result.items():
                if isinstance(value, ConfigDict):
                    result[name] = HParams(value.to_dict()).frozen()
        object.__setattr__(result, "_frozen", True)
        return result

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a new hyperparameter; raises ValueError if `name` exists."""
        if name in self:
            raise ValueError(f"hparam {name!r} is already set to {self[name]!r}")
        with self.unlocked():
            self[name] = value

    def set_hparam(self, name: str, value: Any) -> None:
        """Sets an existing hyperparameter; raises KeyError for an unknown name, ValueError for another type."""
        self._check_known(name)
        self[name] = _as_type_of(self[name], value, name)

    def extend(self, **values: Any) -> "HParams":
        """Adds new hyperparameters, in place, and returns self; raises ValueError if one exists."""
        for name, value in values.items():
            self.add_hparam(name, value)
        return self

    def override(self, overrides: str | Mapping[str, Any] | None = None, **values: Any) -> "HParams":
        """Sets values from `"a=1,b=2"`, a mapping or keywords, in place, and returns self.

        Lists are written `"sizes=[1,2]"`; a string with commas is quoted. All values are checked before any is set.

        Raises:
            KeyError: an unknown name; the message has the closest ones.
            ValueError: a value of another type than the hyperparameter, or a part without "=".
        """
        pairs = parse_overrides(overrides) if isinstance(overrides, str) else dict(overrides or {})
        pairs.update(values)
        for name in pairs:
            self._check_known(name)
        checked = {name: _as_type_of(self[name], value, name) for name, value in pairs.items()}
        for name, value in checked.items():
            if isinstance(self[name], ConfigDict) or self[name] is None:
                with self.ignore_type():
                    self[name] = value
            else:
                self[name] = value
        return self

    parse = override  # T2T's name

    def values(self) -> dict[str, Any]:  # type: ignore[override]  # T2T's meaning: the values by name
        """Returns all hyperparameters as a plain dict."""
        return self.to_dict()

    def to_json(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Returns JSON text with sorted keys."""
        return json.dumps(self.to_dict(), sort_keys=True, **kwargs)

    @classmethod
    def from_json(cls, text: str) -> "HParams":
        """Returns the set that `to_json` serialized."""
        return cls(json.loads(text))

    def _check_known(self, name: str) -> None:
        if name not in self:
            raise KeyError(f"unknown hparam {name!r}{self._closest(name)}")

    def _check_not_frozen(self, refused: str) -> None:
        if self._frozen:
            raise AttributeError(
                f"hparam {refused}: these hparams are frozen; change a copy (copy.deepcopy(hparams)) and build the "
                "model from that"
            )

    def _closest(self, name: str) -> str:
        close = difflib.get_close_matches(name, list(self.keys()), n=3)
        return f"; closest: {', '.join(close)}" if close else ""


class RangedHParams:
    """A search space: the values that a tuner may try for each hyperparameter (T2T's `common_hparams.RangedHParams`).

    Attributes:
        params: {name: {"kind": "categorical" | "discrete" | "int" | "float", "values" or "low" and "high", "scale",
            "length"}}; `scale` is None or one of `SCALES`; `length` is that of a list-valued hyperparameter.
    """

    SCALES = ("UNIT_LINEAR_SCALE", "UNIT_LOG_SCALE", "UNIT_REVERSE_LOG_SCALE")
    LINEAR_SCALE, LOG_SCALE, REVERSE_LOG_SCALE = SCALES

    def __init__(self) -> None:
        self.params: dict[str, dict[str, Any]] = {}

    def set_categorical(self, name: str, categories: list[str], length: int | None = None) -> None:
        """Adds a hyperparameter that is one of several names."""
        self._set(name, kind="categorical", values=list(categories), length=length)

    def set_discrete(
        self, name: str, feasible_points: list[float], scale: str | None = None, length: int | None = None
    ) -> None:
        """Adds a hyperparameter that is one of several numbers."""
        self._set(name, kind="discrete", values=list(feasible_points), scale=scale, length=length)

    def set_float(
        self, name: str, min_val: float, max_val: float, scale: str | None = None, length: int | None = None
    ) -> None:
        """Adds a hyperparameter that is a real number between two bounds."""
        self._set(name, kind="float", low=float(min_val), high=float(max_val), scale=scale, length=length)

    def set_int(
        self, name: str, min_val: int, max_val: int, scale: str | None = None, length: int | None = None
    ) -> None:
        """Adds a hyperparameter that is an integer between two bounds, both included."""
        self._set(name, kind="int", low=int(min_val), high=int(max_val), scale=scale, length=length)

    def _set(self, name: str, **param: Any) -> None:
        if param.get("scale") not in (None, *self.SCALES):
            raise ValueError(f"unknown scale {param['scale']!r} for {name}; known: {', '.join(self.SCALES)}")
        self.params[name] = param


def parse_overrides(text: str) -> dict[str, str]:
    """Splits `"a=1,b=[2,3],c='x,y'"` into names and value texts.

    A quote counts where a value or an element can begin: the apostrophe in `name=it's` is text.

    Raises:
        ValueError: a part without "=", or a quote or bracket that is not closed.
    """
    parts, brackets, quote, start, before = [], [], "", 0, "="
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and before in "=,:([{":
            quote = char
        elif char in "[({":
            brackets.append(char)
        elif char in "])}":
            del brackets[-1:]
        elif char == "," and not brackets:
            parts.append(text[start:i])
            start = i + 1
        before = before if char.isspace() else char
    parts.append(text[start:])
    if quote or brackets:
        raise ValueError(
            f"cannot read the hparams override {_shown(parts[-1])}: {quote or brackets[-1]} is not closed; a text with "
            f"such characters is written in quotes"
        )
    pairs = {}
    for part in (part.strip() for part in parts):
        if not part:
            continue
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"cannot read the hparams override {_shown(part)}: write name=value, separated by commas")
        pairs[name.strip()] = value.strip()
    return pairs


def _as_type_of(current: Any, value: Any, name: str) -> Any:
    """Returns `value` (text or a Python object) converted to the type of `current`; ValueError names both types."""
    wanted = type(current).__name__

    def refuse() -> ValueError:
        return ValueError(f"hparam {name}={_shown(value)} is not of type {wanted} (its value is {current!r})")

    parsed = _literal(value) if isinstance(value, str) and not isinstance(current, str) else value
    if current is None or parsed is None:
        return parsed
    if isinstance(current, bool):
        if isinstance(parsed, bool):
            return parsed
        if str(value).lower() in _BOOLS:
            return _BOOLS[str(value).lower()]
        raise refuse()
    if isinstance(current, int):
        if isinstance(parsed, bool) or not (isinstance(parsed, int) or (isinstance(parsed, float) and parsed % 1 == 0)):
            raise refuse()
        return int(parsed)
    if isinstance(current, float):
        if isinstance(parsed, bool) or not isinstance(parsed, int | float) or _overflows(parsed):
            raise refuse()
        return float(parsed)
    if isinstance(current, str):
        if not isinstance(value, str):
            raise refuse()
        return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    if isinstance(current, list | tuple):
        items = parsed if isinstance(parsed, list | tuple) else [parsed]
        return type(current)(items)
    if isinstance(current, Mapping | ConfigDict):
        if not isinstance(parsed, Mapping | ConfigDict):
            shown = _shown(value)
            raise ValueError(f"hparam {name}={shown} must be a dict by feature, such as {{'targets': {shown}}}")
        return parsed
    if not isinstance(parsed, type(current)):
        raise refuse()
    return parsed


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # the last three: `{[]: 1}`, `-----...1`
        return {"none": None, "true": True, "false": False}.get(text.lower(), text)


def _overflows(number: float) -> bool:
    """Returns whether a number is too large for a float: `1e999` is read as infinity, 10**400 as an integer."""
    try:
        return math.isinf(float(number))
    except OverflowError:
        return True


def _shown(value: Any) -> str:
    """Returns the representation of a value, cut in the middle where it is long."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:60]}...{text[-30:]}"
