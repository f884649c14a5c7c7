import pytest

from tensor2keras.decoding.decode_hparams import decode_hparams, without_effect


def test_defaults_are_tensor2tensors_and_can_be_overridden():
    assert (decode_hparams().beam_size, decode_hparams().alpha, decode_hparams().extra_length) == (4, 0.6, 100)
    assert decode_hparams("beam_size=8,alpha=1.0").beam_size == 8


def test_only_settings_that_are_set_and_have_no_effect_are_named():
    assert without_effect(decode_hparams("beam_size=8,save_images=False")) == []
    (line,) = without_effect(decode_hparams("eos_penalty=1.5"))
    assert line.startswith("eos_penalty=1.5 has no effect: ")


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="closest: beam_size"):
        decode_hparams("beam_siz=4")
