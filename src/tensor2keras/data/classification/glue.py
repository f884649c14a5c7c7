"""Classification of sentences and pairs of sentences in tables: GLUE's tasks and Stanford NLI.

T2T's `sst_binary.py`, `cola.py`, `multinli.py`, `stanford_nli.py`, `rte.py`, `qnli.py`, `quora_qpairs.py`. The tables
are looked for in `tmp_dir` (`SST-2/train.tsv`, plain or `.gz`, or `SST-2.zip`), then as the tfds data set. Wang et al.
2018, https://arxiv.org/abs/1804.07461; Bowman et al. 2015, https://arxiv.org/abs/1508.05326.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.archives import Archive
from tensor2keras.data.language_model import lm1b, wiki_lm
from tensor2keras.data.space_id import TaskID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import (
    Text2ClassProblem,
    Text2TextProblem,
    TextConcat2ClassProblem,
    VocabType,
    text_variants_of,
)

variant = text_variants_of(__name__)

NLI_LABELS = ("contradiction", "entailment", "neutral")
ENTAILMENT_LABELS = ("not_entailment", "entailment")


@dataclasses.dataclass(frozen=True)
class Tables:
    """Files and tfds data set of a task, and the columns of its rows.

    Args:
        archive: the archive of the files.
        train, validation: the files' names.
        labels: the classes, in the order of their numbers; a cell holds the name or the number.
        texts: columns of the texts.
        label: column of the label.
        tfds_name: the tfds data set.
        tfds_texts: its text features.
        header: whether a file's first line names the columns.
        skip_label: rows with this label are left out.
        skip_short: rows with too few columns are left out and counted, instead of an error.
        tfds_labels: the classes' names in the tfds data set, if they differ.
        tfds_validation: the validation split's name in the tfds data set.
    """

    archive: Archive
    train: str
    validation: str
    labels: tuple[str, ...]
    texts: tuple[int, ...]
    label: int
    tfds_name: str
    tfds_texts: tuple[str, ...]
    header: bool = True
    skip_label: str | None = None
    skip_short: bool = False
    tfds_labels: tuple[str, ...] | None = None
    tfds_validation: str = "validation"

    def rows(self, split: str, data_dir: str, tmp_dir: str) -> Iterator[tuple[list[str], int]]:
        """Yields the texts of each row and the number of its class.

        Raises:
            MissingDataError: no files, no prepared tfds data set and no network.
            ValueError: a row with too few columns or an unknown label; the message names file and line.
        """
        names = [self.train, self.validation]
        if not self.archive.present(tmp_dir, names):
            instead = sources.put_files(tmp_dir, [f"{self.archive.name} or {' and '.join(names)}"])
            yield from self._tfds_rows(split, data_dir, instead)
        else:
            name = self.train if split == DatasetSplit.TRAIN else self.validation
            yield from self._file_rows(self.archive.files(tmp_dir, [name])[0])

    def _file_rows(self, path: str) -> Iterator[tuple[list[str], int]]:
        width = max(*self.texts, self.label) + 1
        numbers = {str(number): number for number in range(len(self.labels))}
        numbers |= {label: number for number, label in enumerate(self.labels)}
        short = 0
        for line_number, line in enumerate(sources.read_lines(path), start=1):
            if (self.header and line_number == 1) or not line:
                continue
            place, cells = f"{path}, line {line_number}", line.split("\t")
            if len(cells) < width:
                if not self.skip_short:
                    raise ValueError(f"{place}: {len(cells)} columns between tabs, expected {width} or more")
                short += 1
                continue
            label = cells[self.label]
            if label == self.skip_label:
                continue
            if label not in numbers:
                raise ValueError(f"{place}: unknown label {label!r}; expected {' or '.join(self.labels)}")
            yield [cells[column] for column in self.texts], numbers[label]
        if short:
            logging.warning("%s: left out %d rows with fewer than %d columns.", path, short, width)

    def _tfds_rows(self, split: str, data_dir: str, instead: str) -> Iterator[tuple[list[str], int]]:
        split = split if split == DatasetSplit.TRAIN else self.tfds_validation
        labels = self.tfds_labels or self.labels
        for row in sources.tfds_rows(self.tfds_name, split, [*self.tfds_texts, "label"], data_dir, instead):
            if row["label"]:
                yield [row[text] for text in self.tfds_texts], labels.index(row["label"])


def _glue(task: str, folder: str, labels: tuple[str, ...], texts: tuple[int, ...], label: int, **kwargs: Any) -> Tables:
    kwargs = {"train": f"{folder}/train.tsv", "validation": f"{folder}/dev.tsv"} | kwargs
    return Tables(
        archive=Archive(f"{folder}.zip", f"https://dl.fbaipublicfiles.com/glue/data/{folder}.zip"),
        labels=labels,
        texts=texts,
        label=label,
        tfds_name=f"glue/{task}",
        **kwargs,
    )


SST = _glue("sst2", "SST-2", ("neg", "pos"), (0,), 1, tfds_texts=("sentence",), tfds_labels=("negative", "positive"))
COLA = _glue("cola", "CoLA", ("unacceptable", "acceptable"), (3,), 1, header=False, tfds_texts=("sentence",))
RTE_TABLES = _glue("rte", "RTE", ENTAILMENT_LABELS, (1, 2), 3, tfds_texts=("sentence1", "sentence2"))
QNLI = _glue("qnli", "QNLI", ENTAILMENT_LABELS, (1, 2), 3, tfds_texts=("question", "sentence"))
# fmt: off
QQP = _glue(
    "qqp", "QQP", ("not_duplicate", "duplicate"), (3, 4), 5, tfds_texts=("question1", "question2"),
    skip_short=True,  # the original files have three such rows
)
MNLI = _glue(
    "mnli", "MNLI", NLI_LABELS, (8, 9),
    -1,  # the validation file has more columns before it
    validation="MNLI/dev_matched.tsv", tfds_texts=("premise", "hypothesis"), tfds_validation="validation_matched",
)
SNLI = Tables(
    Archive("SNLI.zip", "https://nlp.stanford.edu/projects/snli/snli_1.0.zip"),
    "snli_1.0/snli_1.0_train.txt", "snli_1.0/snli_1.0_dev.txt",
    NLI_LABELS, (5, 6), 0, "snli", ("premise", "hypothesis"),
    skip_label="-",  # the annotators did not agree
)
# fmt: on


class TableClassProblem(Text2ClassProblem):
    """Classification of the texts of `tables`."""

    tables: Tables
    is_generate_per_split = True
    train_shards = 10

    @property
    def num_classes(self) -> int:
        return len(self.tables.labels)

    def class_labels(self, data_dir: str) -> list[str]:
        return list(self.tables.labels)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        for texts, label in self.tables.rows(dataset_split, data_dir, tmp_dir):
            yield {"inputs": texts[0], "label": label}


class TablePairProblem(TextConcat2ClassProblem, TableClassProblem):
    """Classification of the pairs of texts of `tables`."""

    train_shards = 100

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        for texts, label in self.tables.rows(dataset_split, data_dir, tmp_dir):
            yield {"inputs": texts, "label": label}


@registry.register_problem
class QuoraQuestionPairs(TablePairProblem):
    """Quora: do two questions ask the same, each pair in both orders, 32k subwords."""

    tables = QQP

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        for sample in super().generate_samples(data_dir, tmp_dir, dataset_split):
            yield sample
            yield {**sample, "inputs": sample["inputs"][::-1]}


@registry.register_problem
class MultiNLIText2text(Text2TextProblem):
    """MultiNLI as text to text, from premise and hypothesis to the name of the class."""

    is_generate_per_split = True

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for (premise, hypothesis), label in MNLI.rows(dataset_split, data_dir, tmp_dir):
            yield {"inputs": f"multinli premise: {premise} hypothesis: {hypothesis}", "targets": MNLI.labels[label]}

    def text_scores(self) -> Sequence[str]:
        return ["accuracy"]


# fmt: off
SentimentSSTBinary = variant(
    "SentimentSSTBinary", TableClassProblem,
    "Stanford Sentiment Treebank: is a phrase negative or positive, 16k subwords.",
    tables=SST, approx_vocab_size=2**14,
)
SentimentSSTBinaryCharacters = variant(
    "SentimentSSTBinaryCharacters", SentimentSSTBinary, vocab_type=VocabType.CHARACTER, task_id=TaskID.EN_CHR_SENT
)
Cola = variant(
    "Cola", TableClassProblem, "Corpus of Linguistic Acceptability: is a sentence grammatical, 8k subwords.",
    tables=COLA, approx_vocab_size=2**13,
)
ColaCharacters = variant("ColaCharacters", Cola, vocab_type=VocabType.CHARACTER, task_id=TaskID.COLA)
RTE = variant(
    "RTE", TablePairProblem, "Recognizing Textual Entailment: does the first text imply the second, 8k subwords.",
    tables=RTE_TABLES, approx_vocab_size=2**13, train_shards=1,
)
RTECharacters = variant("RTECharacters", RTE, vocab_type=VocabType.CHARACTER, task_id=TaskID.EN_NLI)
QuestionNLI = variant(
    "QuestionNLI", TablePairProblem, "Question-answering NLI: does a sentence answer a question, 32k subwords.",
    tables=QNLI,
)
QuestionNLICharacters = variant(
    "QuestionNLICharacters", QuestionNLI, vocab_type=VocabType.CHARACTER, task_id=TaskID.EN_NLI
)
QuoraQuestionPairsCharacters = variant(
    "QuoraQuestionPairsCharacters", QuoraQuestionPairs, vocab_type=VocabType.CHARACTER, task_id=TaskID.EN_SIM
)
MultiNLI = variant(
    "MultiNLI", TablePairProblem,
    "MultiNLI: does a sentence imply, contradict or leave open another, 32k subwords.",
    tables=MNLI,
)
MultiNLICharacters = variant(
    "MultiNLICharacters", MultiNLI, vocab_type=VocabType.CHARACTER, task_id=TaskID.THREE_CL_NLI
)
MultiNLISharedVocab = variant("MultiNLISharedVocab", MultiNLI, vocab_problem=lm1b.LanguagemodelLm1b32k)
MultiNLIWikiLMSharedVocab = variant("MultiNLIWikiLMSharedVocab", MultiNLI, vocab_problem=wiki_lm.LanguagemodelEnWiki32k)
MultiNLIWikiLMSharedVocab64k = variant(
    "MultiNLIWikiLMSharedVocab64k", MultiNLI, vocab_problem=wiki_lm.LanguagemodelEnWiki64k
)
MultiNLIWikiLMMultiVocab64k = variant(
    "MultiNLIWikiLMMultiVocab64k", MultiNLI, vocab_problem=wiki_lm.LanguagemodelDeEnFrRoWiki64k
)
StanfordNLI = variant(
    "StanfordNLI", TablePairProblem,
    "Stanford NLI: does a sentence imply, contradict or leave open another, 32k subwords.",
    tables=SNLI,
)
StanfordNLICharacters = variant(
    "StanfordNLICharacters", StanfordNLI, vocab_type=VocabType.CHARACTER, task_id=TaskID.THREE_CL_NLI
)
StanfordNLISharedVocab = variant("StanfordNLISharedVocab", StanfordNLI, vocab_problem=lm1b.LanguagemodelLm1b32k)
StanfordNLIWikiLMSharedVocab = variant(
    "StanfordNLIWikiLMSharedVocab", StanfordNLI, vocab_problem=wiki_lm.LanguagemodelEnWiki32k
)
StanfordNLIWikiLMSharedVocab64k = variant(
    "StanfordNLIWikiLMSharedVocab64k", StanfordNLI, vocab_problem=wiki_lm.LanguagemodelEnWiki64k
)
# fmt: on
