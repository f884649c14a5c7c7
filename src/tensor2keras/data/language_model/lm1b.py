"""Language models on the One Billion Word Benchmark (T2T's `lm1b.py`): Chelba et al. 2013, arXiv:1312.3005.

`tmp_dir` holds `1-billion-word-language-modeling-benchmark-r13output.tar.gz` or its folder, and the benchmark's
vocabulary `vocab-2016-09-10.txt.en`: words outside it become UNK, so that results are comparable with published ones.
Without the archive, tfds's `lm1b` is used, whose held-out lines are in another order.
"""

from collections.abc import Iterator

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.archives import Archive, download
from tensor2keras.data.space_id import TaskID
from tensor2keras.data.splits import DatasetSplit
from tensor2keras.data.text_problem import Text2SelfProblem, VocabType, text_variants_of

variant = text_variants_of(__name__)

FOLDER = "1-billion-word-language-modeling-benchmark-r13output"
ARCHIVE = Archive(f"{FOLDER}.tar.gz", f"http://www.statmt.org/lm-benchmark/{FOLDER}.tar.gz")
FILES = {
    DatasetSplit.TRAIN: [
        f"{FOLDER}/training-monolingual.tokenized.shuffled/news.en-{part:05d}-of-00100" for part in range(1, 100)
    ],
    DatasetSplit.EVAL: [f"{FOLDER}/heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00050"],
}
TFDS_SPLITS = {DatasetSplit.TRAIN: "train", DatasetSplit.EVAL: "test[:2%]"}  # T2T takes one of 50 held-out files
VOCABULARY = "vocab-2016-09-10.txt"


def original_words(tmp_dir: str) -> frozenset[str]:
    """Returns the benchmark's words; downloads them if they are not in `tmp_dir`."""
    for name in (f"{VOCABULARY}.en", VOCABULARY):
        if path := sources.find_file(tmp_dir, name):
            return frozenset(sources.read_lines(path))
    path = f"{tmp_dir}/{VOCABULARY}.en"
    url = f"http://download.tensorflow.org/models/LM_LSTM_CNN/{VOCABULARY}"
    download(url, path, f"put the benchmark's vocabulary there, one word a line (from {url})")
    return frozenset(sources.read_lines(path))


@registry.register_problem
class LanguagemodelLm1b32k(Text2SelfProblem):
    """Language model: One Billion Word Benchmark, 32k subwords."""

    is_generate_per_split = True
    approx_vocab_size = 2**15
    max_samples_for_vocab = 63000

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        known = original_words(tmp_dir)
        for line in self._lines(data_dir, tmp_dir, dataset_split):
            yield {"targets": " ".join([word if word in known else "UNK" for word in line.split()])}

    def _lines(self, data_dir: str, tmp_dir: str, split: str) -> Iterator[str]:
        if ARCHIVE.present(tmp_dir, [name for names in FILES.values() for name in names]):
            for path in ARCHIVE.files(tmp_dir, FILES[split]):
                yield from sources.read_lines(path)
        else:
            instead = f"put {ARCHIVE.name}, or extracted: {FOLDER}/, into {tmp_dir}"
            for row in sources.tfds_rows("lm1b", TFDS_SPLITS[split], ["text"], data_dir, instead):
                yield row["text"]


LanguagemodelLm1b8k = variant("LanguagemodelLm1b8k", LanguagemodelLm1b32k, approx_vocab_size=2**13)
LanguagemodelLm1b32kPacked = variant(
    "LanguagemodelLm1b32kPacked", LanguagemodelLm1b32k, packed_length=256, vocab_problem=LanguagemodelLm1b32k
)
LanguagemodelLm1b8kPacked = variant(
    "LanguagemodelLm1b8kPacked", LanguagemodelLm1b8k, packed_length=256, vocab_problem=LanguagemodelLm1b8k
)
LanguagemodelLm1bCharacters = variant(
    "LanguagemodelLm1bCharacters", LanguagemodelLm1b32k, vocab_type=VocabType.CHARACTER, task_id=TaskID.EN_CHR
)
LanguagemodelLm1bCharactersPacked = variant(
    "LanguagemodelLm1bCharactersPacked", LanguagemodelLm1bCharacters, packed_length=1024
)
