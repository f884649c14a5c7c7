"""sacreBLEU and chrF of translation files: of one, or of a directory with one file a checkpoint."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tensor2keras import files, watch
from tensor2keras.metrics import corpus

VARIANTS = ("cased", "uncased", "both")
_LAST_STEP = "last_evaluated_step.txt"
_STEP = re.compile(r"-(\d+)(\.txt)?(\.gz)?$")


class StepFile(NamedTuple):
    """A checkpoint's translation."""

    step: int
    path: Path


class StepScores(NamedTuple):
    """The scores of a checkpoint's translation."""

    file: StepFile
    scores: dict[str, tuple[float, str]]  # name: (score, signature)


def score_file(
    translation: str | Path, references: Sequence[str | Path], variant: str = "both", tokenize: str | None = None
) -> dict[str, tuple[float, str]]:
    """Returns sacreBLEU and chrF2 of a file, by name: (score, signature).

    Args:
        translation: one segment a line; may be packed (.gz).
        references: one file a reference translation, with as many lines.
        variant: whether BLEU respects case: one of `VARIANTS`.
        tokenize: one of sacreBLEU's tokenizers; None: "13a".

    Raises:
        ValueError: files of different lengths; all line counts are named. A tokenizer that is unknown or not installed.
    """
    hypotheses, *reference_lines = corpus.read_aligned(translation, *references)
    result = {}
    if variant in ("uncased", "both"):
        result["BLEU_uncased"] = corpus.sacrebleu(hypotheses, reference_lines, lowercase=True, tokenize=tokenize)
    if variant in ("cased", "both"):
        result["BLEU_cased"] = corpus.sacrebleu(hypotheses, reference_lines, tokenize=tokenize)
    result["chrF2"] = corpus.chrf(hypotheses, reference_lines)
    return result


def step_files(directory: str | Path, min_steps: int = 0, wait_minutes: float = 0) -> Iterator[StepFile]:
    """Yields a directory's translations (named `NAME-STEP`) by step, the lowest first, then new ones.

    Args:
        directory: the directory.
        min_steps: lower steps are left out.
        wait_minutes: ends when no new file has appeared for so long.
    """
    return watch.numbered_files(lambda: _list_step_files(Path(directory)), min_steps, wait_minutes)


def score_directory(
    directory: str | Path,
    references: Sequence[str | Path],
    variant: str = "both",
    tokenize: str | None = None,
    *,
    event_dir: str | Path | None = None,
    tag_suffix: str = "",
    min_steps: int = -1,
    wait_minutes: float = 0,
    report_zero: bool | None = None,
) -> Iterator[StepScores]:
    """Yields the scores of a directory's translations by step, and writes them to TensorBoard.

    Args:
        directory: translations named `NAME-STEP`.
        references, variant, tokenize: as for `score_file`.
        event_dir: where TensorBoard events are written; None: nowhere.
        tag_suffix: added to the events' tags.
        min_steps: lower steps are left out; -1 continues after the last step scored into `event_dir`.
        wait_minutes: ends when no new file has appeared for so long.
        report_zero: whether scores of 0 are written for step 0, dated by the oldest file; None: if `min_steps` is 0.

    Raises:
        FileNotFoundError: no such directory, and no time to wait for it.
        ValueError: nothing to score; files of different lengths.
    """
    directory = Path(directory)
    if not directory.is_dir() and not wait_minutes:
        raise FileNotFoundError(f"--translations_dir={directory}: no such directory (--wait_minutes waits for it)")
    events = _Events(Path(event_dir), tag_suffix) if event_dir else None
    if min_steps < 0:
        min_steps = events.last_step() + 1 if events else 0
    zero_is_due = min_steps == 0 if report_zero is None else report_zero
    found = None
    for file in step_files(directory, min_steps, wait_minutes):
        found = StepScores(file, score_file(file.path, references, variant, tokenize))
        if events:
            if zero_is_due:
                oldest = min(path.stat().st_mtime for path in directory.iterdir() if path.is_file())
                events.write(0, oldest, dict.fromkeys(found.scores, 0.0))
                zero_is_due = False
            scores = {name: score for name, (score, _) in found.scores.items()}
            events.write(file.step, file.path.stat().st_mtime, scores)
        yield found
    if found is None:
        hint = f"files are named NAME-STEP, STEP from {min_steps:,} on"
        raise ValueError(f"--translations_dir={directory} holds nothing to score; {hint}")


def _list_step_files(directory: Path) -> list[StepFile]:
    paths = directory.iterdir() if directory.is_dir() else ()
    return [StepFile(int(match[1]), path) for path in paths if (match := _STEP.search(path.name))]


class _Events:
    """TensorBoard events of scores by step, and the last step written."""

    def __init__(self, directory: Path, tag_suffix: str):
        self.directory = directory
        self.tag_suffix = tag_suffix
        self._writer: Any = None

    def last_step(self) -> int:
        """Returns the last step scored by an earlier run, or -1."""
        path = self.directory / _LAST_STEP
        return int(files.read_text(path)) if path.exists() else -1

    def write(self, step: int, wall_time: float, values: dict[str, float]) -> None:
        """Writes the values of a step, dated when its translation was made."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if self._writer is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._writer = EventFileWriter(str(self.directory))
        summary = Summary(
            value=[Summary.Value(tag=name + self.tag_suffix, simple_value=v) for name, v in values.items()]
        )
        self._writer.add_event(Event(step=step, wall_time=wall_time, summary=summary))
        self._writer.flush()
        files.write_text(self.directory / _LAST_STEP, f"{step}\n")
