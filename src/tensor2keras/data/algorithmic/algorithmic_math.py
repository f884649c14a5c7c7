"""Arithmetic with two variables (T2T's `algorithmic_math_two_variables.py`): Wangperawong 2018, arXiv:1812.02825.

`tmp_dir` holds `mathematical_language_understanding_train.tar.gz`, or extracted `symbolic_math_train.txt`, with lines
such as `y=691,x=-999,y*x:-690309`.
"""

from collections.abc import Iterator

from tensor2keras import registry
from tensor2keras.data import sources
from tensor2keras.data.archives import Archive
from tensor2keras.data.text_problem import Text2TextProblem, VocabType

NAME = "mathematical_language_understanding_train.tar.gz"
ARCHIVE = Archive(NAME, f"https://art.wangperawong.com/{NAME}")
FILE = "symbolic_math_train.txt"


@registry.register_problem
class AlgorithmicMathTwoVariables(Text2TextProblem):
    """From the values of x and y and their sum, difference or product as a formula to its value, bytes."""

    vocab_type = VocabType.CHARACTER
    is_generate_per_split = False
    train_shards = 10

    def generate_samples(self, data_dir: str, tmp_dir: str, dataset_split: str) -> Iterator[dict[str, str]]:
        (path,) = ARCHIVE.files(tmp_dir, [FILE])
        for number, line in enumerate(sources.read_lines(path), start=1):
            task, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"{path}, line {number}: expected a task, a colon and its value, got {line[:40]!r}")
            yield {"inputs": task, "targets": value}
