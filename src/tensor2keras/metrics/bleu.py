"""The scorer "bleu": sacreBLEU with its defaults."""

from collections.abc import Sequence

from tensor2keras.metrics.text_scores import TextScore


def require() -> None:
    """ValueError if sacreBLEU is missing."""
    try:
        import sacrebleu  # noqa: F401
    except ImportError:
        raise ValueError("BLEU is scored by sacreBLEU: pip install 'tensor2keras[eval]'") from None


def score(outputs: Sequence[str], references: Sequence[str]) -> TextScore:
    """BLEU (0 to 100), the line with its signature."""
    import sacrebleu

    metric = sacrebleu.BLEU()
    found = metric.corpus_score(list(outputs), [list(references)])
    return TextScore({"bleu": found.score}, f"{found} ({metric.get_signature()})")
