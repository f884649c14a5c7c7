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


def test_sampling_options_set_the_beam_size():
    hp = decode_hparams("temperature=0.8,top_k=10")
    assert (hp.beam_size, hp.temperature, hp.top_k) == (1, 0.8, 10)
    with pytest.raises(ValueError, match=r"beam_size=4 and temperature=0.8 exclude each other"):
        decode_hparams("temperature=0.8,beam_size=4")
    with pytest.raises(KeyError, match="closest: temperature"):
        decode_hparams("temprature=0.8")


def test_sampling_hyperparameters_of_the_model_count_as_options():
    overrides = {"sampling_method": "random", "sampling_temp": "0.9", "dropout": "0.1"}
    hp = decode_hparams("extra_length=5,alpha=0.6", overrides)
    assert (hp.beam_size, hp.sampling_method, hp.temperature) == (1, "random", 0.9)
    assert decode_hparams("", {"sampling_method": "argmax"}).beam_size == 4
    with pytest.raises(ValueError, match=r"beam_size=4 and temperature=0.9 exclude each other"):
        decode_hparams("beam_size=4", overrides)


@pytest.mark.parametrize("setting", ["extra_length=-500", "num_decodes=0", "batch_size=-1", "shards=0", "shard_id=-1"])
def test_numbers_below_their_limit_are_refused(setting):
    with pytest.raises(ValueError, match=f"decode_hparams {setting} must be at least"):
        decode_hparams(setting)
