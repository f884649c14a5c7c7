"""Base classes of text problems (T2T's `text_problems.py`): text to text, language models, classes, numbers.

A subclass defines `generate_samples` and a few properties, on which vocabulary, encoding and files depend:

    @registry.register_problem
    class Shout(Text2TextProblem):
        approx_vocab_size = 2**10
        is_generate_per_split = False

        def generate_samples(self, data_dir, tmp_dir, dataset_split):
            yield {"inputs": "hello", "targets": "HELLO"}
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import generation, text_encoder
from tensor2keras.data.problem import Problem
from tensor2keras.data.problem_hooks import IDS, ProblemHParams
from tensor2keras.data.space_id import SpaceID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder.base import TextEncoder
from tensor2keras.data.tfds_internals import progress_bar
from tensor2keras.hparams import HParams
from tensor2keras.symbols import EOS_ID

OVERLAP = 4  # training pieces of a long text begin a quarter of their length after the last
CLASS_METRICS = ["accuracy", "neg_log_perplexity"]


class VocabType:
    """Kinds of vocabulary; the value ends the vocabulary file's name."""

    CHARACTER = "character"
    SUBWORD = "subwords"
    TOKEN = "tokens"
    SENTENCEPIECE = "sentencepiece"


class Text2TextProblem(Problem):
    """Base class of text-to-text problems.

    A subclass defines `generate_samples`, `is_generate_per_split` and often `approx_vocab_size`.
    """

    train_shards = 100

    # ---- hooks ----

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        """Yields `{"inputs": text, "targets": text}`; called for "train" only unless `is_generate_per_split`.

        Args:
            data_dir: directory of data and vocabularies.
            tmp_dir: directory of raw files.
            dataset_split: "train", "validation" or "test".
        """
        raise NotImplementedError(f"{type(self).__name__} does not define generate_samples")

    @property
    def is_generate_per_split(self) -> bool:
        raise NotImplementedError(f"{type(self).__name__} does not say whether is_generate_per_split")

    vocab_type = VocabType.SUBWORD
    """A `VocabType`; SUBWORD and SENTENCEPIECE are learnt from the training text, TOKEN is the user's file."""

    approx_vocab_size = 2**15
    """Approximate size of a SUBWORD vocabulary, exact size of SENTENCEPIECE."""

    additional_reserved_tokens: Sequence[str] = ()
    """Tokens that get the ids from 2 on, for SUBWORD and SENTENCEPIECE."""

    oov_token: str | None = None
    """Token that replaces unknown words, for TOKEN."""

    max_samples_for_vocab: int | None = None
    """Number of samples the vocabulary is learnt from; None for all."""

    max_subtoken_length: int | None = 200
    """Length of the longest subword; the time to build a vocabulary is quadratic in it. None: the longest word."""

    inputs_prefix = targets_prefix = ""
    """Text put before every input, and before every target."""

    vocabulary_features = ("inputs", "targets")
    """Features whose text the vocabulary is learnt from; of a language model `targets`."""

    vocab_problem: "type[Text2TextProblem] | None" = None
    """The class of the problem whose vocabulary to use, or None."""

    @property
    def use_vocab_from_other_problem(self) -> "Text2TextProblem | None":
        """The problem whose vocabulary to use, or None."""
        return self.vocab_problem and self.vocab_problem(self.data_dir_root, self.tmp_dir)

    # ---- vocabulary ----

    @property
    def vocab_filename(self) -> str:
        """File name in `data_dir`: `vocab.PROBLEM.SIZE.subwords` (or `.sentencepiece`), or `vocab.PROBLEM.tokens`."""
        other = self.use_vocab_from_other_problem
        if other:
            return other.vocab_filename
        if self.vocab_type in (VocabType.SUBWORD, VocabType.SENTENCEPIECE):
            return f"vocab.{self.dataset_filename()}.{self.approx_vocab_size}.{self.vocab_type}"
        return f"vocab.{self.dataset_filename()}.{VocabType.TOKEN}"

    def vocabulary_files(self) -> list[str]:
        return [] if self.vocab_type == VocabType.CHARACTER else [self.vocab_filename]

    def generate_text_for_vocab(self, data_dir: str, tmp_dir: str) -> Iterator[str]:
        """Yields the text that the vocabulary is learnt from: `vocabulary_features` of the training samples."""
        names = self.vocabulary_features if self.has_inputs else ("targets",)
        for index, sample in enumerate(self.generate_samples(data_dir, tmp_dir, DatasetSplit.TRAIN)):
            if self.max_samples_for_vocab and index >= self.max_samples_for_vocab:
                return
            if missing := [name for name in names if name not in sample]:
                raise ValueError(f"problem {self.name}: sample {index} has no {', '.join(missing)}")
            yield from (sample[name] for name in names)

    def get_or_create_vocab(self, data_dir: str, tmp_dir: str | None, force_get: bool = False) -> TextEncoder:
        """Returns the encoder; a vocabulary that is missing in `data_dir` is learnt first, unless `force_get`.

        Raises:
            FileNotFoundError: no vocabulary, and `force_get` or a TOKEN vocabulary.
            ValueError: an unknown `vocab_type`, or no text to learn from.
        """
        if self.vocab_type == VocabType.CHARACTER:
            return text_encoder.ByteTextEncoder()
        path = os.path.join(data_dir, self.vocab_filename)
        if not os.path.exists(path):
            learnt = self.vocab_type in (VocabType.SUBWORD, VocabType.SENTENCEPIECE)
            if force_get or not learnt:
                how = f"make it {self.how_to_generate()}" if learnt else "put it there, one token a line"
                raise FileNotFoundError(f"problem {self.name} has no vocabulary {path}; {how}")
            if self.use_vocab_from_other_problem:
                return self.use_vocab_from_other_problem.get_or_create_vocab(data_dir, tmp_dir)
            self._learn_vocabulary(path, data_dir, tmp_dir)
        return self._load_vocabulary(path)

    def _load_vocabulary(self, path: str) -> TextEncoder:
        loaders = {
            VocabType.SUBWORD: text_encoder.SubwordTextEncoder,
            VocabType.SENTENCEPIECE: text_encoder.SentencePieceEncoder,
            VocabType.TOKEN: lambda file: text_encoder.TokenTextEncoder(file, replace_oov=self.oov_token),
        }
        if self.vocab_type not in loaders:
            kinds = ", ".join([VocabType.CHARACTER, *loaders])
            raise ValueError(f"problem {self.name}: vocab_type={self.vocab_type!r} is none of {kinds}")
        return loaders[self.vocab_type](path)

    def _learn_vocabulary(self, path: str, data_dir: str, tmp_dir: str | None) -> None:
        learner = {
            VocabType.SUBWORD: text_encoder.SubwordTextEncoder,
            VocabType.SENTENCEPIECE: text_encoder.SentencePieceEncoder,
        }[self.vocab_type]
        options = {"max_subtoken_length": self.max_subtoken_length} if self.vocab_type == VocabType.SUBWORD else {}
        text = generation.not_empty(
            self.generate_text_for_vocab(data_dir, tmp_dir),
            f"problem {self.name}: there is no training text to learn a vocabulary from",
        )
        encoder = learner.build_from_generator(
            progress_bar(text, f"Learning {os.path.basename(path)}", unit=" texts"),
            self.approx_vocab_size,
            reserved_tokens=text_encoder.RESERVED_TOKENS + list(self.additional_reserved_tokens),
            **options,
        )
        os.makedirs(data_dir, exist_ok=True)
        encoder.store_to_file(path)

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        self.get_or_create_vocab(data_dir, tmp_dir)

    # ---- encoding ----

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        samples = self.generate_samples(data_dir, tmp_dir, dataset_split)
        return text2text_generate_encoded(
            samples,
            self.get_or_create_vocab(data_dir, tmp_dir),
            has_inputs=self.has_inputs,
            inputs_prefix=self.inputs_prefix,
            targets_prefix=self.targets_prefix,
        )

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        encoder = self.get_or_create_vocab(data_dir, None, force_get=True)
        return {"inputs": encoder, "targets": encoder} if self.has_inputs else {"targets": encoder}

    # ---- model and training ----

    batch_size_means_tokens = True

    def max_length(self, model_hparams: HParams) -> int:
        return self.packed_length or super().max_length(model_hparams)

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        defaults.stop_at_eos = True
        defaults.modality = dict.fromkeys(self._encoders, "symbol")
        defaults.vocab_size = {name: encoder.vocab_size for name, encoder in self._encoders.items()}
        if self.vocab_type == VocabType.CHARACTER:
            defaults.loss_multiplier = 2.0

    def eval_metrics(self) -> list[str]:
        return [*super().eval_metrics(), "approx_bleu_score", "rouge_2_fscore", "rouge_L_fscore"]


class QuestionAndContext2TextProblem(Text2TextProblem):
    """Base class of problems with a question (`inputs`) about a text (`context`), answered by `targets`."""

    QUESTION_SEPARATOR = "<EOQ>"
    QUESTION_SEPARATOR_ID = 2

    additional_reserved_tokens = (QUESTION_SEPARATOR,)
    vocabulary_features = ("inputs", "context", "targets")

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        return {**super().stored_features, "context": IDS}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        encoders = super().feature_encoders(data_dir)
        return {**encoders, "context": encoders["inputs"]}

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        encoder = self.get_or_create_vocab(data_dir, tmp_dir)
        for sample in super().generate_encoded_samples(data_dir, tmp_dir, dataset_split):
            yield {**sample, "context": [*encoder.encode(sample["context"]), EOS_ID]}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        if self.packed_length:
            raise ValueError(f"problem {self.name}: packed_length does not work with a context feature")
        super().hparams(defaults, model_hparams)


class Text2SelfProblem(Text2TextProblem):
    """Base class of language models: samples are `{"targets": text}`."""

    has_inputs = False


class Text2ClassProblem(Text2TextProblem):
    """Base class of text classification.

    Samples are `{"inputs": text, "label": int}` with labels from 0 to `num_classes - 1`.
    """

    vocabulary_features = ("inputs",)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        raise NotImplementedError(f"{type(self).__name__} does not define num_classes")

    def class_labels(self, data_dir: str) -> list[str]:
        """Returns the classes' names."""
        return [f"ID_{number}" for number in range(self.num_classes)]

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        return {"inputs": IDS, "targets": tfds.features.Scalar(np.int64)}

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        encoder = self.get_or_create_vocab(data_dir, tmp_dir)
        num_classes = self.num_classes
        for sample in self.generate_samples(data_dir, tmp_dir, dataset_split):
            if not 0 <= sample["label"] < num_classes:
                raise ValueError(f"problem {self.name}: label {sample['label']} is not in 0..{num_classes - 1}")
            yield {"inputs": self.encode_inputs(encoder, sample["inputs"]), "targets": sample["label"]}

    def encode_inputs(self, encoder: TextEncoder, inputs: Any) -> list[int]:
        """Returns the ids of a sample's `inputs`, end of sequence included."""
        return [*encoder.encode(self.inputs_prefix + inputs), EOS_ID]

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        return {
            "inputs": self.get_or_create_vocab(data_dir, None, force_get=True),
            "targets": text_encoder.ClassLabelEncoder(self.class_labels(data_dir)),
        }

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        super().hparams(defaults, model_hparams)
        defaults.stop_at_eos = False
        defaults.loss_multiplier = 1.0
        defaults.modality["targets"] = "class_label"
        defaults.vocab_size["targets"] = self.num_classes

    def eval_metrics(self) -> list[str]:
        return CLASS_METRICS

    def text_scores(self) -> list[str]:
        return ["accuracy"]


class TextConcat2ClassProblem(Text2ClassProblem):
    """Base class for the classification of several texts: `inputs` is a list, joined by `CONCAT_TOKEN`."""

    CONCAT_TOKEN = "$"

    def generate_text_for_vocab(self, data_dir: str, tmp_dir: str) -> Iterator[str]:
        for texts in super().generate_text_for_vocab(data_dir, tmp_dir):
            yield from texts

    def encode_inputs(self, encoder: TextEncoder, inputs: Sequence[str]) -> list[int]:
        separator = encoder.encode(self.CONCAT_TOKEN)[0]
        ids = encoder.encode(inputs[0])
        for text in inputs[1:]:
            ids = [*ids, separator, *encoder.encode(text)]
        return [*ids, EOS_ID]


class Text2RealProblem(Text2TextProblem):
    """Base class of regression: samples are `{"inputs": text, "targets": [float, ...]}` with `ntasks` numbers."""

    vocabulary_features = ("inputs",)
    ntasks = 1
    """Number of values of a target."""

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        return {"inputs": IDS, "targets": tfds.features.Tensor(shape=(self.ntasks,), dtype=np.float32)}

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        encoder = self.get_or_create_vocab(data_dir, tmp_dir)
        for sample in self.generate_samples(data_dir, tmp_dir, dataset_split):
            yield {"inputs": [*encoder.encode(sample["inputs"]), EOS_ID], "targets": np.float32(sample["targets"])}

    def feature_encoders(self, data_dir: str) -> dict[str, TextEncoder]:
        return {
            "inputs": self.get_or_create_vocab(data_dir, None, force_get=True),
            "targets": text_encoder.RealEncoder(),
        }

    def max_length(self, model_hparams: HParams) -> int:
        return model_hparams.batch_size * self.ntasks

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        defaults.modality = {"inputs": "symbol", "targets": "real_l2"}
        defaults.vocab_size = {"inputs": self._encoders["inputs"].vocab_size, "targets": self.ntasks}
        defaults.target_space_id = SpaceID.REAL
        defaults.add_hparam("regression_targets", True)

    def eval_metrics(self) -> list[str]:
        return ["rmse", "pearson"] if self.ntasks == 1 else ["rmse"]


def text2text_generate_encoded(
    sample_generator: Iterable[dict[str, Any]],
    vocab: TextEncoder,
    targets_vocab: TextEncoder | None = None,
    has_inputs: bool = True,
    inputs_prefix: str = "",
    targets_prefix: str = "",
) -> Iterator[dict[str, Any]]:
    """Yields samples with `inputs` and `targets` as ids, each ended by EOS; other features are passed on."""
    targets_vocab = targets_vocab or vocab
    for sample in sample_generator:
        encoded = dict(sample)
        if has_inputs:
            encoded["inputs"] = [*vocab.encode(inputs_prefix + sample["inputs"]), EOS_ID]
        encoded["targets"] = [*targets_vocab.encode(targets_prefix + sample["targets"]), EOS_ID]
        yield encoded


def text_variants_of(module: str) -> Callable[..., type[Text2TextProblem]]:
    """Returns `variant(class_name, base, doc=None, **attributes)`, which registers a subclass of a text problem.

    It is that of `registry.problem_variants_of`, with a default for `doc`: the first line of the base's up to its last
    comma, and the vocabulary.
    """
    make = registry.problem_variants_of(module)

    def variant(class_name: str, base: type, doc: str | None = None, **attributes: Any) -> type[Text2TextProblem]:
        made = make(class_name, base, doc or "", **attributes)
        if doc is None:
            made.__doc__ = f"{base.__doc__.partition(chr(10))[0].rpartition(', ')[0]}, {_vocabulary(made)}."
        return made

    return variant


def _vocabulary(problem: type[Text2TextProblem]) -> str:
    """Describes the vocabulary of a class, and its packing."""
    shared = problem.vocab_problem is not None and not problem.packed_length
    if problem.vocab_type == VocabType.CHARACTER:
        text = "bytes"
    elif shared:
        text = f"vocabulary of {registry.problems.name_of(problem.vocab_problem)}"
    else:
        text = f"{problem.approx_vocab_size // 1000}k subwords"
    return f"{text}, packed into rows of {problem.packed_length}" if problem.packed_length else text
