"""Summaries of news articles (T2T's `cnn_dailymail.py`): Hermann et al. 2015; See et al. 2017, arXiv:1704.04368.

`tmp_dir` holds one of

    cnn/stories/*.story and dailymail/stories/*.story (or cnn_stories.tgz and dailymail_stories.tgz, which are
        read without extracting them), with the lists of addresses all_train.txt, all_val.txt and all_test.txt
    train.jsonl, val.jsonl and perhaps test.jsonl (or .gz): objects with the keys "article" and "highlights"

or else the tfds data set `cnn_dailymail` is used. A summary is its highlights, joined to one line of sentences.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator

from absl import logging

from tensor2keras import files, registry
from tensor2keras.data import archives, rows, sources
from tensor2keras.data.language_model import wiki_lm
from tensor2keras.data.splits import SPLIT_NAMES, DatasetSplit
from tensor2keras.data.text_problem import Text2TextProblem, text_variants_of

variant = text_variants_of(__name__)

SENTENCE_ENDS = (".", "!", "?", "'", "`", '"', "\u2019", "\u201d", ")")
URL_LISTS = {
    split: archives.Archive(name, f"https://raw.githubusercontent.com/abisee/cnn-dailymail/master/url_lists/{name}")
    for split, name in (
        (DatasetSplit.TRAIN, "all_train.txt"),
        (DatasetSplit.EVAL, "all_val.txt"),
        (DatasetSplit.TEST, "all_test.txt"),
    )
}
STORIES = {"cnn": "cnn_stories.tgz", "dailymail": "dailymail_stories.tgz"}
COLUMNS = ("article", "highlights")
Pair = tuple[str, str]


def pairs(data_dir: str, tmp_dir: str, split: str) -> Iterator[Pair]:
    """Yields article and summary of each example of a split.

    Raises:
        MissingDataError: no files, no prepared tfds data set and no network.
        ValueError: broken files, files that are not UTF-8 or lack a column.
    """
    if any(_story_place(tmp_dir, source) for source in STORIES):
        yield from story_pairs(tmp_dir, split)
    elif json_files(tmp_dir):
        yield from json_pairs(tmp_dir, split)
    else:
        instead = (
            f"put {' and '.join(STORIES.values())} with {', '.join(urls.name for urls in URL_LISTS.values())} into "
            f"{tmp_dir}, or train.jsonl and val.jsonl"
        )
        for row in sources.tfds_rows("cnn_dailymail", split, COLUMNS, data_dir, instead):
            yield one_line(row["article"]), one_line(row["highlights"])


def one_line(text: str) -> str:
    """Returns the lines of a text joined by blanks, each with a full stop unless it ends a sentence."""
    return " ".join(_ended(line) for line in map(str.strip, text.split("\n")) if line)


def _ended(line: str) -> str:
    return line if line.endswith(SENTENCE_ENDS) else line + "."


# ---- jsonl ----


def json_files(tmp_dir: str) -> dict[str, str]:
    """Returns split -> .jsonl file, for the splits that have one."""
    found = {}
    for split, names in SPLIT_NAMES.items():
        paths = [path for name in names if (path := sources.find_file(tmp_dir, f"{name}.jsonl"))]
        if paths:
            found[split] = paths[0]
    return found


def json_pairs(tmp_dir: str, split: str) -> Iterator[Pair]:
    """Yields the pairs of a split's .jsonl file."""
    path = json_files(tmp_dir).get(split)
    if path is None:
        names = " or ".join(f"{name}.jsonl" for name in SPLIT_NAMES[split])
        raise sources.MissingDataError(f"{tmp_dir} has no {names}, but .jsonl files of other splits")
    for _, row in rows.read_rows([path], COLUMNS):
        if not rows.has_empty_side(row):
            yield one_line(row["article"]), one_line(row["highlights"])


# ---- stories ----


def story_pairs(tmp_dir: str, split: str) -> Iterator[Pair]:
    """Yields the pairs of the stories whose addresses are in the split's list, and logs how many are missing.

    Raises:
        ValueError: no story of the split is there, or one is not UTF-8.
    """
    path = URL_LISTS[split].fetch(tmp_dir)
    urls = (url for url in sources.read_lines(path) if url)
    wanted = dict.fromkeys(f"{hashlib.sha1(url.encode()).hexdigest()}.story" for url in urls)
    found = 0
    for place, content in _stories(tmp_dir, wanted):
        found += 1
        pair = split_story(files.decode(content, place))
        if all(pair):
            yield pair
    if not found:
        raise ValueError(f"none of the {len(wanted)} stories of {path} is in {tmp_dir}/{{cnn,dailymail}}/stories")
    if found < len(wanted):
        logging.warning("%s: %d of %d stories are not there.", path, len(wanted) - found, len(wanted))


def split_story(text: str) -> Pair:
    """Returns article and summary of a .story file, in which every highlight follows a line `@highlight`."""
    article: list[str] = []
    summary: list[str] = []
    lines = article
    for line in map(str.strip, text.split("\n")):
        if line.startswith("@highlight"):
            lines = summary
        elif line:
            lines.append(line if "@highlight" in line else _ended(line))
    return " ".join(article), " ".join(summary)


def _story_place(tmp_dir: str, source: str) -> str | None:
    """Returns the folder of a source's stories, or its archive, or None."""
    folder, archive = os.path.join(tmp_dir, source, "stories"), os.path.join(tmp_dir, STORIES[source])
    return folder if os.path.isdir(folder) else archive if os.path.isfile(archive) else None


def _stories(tmp_dir: str, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yields place and content of the wanted stories, in the order of `wanted` or else of the archive."""
    for source in STORIES:
        place = _story_place(tmp_dir, source)
        if place is None:
            continue
        if os.path.isdir(place):
            there = {entry.name for entry in os.scandir(place)}
            for name in wanted:
                if name in there:
                    path = os.path.join(place, name)
                    yield path, files.read_bytes(path)
        else:
            for name, content in archives.contents(place, [f"{source}/stories/*.story"]):
                if os.path.basename(name) in wanted:
                    yield f"{place}: {name}", content


# ---- problems ----


@registry.register_problem
class SummarizeCnnDailymail32k(Text2TextProblem):
    """Summaries of CNN and Daily Mail articles, 32k subwords."""

    is_generate_per_split = True
    dev_shards = 10

    @property
    def test_shards(self) -> int:
        given = json_files(self.tmp_dir)
        return 0 if given and DatasetSplit.TEST not in given else 10

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        for article, summary in pairs(data_dir, tmp_dir, dataset_split):
            yield {"inputs": article, "targets": summary}

    def generate_text_for_vocab(self, data_dir: str, tmp_dir: str) -> Iterator[str]:
        for article, summary in pairs(data_dir, tmp_dir, DatasetSplit.TRAIN):
            yield f"{article} {summary}"

    def text_scores(self) -> list[str]:
        return ["rouge"]


SummarizeCnnDailymailWikiLMSharedVocab = variant(
    "SummarizeCnnDailymailWikiLMSharedVocab", SummarizeCnnDailymail32k, vocab_problem=wiki_lm.LanguagemodelEnWiki32k
)
SummarizeCnnDailymailWikiLMSharedVocab64k = variant(
    "SummarizeCnnDailymailWikiLMSharedVocab64k", SummarizeCnnDailymail32k, vocab_problem=wiki_lm.LanguagemodelEnWiki64k
)
SummarizeCnnDailymailWikiLMMultiVocab64k = variant(
    "SummarizeCnnDailymailWikiLMMultiVocab64k",
    SummarizeCnnDailymail32k,
    vocab_problem=wiki_lm.LanguagemodelDeEnFrRoWiki64k,
)


@registry.register_problem
class SummarizeCnnDailymailMulti64kPacked1k(SummarizeCnnDailymailWikiLMMultiVocab64k):
    """Summaries of CNN and Daily Mail articles packed into rows of 1024, each side after a text that names the task."""

    packed_length = 1024
    inputs_prefix = "CNN Daily Mail article to summary "
    targets_prefix = "CNN Daily Mail summary to article "


class SummarizeFraction(SummarizeCnnDailymailWikiLMSharedVocab64k):
    """Summaries learnt from a fraction of the training articles, evenly spread; other splits are complete."""

    fraction = 1.0

    def fraction_of_data(self) -> float:
        """Returns the share of training articles that is used."""
        return self.fraction

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        samples = super().generate_samples(data_dir, tmp_dir, dataset_split)
        share = self.fraction_of_data() if dataset_split == DatasetSplit.TRAIN else 1.0
        for index, sample in enumerate(samples):
            if int((index + 1) * share) > int(index * share):
                yield sample


for _percent, _fraction in (
    ("", 1.0),
    ("0p1", 0.001),  # T2T's name for a thousandth
    ("1", 0.01),
    ("2", 0.02),
    ("5", 0.05),
    ("10", 0.1),
    ("20", 0.2),
    ("50", 0.5),
):
    variant(
        f"SummarizeFrac{_percent}CnnDailymailWikiLMSharedVocab64k",
        SummarizeFraction,
        f"Summaries of CNN and Daily Mail articles, {100 * _fraction:g} % of them, with wiki64k's vocabulary.",
        fraction=_fraction,
    )
