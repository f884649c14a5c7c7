"""GLUE's tables and Stanford NLI on small files of their layouts and on mocked tfds data sets; never on the network."""

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data.classification import glue
from tests.data.problem_test_case import run_problem_test
from tests.data.raw_files import lines, put, put_zip

# name: (vocabulary file, classes, task id, shards of the training split), T2T's values
VALUES = {
    "sentiment_sst_binary": ("vocab.sentiment_sst_binary.16384.subwords", ["neg", "pos"], None, 10),
    "sentiment_sst_binary_characters": (None, ["neg", "pos"], 3, 10),
    "cola": ("vocab.cola.8192.subwords", ["unacceptable", "acceptable"], None, 10),
    "cola_characters": (None, ["unacceptable", "acceptable"], 6, 10),
    "rte": ("vocab.rte.8192.subwords", ["not_entailment", "entailment"], None, 1),
    "rte_characters": (None, ["not_entailment", "entailment"], 5, 1),
    "question_nli": ("vocab.question_nli.32768.subwords", ["not_entailment", "entailment"], None, 100),
    "question_nli_characters": (None, ["not_entailment", "entailment"], 5, 100),
    "quora_question_pairs": ("vocab.quora_question_pairs.32768.subwords", ["not_duplicate", "duplicate"], None, 100),
    "quora_question_pairs_characters": (None, ["not_duplicate", "duplicate"], 8, 100),
    "multi_nli": ("vocab.multi_nli.32768.subwords", ["contradiction", "entailment", "neutral"], None, 100),
    "multi_nli_characters": (None, ["contradiction", "entailment", "neutral"], 10, 100),
    "stanford_nli": ("vocab.stanford_nli.32768.subwords", ["contradiction", "entailment", "neutral"], None, 100),
    "stanford_nli_characters": (None, ["contradiction", "entailment", "neutral"], 10, 100),
}
SHARED_VOCABULARY = {
    "multi_nli_shared_vocab": "vocab.languagemodel_lm1b32k.32768.subwords",
    "multi_nli_wiki_lm_shared_vocab": "vocab.languagemodel_en_wiki32k.32000.subwords",
    "multi_nli_wiki_lm_shared_vocab64k": "vocab.languagemodel_en_wiki64k.64000.subwords",
    "multi_nli_wiki_lm_multi_vocab64k": "vocab.languagemodel_de_en_fr_ro_wiki64k.64000.subwords",
    "stanford_nli_shared_vocab": "vocab.languagemodel_lm1b32k.32768.subwords",
    "stanford_nli_wiki_lm_shared_vocab": "vocab.languagemodel_en_wiki32k.32000.subwords",
    "stanford_nli_wiki_lm_shared_vocab64k": "vocab.languagemodel_en_wiki64k.64000.subwords",
}


def row(*cells: str, width: int = 0) -> str:
    """Cells between tabs, with empty ones before the last up to `width`."""
    return "\t".join([*cells[:-1], *[""] * (width - len(cells)), cells[-1]])


MNLI_HEADER = row("index", "gold_label", width=12)
# problem: (archive, {file: lines}, samples of train, samples of validation)
LAYOUTS = {
    "sentiment_sst_binary": (
        "SST-2.zip",
        {
            "SST-2/train.tsv": lines("sentence\tlabel", "a fine film \t1", "dull\t0"),
            "SST-2/dev.tsv": lines("sentence\tlabel", "it 's good\t1"),
        },
        [("a fine film ", 1), ("dull", 0)],
        [("it 's good", 1)],
    ),
    "cola": (
        "CoLA.zip",
        {
            "CoLA/train.tsv": lines("gj04\t1\t\tHe left.", "gj04\t0\t*\tHim left."),
            "CoLA/dev.tsv": lines("gj04\t1\t\tShe left."),
        },
        [("He left.", 1), ("Him left.", 0)],
        [("She left.", 1)],
    ),
    "rte": (
        "RTE.zip",
        {
            "RTE/train.tsv": lines("index\ts1\ts2\tlabel", "0\tA dog.\tAn animal.\tentailment"),
            "RTE/dev.tsv": lines("index\ts1\ts2\tlabel", "0\tA dog.\tA cat.\tnot_entailment"),
        },
        [(["A dog.", "An animal."], 1)],
        [(["A dog.", "A cat."], 0)],
    ),
    "question_nli": (
        "QNLI.zip",
        {
            "QNLI/train.tsv": lines("index\tq\ts\tlabel", "0\tWho?\tHe did.\tentailment"),
            "QNLI/dev.tsv": lines("index\tq\ts\tlabel", "0\tWhere?\tHe did.\tnot_entailment"),
        },
        [(["Who?", "He did."], 1)],
        [(["Where?", "He did."], 0)],
    ),
    "quora_question_pairs": (
        "QQP.zip",
        {
            "QQP/train.tsv": lines("id\tqid1\tqid2\tq1\tq2\tis_duplicate", "1\t2\t3\tWhy?\tHow come?\t1", "4\tbroken"),
            "QQP/dev.tsv": lines("id\tqid1\tqid2\tq1\tq2\tis_duplicate", "1\t2\t3\tWhy?\tWho?\t0"),
        },
        [(["Why?", "How come?"], 1), (["How come?", "Why?"], 1)],
        [(["Why?", "Who?"], 0), (["Who?", "Why?"], 0)],
    ),
    "multi_nli": (
        "MNLI.zip",
        {
            "MNLI/train.tsv": lines(
                MNLI_HEADER, "\t".join([*"01234567", "A man.", "A person.", "entailment", "entailment"])
            ),
            "MNLI/dev_matched.tsv": lines(
                MNLI_HEADER, "\t".join([*"01234567", "A man.", "A cat.", *["neutral"] * 5, "contradiction"])
            ),
        },
        [(["A man.", "A person."], 1)],
        [(["A man.", "A cat."], 0)],
    ),
    "stanford_nli": (
        "SNLI.zip",
        {
            "snli_1.0/snli_1.0_train.txt": lines(
                "gold_label\t...",
                "\t".join(["neutral", *"1234", "A man.", "He sings.", "id"]),
                "\t".join(["-", *"1234", "A man.", "A boy.", "id"]),
            ),
            "snli_1.0/snli_1.0_dev.txt": lines(
                "gold_label\t...", "\t".join(["entailment", *"1234", "A man.", "A person.", "id"])
            ),
        },
        [(["A man.", "He sings."], 2)],
        [(["A man.", "A person."], 1)],
    ),
}


def samples(name, dirs, split):
    return [
        (s["inputs"], s["label"]) for s in registry.problem(name, **dirs).generate_samples(**dirs, dataset_split=split)
    ]


@pytest.mark.parametrize("name", VALUES)
def test_values_are_t2ts(name, dirs):
    vocabulary, labels, task_id, shards = VALUES[name]
    problem = registry.problem(name, **dirs)
    assert problem.vocabulary_files() == ([vocabulary] if vocabulary else [])
    assert problem.class_labels("") == labels
    assert problem.num_classes == len(labels)
    assert problem.dataset_splits == [{"split": "train", "shards": shards}, {"split": "validation", "shards": 1}]
    if task_id:
        assert problem.global_task_id() == task_id


@pytest.mark.parametrize("name", SHARED_VOCABULARY)
def test_a_language_models_vocabulary(name, dirs):
    assert registry.problem(name, **dirs).vocabulary_files() == [SHARED_VOCABULARY[name]]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", LAYOUTS)
def test_t2ts_files_and_archives(name, packed, dirs, raw, no_network):
    archive, files, train, validation = LAYOUTS[name]
    if packed:
        put_zip(raw / archive, files)
    else:
        put(raw, files)
    assert samples(name, dirs, "train") == train
    assert samples(name, dirs, "validation") == validation


@pytest.mark.parametrize("name", ["sentiment_sst_binary", "multi_nli_characters"])
def test_generation_end_to_end(name, dirs, raw, no_network):
    put(raw, LAYOUTS[name.removesuffix("_characters")][1])
    problem = run_problem_test(registry.problem(name, **dirs), same_text=False)
    texts = problem.samples_as_text("validation", 1)
    expected = {"inputs": "it 's good", "targets": "pos"}
    if name == "multi_nli_characters":
        expected = {"inputs": "A man.$A cat.", "targets": "contradiction"}
    assert texts == [expected]


def test_multi_nli_as_text(dirs, raw, no_network):
    put(raw, LAYOUTS["multi_nli"][1])
    problem = run_problem_test(registry.problem("multi_nli_text2text", **dirs))
    assert problem.samples_as_text("train", 1) == [
        {"inputs": "multinli premise: A man. hypothesis: A person.", "targets": "entailment"}
    ]


@pytest.mark.parametrize("name", LAYOUTS)
def test_tfds_data_set_is_used_when_no_file_is_there(name, dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    problem = registry.problem(name, **dirs)
    with tfds.testing.mock_data(num_examples=3):
        assert 0 < len(samples(name, dirs, "validation")) <= 6
    labels = tfds.builder(problem.tables.tfds_name, data_dir=dirs["data_dir"]).info.features["label"].names
    assert sorted(labels) == sorted(problem.tables.tfds_labels or problem.tables.labels)


@pytest.mark.parametrize("name", LAYOUTS)
def test_without_network_the_error_says_what_to_put_where(name, dirs, no_network):
    with pytest.raises(FileNotFoundError) as error:
        registry.problem(name, **dirs).generate_data()
    assert LAYOUTS[name][0] in str(error.value)
    assert dirs["tmp_dir"] in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines("sentence\tlabel", "no label"), r"train.tsv, line 2: 1 columns between tabs, expected 2"),
        (lines("sentence\tlabel", "good\t2"), r"train.tsv, line 2: unknown label '2'; expected neg or pos"),
        (b"sentence\tlabel\ngood \xff\t1\n", r"train.tsv, line 2: not UTF-8"),
        (lines("sentence\tlabel"), "'train' has no samples|no training text"),
    ],
)
def test_odd_files_are_named_with_their_line(content, message, dirs, raw, no_network):
    put(raw, {"SST-2/train.tsv": content, "SST-2/dev.tsv": lines("sentence\tlabel", "fine\t1")})
    with pytest.raises(ValueError, match=message):
        registry.problem("sentiment_sst_binary", **dirs).generate_data()


def test_one_file_without_the_other_is_an_error_not_another_source(dirs, raw, no_network):
    put(raw, {"SST-2/train.tsv": LAYOUTS["sentiment_sst_binary"][1]["SST-2/train.tsv"]})
    with pytest.raises(FileNotFoundError, match=r"put SST-2\.zip into .*, or extracted: SST-2/dev\.tsv"):
        registry.problem("sentiment_sst_binary", **dirs).generate_data()


def test_real_sst(shared, dirs, raw):
    (raw / "SST-2").symlink_to(shared / "data" / "sst2")
    found = samples("sentiment_sst_binary", dirs, "validation")
    assert len(found) == 872
    assert sum(label for _, label in found) == 444
    assert sum(1 for _ in glue.SST.rows("train", **dirs)) == 67_349
