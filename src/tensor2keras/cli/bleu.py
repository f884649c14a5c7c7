"""scores translations with sacreBLEU: one file, or all of a directory with one file a checkpoint.

One translation:
  t2t-bleu --translation=my-wmt13.de --reference=wmt13_deen.de

All translations that t2t-translate-all wrote (files named `NAME-STEP`), with the best at the end:
  t2t-bleu --translations_dir=translations --reference=wmt13_deen.de --event_dir=events

Files have one segment a line and may be packed (.gz). Several references are separated by commas.
"""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-bleu"
_LAST_STEP = "last_evaluated_step.txt"
_POLL_SECONDS = 10
_STEP = re.compile(r"-(\d+)(\.txt)?(\.gz)?$")


class StepFile(NamedTuple):
    """A checkpoint's translation."""

    step: int
    path: Path


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds this command's flags."""
    what = {"flag_values": flags, "module_name": "What to score"}
    absl_flags.DEFINE_string("translation", None, "One file of translations.", **what)
    absl_flags.DEFINE_string("translations_dir", None, "Directory of translations named NAME-STEP.", **what)
    absl_flags.DEFINE_string("reference", None, "Reference translations; several files separated by commas.", **what)
    absl_flags.DEFINE_string("source", None, "Accepted as T2T does; BLEU needs no source.", **what)
    absl_flags.DEFINE_enum("bleu_variant", "both", ["cased", "uncased", "both"], "Whether case counts.", **what)
    many = {"flag_values": flags, "module_name": "A directory of translations"}
    absl_flags.DEFINE_string("event_dir", None, "Where to write TensorBoard events.", **many)
    absl_flags.DEFINE_string("tag_suffix", "", "Added to the tags BLEU_cased and BLEU_uncased.", **many)
    text = "Leave out lower steps; -1: go on after the last step scored into event_dir."
    absl_flags.DEFINE_integer("min_steps", -1, text, **many)
    absl_flags.DEFINE_integer("wait_minutes", 0, "Wait so long for another translation.", **many)
    absl_flags.DEFINE_bool("report_zero", None, "Write BLEU 0 at step 0, dated by the oldest file.", **many)


def run(args: SimpleNamespace) -> None:
    """Prints the scores of `--translation`, or a table for `--translations_dir`."""
    common.require(args, "reference")
    if bool(args.translation) == bool(args.translations_dir):
        raise ValueError("give either --translation or --translations_dir")
    references = args.reference.split(",")
    if args.translation:
        for name, (score, signature) in scores(args.translation, references, args.bleu_variant).items():
            print(f"{name} = {score:6.2f}  {signature}")
    else:
        _score_directory(args, references)


def scores(translation: str | Path, references: Sequence[str | Path], variant: str) -> dict[str, tuple[float, str]]:
    """sacreBLEU of a file as `variant` wants it ("cased", "uncased", "both"), and chrF2: name -> (score, signature).

    Raises:
        ValueError: files of different lengths, with all line counts.
    """
    from tensor2keras.metrics import corpus

    hypotheses, *reference_lines = corpus.read_aligned(translation, *references)
    result = {}
    if variant in ("uncased", "both"):
        result["BLEU_uncased"] = corpus.sacrebleu(hypotheses, reference_lines, lowercase=True)
    if variant in ("cased", "both"):
        result["BLEU_cased"] = corpus.sacrebleu(hypotheses, reference_lines)
    result["chrF2"] = corpus.chrf(hypotheses, reference_lines)
    return result


def step_files(directory: Path, min_steps: int = 0, wait_minutes: float = 0) -> Iterator[StepFile]:
    """A directory's translations by step, the lowest first; waits so long for each further one, then ends."""
    while True:
        deadline = time.monotonic() + 60 * wait_minutes
        while not (found := _list_step_files(directory, min_steps)):
            if time.monotonic() >= deadline:
                return
            time.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0)))
        yield found[0]
        min_steps = found[0].step + 1


def _list_step_files(directory: Path, min_steps: int) -> list[StepFile]:
    files = directory.iterdir() if directory.is_dir() else ()
    found = [StepFile(int(match[1]), path) for path in files if (match := _STEP.search(path.name))]
    return sorted(file for file in found if file.step >= min_steps)


def _score_directory(args: SimpleNamespace, references: Sequence[str]) -> None:
    directory = Path(args.translations_dir)
    if not directory.is_dir() and not args.wait_minutes:
        raise FileNotFoundError(f"--translations_dir={directory}: no such directory (--wait_minutes waits for it)")
    events = _Events(Path(args.event_dir), args.tag_suffix) if args.event_dir else None
    min_steps = args.min_steps
    if min_steps < 0:
        min_steps = events.last_step() + 1 if events else 0
    report_zero = min_steps == 0 if args.report_zero is None else args.report_zero
    main = "BLEU_uncased" if args.bleu_variant == "uncased" else "BLEU_cased"
    best: tuple[float, StepFile] | None = None
    for file in step_files(directory, min_steps, args.wait_minutes):
        result = scores(file.path, references, args.bleu_variant)
        if best is None:
            print("".join(f"{heading:>14}" for heading in ("step", *result)) + "  file")
        print(
            f"{file.step:>14}" + "".join(f"{score:>14.2f}" for score, _ in result.values()),
            f" {file.path.name}",
            flush=True,
        )
        if events:
            if report_zero and best is None:
                oldest = min(path.stat().st_mtime for path in directory.iterdir() if path.is_file())
                events.write(0, oldest, dict.fromkeys(result, 0.0))
            events.write(file.step, file.path.stat().st_mtime, {name: score for name, (score, _) in result.items()})
        if best is None or result[main][0] > best[0]:
            best = result[main][0], file
    if best is None:
        hint = f"files are named NAME-STEP, STEP from {min_steps:,} on"
        raise ValueError(f"--translations_dir={directory} holds nothing to score; {hint}")
    print(f"best: {main} = {best[0]:.2f} at step {best[1].step:,} ({best[1].path})")
    print(f"signature: {result[main][1]}", file=sys.stderr)


class _Events:
    """TensorBoard events of scores by step, and the last step written."""

    def __init__(self, directory: Path, tag_suffix: str):
        self.directory = directory
        self.tag_suffix = tag_suffix
        self._writer: Any = None

    def last_step(self) -> int:
        """The last step scored by an earlier run, or -1."""
        path = self.directory / _LAST_STEP
        return int(path.read_text()) if path.exists() else -1

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
        (self.directory / _LAST_STEP).write_text(f"{step}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `t2t-bleu`."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


if __name__ == "__main__":
    sys.exit(main())
