"""T2T's decoding hyperparameters (`utils/decoding.py`), for `--decode_hparams`."""

from collections.abc import Mapping
from typing import Any

from tensor2keras.decoding.options import ALPHA, BEAM_SIZE, decode_options
from tensor2keras.hparams import HParams, parse_overrides

_DEFAULTS = {
    "beam_size": BEAM_SIZE,
    "alpha": ALPHA,
    # sampling, not among T2T's: None is "not given"
    "sampling_method": None,
    "temperature": None,
    "top_k": None,
    "top_p": None,
    "extra_length": 100,  # `decode_length`: maximum number of tokens beyond the length of the input
    "batch_size": 0,  # 0 means 32
    "return_beams": False,
    "write_beam_scores": False,
    "max_input_size": -1,
    "identity_output": False,
    "num_samples": -1,  # examples of a data set to decode; -1 for all
    "num_decodes": 1,  # outputs for each prompt or input
    "delimiter": "\n",
    "decode_to_file": "",
    "decode_reference": "",
    "decode_in_memory": False,
    "log_results": True,
    "skip_eos_postprocess": False,
    "shards": 1,
    "shard_id": 0,
    "shards_start_offset": 0,
    "shard_google_format": False,
}
_IMAGES = "this command writes no images or videos of examples"
_BLOCKWISE = "blockwise parallel decoding is not supported: the key/value cache is faster"
_INERT = {  # name -> (T2T's default, why it has no effect)
    "save_images": (False, _IMAGES),
    "display_decoded_images": (False, _IMAGES),
    "frames_per_second": (10, _IMAGES),
    "border_percent": (2, _IMAGES),
    "max_display_outputs": (10, _IMAGES),
    "max_display_decodes": (5, _IMAGES),
    "vgg_ckpt_path": ("", _IMAGES),
    "block_size": (0, _BLOCKWISE),
    "guess_and_check_top_k": (0, _BLOCKWISE),
    "guess_and_check_epsilon": (-1, _BLOCKWISE),
    "insertion_parallel": (False, _BLOCKWISE),
    "min_length_ratio": (0.0, "T2T declares it and never reads it in decoding from text"),
    "eos_penalty": (0.0, "T2T declares it and never reads it in decoding from text"),
    "force_decode_length": (False, "tokens after the end of a sequence are never written"),
    "decode_timeout_mins": (240, "t2t-translate-all --wait_minutes waits for checkpoints"),
    "summaries_log_dir": ("decode", "no summaries are written while decoding"),
    "multiproblem_task_id": (-1, "multi-problem models are not supported"),
    "mlperf_decode_step": (0.0, "MLPerf's log lines are not written"),
    "mlperf_threshold": (25.0, "MLPerf's log lines are not written"),
    "mlperf_success": (False, "MLPerf's log lines are not written"),
    "export_extra_infer_outputs": ("", "exporting is a command of its own"),
}
LOWEST = {"extra_length": 0, "batch_size": 0, "num_decodes": 1, "shards": 1, "shard_id": 0, "shards_start_offset": 0}
# the model's hyperparameter -> the decoding hyperparameter of the same meaning
_OF_MODEL = {"sampling_method": "sampling_method", "sampling_temp": "temperature", "sampling_keep_top_k": "top_k"}


def decode_hparams(overrides: str = "", model_overrides: Mapping[str, Any] | None = None) -> HParams:
    """Returns T2T's decoding hyperparameters with overrides such as `"beam_size=8,alpha=1.0"` applied.

    `temperature`, `top_k`, `top_p` and `sampling_method` sample, with a beam size of 1 (see `decoding.options`).

    Args:
        overrides: names and values.
        model_overrides: the model's hyperparameters that a command overrides; T2T's `sampling_method`, `sampling_temp`
            and `sampling_keep_top_k` among them count as sampling options too.

    Raises:
        KeyError: an unknown name, with the closest ones.
        ValueError: a value of another type or out of range; two options of which one would have no effect.
    """
    hparams = HParams(_DEFAULTS, **{name: default for name, (default, _) in _INERT.items()})
    hparams.override(overrides)
    for name, lowest in LOWEST.items():
        if hparams[name] < lowest:
            raise ValueError(f"decode_hparams {name}={hparams[name]} must be at least {lowest}")
    given = {name: hparams[name] for name in ("beam_size", "alpha") if name in parse_overrides(overrides)}
    sampling = {name: value for name, value in sampling_options(hparams).items() if value is not None}
    if not sampling and model_overrides:
        of_model = {ours: model_overrides[theirs] for theirs, ours in _OF_MODEL.items() if theirs in model_overrides}
        sampling = {name: value for name, value in of_model.items() if value != "argmax"}
        given.pop("alpha", None)  # T2T's commands may give both
        hparams.override(sampling)
    hparams.beam_size = decode_options(BEAM_SIZE, **given, **sampling_options(hparams)).beam_size
    return hparams


def sampling_options(hparams: HParams) -> dict[str, Any]:
    """Returns the arguments of `infer` that sample, from decoding hyperparameters; None for those that are not set."""
    return {name: hparams[name] for name in ("sampling_method", "temperature", "top_k", "top_p")}


def without_effect(hparams: HParams) -> list[str]:
    """Returns one line for each hyperparameter that was set and has no effect, saying why."""
    return [
        f"{name}={hparams[name]!r} has no effect: {why}"
        for name, (default, why) in _INERT.items()
        if hparams[name] != default
    ]
