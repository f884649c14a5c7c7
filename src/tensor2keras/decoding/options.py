"""Options of decoding, validated here for `infer`, `decode`, `decode_hparams` and the commands alike."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

METHODS = ("argmax", "random")
BEAM_SIZE = 4  # of `decode` and the commands, unless they sample
ALPHA = 0.6
# argument -> (number type, whether a value is in range, what is)
_RANGES = {
    "beam_size": (Integral, lambda value: value >= 1, "1 or more"),
    "top_beams": (Integral, lambda value: value >= 1, "1 or more"),
    "alpha": (Real, lambda value: value >= 0, "0 or more"),
    "temperature": (Real, lambda value: value >= 0, "0 (argmax) or more"),
    "top_k": (Integral, lambda value: value >= -1, "positive, or 0 for all tokens"),
    "top_p": (Real, lambda value: 0 < value <= 1, "above 0 and at most 1"),
}


class DecodeOptions(NamedTuple):
    """Validated options: beam search for a `beam_size` above 1, else greedy decoding or sampling."""

    beam_size: int = 1
    top_beams: int = 1
    alpha: float = ALPHA
    sampling_method: str = "argmax"
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


def decode_options(
    default_beam_size: int = 1,
    model_hparams: Mapping[str, Any] | None = None,
    *,
    beam_size: int | None = None,
    top_beams: int = 1,
    alpha: float | None = None,
    sampling_method: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
) -> DecodeOptions:
    """Returns the options that arguments ask for; None stands for an argument that is not given.

    A `temperature`, `top_k` or `top_p` means sampling. With any of them, or a `sampling_method`, the beam size is 1.
    `top_k=0` and `top_p=1`, which allow all tokens, ask for nothing.

    Args:
        default_beam_size: the beam size if nothing asks for sampling or greedy decoding.
        model_hparams: `sampling_method`, `sampling_temp` and `sampling_keep_top_k` are the defaults of the arguments
            that are not given.
        beam_size, top_beams, alpha, sampling_method, temperature, top_k, top_p: as for `infer`.

    Raises:
        ValueError: a value out of range, or two arguments of which one would have no effect; both are named.
    """
    given = {
        "sampling_method": sampling_method,
        "temperature": temperature,
        "top_k": top_k if top_k not in (0, -1) else None,
        "top_p": top_p if top_p != 1 else None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    numbers = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    check_ranges(sampling_method, beam_size=beam_size, top_beams=top_beams, alpha=alpha, **numbers)
    if given:
        name, value = next(reversed(given.items()))
        if sampling_method == "argmax" and name != "sampling_method":
            refuse("sampling_method", "argmax", name, value, "argmax takes the most probable token")
        if (beam_size or 1) > 1:
            refuse("beam_size", beam_size, name, value, "beam search neither samples nor is greedy; give beam_size=1")
        if top_beams > 1:
            refuse("top_beams", top_beams, name, value, "only beam search returns several outputs")
        if alpha is not None:
            refuse("alpha", alpha, name, value, "only beam search has a length penalty")
        beam_size, sampling_method = 1, sampling_method or "random"
    beam_size = beam_size or default_beam_size
    if top_beams > beam_size:
        raise ValueError(f"top_beams={top_beams} must be at least 1 and at most beam_size={beam_size}")
    hparams = model_hparams or {}
    defaults = DecodeOptions()
    return DecodeOptions(
        int(beam_size),
        int(top_beams),
        _first(alpha, ALPHA),
        _first(sampling_method, hparams.get("sampling_method"), defaults.sampling_method),
        _first(temperature, hparams.get("sampling_temp"), defaults.temperature),
        _first(top_k, hparams.get("sampling_keep_top_k"), defaults.top_k),
        _first(top_p, defaults.top_p),
    )


def check_ranges(sampling_method: str | None = None, **values: Any) -> None:
    """Raises ValueError for an unknown sampling method, or a number out of range; None is allowed."""
    if sampling_method not in (None, *METHODS):
        raise ValueError(f"sampling_method={sampling_method!r} is unknown; known: {', '.join(METHODS)}")
    for name, value in values.items():
        kind, in_range, wanted = _RANGES[name]
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool) or not in_range(value)):
            whole = "a whole number, " if kind is Integral else ""
            raise ValueError(f"{name}={value!r} must be {whole}{wanted}")


def refuse(name: str, value: Any, other: str, other_value: Any, why: str) -> None:
    """Raises ValueError for two arguments that exclude each other."""
    raise ValueError(f"{name}={value} and {other}={other_value} exclude each other: {why}")


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
