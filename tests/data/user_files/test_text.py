"""The user's own data: files in tmp_dir, any files, tfds data sets; and what is refused."""

import gzip
import json

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensor2keras import registry
from tensor2keras.data import Problem, sources
from tensor2keras.data.rows import TEXT_TO_TEXT, FileSource, find_split_files, read_rows
from tensor2keras.data.text_problem import VocabType
from tests.data.problem_test_case import batch_hparams, run_problem_test

ENGLISH = [f"the dog number {i} runs" for i in range(40)]
GERMAN = [f"der Hund Nummer {i} läuft" for i in range(40)]
LABELS = ["even" if i % 2 == 0 else "odd" for i in range(40)]


def write(path, lines):
    text = "".join(f"{line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def problem_of(name, tmp_path, **kwargs):
    return registry.problem(name, data_dir=tmp_path / "data", tmp_dir=tmp_path / "raw", **kwargs)


def write_pairs(raw, split, first=0, last=40, suffix=""):
    write(raw / f"inputs.{split}.txt{suffix}", ENGLISH[first:last])
    write(raw / f"targets.{split}.txt{suffix}", GERMAN[first:last])


# ---- tmp_dir ----


def test_text2text_from_files(tmp_path, raw):
    write_pairs(raw, "train")
    write_pairs(raw, "eval", 0, 5)
    write_pairs(raw, "test", 5, 9)
    problem = run_problem_test(problem_of("text2text_tmpdir", tmp_path), splits=("train", "validation", "test"))
    assert problem.num_training_examples == 40
    assert (tmp_path / "data" / "vocab.text2text_tmpdir.32768.subwords").exists()


@pytest.mark.parametrize("name", ["eval", "dev", "val", "valid", "validation"])
def test_names_of_the_validation_files(name, raw):
    write_pairs(raw, "train")
    write_pairs(raw, name)
    assert set(find_split_files(str(raw), TEXT_TO_TEXT)) == {"train", "validation"}


@pytest.mark.parametrize("layout", ["txt", "txt.gz", "tsv", "tsv.gz", "jsonl", "jsonl.gz"])
def test_layouts(layout, raw):
    if layout.startswith("txt"):
        write_pairs(raw, "train", suffix=layout.removeprefix("txt"))
    elif layout.startswith("tsv"):
        rows = zip(["inputs", *ENGLISH], ["targets", *GERMAN], strict=True)  # the header is optional
        write(raw / f"train.{layout}", ["\t".join(row) for row in rows])
    else:
        rows = zip(ENGLISH, GERMAN, strict=True)
        write(raw / f"train.{layout}", [json.dumps({"inputs": e, "targets": g, "more": 1}) for e, g in rows])
    groups = find_split_files(str(raw), TEXT_TO_TEXT)
    rows = [row for _, row in FileSource(groups, TEXT_TO_TEXT).rows("train")]
    assert rows == [{"inputs": e, "targets": g} for e, g in zip(ENGLISH, GERMAN, strict=True)]


def test_without_validation_files_some_training_samples_are_held_out(tmp_path, raw, caplog):
    write_pairs(raw, "train")
    problem = run_problem_test(problem_of("text2text_tmpdir", tmp_path), batches=False)
    held_out = {sample["inputs"] for sample in problem.samples_as_text("validation", 40)}
    trained = {sample["inputs"] for sample in problem.samples_as_text("train", 40)}
    assert held_out == {ENGLISH[1], ENGLISH[21]}
    assert trained == set(ENGLISH) - held_out
    assert "every 20th training sample is held out" in caplog.text


def test_samples_with_an_empty_side_are_left_out(tmp_path, raw, caplog):
    write(raw / "inputs.train.txt", ["a", "", "c", "d"])
    write(raw / "targets.train.txt", ["A", "B", "", "D"])
    problem = problem_of("text2text_tmpdir", tmp_path)
    assert [row["inputs"] for _, row in problem.rows("train")] == ["a"]
    assert [row["inputs"] for _, row in problem.rows("validation")] == ["d"]
    assert "left out 2 samples with an empty side" in caplog.text


def test_vocabulary_of_words(tmp_path, raw):
    write_pairs(raw, "train")
    write(raw / "vocab.txt", ["the", "dog", "runs", "der", "Hund"])
    problem = run_problem_test(problem_of("text2text_tmpdir_tokens", tmp_path), same_text=False, batches=False)
    assert problem.get_hparams()["features"]["inputs"]["vocab_size"] == 2 + 1 + 5
    assert problem.samples_as_text()[0]["inputs"].startswith("the dog <UNK>")


def test_language_model(tmp_path, raw):
    write(raw / "train.txt", ENGLISH)
    problem = run_problem_test(problem_of("text2self_tmpdir", tmp_path))
    assert not problem.has_inputs


def test_classes_by_name(tmp_path, raw):
    write(raw / "inputs.train.txt", ENGLISH)
    write(raw / "labels.train.txt", LABELS)
    problem = run_problem_test(problem_of("text2class_tmpdir", tmp_path), same_text=False)
    assert problem.class_labels(str(tmp_path / "data")) == ["even", "odd"]
    for sample in problem.samples_as_text("train", 40):
        assert sample["targets"] == LABELS[ENGLISH.index(sample["inputs"])]


@pytest.mark.parametrize(
    ("labels", "given", "classes"),
    [
        (["2", "0", "10"], None, [str(number) for number in range(11)]),
        (["b", "a", "b"], None, ["a", "b"]),
        (["b", "a", "b"], ["b", "a", "c"], ["b", "a", "c"]),
    ],
)
def test_what_the_classes_are(labels, given, classes, tmp_path, raw):
    write(raw / "inputs.train.txt", ENGLISH[:3])
    write(raw / "labels.train.txt", labels)
    if given:
        write(raw / "labels.txt", given)
    problem = problem_of("text2class_tmpdir", tmp_path)
    problem.generate_data()
    assert problem.class_labels(str(tmp_path / "data")) == classes


def test_unknown_label_in_validation_is_refused(tmp_path, raw):
    for split, labels in (("train", ["a", "b", "a"]), ("eval", ["a", "c", "b"])):
        write(raw / f"inputs.{split}.txt", ENGLISH[:3])
        write(raw / f"labels.{split}.txt", labels)
    with pytest.raises(ValueError, match=r"inputs\.eval\.txt, line 2: unknown label 'c'; the training set has: a, b"):
        problem_of("text2class_tmpdir", tmp_path).generate_data()


def test_text_pairs_for_problems_with_code(raw):
    write_pairs(raw, "train", 0, 2)
    pairs = list(sources.text_pairs(str(raw), "inputs.train.txt", "targets.train.txt"))
    assert pairs == [{"inputs": e, "targets": g} for e, g in zip(ENGLISH[:2], GERMAN[:2], strict=True)]
    with pytest.raises(sources.MissingDataError, match=r"put other\.txt \(or \.gz\) into"):
        next(sources.text_pairs(str(raw), "inputs.train.txt", "other.txt"))


# ---- what is refused ----


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {},
            r"no training text in .*raw; put inputs\.train\.txt and targets\.train\.txt there \(or train\.tsv or",
        ),
        ({"inputs.train.txt": b"a\n"}, r"targets\.train\.txt is not there"),
        ({"inputs.train.txt": b"a\nb\nc\n", "targets.train.txt": b"A\nB\n"}, r"targets\.train\.txt ends before line 3"),
        ({"inputs.train.txt": b"a\nb\n", "targets.train.txt": b"A\nB\nC\n"}, r"inputs\.train\.txt ends after line 2"),
        (
            {"inputs.train.txt": b"a\nb\n", "targets.train.txt": b"A\nB\xff\n"},
            r"targets\.train\.txt, line 2: not UTF-8.*byte 2",
        ),
        ({"inputs.train.txt": b"", "targets.train.txt": b""}, "no training text"),
        ({"inputs.train.txt": b"\n\n", "targets.train.txt": b"a\nb\n"}, "no training text"),
        ({"inputs.train.txt": b"a\n", "targets.train.txt": b"A\n"}, "the split 'validation' has no samples"),
        ({"train.tsv": b"a\tA\nb\n"}, r"train\.tsv, line 2: 1 columns, expected 2 \(inputs, targets\)"),
        ({"train.tsv": b"a\t\n\tA\n"}, "no training text"),
        ({"train.tsv": b"a\tA\tx\n"}, r"train\.tsv, line 1: 3 columns"),
        ({"train.jsonl": b'{"inputs": "a", "targets": "A"}\n{"inputs": \n'}, r"train\.jsonl, line 2: not JSON"),
        (
            {"train.jsonl": b'{"inputs": "a"}\n'},
            r"train\.jsonl, line 1: expected an object with the keys inputs, targets",
        ),
        ({"train.jsonl": b'{"inputs": "a", "targets": 3}\n'}, r"train\.jsonl, line 1: targets is not text"),
        ({"train.jsonl": b'["a", "A"]\n'}, r"train\.jsonl, line 1: expected an object"),
        (
            {"inputs.train.txt.gz": b"no gzip", "targets.train.txt": b"A\n"},
            r"inputs\.train\.txt\.gz, after line 0: not a whole gzip file",
        ),
    ],
)
def test_bad_files_are_refused_by_name_and_line(files, message, tmp_path, raw):
    for name, content in files.items():
        (raw / name).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        problem_of("text2text_tmpdir", tmp_path).generate_data()
    left = tmp_path / "data" / "text2text_tmpdir"
    assert not left.exists() or [path.name for path in left.iterdir()] == [".lock"]


def test_changed_text_is_pointed_out(tmp_path, raw, caplog):
    write_pairs(raw, "train")
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    write_pairs(raw, "train", 5)
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    assert f"The text in {raw} has changed; remove" in caplog.text


def test_generated_data_need_no_text(tmp_path, raw):
    write_pairs(raw, "train")
    problem_of("text2text_tmpdir", tmp_path).generate_data()
    for path in raw.iterdir():
        path.unlink()
    problem = problem_of("text2text_tmpdir", tmp_path)
    problem.generate_data()
    assert problem.num_training_examples == 38


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t"), min_size=1).filter(
    lambda line: line == line.strip() != ""
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(LINE, LINE), min_size=1))
def test_tsv_and_jsonl_give_back_what_was_written(rows, tmp_path):
    expected = [{"inputs": inputs, "targets": targets} for inputs, targets in rows]
    write(tmp_path / "rows.jsonl", [json.dumps(row) for row in expected])
    write(tmp_path / "rows.tsv", ["inputs\ttargets", *("\t".join(row) for row in rows)])
    for name in ("rows.jsonl", "rows.tsv"):
        read = list(read_rows([str(tmp_path / name)], ("inputs", "targets")))
        assert [row for _, row in read] == expected


# ---- from_files ----


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


# ---- tfds ----


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


def test_official_builder_through_mocked_tfds(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "network_reachable", lambda: True)
    with tfds.testing.mock_data(num_examples=3):
        samples = list(sources.tfds_samples("wmt14_translate/de-en", "train", "en", "de", str(tmp_path)))
    assert len(samples) == 3
    assert all(isinstance(text, str) for sample in samples for text in (sample["inputs"], sample["targets"]))


def test_without_network_it_fails_at_once_and_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "network_reachable", lambda: False)
    with pytest.raises(FileNotFoundError, match=r"no network can fetch it; put train\.en"):
        next(sources.tfds_samples("wmt14_translate/de-en", "train", "en", "de", str(tmp_path), instead="put train.en"))
    with pytest.raises(FileNotFoundError, match="'wmt14_translate/de-en' is not prepared in"):
        Problem.from_tfds("wmt14_translate/de-en", inputs="en", targets="de", data_dir=tmp_path)


def test_network_check_is_quick():
    assert not sources.network_reachable("http://127.0.0.1:9/", seconds=1)


def test_unknown_tfds_data_set(tmp_path):
    with pytest.raises(ValueError, match="tfds has no data set 'no_such_set'"):
        sources.tfds_builder("no_such_set", str(tmp_path))


def test_one_text_by_bytes_with_its_last_tenth_held_out(tmp_path):
    text = "\n".join(f"ligne numéro {number}" for number in range(200)).encode()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/train.txt.gz").write_bytes(gzip.compress(text))
    problem = registry.problem(
        "text2self_tmpdir_characters", data_dir=str(tmp_path / "data"), tmp_dir=str(tmp_path / "raw")
    )
    problem.generate_data()
    middle = len(text) - len(text) // 10
    overlapping = [text[start : min(start + 512, middle)] for start in range(0, middle - 384, 128)]
    assert list(problem.pieces("train")) == overlapping
    assert overlapping[-1] == text[:middle][-len(overlapping[-1]) :]
    assert b"".join(problem.pieces("validation")) == text[middle:]
    first = [byte + 2 for byte in text[:512]]
    found = [example["targets"].tolist() for example in problem.as_dataset(split="train").as_numpy_iterator()]
    assert first in found
    (tmp_path / "raw/dev.txt").write_bytes(b"x" * 600)
    assert b"".join(piece[:128] for piece in problem.pieces("train")).startswith(text[:-512])
    assert [len(piece) for piece in problem.pieces("validation")] == [512, 88]


def test_text_by_bytes_refuses_other_files(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"targets": "a"}\n')
    problem = registry.problem("text2self_tmpdir_characters", data_dir=str(tmp_path / "data"), tmp_dir=str(tmp_path))
    with pytest.raises(ValueError, match=r"reads plain text; put train\.txt into"):
        problem.generate_data()
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress(bytes(range(256)) * 20)[:100])
    with pytest.raises(ValueError, match=r"train\.txt\.gz: not a whole gzip file"):
        problem.generate_data()
