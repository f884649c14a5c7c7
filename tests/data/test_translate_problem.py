"""Where translation problems find their text: tfds data sets, and what is said when there is none."""

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=3):
        problem = registry.problem("translate_ende_wmt32k", **dirs)
        samples = list(problem.generate_samples(**dirs, dataset_split="validation"))
        assert len(samples) == 3
        assert all(set(sample) == {"inputs", "targets"} for sample in samples)
        assert len(list(problem.generate_text_for_vocab(**dirs))) == 6


@pytest.mark.parametrize("name", ["translate_ende_wmt32k", "translate_enfr_wmt_small8k", "translate_envi_iwslt32k"])
def test_without_network_the_error_says_what_to_put_where(name, dirs, no_network):
    problem = registry.problem(name, **dirs)
    with pytest.raises(FileNotFoundError) as error:
        problem.generate_data()
    archive = problem.source_data_files("train")[0][0].rpartition("/")[2]
    assert archive in str(error.value)
    assert dirs["tmp_dir"] in str(error.value)
