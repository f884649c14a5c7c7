"""Sentiment of film reviews (T2T's `imdb.py`): Maas et al. 2011, https://aclanthology.org/P11-1015.

`tmp_dir` holds `aclImdb_v1.tar.gz`, which is read without extracting it, or the folder
`aclImdb/{train,test}/{pos,neg}/*.txt`; else the tfds data set `imdb_reviews` is used. Its test split is our validation.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from tensor2keras import files, registry
from tensor2keras.data import archives, sources
from tensor2keras.data.space_id import TaskID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import Text2ClassProblem, VocabType, text_variants_of

ARCHIVE = archives.Archive("aclImdb_v1.tar.gz", "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz")
LABELS = ("neg", "pos")
_REVIEW = re.compile(r"aclImdb/(train|test)/(pos|neg)/[^/]+\.txt$")


@registry.register_problem("sentiment_imdb")
class SentimentIMDB(Text2ClassProblem):
    """Film reviews: is one negative or positive, 8k subwords."""

    is_generate_per_split = True
    approx_vocab_size = 2**13
    num_classes = len(LABELS)
    train_shards = 10

    def class_labels(self, data_dir: str) -> list[str]:
        return list(LABELS)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, Any]]:
        part = "train" if dataset_split == DatasetSplit.TRAIN else "test"
        if os.path.isdir(os.path.join(tmp_dir, "aclImdb")):
            reviews = folder_reviews(tmp_dir, part)
        elif os.path.isfile(ARCHIVE.path(tmp_dir)):
            reviews = archive_reviews(ARCHIVE.path(tmp_dir), part)
        else:
            instead = f"put {ARCHIVE.name}, or extracted: aclImdb/, into {tmp_dir}"
            rows = sources.tfds_rows("imdb_reviews/plain_text", part, ["text", "label"], data_dir, instead)
            reviews = ((row["text"].strip(), row["label"]) for row in rows)
        return ({"inputs": text, "label": LABELS.index(label)} for text, label in reviews)


def folder_reviews(tmp_dir: str, part: str) -> Iterator[tuple[str, str]]:
    """Yields text and label of each review in `aclImdb/<part>/{pos,neg}/`.

    Raises:
        FileNotFoundError: a folder is missing or has no .txt file.
        ValueError: a review is not UTF-8.
    """
    for label in ("pos", "neg"):
        folder = os.path.join(tmp_dir, "aclImdb", part, label)
        names = sorted(name for name in os.listdir(folder) if name.endswith(".txt")) if os.path.isdir(folder) else []
        if not names:
            raise sources.MissingDataError(f"{folder} has no reviews; it should hold files such as 0_9.txt")
        for name in names:
            path = os.path.join(folder, name)
            yield files.read_text(path).strip(), label


def archive_reviews(archive: str, part: str) -> Iterator[tuple[str, str]]:
    """Yields text and label of each review in the archive, in its order and without extracting it.

    Raises:
        ValueError: the archive is broken or has no reviews, or a review is not UTF-8.
    """
    found = 0
    for name, content in archives.contents(archive, [f"aclImdb/{part}/*.txt"]):
        if match := _REVIEW.match(name):
            found += 1
            yield files.decode(content, f"{archive}: {name}").strip(), match[2]
    if not found:
        raise ValueError(f"{archive} does not hold aclImdb/{part}/pos/*.txt; is it complete?")


SentimentIMDBCharacters = text_variants_of(__name__)(
    "SentimentIMDBCharacters", SentimentIMDB, vocab_type=VocabType.CHARACTER, task_id=TaskID.EN_CHR_SENT
)
