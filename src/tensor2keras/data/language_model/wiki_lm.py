"""Language models on Wikipedia (T2T's `wiki_lm.py`); several problems use their vocabularies.

`tmp_dir` holds T2T's files, `enwiki_train.txt.gz`, `enwiki_eval.txt.gz`, `enwiki_test.txt.gz` (or without `.gz`), and
the same for de, fr and ro: untokenized text, one paragraph a line.
"""

from collections.abc import Iterator

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import Text2SelfProblem

variant = registry.problem_variants_of(__name__)

SHORTEST = 10  # characters; shorter examples are noise
FILE_PARTS = {DatasetSplit.TRAIN: "train", DatasetSplit.EVAL: "eval", DatasetSplit.TEST: "test"}


def joined_lines(lines: Iterator[str], limit: int) -> Iterator[str]:
    """Yields lines joined by blanks to texts of fewer than `limit` characters; longer lines are left out (T2T)."""
    text = ""
    for line in lines:
        if len(text) + len(line) + 1 >= limit:
            if SHORTEST < len(text) < limit:
                yield text
            text = ""
        text = f"{text} {line}" if text else line
    if SHORTEST < len(text) < limit:
        yield text


def in_turn(iterators: list[Iterator[str]]) -> Iterator[str]:
    """Yields one item of each iterator after the other, until all have ended."""
    while iterators:
        for iterator in list(iterators):
            try:
                yield next(iterator)
            except StopIteration:
                iterators.remove(iterator)


@registry.register_problem
class LanguagemodelEnWiki32k(Text2SelfProblem):
    """Language model: English Wikipedia, 32k subwords."""

    is_generate_per_split = True
    languages: tuple[str, ...] = ("en",)
    approx_vocab_size = 32000
    max_samples_for_vocab = 128000
    combine_characters_threshold = 512 * 8
    test_shards = 1

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        names = [f"{language}wiki_{FILE_PARTS[dataset_split]}.txt" for language in self.languages]
        paths = [sources.require_file(tmp_dir, name) for name in names]
        texts = [joined_lines(sources.read_lines(path), self.combine_characters_threshold) for path in paths]
        return ({"targets": text} for text in in_turn(texts))


def _wikipedia(code: str, language: str, size: int) -> type[LanguagemodelEnWiki32k]:
    name, doc = (
        f"Languagemodel{code}Wiki{size // 1000}k",
        f"Language model: {language} Wikipedia, {size // 1000}k subwords.",
    )
    return variant(name, LanguagemodelEnWiki32k, doc, languages=(code.lower(),), approx_vocab_size=size)


LanguagemodelEnWiki64k = _wikipedia("En", "English", 64_000)
# fmt: off
LanguagemodelEnWiki64kShorter = variant(
    "LanguagemodelEnWiki64kShorter", LanguagemodelEnWiki64k,
    "Language model: English Wikipedia in shorter pieces, 64k subwords.",
    combine_characters_threshold=384 * 8, vocab_problem=LanguagemodelEnWiki64k,
)
LanguagemodelDeWiki32k = _wikipedia("De", "German", 32_000)
LanguagemodelDeWiki64k = _wikipedia("De", "German", 64_000)
LanguagemodelFrWiki32k = _wikipedia("Fr", "French", 32_000)
LanguagemodelFrWiki64k = _wikipedia("Fr", "French", 64_000)
LanguagemodelRoWiki32k = _wikipedia("Ro", "Romanian", 32_000)
LanguagemodelRoWiki64k = _wikipedia("Ro", "Romanian", 64_000)
LanguagemodelDeEnFrRoWiki64k = variant(
    "LanguagemodelDeEnFrRoWiki64k", LanguagemodelEnWiki32k,
    "Language model: Wikipedia in German, English, French and Romanian together, 64k subwords.",
    languages=("de", "fr", "en", "ro"), approx_vocab_size=64_000, max_samples_for_vocab=256_000,
)
# fmt: on
