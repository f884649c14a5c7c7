"""The scorer "rouge": ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum F1 by the rouge-score library.

Lin 2004, https://aclanthology.org/W04-1013. ROUGE-Lsum looks for common subsequences sentence by sentence, so texts are
cut into sentences first; text that has line breaks is cut there.
"""

import re
from collections.abc import Sequence

from absl import logging

from tensor2keras.metrics.text_scores import TextScore, require_library

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def require() -> None:
    """Raises ValueError if rouge-score is missing."""
    require_library("rouge_score", "ROUGE is scored by the rouge-score library")


def score(outputs: Sequence[str], references: Sequence[str], use_stemmer: bool = False) -> TextScore:
    """Returns the mean F1 score over texts of each kind of ROUGE, 0 to 100.

    Args:
        outputs: the summaries, one or several sentences each.
        references: the reference summaries.
        use_stemmer: whether words are compared by their Porter stems.
    """
    from rouge_score import rouge_scorer

    letters = [char for text in references for char in text if char.isalpha()]
    if sum(char.isascii() for char in letters) < len(letters) / 2:
        logging.warning("rouge-score reads the letters a to z only: ROUGE of texts in another script means nothing.")
    scorer = rouge_scorer.RougeScorer(list(KINDS), use_stemmer=use_stemmer)
    sums = dict.fromkeys(KINDS, 0.0)
    for output, reference in zip(outputs, references, strict=True):
        for kind, found in scorer.score(in_sentences(reference), in_sentences(output)).items():
            sums[kind] += found.fmeasure
    figures = {kind: 100 * total / max(len(outputs), 1) for kind, total in sums.items()}
    names = ("ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum")
    line = "  ".join(f"{name} {value:.2f}" for name, value in zip(names, figures.values(), strict=True))
    return TextScore(figures, f"{line}  (F1 by rouge-score, stemmer {'on' if use_stemmer else 'off'})")


def in_sentences(text: str) -> str:
    """Returns the text with one sentence a line: unchanged if it has line breaks, else cut after `.`, `!` and `?`."""
    return text if "\n" in text else "\n".join(_SENTENCE_END.split(text.strip()))
