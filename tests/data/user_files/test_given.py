"""from_files and from_tfds: problems made in a notebook."""

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tensor2keras.data import Problem
from tensor2keras.data.text_problem import VocabType
from tests.data.problem_test_case import batch_hparams, run_problem_test
from tests.data.user_text import ENGLISH, GERMAN, LABELS, write


def test_from_files_is_ready_for_hparams(tmp_path):
    english, german = write(tmp_path / "x.en", ENGLISH), write(tmp_path / "x.de", GERMAN)
    problem = Problem.from_files(english, german, data_dir=tmp_path / "data", approx_vocab_size=2**8)
    run_problem_test(problem)
    features = problem.get_hparams(batch_hparams())["features"]
    assert features["inputs"]["modality"] == features["targets"]["modality"] == "symbol"
    assert problem.name == "files"


def test_from_files_with_splits_and_patterns(tmp_path):
    for part in range(2):
        write(tmp_path / f"part{part}.en", ENGLISH[part * 10 : part * 10 + 10])
        write(tmp_path / f"part{part}.de", GERMAN[part * 10 : part * 10 + 10])
    write(tmp_path / "dev.en", ENGLISH[30:])
    write(tmp_path / "dev.de", GERMAN[30:])
    problem = Problem.from_files(
        inputs={"train": str(tmp_path / "part*.en"), "validation": tmp_path / "dev.en"},
        targets={"train": str(tmp_path / "part*.de"), "validation": tmp_path / "dev.de"},
        name="parts",
        data_dir=tmp_path / "data",
        vocab_type=VocabType.CHARACTER,
        was_reversed=True,
    )
    run_problem_test(problem, batches=False)
    assert problem.num_training_examples == 20
    assert (problem.name, problem.was_reversed) == ("parts", True)


def test_from_files_makes_classifiers_and_language_models(tmp_path):
    english, labels = write(tmp_path / "x.en", ENGLISH), write(tmp_path / "labels", LABELS)
    classifier = Problem.from_files(english, labels=labels, data_dir=tmp_path / "data", approx_vocab_size=2**8)
    assert classifier.get_hparams()["features"]["targets"] == {"modality": "class_label", "vocab_size": 2}
    language_model = Problem.from_files(targets=english, data_dir=tmp_path / "data", approx_vocab_size=2**8)
    assert list(language_model.get_hparams()["features"]) == ["targets"]


def test_from_files_of_rows(tmp_path):
    rows = write(tmp_path / "x.tsv", ["\t".join(pair) for pair in zip(ENGLISH, GERMAN, strict=True)])
    run_problem_test(Problem.from_files(rows=rows, data_dir=tmp_path / "data", approx_vocab_size=2**8), batches=False)


def test_changed_file_or_setting_makes_new_data(tmp_path):
    path = write(tmp_path / "x.en", ENGLISH)
    settings_of = [{"approx_vocab_size": 2**8}, {"approx_vocab_size": 2**9}, {"vocab_type": VocabType.CHARACTER}]
    names = [
        Problem.from_files(targets=path, data_dir=tmp_path, generate=False, **given).dataset_filename()
        for given in settings_of
    ]
    write(path, GERMAN)
    names.append(
        Problem.from_files(targets=path, data_dir=tmp_path, generate=False, approx_vocab_size=2**8).dataset_filename()
    )
    assert len(set(names)) == 4
    assert all(name.startswith("files-") for name in names)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "give inputs and targets"),
        ({"inputs": "x.en"}, ValueError, "give inputs and targets"),
        ({"inputs": "x.en", "targets": "none.de"}, FileNotFoundError, r"no such file: none\.de"),
        (
            {"inputs": "x.en", "targets": ["x.en", "x.en"]},
            ValueError,
            "not the same number of files: 1 of inputs, 2 of targets",
        ),
        (
            {"inputs": {"train": "x.en"}, "targets": {"train": "x.en", "test": "x.en"}},
            ValueError,
            "all arguments must have the same",
        ),
        ({"targets": {"eval": "x.en"}}, ValueError, "targets has the splits eval"),
    ],
)
def test_from_files_refuses(arguments, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.en", ENGLISH)
    with pytest.raises(error, match=message):
        Problem.from_files(**arguments, data_dir=tmp_path)


@pytest.fixture
def prepared(tmp_path):
    """A tfds data set in tfds's own format, as `tfds build` or a copy from elsewhere leaves it."""
    features = tfds.features.FeaturesDict(
        {
            "en": tfds.features.Text(),
            "de": tfds.features.Text(),
            "parity": tfds.features.ClassLabel(names=["even", "odd"]),
        }
    )
    examples = {"en": ENGLISH, "de": GERMAN, "parity": [LABELS.index(label) for label in LABELS]}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="pairs",
        version="1.0.0",
        features=features,
        split_datasets={
            "train": tf.data.Dataset.from_tensor_slices(examples),
            "validation": tf.data.Dataset.from_tensor_slices({name: values[:4] for name, values in examples.items()}),
        },
        data_dir=tmp_path,
    )
    return tmp_path


def test_from_tfds(prepared):
    problem = Problem.from_tfds("pairs", inputs="en", targets="de", data_dir=prepared, approx_vocab_size=2**8)
    run_problem_test(problem, batches=False)
    assert problem.name == "tfds_pairs"
    assert problem.num_training_examples == 40


def test_from_tfds_with_a_class_label(prepared):
    problem = Problem.from_tfds("pairs", inputs="en", targets="parity", data_dir=prepared, approx_vocab_size=2**8)
    for sample in problem.samples_as_text("train", 40):
        assert sample["targets"] == LABELS[ENGLISH.index(sample["inputs"])]


def test_from_tfds_names_the_features(prepared):
    with pytest.raises(KeyError, match=r"'pairs' has no feature 'fr'; it has: .*en"):
        Problem.from_tfds("pairs", inputs="fr", targets="de", data_dir=prepared)
