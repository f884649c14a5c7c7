"""`infer` for image models: generates or completes images value by value, in one compiled loop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tensor2keras.backend import compiled
from tensor2keras.decoding.options import DecodeOptions, decode_options
from tensor2keras.decoding.sampling import make_sampler
from tensor2keras.layers import logistic_mixture
from tensor2keras.types import Cache, Features, Tensor


class Settings(NamedTuple):
    """The settings of a compiled generation loop; part of its cache key."""

    likelihood: str
    options: DecodeOptions
    jit_compile: bool


def infer(
    model: keras.Model,
    features: Features | None = None,
    num_samples: int | None = None,
    sampling_method: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    jit_compile: bool = True,
) -> dict[str, Tensor]:
    """Generates one image for each row of the features.

    Args:
        model: a model with `image_shape`, `order`, `likelihood`, `init_cache` and `decode_step`.
        features: "inputs", class labels [batch] or images [batch, ...] to condition on, if the model takes any;
            "partial_targets", the upper rows [batch, rows, width, channels] of images to complete.
        num_samples: number of images, if no feature implies it; 1 by default.
        sampling_method, top_k, top_p: as for text (`decoding.infer`); the last two not for a mixture.
        temperature: divides the logits; for a mixture, those of its components, and multiplies their scales.
        seed: equal seeds generate equal images; None generates different ones each time.
        jit_compile: whether TensorFlow compiles with XLA.

    Returns:
        {"outputs": [batch, height, width, channels] int32, "scores": [batch] float32}; a score is the log-probability
        of all generated values of an image.

    Raises:
        ValueError: features that do not fit the model, a sampling setting out of range.
    """
    if not model.built:
        model.build(None)
    options = decode_options(
        model_hparams=model.hparams,
        sampling_method=sampling_method,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    settings = Settings(model.likelihood, options, jit_compile)
    _value_sampler(settings)  # raises ValueError for settings out of range, before anything is compiled
    features = {name: np.asarray(value) for name, value in (features or {}).items() if value is not None}
    conditions = {"inputs": features["inputs"]} if "inputs" in features and model.has_inputs else {}
    if model.has_inputs and not conditions:
        raise ValueError(f"features['inputs'] is missing: {model.name} generates images conditioned on them")
    batch_size = next((len(value) for value in features.values()), num_samples or 1)
    known, given = _in_order(model, features.get("partial_targets"), batch_size)
    steps, batch_size, width = known.shape
    uniforms = np.random.default_rng(seed).random((steps, batch_size, 1 if width == 1 else 4), dtype="float32")
    functions = model.__dict__.setdefault("_decoding_functions", {})
    key = ("image", settings)
    if key not in functions:
        functions[key] = compiled(model, lambda *tensors: _generate(model, *tensors, settings=settings), jit_compile)
    values, scores = functions[key](
        {name: ops.convert_to_tensor(value) for name, value in conditions.items()},
        *map(ops.convert_to_tensor, (known, given, np.minimum(uniforms, 1 - 1e-6))),
    )
    return {"outputs": _as_images(model, ops.convert_to_numpy(values)), "scores": scores}


def _in_order(model: keras.Model, partial: np.ndarray | None, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns known values in decoding order [steps, batch, width] int32 (0: unknown), and which are known [steps]."""
    height, width, channels = model.image_shape
    image = np.zeros((batch_size, height, width, channels), "int32")
    rows = 0
    if partial is not None:
        if partial.ndim != 4 or partial.shape[1] > height or partial.shape[2:] != (width, channels):
            raise ValueError(
                f"partial_targets {partial.shape} must be the upper rows of images {(batch_size, *model.image_shape)}"
            )
        rows = partial.shape[1]
        image[:, :rows] = partial
    order = model.order.order
    values = image.reshape(batch_size, len(order), -1)[:, order]  # [batch, steps, width]
    return np.ascontiguousarray(values.transpose(1, 0, 2)), order // model.order.shape[1] < rows


def _as_images(model: keras.Model, values: np.ndarray) -> np.ndarray:
    """Returns values [steps, batch, width] in decoding order as images."""
    return values[model.order.step].transpose(1, 0, 2).reshape(-1, *model.image_shape)


def _generate(
    model: keras.Model, conditions: Features, known: Tensor, given: Tensor, uniforms: Tensor, settings: Settings
) -> tuple[Tensor, Tensor]:
    """Generates every value of a batch of images: tensor operations only, to be compiled.

    A step's values `known` [steps, batch, width] are taken where `given` [steps] is true, else drawn by `uniforms`
    [steps, batch, draws]. Returns all values and the log-probability [batch] of the generated ones.
    """
    sample = _value_sampler(settings)
    steps, batch_size, width = known.shape[0], ops.shape(known)[1], known.shape[2]

    def should_continue(step: Tensor, *state: Any) -> Tensor:
        return step < steps

    def body(step: Tensor, last: Tensor, values: Tensor, scores: Tensor, cache: Cache) -> tuple:
        logits, cache = model.decode_step(last[:, 0] if width == 1 else last, step, cache)
        drawn, log_probs = sample(ops.cast(logits, "float32"), ops.take(uniforms, step, axis=0))
        fixed = ops.take(given, step, axis=0)
        last = ops.where(fixed, ops.take(known, step, axis=0), drawn)
        values = ops.slice_update(values, (step, 0, 0), last[None])
        return step + 1, last, values, scores + ops.where(fixed, 0.0, log_probs), cache

    start = ops.zeros((), "int32")
    last, scores = ops.zeros((batch_size, width), "int32"), ops.zeros((batch_size,), "float32")
    cache = model.init_cache({**conditions, "targets": last}, steps)
    _, _, values, scores, _ = ops.while_loop(should_continue, body, (start, last, ops.zeros_like(known), scores, cache))
    return values, scores


def _value_sampler(settings: Settings) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Returns (logits, uniforms [batch, draws]) -> values [batch, width] int32 and log-probabilities [batch]."""
    options = settings.options
    sampler = make_sampler(options.sampling_method, options.temperature, options.top_k, options.top_p)
    if settings.likelihood != "dmol":

        def sample_intensity(logits: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
            ids = sampler(logits, uniforms[:, 0])[:, None]
            return ids, ops.take_along_axis(logits, ids, axis=-1)[:, 0] - ops.logsumexp(logits, axis=-1)

        return sample_intensity
    if options.top_k > 0 or options.top_p < 1:
        raise ValueError("a mixture of logistics is sampled as a whole: set top_k=0 and top_p=1")
    temperature = 0.0 if options.sampling_method == "argmax" else options.temperature

    def sample_color(predictions: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        drawn = logistic_mixture.sample(predictions, uniforms, temperature)
        return drawn, -logistic_mixture.negative_log_likelihood(predictions, logistic_mixture.to_real(drawn))

    return sample_color
