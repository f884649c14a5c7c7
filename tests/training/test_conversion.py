"""Conversion of the real T2T directory, called from Python."""

import pytest

from tensor2keras.training import conversion, open_run


def test_a_converted_run_opens_with_the_weights_of_the_original(shared, tmp_path):
    converted = conversion.convert_run(shared / "t2t", tmp_path / "run")
    for place in (shared / "t2t", tmp_path / "run"):
        opened = open_run(place)
        assert opened.problem.name == converted.problem.name
        for weight, other in zip(opened.model.get_weights(), converted.model.get_weights(), strict=True):
            assert (weight == other).all()
    assert 8.5 < conversion.example_loss(converted, "Hello world.", "Hallo Welt.") < 9.5  # untrained: ln 8190 = 9.01


def test_a_run_is_not_written_over(tmp_path):
    (tmp_path / "hparams.json").write_text("{}")
    with pytest.raises(ValueError, match="holds a run already"):
        conversion.convert_run("anything", tmp_path)


def test_a_vocabulary_needs_its_problem(tmp_path):
    (tmp_path / "vocab").touch()
    with pytest.raises(ValueError, match="needs --problem"):
        conversion.convert_run("anything", tmp_path / "run", vocab_file=tmp_path / "vocab")
