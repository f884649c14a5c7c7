"""`infer`: decodes features to token ids and scores, with encoder, search and cache in one compiled function."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tensor2keras.backend import compiled
from tensor2keras.decoding import prefix as prefixes
from tensor2keras.decoding.beam_search import BeamSearch, map_steps
from tensor2keras.decoding.options import DecodeOptions, decode_options
from tensor2keras.decoding.sampling import Sampling, make_sampler
from tensor2keras.metrics.ctc import ctc_greedy_path
from tensor2keras.metrics.sequences import to_front
from tensor2keras.types import Features, Tensor

LENGTH_STEP = 32  # buffer lengths are multiples of it, so that few shapes are compiled
FRAMES_PER_SYMBOL = 6  # a transcript has about this many times fewer symbols than its audio has frames
_PACKED = ("inputs_segmentation", "targets_segmentation")


class Settings(NamedTuple):
    """The settings of a compiled search; part of its cache key."""

    options: DecodeOptions
    jit_compile: bool

    def strategy(self) -> BeamSearch | Sampling:
        """Returns beam search or, for a beam size of 1, greedy decoding or sampling."""
        options = self.options
        if options.beam_size > 1:
            return BeamSearch(options.beam_size, options.alpha, stop_early=options.top_beams == 1)
        return Sampling(make_sampler(options.sampling_method, options.temperature, options.top_k, options.top_p))


def infer(
    model: keras.Model,
    features: Features,
    decode_length: int = 50,
    beam_size: int | None = None,
    top_beams: int = 1,
    alpha: float | None = None,
    sampling_method: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    jit_compile: bool = True,
    max_length: int | None = None,
) -> dict[str, Tensor]:
    """Decodes a batch (T2T's `T2TModel.infer`).

    Args:
        model: a model with `init_cache` and `decode_step`, or a model of class labels, CTC symbols or real values.
        features: "inputs" [batch, length, ...]; "partial_targets" [batch, length], tokens that the outputs must begin
            with. A language model takes its prompts as "targets" (or "inputs") [batch, length]. Rows may end in zeros.
        decode_length: maximum number of tokens beyond the length of the inputs (or the prompt).
        beam_size: 1 (the default) decodes greedily or samples; more is beam search.
        top_beams: number of beams to return.
        alpha: strength of beam search's length penalty; 0.6 by default.
        sampling_method: "argmax" or "random", for a beam size of 1; "random" by default if one of the next three is
            given. This and the next two are otherwise `hparams.sampling_method`, `sampling_temp` and
            `sampling_keep_top_k` of the model.
        temperature: divides the logits before a token is sampled; 0 is argmax.
        top_k: sample from the k most probable tokens only; 0 or -1 for all.
        top_p: sample from the fewest tokens whose probabilities add up to this; 1 for all.
        seed: equal seeds sample equal tokens, on every backend; None samples differently each time.
        jit_compile: whether TensorFlow compiles with XLA.
        max_length: static length of the output buffer, at least input length plus `decode_length`; calls with equal
            lengths share compiled functions. None: that length, rounded up.

    Returns:
        {"outputs": [batch, length] int32, "scores": [batch] float32}, without the prompt; with `top_beams` above 1
        [batch, top_beams, length] and [batch, top_beams], best first. EOS (1) is kept; ignore what follows it. Class
        labels: outputs [batch]. CTC symbols: outputs [batch, length], the most likely symbol of each position without
        repetitions and blanks. Real values: outputs as the model returns them.

    Raises:
        ValueError: packed features; an option out of range; two options of which one would have no effect, such as
            a beam size above 1 and a temperature; no token to decode.
    """
    features = {name: _as_tensor(value) for name, value in features.items() if value is not None}
    if packed := [name for name in _PACKED if name in features]:
        raise ValueError(f"packed features ({', '.join(packed)}) cannot be decoded; use the problem that is not packed")
    options = decode_options(
        model_hparams=getattr(model, "hparams", None),
        beam_size=beam_size,
        top_beams=top_beams,
        alpha=alpha,
        sampling_method=sampling_method,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    settings = Settings(options, jit_compile)
    if not model.built:
        model.build(None)
    modality = _modality(model)
    if modality in ("class_label", "ctc_symbol") or modality.startswith(("real", "identity")):
        for name, value in (("temperature", temperature), ("top_k", top_k), ("top_p", top_p)):
            if value is not None:
                raise ValueError(f"{name}={value} has no effect: targets of modality {modality} are not sampled")
        return _function(model, "predict", modality, settings)(features)

    features, prefix = split_prefix(model, features)
    start = prefix.ids if prefix is not None else features["inputs"]
    batch_size, width = start.shape[0], input_length(model, start)
    limit = width + decode_length
    if limit < 1:
        raise ValueError(f"decode_length={decode_length} leaves no token to decode after inputs of length {width}")
    max_length = max_length or round_up(limit, LENGTH_STEP)
    if max_length < limit:
        raise ValueError(f"max_length={max_length} is shorter than the {limit} tokens that may be decoded")
    uniforms = np.random.default_rng(seed).random((max_length, batch_size), dtype="float32")
    uniforms = np.minimum(uniforms, 1 - 1e-6)
    expected = width // FRAMES_PER_SYMBOL if is_audio(start) else width
    first, *later = cache_lengths(expected, max_length) if getattr(model, "cache_grows", True) else [max_length]
    given = (features, prefix, np.int32(limit))
    state, unfinished, *results = _function(model, "start", first, max_length, settings)(*given, uniforms)
    for length in later:
        if not bool(unfinished):
            break
        state, unfinished, *results = _function(model, "resume", length, settings)(*given, state)
    outputs, scores, decoded = results
    return {"outputs": outputs[..., : int(decoded)], "scores": scores}


def cache_lengths(width: int, max_length: int) -> list[int]:
    """Returns the cache lengths to decode with in turn: first one that fits most outputs, then doubled each time.

    The time of a step is proportional to the cache's length, and few outputs reach the maximum length.
    """
    lengths = [round_up(width + width // 4 + 8, LENGTH_STEP)]
    while lengths[-1] < max_length:
        lengths.append(2 * lengths[-1])
    return [*lengths[:-1], max_length]


def is_audio(inputs: Tensor) -> bool:
    """Returns whether inputs are audio frames or samples, not ids."""
    return "float" in keras.backend.standardize_dtype(inputs.dtype)


def input_length(model: keras.Model, inputs: Tensor) -> int:
    """Returns the length of inputs [batch, length, ...] in ids or audio frames, to which `decode_length` is added."""
    is_waveform = is_audio(inputs) and len(inputs.shape) == 2
    modality = getattr(model, "modalities", {}).get("inputs")
    return -(-inputs.shape[1] // (getattr(modality, "step", 1) if is_waveform else 1))


def round_up(value: int, step: int) -> int:
    """Returns the smallest multiple of `step` that is not below `value`."""
    return -(-value // step) * step


def start(
    model: keras.Model,
    features: Features,
    prefix: prefixes.Prefix | None,
    limit: Tensor,
    uniforms: Tensor,
    cache_length: int,
    max_length: int,
    settings: Settings,
) -> tuple[NamedTuple, Tensor, Tensor, Tensor, Tensor]:
    """Encodes and decodes until the search ends or the cache is full: tensor operations only, to be compiled.

    Args:
        model: the model.
        features: the features that `model.init_cache` takes.
        prefix: tokens that every output must begin with, or None.
        limit: maximum number of tokens, prefix included; a scalar up to `max_length`.
        uniforms: [max_length, batch] in [0, 1), for sampling.
        cache_length: static length of the cache; at `max_length` the search is complete.
        max_length: static length of the outputs.
        settings: beam size and so on.

    Returns:
        The search's state; unfinished [] bool, whether the cache was too short; outputs [batch, max_length] without the
        prefix, padded with 0; scores [batch]; both with top_beams as second dimension if that is above 1; and the
        decoded length [] int32.
    """
    batch_size = ops.shape(next(iter(features.values())))[0]
    cache = model.init_cache(features, cache_length)
    state = settings.strategy().start(cache, batch_size, max_length, uniforms)
    return _search(model, state, prefix, limit, cache_length, settings)


def resume(
    model: keras.Model,
    features: Features,
    prefix: prefixes.Prefix | None,
    limit: Tensor,
    state: NamedTuple,
    cache_length: int,
    settings: Settings,
) -> tuple[NamedTuple, Tensor, Tensor, Tensor, Tensor]:
    """Continues a search that filled its cache with a longer cache; arguments and results as in `start`."""
    # Only the shapes are used: in the compiled function the encoder does not run again.
    longer = model.init_cache(features, cache_length)
    state = state._replace(cache=map_steps(_pad_like, state.cache, longer))
    return _search(model, state, prefix, limit, cache_length, settings)


def _search(
    model: keras.Model,
    state: NamedTuple,
    prefix: prefixes.Prefix | None,
    limit: Tensor,
    cache_length: int,
    settings: Settings,
) -> tuple[NamedTuple, Tensor, Tensor, Tensor, Tensor]:
    strategy, kind = settings.strategy(), type(state)
    limit = ops.cast(limit, "int32")

    def should_continue(*values: Any) -> Tensor:
        state = kind(*values)
        return ops.logical_and(strategy.should_continue(state, limit), state.position < cache_length)

    def step(*values: Any) -> tuple:
        return tuple(strategy.step(kind(*values), model.decode_step, prefix))

    state = kind(*ops.while_loop(should_continue, step, tuple(state)))
    outputs, scores = strategy.finalize(state)
    options = settings.options
    if options.beam_size > 1:
        best = 0 if options.top_beams == 1 else slice(options.top_beams)
        outputs, scores = outputs[:, best], scores[:, best]
    width = state.position
    if prefix is not None:
        outputs = prefixes.remove(outputs, prefix.lengths)
        width = ops.maximum(width - ops.min(prefix.lengths), 0)
    return state, strategy.should_continue(state, limit), outputs, scores, width


def _pad_like(leaf: Tensor, longer: Tensor) -> Tensor:
    """Returns a cache's leaf padded with zeros to the shape of `longer`, except in the first dimension."""
    missing = [new - old for old, new in zip(leaf.shape[1:], longer.shape[1:], strict=True)]
    return ops.pad(leaf, [(0, 0), *((0, n) for n in missing)]) if any(missing) else leaf


def split_prefix(model: keras.Model, features: Features) -> tuple[Features, prefixes.Prefix | None]:
    """Returns the features that the model encodes, and the tokens that its outputs must begin with."""
    hparams = getattr(model, "hparams", None) or {}
    problem = hparams.get("problem")
    known = (problem or {}).get("features") or features
    if "inputs" not in known:  # a language model
        prompt = features.get("partial_targets", features.get("inputs", features.get("targets")))
        if prompt is None:
            raise ValueError(
                "a language model needs its prompts as features['targets'], [batch, length]; zeros are an empty prompt"
            )
        rest = {name: value for name, value in features.items() if name not in ("partial_targets", "inputs")}
        return {**rest, "targets": prompt}, prefixes.with_lengths(prompt)
    if "inputs" not in features:
        raise ValueError(f"features['inputs'] is missing; there are {', '.join(features) or 'none'}")
    rest = {name: value for name, value in features.items() if name not in ("targets", "partial_targets")}
    if "partial_targets" in features:
        return rest, prefixes.with_lengths(features["partial_targets"])
    if hparams.get("prepend_mode", "none") != "none":
        return rest, prefixes.prepended(features["inputs"])
    return rest, None


def _predict(model: keras.Model, features: Features, modality: str, settings: Settings) -> dict[str, Tensor]:
    """Returns class labels, CTC's best path or real values, with scores: one call of the model."""
    if modality == "class_label" and "targets" not in features:  # the model's output does not depend on them
        batch_size = ops.shape(next(iter(features.values())))[0]
        features = {**features, "targets": ops.zeros((batch_size,), "int32")}
    logits = model(features, training=False)
    if modality == "ctc_symbol":
        ids, _ = to_front(*ctc_greedy_path(logits), 0)
        best = ops.max(ops.log_softmax(ops.cast(logits, "float32")), axis=-1)
        return {"outputs": ids, "scores": ops.sum(best, axis=1)}
    if modality != "class_label":
        return {"outputs": logits, "scores": ops.zeros((ops.shape(logits)[0],))}
    logits = ops.cast(ops.reshape(logits, (-1, logits.shape[-1])), "float32")  # [batch, classes]
    return {
        "outputs": ops.cast(ops.argmax(logits, axis=-1), "int32"),
        "scores": ops.max(ops.log_softmax(logits), axis=-1),
    }


def _function(model: keras.Model, kind: str, *key: Any) -> Callable[..., Any]:
    """Returns the compiled function of that kind for these settings, which is kept on the model."""
    functions = model.__dict__.setdefault("_decoding_functions", {})
    if (kind, *key) not in functions:
        function = {"start": start, "resume": resume, "predict": _predict}[kind]
        functions[(kind, *key)] = compiled(model, lambda *tensors: function(model, *tensors, *key), key[-1].jit_compile)
    return functions[(kind, *key)]


def _modality(model: keras.Model) -> str:
    problem = (getattr(model, "hparams", None) or {}).get("problem") or {}
    return ((problem.get("features") or {}).get("targets") or {}).get("modality", "symbol")


def _as_tensor(value: Tensor) -> Tensor:
    """Returns `value` as a tensor; integers become int32."""
    if not ops.is_tensor(value):
        value = np.asarray(value)
    if keras.backend.standardize_dtype(value.dtype).startswith(("int", "uint")):
        return ops.cast(value, "int32")
    return ops.convert_to_tensor(value)
