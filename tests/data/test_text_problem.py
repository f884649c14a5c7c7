"""Text problems: a few lines of code make vocabulary, data and what the model needs to know."""

import os
import random

import numpy as np
import pytest

from tensor2keras import registry
from tensor2keras.data import text_encoder
from tensor2keras.data.text_problem import (
    QuestionAndContext2TextProblem,
    Text2ClassProblem,
    Text2RealProblem,
    Text2SelfProblem,
    Text2TextProblem,
    TextConcat2ClassProblem,
    VocabType,
)
from tests.data.problem_test_case import batch_hparams, run_problem_test

WORDS = ["the", "a", "dog", "cat", "runs", "sleeps", "sees", "small", "big", "Straße", "naïve", "犬"]


def sentences(count, seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 6))) for _ in range(count)]


class Shout(Text2TextProblem):
    """The three definitions a subclass needs, as in a notebook's cell."""

    approx_vocab_size = 2**8
    is_generate_per_split = False

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for text in sentences(250, seed=1):
            yield {"inputs": text, "targets": text.upper()}


class Recite(Text2SelfProblem):
    approx_vocab_size = 2**8
    is_generate_per_split = True

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for text in sentences(60, seed=len(dataset_split)):
            yield {"targets": text}


class HasDog(Text2ClassProblem):
    approx_vocab_size = 2**8
    is_generate_per_split = True
    num_classes = 2

    def class_labels(self, data_dir):
        return ["no dog", "dog"]

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for text in sentences(60, seed=len(dataset_split)):
            yield {"inputs": text, "label": int("dog" in text)}


class SameText(TextConcat2ClassProblem, HasDog):
    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for text in sentences(60, seed=2):
            yield {"inputs": [text, "a dog"], "label": 1}


class Lengths(Text2RealProblem):
    approx_vocab_size = 2**8
    is_generate_per_split = True
    ntasks = 2

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for text in sentences(60, seed=3):
            yield {"inputs": text, "targets": [len(text), 0.5]}


class Answer(QuestionAndContext2TextProblem):
    approx_vocab_size = 2**8
    is_generate_per_split = True

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        for text in sentences(60, seed=4):
            yield {"inputs": "first word?", "context": text, "targets": text.split()[0]}


class OtherVocabulary(Shout):
    @property
    def use_vocab_from_other_problem(self):
        return Recite()


def of_kind(kind, **properties):
    return type("Kind", (Shout,), {"vocab_type": kind, **properties})


@pytest.mark.parametrize("problem_class", [Shout, Recite, Answer])
def test_generated_text_decodes_to_the_samples(problem_class, tmp_path):
    run_problem_test(problem_class(data_dir=tmp_path))


@pytest.mark.parametrize("was_copy", [False, True])
def test_reversed_problem(tmp_path, was_copy):
    run_problem_test(Shout(data_dir=tmp_path, was_reversed=True, was_copy=was_copy))
    sample = Shout(data_dir=tmp_path, was_reversed=True, was_copy=was_copy).samples_as_text()[0]
    assert sample["inputs"].isupper()
    assert sample["targets"].isupper() == was_copy


@pytest.mark.parametrize("kind", [VocabType.CHARACTER, VocabType.SENTENCEPIECE])
def test_kinds_of_vocabulary(kind, tmp_path):
    problem = run_problem_test(of_kind(kind, approx_vocab_size=400)(data_dir=tmp_path), batches=False)
    files = {VocabType.CHARACTER: [], VocabType.SENTENCEPIECE: ["vocab.kind.400.sentencepiece"]}[kind]
    assert [name for name in os.listdir(tmp_path) if name.startswith("vocab")] == files == problem.vocabulary_files()
    assert problem.get_hparams()["loss_multiplier"] == (2.0 if kind == VocabType.CHARACTER else 1.0)


def test_token_vocabulary_is_a_file_of_the_users(tmp_path):
    tokens = of_kind(VocabType.TOKEN, oov_token="<UNK>")
    with pytest.raises(FileNotFoundError, match=r"vocab\.kind\.tokens; put it there"):
        tokens(data_dir=tmp_path).generate_data()
    text_encoder.TokenTextEncoder(None, vocab_list=["<UNK>", *WORDS]).store_to_file(tmp_path / "vocab.kind.tokens")
    problem = run_problem_test(tokens(data_dir=tmp_path), same_text=False, batches=False)
    assert problem.get_hparams()["features"]["inputs"]["vocab_size"] == len(WORDS) + 3
    assert "<UNK>" in problem.samples_as_text()[0]["targets"]  # capitals are not in the file


def test_unknown_kind_of_vocabulary_is_refused(tmp_path):
    (tmp_path / "vocab.kind.tokens").write_text("a\n")
    with pytest.raises(ValueError, match="vocab_type='words' is none of character, subwords, sentencepiece, tokens"):
        of_kind("words")(data_dir=tmp_path).generate_data()


def test_vocabulary_of_t2t_is_used_as_it_is(tmp_path):
    theirs = text_encoder.SubwordTextEncoder.build_from_generator(sentences(50, seed=9), 2**7)
    theirs.store_to_file(tmp_path / "vocab.shout.256.subwords")
    before = (tmp_path / "vocab.shout.256.subwords").read_bytes()
    problem = run_problem_test(Shout(data_dir=tmp_path), batches=False)
    assert (tmp_path / "vocab.shout.256.subwords").read_bytes() == before
    assert problem.get_feature_encoders()["inputs"].vocab_size == theirs.vocab_size


def test_vocabulary_of_another_problem(tmp_path):
    run_problem_test(OtherVocabulary(data_dir=tmp_path), batches=False)
    assert [name for name in os.listdir(tmp_path) if name.startswith("vocab")] == ["vocab.recite.256.subwords"]


def test_data_are_refused_when_the_vocabulary_changed(tmp_path):
    Shout(data_dir=tmp_path).generate_data()
    (tmp_path / "vocab.shout.256.subwords").write_text("'<pad>_'\n'<EOS>_'\n'a_'\n")
    with pytest.raises(ValueError, match="were encoded by another vocabulary"):
        Shout(data_dir=tmp_path).generate_data()
    with pytest.raises(ValueError, match="were encoded by another vocabulary"):
        Shout(data_dir=tmp_path).dataset("train", batch_hparams())


def test_reserved_tokens_have_the_first_ids(tmp_path):
    class Tagged(Shout):
        additional_reserved_tokens = ("<tag>",)

    Tagged(data_dir=tmp_path).generate_data()
    encoder = Tagged(data_dir=tmp_path).get_feature_encoders()["inputs"]
    assert encoder.decode([2]) == "<tag>"
    answer = Answer(data_dir=tmp_path)
    answer.generate_data()
    assert answer.get_feature_encoders()["context"].decode([Answer.QUESTION_SEPARATOR_ID]) == "<EOQ>"


def test_prefixes_are_put_before_the_text(tmp_path):
    class Prefixed(Shout):
        inputs_prefix = "shout the "
        targets_prefix = "THE "

    Prefixed(data_dir=tmp_path).generate_data()
    sample = Prefixed(data_dir=tmp_path).samples_as_text()[0]
    assert sample["inputs"].startswith("shout the ")
    assert sample["targets"].startswith("THE ")


def test_max_samples_for_vocab(tmp_path):
    class Few(Shout):
        max_samples_for_vocab = 3

    assert len(list(Few(data_dir=tmp_path).generate_text_for_vocab(str(tmp_path), ""))) == 6


def test_no_text_to_learn_from(tmp_path):
    class Silent(Shout):
        def generate_samples(self, data_dir, tmp_dir, dataset_split):
            return iter(())

    with pytest.raises(ValueError, match="problem silent: there is no training text"):
        Silent(data_dir=tmp_path).generate_data()


def test_language_model_has_targets_only(tmp_path):
    problem = Recite(data_dir=tmp_path)
    problem.generate_data()
    assert list(problem.get_hparams()["features"]) == ["targets"]
    features, _, _ = next(iter(problem.dataset("validation", batch_hparams())))
    assert list(features) == ["targets"]


@pytest.mark.parametrize("problem_class", [HasDog, SameText])
def test_classes(problem_class, tmp_path):
    problem = run_problem_test(problem_class(data_dir=tmp_path), same_text=False)
    assert problem.get_hparams()["features"]["targets"] == {"modality": "class_label", "vocab_size": 2}
    features, targets, _ = next(iter(problem.dataset("validation", batch_hparams(batch_size=10_000))))
    assert targets.shape == (features["inputs"].shape[0],)
    sample = problem.samples_as_text()[0]
    assert sample["targets"] == ("dog" if "dog" in sample["inputs"] else "no dog")


def test_several_texts_are_joined_by_a_token(tmp_path):
    encoder = text_encoder.ByteTextEncoder()
    ids = SameText(data_dir=tmp_path).encode_inputs(encoder, ["a", "b", "c"])
    assert ids == [*encoder.encode("a$b$c"), text_encoder.EOS_ID]


def test_label_out_of_range_is_refused(tmp_path):
    class Wrong(HasDog):
        def generate_samples(self, data_dir, tmp_dir, dataset_split):
            yield {"inputs": "a dog", "label": 2}

    with pytest.raises(ValueError, match=r"label 2 is not in 0\.\.1"):
        Wrong(data_dir=tmp_path).generate_data()


def test_regression(tmp_path):
    problem = run_problem_test(Lengths(data_dir=tmp_path), same_text=False, batches=False)
    values = problem.get_hparams()
    assert values["features"]["targets"] == {"modality": "real_l2", "vocab_size": 2}
    assert values["regression_targets"] is True
    example = next(problem.as_dataset(split="train").as_numpy_iterator())
    text = problem.get_feature_encoders()["inputs"].decode(example["inputs"], strip_extraneous=True)
    np.testing.assert_allclose(example["targets"], [len(text), 0.5])


def test_context_is_a_feature_of_its_own(tmp_path):
    problem = Answer(data_dir=tmp_path)
    problem.generate_data()
    assert set(problem.get_hparams()["features"]) == {"inputs", "targets", "context"}
    features, _, _ = next(iter(problem.dataset("validation", batch_hparams())))
    assert features["context"].shape[0] == features["inputs"].shape[0]


def test_hparams_take_the_problem(tmp_path):
    problem = Shout(data_dir=tmp_path)
    problem.generate_data()
    hparams = batch_hparams()
    registry.set_problem(hparams, problem)
    assert hparams.problem.name == "shout"
    assert type(hparams).from_json(hparams.to_json()).problem.features.inputs.modality == "symbol"


def test_missing_vocabulary_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"make it with problem.generate_data\(\) or t2t-datagen --problem="):
        Shout(data_dir=tmp_path).get_hparams()


def test_the_abstract_class_says_what_to_define(tmp_path):
    class Nothing(Text2TextProblem):
        is_generate_per_split = True

    with pytest.raises(NotImplementedError, match="Nothing does not define generate_samples"):
        Nothing(data_dir=tmp_path).generate_data()


def test_examples_of_the_docstring(tmp_path, monkeypatch):
    monkeypatch.setattr(registry.problems, "_entries", {name: registry.problems[name] for name in registry.problems})
    registry.register_problem(Shout)
    run_problem_test(registry.problem("shout", data_dir=tmp_path), batches=False)
