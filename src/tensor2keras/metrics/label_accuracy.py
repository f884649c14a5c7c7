"""The scorer "accuracy": the share of decoded labels that equal the reference."""

from collections.abc import Sequence

from tensor2keras.metrics.text_scores import TextScore


def require() -> None:
    """Does nothing: no library is needed."""


def score(outputs: Sequence[str], references: Sequence[str]) -> TextScore:
    """Returns the share (0 to 1) of outputs equal to their reference, apart from blanks at both ends."""
    right = sum(output.strip() == reference.strip() for output, reference in zip(outputs, references, strict=True))
    share = right / max(len(outputs), 1)
    return TextScore({"label_accuracy": share}, f"accuracy = {share:.4f} ({right} of {len(outputs)} labels)")
