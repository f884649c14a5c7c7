"""CNN and Daily Mail summaries on stories, jsonl and a mocked tfds data set; never on the network."""

import hashlib
import json

import pytest
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data.summarization import cnn_dailymail
from tests.data.problem_test_case import batch_hparams, run_problem_test
from tests.data.raw_files import lines, put, put_tar

STORY = b'A man slept\n\nHe woke up.\n\n@highlight\n\nMan sleeps\n\n@highlight\n\n"He woke"\n'
PAIR = {"inputs": "A man slept. He woke up.", "targets": 'Man sleeps. "He woke"'}
URLS = {"train": ["http://a/1", "http://b/2", "http://gone"], "val": ["http://a/3"], "test": ["http://b/4"]}
LISTS = {f"all_{part}.txt": lines(*urls) for part, urls in URLS.items()}
SHARED_VOCABULARY = {
    "wiki_lm_shared_vocab": "vocab.languagemodel_en_wiki32k.32000.subwords",
    "wiki_lm_shared_vocab64k": "vocab.languagemodel_en_wiki64k.64000.subwords",
    "wiki_lm_multi_vocab64k": "vocab.languagemodel_de_en_fr_ro_wiki64k.64000.subwords",
    "multi64k_packed1k": "vocab.languagemodel_de_en_fr_ro_wiki64k.64000.subwords",
}


def story_name(url):
    return f"{hashlib.sha1(url.encode()).hexdigest()}.story"


def stories(source, letter):
    urls = [url for urls in URLS.values() for url in urls if f"//{letter}/" in url]
    return {f"{source}/stories/{story_name(url)}": STORY for url in urls}


def samples(dirs, split, name="summarize_cnn_dailymail32k"):
    return list(registry.problem(name, **dirs).generate_samples(**dirs, dataset_split=split))


@pytest.mark.parametrize("packed", [True, False])
def test_stories_with_lists_of_addresses(packed, dirs, raw, no_network, caplog):
    put(raw, LISTS)
    if packed:
        put_tar(raw / "cnn_stories.tgz", stories("cnn", "a"))
        put_tar(raw / "dailymail_stories.tgz", stories("dailymail", "b"))
    else:
        put(raw, stories("cnn", "a") | stories("dailymail", "b"))
    assert samples(dirs, "train") == [PAIR, PAIR]
    assert "1 of 3 stories are not there" in caplog.text
    assert samples(dirs, "validation") == samples(dirs, "test") == [PAIR]


def test_generation_end_to_end_from_jsonl(dirs, raw, no_network):
    row = json.dumps({"id": "1", "article": "A man slept\nHe woke up.", "highlights": 'Man sleeps\n"He woke"'})
    put(raw, {"train.jsonl.gz": lines(row), "val.jsonl": lines(row)})
    problem = run_problem_test(registry.problem("summarize_cnn_dailymail32k", **dirs))
    assert problem.vocabulary_files() == ["vocab.summarize_cnn_dailymail32k.32768.subwords"]
    assert problem.samples_as_text("train") == [PAIR]
    assert problem.text_scores() == ["rouge"]


def test_prepended_inputs(dirs, raw, no_network):
    row = json.dumps({"article": "A man slept.", "highlights": "Man sleeps"})
    put(raw, {"train.jsonl": lines(row), "val.jsonl": lines(row)})
    problem = registry.problem("summarize_cnn_dailymail32k", **dirs)
    problem.generate_data()
    hparams = batch_hparams(prepend_mode="prepend_inputs_masked_attention", max_input_seq_length=3)
    features, targets, _ = next(iter(problem.dataset("validation", hparams)))
    encoder = problem.get_feature_encoders()["inputs"]
    inputs = [*encoder.encode("A man slept."), 1][:3]
    assert targets[0].numpy().tolist() == [*inputs, 0, *encoder.encode("Man sleeps."), 1]
    assert features["inputs"][0].numpy().tolist() == inputs


def test_tfds_data_set_is_used_when_no_file_is_there(dirs, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with tfds.testing.mock_data(num_examples=3):
        assert len(samples(dirs, "validation")) == 3


@pytest.mark.parametrize("ending", SHARED_VOCABULARY)
def test_vocabularies_of_language_models(ending, dirs):
    problem = registry.problem(f"summarize_cnn_dailymail_{ending}", **dirs)
    assert problem.vocabulary_files() == [SHARED_VOCABULARY[ending]]


@pytest.mark.parametrize(
    ("name", "count"),
    [("frac0p1", 2), ("frac1", 20), ("frac2", 40), ("frac5", 100), ("frac10", 200), ("frac20", 400), ("frac50", 1000)],
)
def test_fractions(name, count, dirs, monkeypatch):
    pairs = [(str(number), "s") for number in range(2000)]
    monkeypatch.setattr(cnn_dailymail, "pairs", lambda *args: iter(pairs))
    name = f"summarize_{name}_cnn_dailymail_wiki_lm_shared_vocab64k"
    chosen = samples(dirs, "train", name)
    assert len(chosen) == count
    assert chosen == samples(dirs, "train", name)
    assert len(samples(dirs, "validation", name)) == 2000


def test_all_of_t2ts_names(golden):
    known = json.loads((golden / "problems.json").read_text())["problems"]
    assert {name for name in known if name.startswith("summarize")} <= set(registry.problems)


def test_odd_files_are_named(dirs, raw, no_network):
    with pytest.raises(FileNotFoundError, match=r"put cnn_stories\.tgz .* or train\.jsonl and val\.jsonl"):
        samples(dirs, "train")
    put(raw, {"train.jsonl": lines("{}")})
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: expected an object with the keys article, highlights"):
        samples(dirs, "train")
    with pytest.raises(FileNotFoundError, match=r"has no eval\.jsonl or .*val\.jsonl"):
        samples(dirs, "validation")
    put(raw, stories("cnn", "a"))
    with pytest.raises(FileNotFoundError, match=r"put all_train\.txt into"):
        samples(dirs, "train")
    put(raw, {"all_train.txt": lines("http://gone")})
    with pytest.raises(ValueError, match="none of the 1 stories"):
        samples(dirs, "train")
    put(raw, {**LISTS, f"cnn/stories/{story_name('http://a/1')}": b"caf\xe9"})
    with pytest.raises(ValueError, match=r"\.story, line 1: not UTF-8 text \(byte 4 "):
        samples(dirs, "train")


def test_real_articles(shared, dirs, raw):
    (raw / "train.jsonl.gz").symlink_to(shared / "data/cnn_dailymail_small/train.jsonl.gz")
    (raw / "val.jsonl.gz").symlink_to(shared / "data/cnn_dailymail_small/val.jsonl.gz")
    assert len(samples(dirs, "train")) == 800
    assert len(samples(dirs, "validation")) == 100
