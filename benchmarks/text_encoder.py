"""Seconds to build a subword vocabulary, and words encoded a second on one core, compared with sentencepiece.

    python benchmarks/text_encoder.py ../shared/data/multi30k_ende/train.en.gz ../shared/data/multi30k_ende/train.de.gz

Times are processor time, the best of `--repeats`; the cache of tokens is empty at the start of each.
"""

import argparse
import pickle
import time
from collections.abc import Callable
from typing import Any

from tensor2keras.data.text_encoder import SentencePieceEncoder, SubwordTextEncoder
from tensor2keras.metrics.corpus import read_lines


def timed(function: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Returns the shortest processor time of a call of the function, and its result."""
    times, result = [], None
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="+", help="text files, one sentence a line, packed (.gz) or not")
    parser.add_argument("--vocab_size", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    lines = [line for path in args.text for line in read_lines(path)]
    words = sum(len(line.split()) for line in lines)
    print(f"{len(lines):,} lines, {words:,} words, vocabulary {args.vocab_size:,}")
    print(f"{'':>24}{'build s':>10}{'encode words/s':>16}{'decode words/s':>16}{'ids a word':>12}")
    for encoder_class in (SubwordTextEncoder, SentencePieceEncoder):
        build, encoder = timed(lambda make=encoder_class: make.build_from_generator(lines, args.vocab_size))
        copies = [pickle.loads(pickle.dumps(encoder)) for _ in range(args.repeats)]
        seconds, ids = min(
            (timed(lambda copy=copy: list(map(copy.encode, lines))) for copy in copies), key=lambda p: p[0]
        )
        back, texts = timed(lambda encoder=encoder, ids=ids: list(map(encoder.decode, ids)), args.repeats)
        if texts != lines:
            raise AssertionError(f"{encoder_class.__name__} lost text")
        figures = f"{build:>10.2f}{words / seconds:>16,.0f}{words / back:>16,.0f}{sum(map(len, ids)) / words:>12.2f}"
        print(f"{encoder_class.__name__:>24}{figures}")


if __name__ == "__main__":
    main()
