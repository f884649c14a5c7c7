"""Learning-rate schedules: T2T's composed and legacy ones (`utils/learning_rate.py`).

A schedule is a product of named factors, written "constant*linear_warmup*rsqrt_decay". The factor "legacy" is T2T's
older form: a warm-up followed by one of `LEGACY_DECAYS`. Steps count from 0, so the first update of a schedule with
`linear_warmup` has learning rate exactly 0. A new factor is an entry of `FACTORS`.
"""

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from tensor2keras.hparams import HParams
from tensor2keras.types import Tensor


@dataclasses.dataclass(frozen=True)
class Settings:
    """Parameters of the factors; most are T2T's hparams of the same name with the prefix `learning_rate_`.

    Attributes:
        constant: value of the factor "constant".
        warmup_steps: steps of warm-up; 0 for none.
        decay_steps, decay_rate, decay_staircase: parameters of the exponential, linear and cosine decays.
        cosine_cycle_steps: steps from the maximum of the legacy cosine to its minimum.
        hidden_size: width of the model.
        train_steps: number of steps of the whole training.
        legacy_rate: learning rate that the factor "legacy" is multiplied by.
        legacy_decay: one of `LEGACY_DECAYS`, or "noam".
        boundaries, multiples: steps and multiples of the legacy decay "piecewise".

    Raises:
        ValueError: a number of steps that is negative, or 0 where a decay would be divided by it.
    """

    constant: float = 1.0
    warmup_steps: int = 100
    decay_steps: int = 5000
    decay_rate: float = 1.0
    decay_staircase: bool = False
    cosine_cycle_steps: int = 250_000
    hidden_size: int = 64
    train_steps: int = 250_000
    legacy_rate: float = 0.1
    legacy_decay: str = "none"
    boundaries: tuple[float, ...] = ()
    multiples: tuple[float, ...] = ()

    def __post_init__(self):
        for name, lowest in (("warmup_steps", 0), ("decay_steps", 1), ("cosine_cycle_steps", 1)):
            if getattr(self, name) < lowest:
                raise ValueError(f"learning_rate_{name}={getattr(self, name)} must be at least {lowest}")

    @property
    def warmup_end(self) -> float:
        """The step at which the warm-up ends, at least 1."""
        return float(max(self.warmup_steps, 1))


def _after_warmup(step: Tensor, s: Settings) -> Tensor:
    return ops.maximum(step - s.warmup_steps, 0.0)


def _exp_decay(periods: Tensor, s: Settings) -> Tensor:
    return ops.power(float(s.decay_rate), ops.floor(periods) if s.decay_staircase else periods)


def _half_cosine(phase: Tensor) -> Tensor:
    """Returns 1 at phase 0, falling to 0 at phase 1."""
    return 0.5 * (1.0 + ops.cos(math.pi * phase))


def _single_cycle_cos_decay(step: Tensor, s: Settings) -> Tensor:
    if s.train_steps <= s.warmup_steps:
        raise ValueError(
            f"single_cycle_cos_decay needs train_steps > learning_rate_warmup_steps, "
            f"not train_steps={s.train_steps} and learning_rate_warmup_steps={s.warmup_steps}"
        )
    return _half_cosine(_after_warmup(step, s) / (s.train_steps - s.warmup_steps))


def _zigzag(step: Tensor, half_period: float) -> Tensor:
    """Returns a triangle wave: 0 at step 0, 1 after `half_period` steps, 0 after as many more."""
    return 1.0 - ops.abs(ops.mod(step, 2.0 * half_period) / half_period - 1.0)


def _piecewise(step: Tensor, s: Settings) -> Tensor:
    if not s.boundaries or len(s.boundaries) != len(s.multiples):
        raise ValueError(
            f"piecewise needs learning_rate_boundaries={list(s.boundaries)} and "
            f"learning_rate_multiples={list(s.multiples)} of the same length, at least 1"
        )
    rate = ops.ones_like(step)
    for boundary, multiple in zip(s.boundaries, s.multiples, strict=True):
        rate = ops.where(step > boundary, multiple, rate)
    return rate


LEGACY_DECAYS: dict[str, Callable[[Tensor, Settings], Tensor]] = {
    "none": lambda step, s: ops.ones_like(step),
    "": lambda step, s: ops.ones_like(step),
    "exp": lambda step, s: _exp_decay((step - s.warmup_steps) / s.decay_steps, s),
    "piecewise": _piecewise,
    "cosine": lambda step, s: _half_cosine(_zigzag(step, s.cosine_cycle_steps)),
    "cyclelinear10x": lambda step, s: 3.0 * (_zigzag(step, s.warmup_end) + 0.1),
    "sqrt": lambda step, s: 500.0 * ops.rsqrt(ops.maximum(step - s.warmup_steps, 1.0)),
}


def _legacy(step: Tensor, s: Settings) -> Tensor:
    """Returns T2T's older schedules: an exponential warm-up from 1 %, then a decay; "noam" includes a warm-up."""
    if s.legacy_decay == "noam":
        now = step + 1.0
        rate = 5000.0 * s.hidden_size**-0.5 * ops.minimum(now * s.warmup_end**-1.5, ops.rsqrt(now))
    else:
        decay = _lookup(LEGACY_DECAYS, s.legacy_decay, "learning_rate_decay_scheme", extra=("noam",))
        rate = decay(step, s)
        if s.warmup_steps:
            # in float32 step by step, as T2T: the power magnifies the base's rounding
            base = ops.exp(ops.log(ops.convert_to_tensor(0.01, "float32")) / s.warmup_steps)
            rate = ops.where(step < s.warmup_steps, ops.power(base, s.warmup_steps - step), rate)
    return rate * s.legacy_rate


FACTORS: dict[str, Callable[[Tensor, Settings], Tensor]] = {
    "constant": lambda step, s: s.constant,
    "linear_warmup": lambda step, s: ops.minimum(1.0, step / s.warmup_steps) if s.warmup_steps else 1.0,
    "linear_decay": lambda step, s: ops.clip((s.train_steps - step) / s.decay_steps, 0.0, 1.0),
    "cosdecay": lambda step, s: ops.where(step <= s.warmup_steps, 1.0, _half_cosine(step / s.decay_steps)),
    "single_cycle_cos_decay": _single_cycle_cos_decay,
    "multi_cycle_cos_decay": lambda step, s: _half_cosine(_after_warmup(step, s) / s.decay_steps),
    "rsqrt_decay": lambda step, s: ops.rsqrt(ops.maximum(step, s.warmup_end)),
    "rsqrt_normalized_decay": lambda step, s: s.warmup_end**0.5 * ops.rsqrt(ops.maximum(step, s.warmup_end)),
    "exp_decay": lambda step, s: _exp_decay(_after_warmup(step, s) / s.decay_steps, s),
    "rsqrt_hidden_size": lambda step, s: s.hidden_size**-0.5,
    "legacy": _legacy,
}


@keras.saving.register_keras_serializable("tensor2keras")
class ComposedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A product of named factors of the step.

    Args:
        factors: names of `FACTORS` joined by "*"; spaces do not matter.
        settings: parameters of the factors, as `Settings` or a mapping of its fields.
        steps_per_update: optimizer steps per update of the weights; the factors get step / steps_per_update.

    Raises:
        ValueError: an unknown factor or legacy decay; the known ones are listed.

    Example:
        >>> schedule = ComposedSchedule("constant*linear_warmup", Settings(constant=2.0, warmup_steps=10))
        >>> float(schedule(5))
        1.0
    """

    def __init__(self, factors: str, settings: Settings | Mapping[str, Any] = Settings(), steps_per_update: int = 1):
        self.factors = [name.strip() for name in factors.split("*") if name.strip()]
        self.settings = settings if isinstance(settings, Settings) else Settings(**settings)
        self.steps_per_update = steps_per_update
        for name in self.factors:
            _lookup(FACTORS, name, "learning_rate_schedule factor")
        self(0)  # raises here for wrong settings, rather than while the training step is traced

    def __call__(self, step: Tensor) -> Tensor:
        """Returns the learning rate, a float32 scalar, of the update that follows `step` optimizer steps."""
        step = ops.cast(step, "float32") / float(self.steps_per_update)
        rate = ops.ones_like(step)
        for name in self.factors:
            rate = rate * FACTORS[name](step, self.settings)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {
            "factors": "*".join(self.factors),
            "settings": dataclasses.asdict(self.settings),
            "steps_per_update": self.steps_per_update,
        }


def learning_rate_schedule(hparams: HParams) -> ComposedSchedule:
    """Returns the schedule of a hyperparameter set (T2T's function of this name).

    Reads `learning_rate_schedule` ("legacy" or factors), `learning_rate`, `learning_rate_*`, `hidden_size`,
    `train_steps` (250,000, the trainer's default, if hparams lack it) and `optimizer_multistep_accumulate_steps`.

    Raises:
        ValueError: an unknown factor or decay scheme; the known ones are listed.
    """
    settings = Settings(
        constant=hparams.learning_rate_constant,
        warmup_steps=hparams.learning_rate_warmup_steps,
        decay_steps=hparams.learning_rate_decay_steps,
        decay_rate=hparams.learning_rate_decay_rate,
        decay_staircase=hparams.learning_rate_decay_staircase,
        cosine_cycle_steps=hparams.learning_rate_cosine_cycle_steps,
        hidden_size=hparams.hidden_size,
        train_steps=hparams.get("train_steps") or Settings.train_steps,
        # Adam needs smaller rates than the optimizers that the old schedules were written for
        legacy_rate=hparams.learning_rate * (0.002 if "adam" in hparams.optimizer else 1.0),
        legacy_decay=hparams.learning_rate_decay_scheme or "none",
        boundaries=tuple(hparams.get("learning_rate_boundaries") or ()),
        multiples=tuple(hparams.get("learning_rate_multiples") or ()),
    )
    return ComposedSchedule(
        hparams.learning_rate_schedule, settings, steps_per_update=hparams.optimizer_multistep_accumulate_steps or 1
    )


def _lookup(table: Mapping[str, Any], name: str, what: str, extra: tuple[str, ...] = ()) -> Any:
    if name not in table:
        known = sorted(filter(None, [*table, *extra]))
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"unknown {what} {name!r}; {hint}known: {', '.join(known)}")
    return table[name]
