"""Penn Treebank and WikiText-103 on small files of their layouts; never on the network."""

import pytest

from tensor2keras import registry
from tests.data.problem_test_case import batch_hparams, run_problem_test
from tests.data.raw_files import lines, put, put_tar, put_zip

PTB = {
    "./simple-examples/data/ptb.train.txt": b" the cat sat \n the <unk> N sat \n\n",
    "./simple-examples/data/ptb.valid.txt": b" the N cat \n",
    "./simple-examples/data/ptb.char.train.txt": b"t h e _ c a t \n",
    "./simple-examples/data/ptb.char.valid.txt": b"a _ c a t \n",
}
TRAIN = lines(" = Title = ", "", " a b a <unk> ", " c a ")
WIKITEXT = {
    "wikitext-103/wiki.train.tokens": TRAIN,
    "wikitext-103/wiki.valid.tokens": lines(" a b "),
    "wikitext-103/wiki.test.tokens": lines(" a c ", " b "),
}


def test_penn_treebank(dirs, raw, no_network):
    put_tar(raw / "simple-examples.tgz", PTB)
    problem = run_problem_test(registry.problem("languagemodel_ptb10k", **dirs))
    assert problem.vocabulary_files() == ["vocab.lmptb.10000"]
    words = (raw.parent / "data/vocab.lmptb.10000").read_text().split()
    assert words == ["<pad>", "<EOS>", "sat", "the", "<unk>", "N", "cat"]
    encoder = problem.get_feature_encoders()["targets"]
    assert encoder.encode("the zebra") == [words.index("the"), words.index("<unk>")]  # in a prompt
    features, _, weights = next(iter(problem.dataset("validation", batch_hparams())))
    assert features["targets"].numpy().tolist() == [[words.index(word) for word in ("the", "N", "cat", "<EOS>")]]
    assert (weights.numpy() > 0).all()  # no word counts as padding


def test_a_vocabulary_of_t2ts_making_is_used_as_it_stands(dirs, raw, no_network):
    put(raw, PTB)
    put(raw.parent / "data", {"vocab.lmptb.10000": b"the\n<unk>\n<EOS>\nN\ncat\nsat"})
    problem = registry.problem("languagemodel_ptb10k", **dirs)
    problem.generate_data()
    assert problem.get_feature_encoders()["targets"].encode("N cat") == [3, 4]


def test_penn_treebank_by_characters(dirs, raw, no_network):
    put(raw, PTB)
    problem = run_problem_test(registry.problem("languagemodel_ptb_characters", **dirs))
    assert problem.samples_as_text("train") == [{"targets": "t h e _ c a t <EOS>"}]


def test_wikitext(dirs, raw, no_network):
    put_zip(raw / "wikitext-103-v1.zip", WIKITEXT)
    splits = ("train", "validation", "test")
    problem = run_problem_test(registry.problem("languagemodel_wikitext103", **dirs), splits=splits)
    assert problem.vocabulary_files() == ["vocab.languagemodel_wikitext103.tokens"]
    words = (raw.parent / "data/vocab.languagemodel_wikitext103.tokens").read_text().split()
    assert words == ["<pad>", "<EOS>", "a", "=", "<unk>", "Title", "b", "c"]


def test_wikitext_by_characters(dirs, raw, no_network):
    raw_files = {name.replace("103", "103-raw").replace("tokens", "raw"): text for name, text in WIKITEXT.items()}
    put_zip(raw / "wikitext-103-raw-v1.zip", raw_files)
    problem = registry.problem("languagemodel_wikitext103_characters", **dirs)
    assert list(problem.generate_samples(**dirs, dataset_split="test")) == [{"targets": "a c"}, {"targets": "b"}]


@pytest.mark.parametrize(("name", "length"), [("l4k", 4096), ("l16k", 16384)])
def test_wikitext_in_long_pieces(name, length, dirs, raw, no_network, monkeypatch):
    put(raw, WIKITEXT)
    problem = registry.problem(f"languagemodel_wikitext103_{name}", **dirs)
    assert problem.max_length(batch_hparams()) == length
    monkeypatch.setattr(type(problem), "sequence_length", 5)
    pieces = [sample["targets"] for sample in problem.generate_samples(**dirs, dataset_split="train")]
    assert pieces == ["= Title =", "a b a <unk>", "c a"]


@pytest.mark.parametrize(
    ("name", "archive"),
    [("languagemodel_ptb10k", "simple-examples.tgz"), ("languagemodel_wikitext103", "wikitext-103-v1.zip")],
)
def test_without_network_the_error_says_what_to_put_where(name, archive, dirs, no_network):
    with pytest.raises(FileNotFoundError, match=f"put {archive} into {dirs['tmp_dir']}, or extracted: "):
        registry.problem(name, **dirs).generate_data()
