"""The scorer "wer": word and character error rates, by the jiwer library."""

from collections.abc import Sequence

from tensor2keras.metrics.text_scores import TextScore, require_library


def require() -> None:
    """Raises ValueError if jiwer is missing."""
    require_library("jiwer", "word error rates are counted by the jiwer library")


def score(outputs: Sequence[str], references: Sequence[str]) -> TextScore:
    """Returns the word and the character error rate in percent.

    A rate is the number of substituted, deleted and inserted words or characters per word or character of the
    references. Case and punctuation count; repeated blanks and those at the ends do not.

    Raises:
        ValueError: a reference without a word.
    """
    import jiwer

    outputs, references = ([" ".join(text.split()) for text in texts] for texts in (outputs, references))
    if not all(references):
        raise ValueError(f"reference {references.index('') + 1} is empty: it has no error rate")
    words = jiwer.process_words(references, outputs)
    characters = jiwer.process_characters(references, outputs)
    counts = f"{words.substitutions} substituted, {words.deletions} deleted, {words.insertions} inserted"
    total = words.hits + words.substitutions + words.deletions
    figures = {"wer": 100 * words.wer, "cer": 100 * characters.cer}
    line = f"WER {figures['wer']:.2f} %  CER {figures['cer']:.2f} %  (jiwer; of {total:,} words {counts})"
    return TextScore(figures, line)
