"""The scorer "bleu": sacreBLEU and chrF2."""

from collections.abc import Sequence

from tensor2keras.metrics import corpus
from tensor2keras.metrics.text_scores import TextScore


def require(tokenize: str | None = None, language: str | None = None) -> None:
    """Raises ValueError if sacreBLEU or the tokenizer is missing; arguments as in `score`."""
    corpus.bleu_metric(tokenize, language)


def score(
    outputs: Sequence[str], references: Sequence[str], tokenize: str | None = None, language: str | None = None
) -> TextScore:
    """Returns BLEU and chrF2 (0 to 100); its report has a line for each, with the signature.

    Args:
        outputs: the translations.
        references: their references.
        tokenize, language: as in `corpus.sacrebleu`.
    """
    texts = list(outputs), [list(references)]
    scores = {"BLEU": corpus.sacrebleu(*texts, tokenize=tokenize, language=language), "chrF2": corpus.chrf(*texts)}
    return TextScore(
        {"bleu": scores["BLEU"][0], "chrf": scores["chrF2"][0]},
        "\n".join(f"{name} = {value:.2f}  {signature}" for name, (value, signature) in scores.items()),
    )
