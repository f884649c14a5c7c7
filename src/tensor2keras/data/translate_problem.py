"""Base class of translation problems on parallel corpora (T2T's `translate.py`).

A problem's text is looked for in three places:

1. `tmp_dir`, under the names that T2T uses: the text files themselves (plain or `.gz`) or the archives they come in;
2. the tfds data set that carries the same corpora, prepared in `data_dir` or fetched over the network;
3. for problems without such a data set, the archives' addresses.

Without network, an error says within seconds which files to put where.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from tensor2keras.data import sources
from tensor2keras.data.corpora import Corpus, corpus_pairs, fetch_missing, is_present, missing, side_lines, spread_lines
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import Text2TextProblem

VOCAB_BYTES_A_FILE = 10**6
VOCAB_TFDS_SAMPLES = 25_000


class TranslateProblem(Text2TextProblem):
    """Base class of translation problems.

    A subclass defines `corpora` or T2T's `source_data_files`, and `tfds_name` if a tfds data set has the same corpora.

    Example:
        @registry.register_problem
        class TranslateEndeNews(TranslateProblem):
            def source_data_files(self, dataset_split):
                name = "train" if dataset_split == DatasetSplit.TRAIN else "dev"
                return [("https://example.org/news.tgz", (f"news/{name}.en", f"news/{name}.de"))]
    """

    is_generate_per_split = True

    languages = ("en", "de")
    """The two languages: names of the tfds data set's features."""

    tfds_name: str | None = None
    """The tfds data set ("builder/config") with the same corpora, or None."""

    corpora: Mapping[str, Sequence[Corpus]] | None = None
    """The corpora of each split."""

    @property
    def target_language(self) -> str | None:
        return super().target_language or self.languages[0 if self.was_reversed else 1]

    def source_data_files(self, dataset_split: str) -> Sequence[Corpus]:
        """Returns the corpora of a split."""
        if self.corpora is None:
            raise NotImplementedError(f"{type(self).__name__} does not define source_data_files")
        return self.corpora[dataset_split]

    def vocab_data_files(self) -> Sequence[Corpus]:
        """Returns the corpora from which the vocabulary is learnt: the training corpora."""
        return self.source_data_files(DatasetSplit.TRAIN)

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        corpora = self.source_data_files(dataset_split)
        if self._reads_tfds(tmp_dir, corpora):
            instead = sources.put_files(tmp_dir, missing(tmp_dir, corpora))
            return sources.tfds_samples(self.tfds_name, dataset_split, *self.languages, data_dir, instead=instead)
        fetch_missing(tmp_dir, corpora)
        pairs = itertools.chain.from_iterable(corpus_pairs(tmp_dir, corpus) for corpus in corpora)
        return ({"inputs": inputs, "targets": targets} for inputs, targets in pairs)

    def generate_text_for_vocab(self, data_dir: str, tmp_dir: str) -> Iterator[str]:
        return self.vocab_text(data_dir, tmp_dir, sides=(0, 1))

    def vocab_text(
        self, data_dir: str, tmp_dir: str, sides: Sequence[int], budget: int = VOCAB_BYTES_A_FILE
    ) -> Iterator[str]:
        """Yields text of the given sides (0: inputs, 1: targets), about `budget` characters spread over each file.

        Of a tfds data set, which is shuffled, these are the first 25,000 samples.
        """
        corpora = self.vocab_data_files()
        if self._reads_tfds(tmp_dir, corpora):
            samples = self.generate_samples(data_dir, tmp_dir, DatasetSplit.TRAIN)
            for sample in itertools.islice(samples, VOCAB_TFDS_SAMPLES):
                yield from ((sample["inputs"], sample["targets"])[side] for side in sides)
            return
        fetch_missing(tmp_dir, corpora)
        for corpus in corpora:
            for side in sides:
                yield from spread_lines(*side_lines(tmp_dir, corpus, side), budget)

    def _reads_tfds(self, tmp_dir: str, corpora: Sequence[Corpus]) -> bool:
        return self.tfds_name is not None and not any(is_present(tmp_dir, corpus) for corpus in corpora)
