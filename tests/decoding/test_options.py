"""Options of decoding: defaults, what means sampling, ranges, options that exclude each other."""

import re

import pytest

from tensor2keras.decoding.options import decode_options

MODEL = {"sampling_method": "random", "sampling_temp": 0.7, "sampling_keep_top_k": 5}


def test_defaults_are_a_beam_search_or_the_models_way_to_decode_one_output():
    assert decode_options(4)[:4] == (4, 1, 0.6, "argmax")
    assert decode_options()[:4] == (1, 1, 0.6, "argmax")
    assert decode_options(model_hparams=MODEL)[3:] == ("random", 0.7, 5, 1.0)


@pytest.mark.parametrize(
    "given", [{"temperature": 0.8}, {"top_k": 10}, {"top_p": 0.9}, {"sampling_method": "random"}, {"temperature": 1}]
)
@pytest.mark.parametrize("beam", [{}, {"beam_size": 1}])
def test_temperature_top_k_and_top_p_mean_sampling(given, beam):
    options = decode_options(4, **given, **beam)
    assert (options.beam_size, options.sampling_method) == (1, "random")
    assert all(getattr(options, name) == value for name, value in given.items())


def test_limits_that_allow_everything_ask_for_nothing():
    assert decode_options(4, top_k=0, top_p=1.0).beam_size == 4
    assert decode_options(4, sampling_method="argmax")[:4] == (1, 1, 0.6, "argmax")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 4, "temperature": 0.8}, "beam_size=4 and temperature=0.8 exclude each other: beam search"),
        ({"beam_size": 2, "sampling_method": "random"}, "beam_size=2 and sampling_method=random exclude each other"),
        ({"sampling_method": "argmax", "top_k": 3}, "sampling_method=argmax and top_k=3 exclude each other"),
        ({"top_beams": 2, "top_p": 0.5}, "top_beams=2 and top_p=0.5 exclude each other"),
        ({"alpha": 0.6, "temperature": 0.8}, "alpha=0.6 and temperature=0.8 exclude each other"),
        ({"top_beams": 5, "beam_size": 4}, "top_beams=5 must be at least 1 and at most beam_size=4"),
        ({"beam_size": 0}, "beam_size=0 must be a whole number, 1 or more"),
        ({"top_beams": 0}, "top_beams=0 must be"),
        ({"temperature": "warm"}, "temperature='warm' must be 0 (argmax) or more"),
        ({"temperature": -0.5}, "temperature=-0.5 must be"),
        ({"top_k": 2.5}, "top_k=2.5 must be a whole number"),
        ({"top_p": 0.0}, "top_p=0.0 must be above 0 and at most 1"),
        ({"sampling_method": "best"}, "sampling_method='best' is unknown; known: argmax, random"),
    ],
)
def test_options_that_are_wrong_or_exclude_each_other(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        decode_options(4, **given)
