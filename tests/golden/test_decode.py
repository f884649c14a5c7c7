"""Greedy and beam search give Tensor2Tensor's ids and scores (`golden/decode`), from its own weights."""

import numpy as np
import pytest

from tensor2keras import convert, registry
from tests.golden.model_cases import in_our_shape
from tests.helpers import load_case

EOS = 1
# case -> (model, hparams set, whether the rows of a batch can be compared: T2T mixes prompts up in beam search)
CASES = {
    "lstm_attention": True,
    "transformer_base": True,
    "transformer_librispeech": True,
    "transformer_tiny_lm": False,
}
# Two beams of transformer_librispeech differ by less than the rounding
# of float32; XLA's gives them in T2T's order, that of the graph does not.
WITH_XLA = ("transformer_librispeech",)
RUNS = {
    "greedy": {},
    "beam4_top1_alpha0.6": {"beam_size": 4, "alpha": 0.6},
    "beam4_top4_alpha0.6": {"beam_size": 4, "alpha": 0.6, "top_beams": 4},
    "beam4_top4_alpha1": {"beam_size": 4, "alpha": 1.0, "top_beams": 4},
    "beam4_top4_alpha0": {"beam_size": 4, "alpha": 0.0, "top_beams": 4},
}


@pytest.fixture(
    scope="module", params=[pytest.param(case, marks=pytest.mark.xla if case in WITH_XLA else ()) for case in CASES]
)
def case(request, golden):
    """The model with T2T's weights, its arrays and description."""
    arrays, info = load_case(golden / "decode", request.param)
    problem = info["problem_hparams"]
    features = {
        name: {"modality": modality, "vocab_size": problem["vocab_size"][name]}
        for name, modality in problem["modality"].items()
    }
    data = {
        "name": request.param,
        "features": features,
        "input_space_id": problem["input_space_id"],
        "target_space_id": int(arrays.get("feature/target_space_id", 0)),
    }
    values = {name: value for name, value in info["hparams"].items() if name in registry.hparams(info["hparams_set"])}
    hparams = registry.hparams(info["hparams_set"], problem=data, overrides=values)
    model = registry.model(info["model"], convert.as_in_t2t(hparams))
    model.build()
    convert.load_t2t_weights(model, {name[4:]: value for name, value in arrays.items() if name.startswith("var/")})
    return request.param, model, arrays, info


def test_decoding_equals_tensor2tensors(case):
    name, model, arrays, info = case
    runs = [run for run in RUNS if f"{run}/outputs" in arrays]
    assert len(runs) >= 2
    for run in runs:
        whole_batch = CASES[name] or run == "greedy"
        check_run(run, whole_batch, model, arrays, info["decode_length"])


def check_run(run: str, whole_batch: bool, model, arrays, decode_length: int) -> None:
    """Decodes as `run` says and compares ids up to the first EOS, and scores."""
    features = {
        key.removeprefix("feature/"): in_our_shape(value, None)
        for key, value in arrays.items()
        if key in ("feature/inputs", "feature/targets")
    }
    compared = len(arrays[f"{run}/outputs"])
    if not whole_batch:
        features, compared = {key: value[:1] for key, value in features.items()}, 1
    found = model.infer(features, decode_length=decode_length, **{"beam_size": 1, **RUNS[run]})
    scores, outputs = np.asarray(found["scores"]), in_our_shape(arrays[f"{run}/outputs"], None)
    by_steps = f"{run}/scores" in arrays  # without a cache T2T gives no scores of a greedy run, and all beams' scores
    if by_steps:
        wanted = arrays[f"{run}/scores"][:compared]
        np.testing.assert_allclose(
            scores, wanted[:, 0] if wanted.ndim > scores.ndim else wanted, rtol=1e-4, err_msg=run
        )
    for ids, expected in zip(np.asarray(found["outputs"]), outputs[:compared], strict=True):
        for one, other in zip(np.atleast_2d(ids), np.atleast_2d(expected), strict=True):
            assert up_to_end(one) == up_to_end(other), run
    if compared > 1 and by_steps:  # as many steps were taken
        assert np.shape(found["outputs"]) == outputs.shape


def up_to_end(ids) -> list[int]:
    """The ids up to the first EOS."""
    ids = list(map(int, ids))
    return ids[: ids.index(EOS) + 1] if EOS in ids else ids
