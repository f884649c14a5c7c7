"""Questions about short stories (T2T's `babi_qa.py`): Weston et al. 2015, https://arxiv.org/abs/1502.05698.

`tmp_dir` holds `tasks_1-20_v1-2.tar.gz` or its folder. There is a problem for each of the 20 tasks, and for all
together, with 1,000 (`_1k`) or 10,000 (`_10k`) training questions a task. As in T2T, every problem trains on all tasks
and is evaluated on its own task; answers are classes, one for each word.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from tensor2keras import registry
from tensor2keras.data import sources, text_encoder
from tensor2keras.data.archives import Archive
from tensor2keras.data.problem_hooks import IDS, ProblemHParams
from tensor2keras.data.question_answering.squad import ConcatenatedContext
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_encoder import tokenizer
from tensor2keras.data.text_problem import VocabType
from tensor2keras.hparams import HParams
from tensor2keras.symbols import EOS_ID

FOLDER = "tasks_1-20_v1-2"
ARCHIVE = Archive(f"{FOLDER}.tar.gz", f"http://www.thespermwhale.com/jaseweston/babi/{FOLDER}.tar.gz")
ALL_TASKS = "qa0_all-tasks"
_TASKS = (
    "single-supporting-fact two-supporting-facts three-supporting-facts two-arg-relations three-arg-relations "
    "yes-no-questions counting lists-sets simple-negation indefinite-knowledge basic-coreference conjunction "
    "compound-coreference time-reasoning basic-deduction basic-induction positional-reasoning size-reasoning "
    "path-finding agents-motivations"
)
TASKS = _TASKS.split()
TASK_NAMES = [ALL_TASKS, *(f"qa{number}_{name}" for number, name in enumerate(TASKS, start=1))]
SUBSETS = {"1k": "en", "10k": "en-10k"}


class Question(NamedTuple):
    """A question about the story so far, and the answer as one word."""

    story: str
    question: str
    answer: str


def read_questions(path: str) -> Iterator[Question]:
    """Yields the questions of a file, whose lines are `NUMBER SENTENCE` or `NUMBER QUESTION<TAB>ANSWER<TAB>FACTS`.

    Raises:
        ValueError: another line, with its number.
    """
    story: list[str] = []
    for number, line in enumerate(sources.read_lines(path), start=1):
        place, _, text = line.partition(" ")
        cells = text.split("\t")
        if not place.isdecimal() or len(cells) not in (1, 3):
            raise ValueError(f"{path}, line {number}: not NUMBER SENTENCE or NUMBER QUESTION<TAB>ANSWER<TAB>FACTS")
        if place == "1":
            story = []
        if len(cells) == 1:
            story.append(words(text))
        else:
            yield Question(" ".join(story), words(cells[0]), cells[1].replace(",", ""))  # a list is one word


def words(text: str) -> str:
    """Returns the tokens of a sentence, separated by single blanks."""
    return " ".join(" ".join(token.strip() for token in tokenizer.encode(text)).split())


class BabiQaConcat(ConcatenatedContext):
    """Base class of bAbI tasks: question and story as one input, the answer as a class.

    The separator between them has the id of the most frequent word, as in T2T.
    """

    is_generate_per_split = True
    vocab_type = VocabType.TOKEN
    task: str
    subset: str
    train_shards = 1

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.was_reversed or self.was_copy:
            raise ValueError(f"problem {self.name} has answers that are classes: neither _rev nor _copy is possible")

    def dataset_filename(self) -> str:
        return f"babi_qa_{self.subset}_{self.task}"

    @property
    def stored_features(self) -> dict[str, tfds.features.FeatureConnector]:
        return {"inputs": IDS, "context": IDS, "targets": tfds.features.Scalar(np.int64)}

    def questions(self, tmp_dir: str, split: str) -> Iterator[Question]:
        """Yields the questions of a split: of all tasks for training, of the problem's task for validation."""
        tasks = TASK_NAMES[1:] if split == DatasetSplit.TRAIN or self.task == ALL_TASKS else [self.task]
        part = "train" if split == DatasetSplit.TRAIN else "test"
        for path in ARCHIVE.files(tmp_dir, [f"{FOLDER}/{self.subset}/{task}_{part}.txt" for task in tasks]):
            yield from read_questions(path)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for story, question, answer in self.questions(tmp_dir, dataset_split):
            yield {"inputs": question, "context": story, "targets": answer}

    def prepare_to_generate(self, data_dir: str, tmp_dir: str) -> None:
        path = self.data_dir_root / self.vocab_filename
        if not path.exists():
            texts = (
                text
                for split in (DatasetSplit.TRAIN, DatasetSplit.EVAL)
                for asked in self.questions(tmp_dir, split)
                for text in asked
            )
            text_encoder.TokenTextEncoder(None, vocab_list=text_encoder.words_by_frequency(texts)).store_to_file(path)
        super().prepare_to_generate(data_dir, tmp_dir)

    def generate_encoded_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        encoder = self.get_or_create_vocab(data_dir, tmp_dir)
        for sample in self.generate_samples(data_dir, tmp_dir, dataset_split):
            ids = {name: [*encoder.encode(sample[name]), EOS_ID] for name in ("inputs", "context")}
            yield {**ids, "targets": encoder.encode(sample["targets"])[0]}

    def feature_encoders(self, data_dir: str) -> dict[str, Any]:
        path = self.data_dir_root / self.vocab_filename
        labels = text_encoder.ClassLabelEncoder(class_labels_fname=path) if path.exists() else None
        return {**super().feature_encoders(data_dir), "targets": labels}

    def hparams(self, defaults: ProblemHParams, model_hparams: HParams | None) -> None:
        super().hparams(defaults, model_hparams)
        defaults.stop_at_eos = False
        defaults.modality["targets"] = "class_label"

    def eval_metrics(self) -> list[str]:
        return ["accuracy"]

    def text_scores(self) -> list[str]:
        return ["accuracy"]


def _register(name: str, task: str, size: str) -> None:
    what = "all tasks" if task == ALL_TASKS else f"task {task.partition('_')[0].removeprefix('qa')}"
    settings = {
        "task": task,
        "subset": SUBSETS[size],
        "__doc__": f"bAbI, {what} of {size} questions a task: from question and story to a word.",
        "__module__": __name__,
    }
    registry.register_problem(name)(type("".join(map(str.capitalize, name.split("_"))), (BabiQaConcat,), settings))


for _size in SUBSETS:
    _register(f"babi_qa_concat_all_tasks_{_size}", ALL_TASKS, _size)
    for _number, _task in enumerate(TASK_NAMES[1:], start=1):
        _register(f"babi_qa_concat_task{_number}_{_size}", _task, _size)
