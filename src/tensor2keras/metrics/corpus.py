"""Scores of whole corpora: sacreBLEU, for reports, and T2T's BLEU and ROUGE, for comparison with its figures."""

import collections
import functools
import itertools
import math
import os
import re
import sys
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from absl import logging

from tensor2keras import files
from tensor2keras.metrics.text_scores import require_library

Tokens = Sequence[Hashable]
# Thai, Lao, Burmese, Khmer, Japanese kana, Chinese characters
_SCRIPTS_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def read_aligned(*paths: str | os.PathLike) -> list[list[str]]:
    """Returns the lines of several files.

    Raises:
        ValueError: the files have no lines, or different numbers of them; all are named.
    """
    texts = [list(files.read_lines(path)) for path in paths]
    counts = ", ".join(f"{os.fspath(path)} has {len(lines):,} lines" for path, lines in zip(paths, texts, strict=True))
    if len({len(lines) for lines in texts}) > 1:
        raise ValueError(f"the files are not aligned: {counts}")
    if not texts[0]:
        raise ValueError(f"nothing to score: {counts}")
    return texts


def sacrebleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    lowercase: bool = False,
    tokenize: str | None = None,
    language: str | None = None,
) -> tuple[float, str]:
    """Returns sacreBLEU with exponential smoothing, its default.

    Args:
        hypotheses: the translations.
        references: one list per reference translation, each as long as `hypotheses`.
        lowercase: whether case is ignored.
        tokenize: one of sacreBLEU's tokenizers; None: the one for the language, "13a" for most.
        language: two-letter code of the translations' language; None: unknown.

    Returns:
        The score (0 to 100) and the signature to report with it.

    Raises:
        ValueError: unknown tokenizer; it or the `eval` extra is not installed.
    """
    metric = bleu_metric(tokenize, language, lowercase)
    score = metric.corpus_score(hypotheses, references).score
    signature = str(metric.get_signature())
    if is_written_without_blanks(references[0]) and re.search(r"tok:(13a|intl|none)\b", signature):
        logging.warning(
            "The references are written without blanks between words (%s...): BLEU counts whole sentences as words. "
            "--tokenize=zh, ja-mecab, ko-mecab, char or flores200 splits them.",
            next(line for line in references[0] if line)[:10],
        )
    return score, signature


def bleu_metric(tokenize: str | None = None, language: str | None = None, lowercase: bool = False) -> Any:
    """Returns the `sacrebleu.BLEU` of a tokenizer or language; arguments and errors as in `sacrebleu`."""
    library = require_library("sacrebleu", "BLEU is scored by sacreBLEU")
    if tokenize and tokenize not in library.BLEU.TOKENIZERS:
        raise ValueError(f"--tokenize={tokenize} is unknown; known: {', '.join(library.BLEU.TOKENIZERS)}")
    try:
        return library.BLEU(lowercase, tokenize=tokenize or None, trg_lang="" if tokenize else language or "")
    except (ImportError, RuntimeError) as error:
        # A tokenizer's own library is missing; sacreBLEU says how to install it.
        asked = f"--tokenize={tokenize}" if tokenize else f"BLEU's tokenizer for the language {language!r}"
        install = re.search(r"pip3? install \S+\w\]?", str(error))
        hint = f"{install[0]}, or give --tokenize=char" if install else " ".join(str(error).split())
        raise ValueError(f"{asked} needs a library that is not installed: {hint}") from None


def is_written_without_blanks(texts: Iterable[str]) -> bool:
    """Returns whether most letters of the first texts are of a script without blanks between words."""
    sample = "".join(itertools.islice(texts, 1000))
    letters = [char for char in sample if char.isalpha()]
    return len(letters) > 0 and 2 * len(_SCRIPTS_WITHOUT_BLANKS.findall("".join(letters))) > len(letters)


def chrf(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, str]:
    """Returns chrF2 with sacreBLEU's defaults (0 to 100) and its signature; arguments as in `sacrebleu`."""
    metric = require_library("sacrebleu", "chrF is scored by sacreBLEU").CHRF()
    score = metric.corpus_score(hypotheses, references).score
    return score, str(metric.get_signature())


def bleu_tokenize(text: str) -> list[str]:
    """Returns T2T's tokens for BLEU (mteval-v14): symbols, and punctuation not between digits, are split off."""
    nondigit_punctuation, punctuation_nondigit, symbol = _bleu_patterns()
    text = nondigit_punctuation.sub(r"\1 \2 ", text)
    text = punctuation_nondigit.sub(r" \1 \2", text)
    return symbol.sub(r" \1 ", text).split()


@functools.cache
def _bleu_patterns() -> tuple[re.Pattern, re.Pattern, re.Pattern]:
    by_class = collections.defaultdict(list)
    for char in map(chr, range(sys.maxunicode)):
        by_class[unicodedata.category(char)[0]].append(re.escape(char))
    punctuation = "".join(char for char in by_class["P"] if char != r"\\")  # T2T's pattern loses the backslash
    return (
        re.compile(rf"([^\d])([{punctuation}])"),
        re.compile(rf"([{punctuation}])([^\d])"),
        re.compile(f"([{''.join(by_class['S'])}])"),
    )


def compute_bleu(
    reference_corpus: Iterable[Tokens], translation_corpus: Iterable[Tokens], max_order: int = 4, use_bp: bool = True
) -> float:
    """Returns T2T's BLEU (0 to 1) of tokenized segments with one reference each.

    It differs from sacreBLEU: n-gram orders for which no n-gram is possible count as precision 1, and the first order
    without a match counts as half a match, the next as a quarter.

    Args:
        reference_corpus: a list of tokens for each segment.
        translation_corpus: the same for the translations.
        max_order: longest n-gram.
        use_bp: whether the brevity penalty applies.
    """
    reference_length = translation_length = 0
    matches, possible = [0] * max_order, [0] * max_order
    for reference, translation in zip(reference_corpus, translation_corpus, strict=True):
        reference_length += len(reference)
        translation_length += len(translation)
        for order in range(1, max_order + 1):
            ours = collections.Counter(_ngrams(translation, order))
            matches[order - 1] += (ours & collections.Counter(_ngrams(reference, order))).total()
            possible[order - 1] += ours.total()
    if not any(possible):
        return 0.0
    smoothing, log_precision = 1.0, 0.0
    for matched, total in zip(matches, possible, strict=True):
        if total and not matched:
            smoothing /= 2
        if total:
            log_precision += math.log((matched or smoothing) / total)
    penalty = min(1.0 - reference_length / translation_length, 0.0) if use_bp else 0.0
    return math.exp(log_precision / max_order + penalty)


def bleu_wrapper(
    ref_filename: str | os.PathLike, hyp_filename: str | os.PathLike, case_sensitive: bool = False
) -> float:
    """Returns T2T's BLEU (0 to 1) of a file of translations with a segment a line.

    Args:
        ref_filename: the references.
        hyp_filename: the translations.
        case_sensitive: whether case counts.

    Raises:
        ValueError: the files have different numbers of lines.
    """
    references, hypotheses = (
        [bleu_tokenize(line if case_sensitive else line.lower()) for line in lines]
        for lines in read_aligned(ref_filename, hyp_filename)
    )
    return compute_bleu(references, hypotheses)


def rouge_n(eval_sentences: Iterable[Tokens], ref_sentences: Iterable[Tokens], n: int = 2) -> float:
    """Returns T2T's ROUGE-N: the mean over sentences of the F1 score of the sets of n-grams."""
    scores = []
    for ours, reference in zip(eval_sentences, ref_sentences, strict=True):
        ours, reference = set(_ngrams(ours, n)), set(_ngrams(reference, n))
        precision = len(ours & reference) / len(ours) if ours else 0.0
        recall = len(ours & reference) / len(reference) if reference else 0.0
        scores.append(2.0 * precision * recall / (precision + recall + 1e-8))
    return sum(scores) / len(scores)


def rouge_l_sentence_level(eval_sentences: Iterable[Tokens], ref_sentences: Iterable[Tokens]) -> float:
    """Returns T2T's ROUGE-L: the mean over sentences of the F score of the longest common subsequence."""
    scores = []
    for ours, reference in zip(eval_sentences, ref_sentences, strict=True):
        common = len_lcs(ours, reference)
        precision = common / len(ours) if len(ours) else 0.0
        recall = common / len(reference) if len(reference) else 0.0
        beta = precision / (recall + 1e-12)
        scores.append((1 + beta**2) * recall * precision / (recall + beta**2 * precision + 1e-12))
    return sum(scores) / len(scores)


def len_lcs(x: Tokens, y: Tokens) -> int:
    """Returns the length of the longest common subsequence."""
    row = [0] * (len(y) + 1)
    for a in x:
        diagonal = 0
        for j, b in enumerate(y, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if a == b else max(row[j], row[j - 1])
    return row[-1]


def _ngrams(tokens: Tokens, order: int) -> Iterable[tuple]:
    return zip(*(tokens[i:] for i in range(order)), strict=False)
