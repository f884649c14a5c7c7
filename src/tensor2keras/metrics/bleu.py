"""The scorer "bleu": sacreBLEU with its defaults."""

from collections.abc import Sequence

from tensor2keras.metrics.text_scores import TextScore, require_library


def require() -> None:
    """Raises ValueError if sacreBLEU is missing."""
    require_library("sacrebleu", "BLEU is scored by sacreBLEU")


def score(outputs: Sequence[str], references: Sequence[str]) -> TextScore:
    """Returns BLEU (0 to 100); its line has the signature."""
    import sacrebleu

    metric = sacrebleu.BLEU()
    found = metric.corpus_score(list(outputs), [list(references)])
    return TextScore({"bleu": found.score}, f"{found} ({metric.get_signature()})")
