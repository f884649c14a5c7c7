"""Models, problems, hyperparameter sets and ranges, optimizers and modalities by name (T2T's `utils/registry.py`).

Everything registers itself with a decorator where it is defined. Names are looked up lazily: the package's own modules
and the installed plug-ins (entry points `tensor2keras.plugins`) are imported when a name is first asked for.

Example:
    >>> hparams = hparams("transformer_base", problem="translate_ende_wmt32k", overrides="dropout=0.2")
    >>> network = model("transformer", hparams)
"""

import copy
import difflib
import importlib
import importlib.metadata
import inspect
import numbers
import os
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from tensor2keras.hparams import HParams, MissingHParamError

ALIASES = {
    "model": {"bytenet": "byte_net", "slicenet": "slice_net", "imagetransformerpp": "imagetransformer"},
    "hparams set": {"shake_shake_big": "shakeshake_big"},
    "problem": {"languagemodel_enwik8_l65k": "enwik8_l65k"},
    "hparams range": {},
    "optimizer": {},
    "modality": {},
}

_LARGEST, _MOST_LAYERS = 2**31 - 1, 10_000  # of a hyperparameter that is an integer, and of one that counts layers
_CAMEL_1 = re.compile(r"(.)([A-Z][a-z0-9]+)")
_CAMEL_2 = re.compile(r"([a-z0-9])([A-Z])")


def default_name(obj: Callable) -> str:
    """Returns T2T's name of a class or function: `TranslateEndeWmt32k` -> `translate_ende_wmt32k`."""
    return snake_case(obj.__name__)


def snake_case(name: str) -> str:
    """Returns a name in snake case: `RMSProp` -> `rms_prop`."""
    return _CAMEL_2.sub(r"\1_\2", _CAMEL_1.sub(r"\1_\2", name)).lower()


class Registry:
    """Objects of one kind by name.

    Args:
        kind: the kind in messages, such as "model".
        modules: this package's modules that register entries; imported at the first lookup.
    """

    def __init__(self, kind: str, modules: tuple[str, ...]):
        self.kind = kind
        self._modules = modules
        self._entries: dict[str, Callable] = {}
        self._loaded = False

    def register(self, name: str | Callable | None = None) -> Callable:
        """Registers an object: a decorator, bare (`@register`) or with a name (`@register("name")`).

        Raises:
            ValueError: another object has the name; the message has both places. Running the same definition again (a
                notebook cell) replaces the object.
        """
        if callable(name):
            return self._add(default_name(name), name)
        return lambda obj: self._add(name or default_name(obj), obj)

    def _add(self, name: str, obj: Callable) -> Callable:
        old = self._entries.get(name)
        if old is not None and (old.__module__, old.__qualname__) != (obj.__module__, obj.__qualname__):
            raise ValueError(
                f"{self.kind} {name!r} is already registered by {_place(old)}; {_place(obj)} needs another name"
            )
        self._entries[name] = obj
        return obj

    def __getitem__(self, name: str) -> Callable:
        """Returns the registered object; raises KeyError with the closest names if there is none."""
        self._load()
        entry = self._entries.get(name) or self._entries.get(ALIASES[self.kind].get(name, ""))
        if entry is None:
            close = difflib.get_close_matches(name, self._entries, n=4, cutoff=0.5)
            hint = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(sorted(self._entries))}"
            raise KeyError(f"unknown {self.kind} {name!r}; {hint}")
        return entry

    def __contains__(self, name: str) -> bool:
        self._load()
        return name in self._entries or ALIASES[self.kind].get(name) in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._load()
        return len(self._entries)

    def name_of(self, obj: Callable) -> str | None:
        """Returns the name under which `obj` is registered, or None; imports nothing."""
        return next((name for name, entry in self._entries.items() if entry is obj), None)

    def summary(self, name: str) -> str:
        """Returns the first line of the entry's docstring."""
        return (inspect.getdoc(self[name]) or "").partition("\n")[0]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # first, because the modules imported below may look up names
        for module in self._modules:
            importlib.import_module(module)
        load_plugins()


models = Registry("model", ("tensor2keras.models",))
problems = Registry("problem", ("tensor2keras.data.all_problems",))
hparams_sets = Registry("hparams set", ("tensor2keras.models",))
hparams_ranges = Registry("hparams range", ("tensor2keras.models",))
optimizers = Registry("optimizer", ("tensor2keras.optimizers",))
modalities = Registry("modality", ("tensor2keras.layers.modality",))

register_model = models.register
register_problem = problems.register
register_hparams = hparams_sets.register
register_ranged_hparams = hparams_ranges.register
register_optimizer = optimizers.register
register_modality = modalities.register


def variants_of(module: str) -> Callable[..., Callable[[], HParams]]:
    """Returns the function `variant`, which registers an hparams set that is another one with some values changed.

    `variant(name, base, doc="", **changes)` returns a function of no arguments that makes the set, as
    `@register_hparams` does. `base` is such a function, `doc` the docstring (by default the base and the changes), and
    `changes` are values of hyperparameters that the base has.

    Args:
        module: `__name__` of the module in which the sets are defined.

    Example:
        >>> variant = registry.variants_of(__name__)
        >>> transformer_wide = variant("transformer_wide", transformer_base, hidden_size=1024, num_heads=16)
        >>> transformer_wide().num_heads
        16
    """

    def variant(name: str, base: Callable[[], HParams], doc: str = "", /, **changes: Any) -> Callable[[], HParams]:
        def make() -> HParams:
            return base().override(copy.deepcopy(changes))

        values = ", ".join(f"{key}={value}" for key, value in changes.items())
        make.__doc__ = doc or (f"{base.__name__} with {values}." if values else f"The same as {base.__name__}.")
        make.__name__ = make.__qualname__ = name
        make.__module__ = module
        return register_hparams(name)(make)

    return variant


def problem_variants_of(module: str) -> Callable[..., type]:
    """Returns the function `variant(class_name, base, doc, **attributes)` for the problems of a module.

    It registers and returns a subclass of `base` (a class or a tuple of classes) that differs in class attributes only,
    under the class's name in snake case.

    Example:
        ```python
        variant = registry.problem_variants_of(__name__)
        ReverseWords8k = variant(
            "ReverseWords8k", ReverseWords, "Reversed words, 8k subwords.", approx_vocab_size=2**13
        )
        ```
    """

    def variant(class_name: str, base: type | tuple[type, ...], doc: str, **attributes: Any) -> type:
        bases = base if isinstance(base, tuple) else (base,)
        return register_problem(type(class_name, bases, {"__module__": module, "__doc__": doc, **attributes}))

    return variant


_plugins_loaded = False


def load_plugins() -> None:
    """Imports every installed package's entry point in the group `tensor2keras.plugins`, once."""
    global _plugins_loaded
    if not _plugins_loaded:
        _plugins_loaded = True
        for entry_point in importlib.metadata.entry_points(group="tensor2keras.plugins"):
            entry_point.load()


def parse_problem_name(name: str) -> tuple[str, bool, bool]:
    """`"x_rev_copy"` -> `("x", was_reversed=True, was_copy=True)`; a registered name is returned whole."""
    was_reversed = was_copy = False
    while name not in problems:
        if name.endswith("_rev") and not was_reversed:
            name, was_reversed = name.removesuffix("_rev"), True
        elif name.endswith("_copy") and not was_copy:
            name, was_copy = name.removesuffix("_copy"), True
        else:
            break
    return name, was_reversed, was_copy


def problem(name: str, data_dir: str | None = None, tmp_dir: str | None = None, **kwargs: Any) -> Any:
    """Returns a problem by name; the suffix `_rev` swaps inputs and targets, `_copy` copies the targets to the inputs.

    Args:
        name: registered name, with or without suffixes.
        data_dir: folder of generated data and vocabularies; `~` and `$VARS` are expanded.
        tmp_dir: folder of raw downloads and the user's own files.
        **kwargs: further arguments of the problem's class.

    Raises:
        KeyError: unknown name, with the closest ones.
    """
    base, was_reversed, was_copy = parse_problem_name(name)
    return problems[base](data_dir=data_dir, tmp_dir=tmp_dir, was_reversed=was_reversed, was_copy=was_copy, **kwargs)


def hparams(
    name: str,
    problem: Any = None,
    overrides: str | Mapping[str, Any] | None = None,
    *,
    inputs_vocab_size: int | None = None,
    targets_vocab_size: int | None = None,
) -> HParams:
    """Returns a hyperparameter set by name.

    Args:
        name: registered name.
        problem: a Problem, a problem's name or the plain dict of `Problem.get_hparams`; stored as `hparams.problem`.
            Without one, `hparams.problem` is None and a model built from the set works on embedded features.
        overrides: `"a=1,b=2"` or a mapping; type-checked.
        inputs_vocab_size, targets_vocab_size: instead of a problem, for a model on arrays of ids: [batch, length]
            integers below the vocabulary's size, where 0 is padding and 1 ends a sequence. Without
            `inputs_vocab_size` the model is a language model.

    Raises:
        KeyError: unknown set or hyperparameter, with the closest names.
        ValueError: a value of another type, a dict that describes no problem, or vocabulary sizes beside a problem.

    Example:
        >>> hparams = registry.hparams("transformer_small", inputs_vocab_size=20, targets_vocab_size=20)
        >>> model = registry.model("transformer", hparams)
        >>> model.compile()
        >>> model.fit({"inputs": x, "targets": y}, y)
    """
    if inputs_vocab_size is not None or targets_vocab_size is not None:
        if problem is not None:
            raise ValueError("a problem has its vocabulary sizes: give inputs_vocab_size and targets_vocab_size alone")
        problem = _problem_of_ids(inputs_vocab_size, targets_vocab_size)
    result = hparams_sets[name]()
    if isinstance(problem, str):
        problem = globals()["problem"](problem)
    if _is_problem(problem):
        for added, value in problem.model_hparams().items():
            if added not in result:
                result.add_hparam(added, value)
    if overrides:
        result.override(overrides)
    set_problem(result, problem)
    return result


def _problem_of_ids(inputs_vocab_size: int | None, targets_vocab_size: int | None) -> dict[str, Any]:
    """Returns the plain description of a problem from ids to ids, or of a language model."""
    sizes = {"inputs": inputs_vocab_size, "targets": targets_vocab_size}
    if inputs_vocab_size is None:
        del sizes["inputs"]
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 2:
            raise ValueError(f"{name}_vocab_size={size!r} must be an integer of at least 2: 0 is padding, 1 is the end")
    return {
        "name": "ids",
        "features": {name: {"modality": "symbol", "vocab_size": int(size)} for name, size in sizes.items()},
        "eval_metrics": ["accuracy", "accuracy_per_sequence", "neg_log_perplexity"],
    }


def _check_description(problem: Any) -> None:
    """Raises ValueError unless this is the plain description of a problem: at least each feature's modality."""
    kinds = Mapping | ConfigDict  # a dict in a ConfigDict becomes one
    features = problem.get("features") if isinstance(problem, kinds) else None
    described = isinstance(features, kinds) and all(
        isinstance(features[name], kinds) and "modality" in features[name] for name in features
    )
    if not described:
        raise ValueError(
            f"problem={reprlib.repr(problem)} is not a problem: give a Problem, a registered name or a dict such as "
            "{'features': {'inputs': {'modality': 'symbol', 'vocab_size': 20}, 'targets': ...}}; for arrays of ids, "
            "inputs_vocab_size and targets_vocab_size instead"
        )


def _is_problem(problem: Any) -> bool:
    """Returns whether this is a Problem, not its plain description."""
    return hasattr(problem, "get_hparams") and not isinstance(problem, type)


def set_problem(hparams: HParams, problem: Any) -> None:
    """Sets `hparams.problem` to the plain description of a problem.

    Args:
        hparams: changed in place.
        problem: a Problem, a problem's name, the plain dict of `Problem.get_hparams`, or None.

    Raises:
        ValueError: a dict that describes no problem.
    """
    if isinstance(problem, str):
        problem = globals()["problem"](problem)
    if _is_problem(problem):
        problem = problem.get_hparams(hparams)
    if problem is not None:
        _check_description(problem)
    with hparams.unlocked(), hparams.ignore_type():
        hparams["problem"] = problem


def model(name: str, hparams: HParams, **kwargs: Any) -> Any:
    """Returns a `keras.Model` by name, ready to call on features.

    Raises:
        KeyError: unknown name, with the closest ones.
        ValueError: an integer beyond 32 bits, or more than 10,000 layers.
        MissingHParamError: `hparams` lack a hyperparameter of the model; the message lists sets that have it.
    """
    _check_sizes(hparams)
    try:
        return models[name](hparams, **kwargs)
    except MissingHParamError as error:
        fitting = _sets_with(error.name, name)
        known = f"; sets that have it: {', '.join(fitting)}" if fitting else ""
        raise MissingHParamError(
            f"{name} needs the hparam {error.name!r}, which these hparams do not have{known}", name=error.name
        ) from None


def model_of_file(name: str, hparams: HParams, path: str | os.PathLike, with_overrides: bool = False) -> Any:
    """Returns the built model of hyperparameters that were read from a file, which may be anybody's.

    Args:
        name, hparams: as for `model`.
        path: the file.
        with_overrides: whether some hyperparameters were given in addition.

    Raises:
        KeyError: unknown name.
        ValueError: no model can be built from the hyperparameters; the file and the reason are named.
    """
    models[name]
    try:
        built = model(name, hparams)
        built.build()
    except Exception as error:  # wrong values end in errors of any kind, of Keras and the backend too
        kind = "" if isinstance(error, ValueError | MemoryError) else f"{type(error).__name__}: "
        source = f"{os.fspath(path)}{' and the overrides' if with_overrides else ''}"
        raise ValueError(f"no {name} can be built from {source}: {kind}{' '.join(str(error).split())}") from error
    return built


def _check_sizes(values: Mapping[str, Any], prefix: str = "hparams") -> None:
    """Raises ValueError for an integer, also one in a list or dict, that is larger than any size or count can be."""
    for name, value in values.items():
        most = _MOST_LAYERS if str(name).endswith("layers") else _LARGEST
        if isinstance(value, Mapping | ConfigDict):
            _check_sizes(value, f"{prefix}.{name}")
        for number in value if isinstance(value, list | tuple) else (value,):
            if isinstance(number, int) and abs(number) > most:
                raise ValueError(f"{prefix}.{name}={number} is out of range: it is at most {most}")


def sets_of(model_name: str) -> list[str]:
    """Returns the names of a model's hparams sets: those of its module and, in a family, of its modules of sets."""
    module = models[model_name].__module__
    beside = f"{module.rpartition('.')[0]}.hparams"
    return [
        name for name in hparams_sets if (place := hparams_sets[name].__module__) == module or place.startswith(beside)
    ]


def _sets_with(hparam: str, model_name: str, most: int = 8) -> list[str]:
    """Returns names of hparams sets that have `hparam`, those of the model if any; at most `most`, short ones first."""
    having = [name for name in hparams_sets if hparam in hparams_sets[name]()]
    own = set(sets_of(model_name))
    fitting = sorted([name for name in having if name in own] or having, key=len)
    return fitting if len(fitting) <= most else [*fitting[:most], "..."]


def optimizer(name: str) -> Any:
    """Returns the function registered as optimizer `name`; T2T's spellings in camel case (`"Adafactor"`) work."""
    return optimizers[name if name in optimizers else snake_case(name)]


def modality(name: str) -> Any:
    """Returns the class registered as modality `name`; T2T's function names (`"identity_top"`) mean their modality.

    Raises:
        KeyError: unknown name, with the closest ones.
    """
    if name not in modalities:
        for suffix in ("_targets_bottom", "_bottom", "_top", "_loss"):
            if name.removesuffix(suffix) in modalities:
                return modalities[name.removesuffix(suffix)]
    return modalities[name]


def ranged_hparams(name: str) -> Any:
    """Returns the hyperparameter range `name`."""
    return hparams_ranges[name]


def _place(obj: Callable) -> str:
    return f"{obj.__module__}.{obj.__qualname__}"
