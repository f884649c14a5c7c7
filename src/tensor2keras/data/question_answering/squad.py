"""Questions about a paragraph (T2T's `squad.py`): Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250.

`tmp_dir` holds `train-v1.1.json` and `dev-v1.1.json` (or `.gz`), else the tfds data set `squad/v1.1` is used. The
answer is the first of those given; questions without one are left out.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf
from absl import logging

from tensor2keras import files, registry
from tensor2keras.data import sources
from tensor2keras.data.preprocessing import Features
from tensor2keras.data.problem_hooks import ProblemHParams
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import QuestionAndContext2TextProblem, Text2TextProblem
from tensor2keras.hparams import HParams

FILES = {DatasetSplit.TRAIN: "train-v1.1.json", DatasetSplit.EVAL: "dev-v1.1.json"}


class Question(NamedTuple):
    """A question with the paragraph it is about and its answer."""

    context: str
    question: str
    answer: str


def questions(data_dir: str, tmp_dir: str, split: str) -> Iterator[Question]:
    """Yields the questions of a split.

    Raises:
        MissingDataError: no files, no prepared tfds data set and no network.
        ValueError: a file that is not complete SQuAD JSON.
    """
    if any(sources.find_file(tmp_dir, name) for name in FILES.values()):
        yield from _file_questions(sources.require_file(tmp_dir, FILES[split]))
        return
    instead = sources.put_files(tmp_dir, FILES.values())
    for row in sources.tfds_rows("squad/v1.1", split, ["context", "question", "answers"], data_dir, instead):
        if row["answers"]["text"]:
            texts = (row["context"], row["question"], row["answers"]["text"][0])
            yield Question(*(text.strip() for text in texts))


def _file_questions(path: str) -> Iterator[Question]:
    unanswered = 0
    try:
        for article in files.read_json(path)["data"]:
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    if not asked["answers"]:
                        unanswered += 1
                        continue
                    texts = (paragraph["context"], asked["question"], asked["answers"][0]["text"])
                    yield Question(*(text.strip() for text in texts))
    except (ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: not a whole file of SQuAD's JSON ({what})") from None
    if unanswered:
        logging.warning("%s: left out %d questions without an answer.", os.path.basename(path), unanswered)


@registry.register_problem
class SquadText2text(Text2TextProblem):
    """SQuAD as text to text, from paragraph and question to the answer, 32k subwords."""

    is_generate_per_split = True

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for context, question, answer in questions(data_dir, tmp_dir, dataset_split):
            yield {"inputs": f"squad context: {context} question: {question}", "targets": answer}


@registry.register_problem
class Squad(QuestionAndContext2TextProblem):
    """SQuAD with the paragraph as a feature of its own, 32k subwords."""

    is_generate_per_split = True
    train_shards = 10

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for context, question, answer in questions(data_dir, tmp_dir, dataset_split):
            yield {"inputs": question, "targets": answer, "context": context}


class ConcatenatedContext(QuestionAndContext2TextProblem):
    """Base class of problems whose input is the question, a separator and the text it is about."""

    def preprocess_example(self, example: Features, mode: str, hparams: HParams) -> Features:
        example = dict(example)
        separator = tf.constant([self.QUESTION_SEPARATOR_ID], example["inputs"].dtype)
        example["inputs"] = tf.concat([example["inputs"], separator, example.pop("context")], 0)
        return super().preprocess_example(example, mode, hparams)

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        super().hparams(defaults, model_hparams)
        del defaults.modality["context"], defaults.vocab_size["context"]


@registry.register_problem
class SquadConcat(ConcatenatedContext, Squad):
    """SQuAD with question and paragraph as one input, on the data of `squad`."""

    def dataset_filename(self) -> str:
        return "squad"
