"""Scores translations with sacreBLEU: one file, or all of a directory with one file a checkpoint.

One translation:
  t2t-bleu --translation=my-wmt13.de --reference=wmt13_deen.de

All translations that t2t-translate-all wrote (files named `NAME-STEP`), with the best at the end:
  t2t-bleu --translations_dir=translations --reference=wmt13_deen.de --event_dir=events

Files have one segment a line and may be packed (.gz). Several references are separated by commas. Chinese and Japanese
need another tokenizer than the default: --tokenize=zh or ja-mecab.
"""

import functools
import sys
from collections.abc import Sequence
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-bleu"


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    what = {"flag_values": flags, "module_name": "Scoring"}
    absl_flags.DEFINE_string("translation", None, "One file of translations.", **what)
    absl_flags.DEFINE_string("translations_dir", None, "Directory of translations named NAME-STEP.", **what)
    absl_flags.DEFINE_string("reference", None, "Reference translations; several files separated by commas.", **what)
    absl_flags.DEFINE_string("source", None, "Accepted as T2T does; BLEU needs no source.", **what)
    absl_flags.DEFINE_enum("bleu_variant", "both", ["cased", "uncased", "both"], "Whether case counts.", **what)
    absl_flags.DEFINE_string("tokenize", None, common.TOKENIZE_HELP + " (default: 13a)", **what)
    many = {"flag_values": flags, "module_name": "A directory of translations"}
    absl_flags.DEFINE_string("event_dir", None, "Where to write TensorBoard events.", **many)
    absl_flags.DEFINE_string("tag_suffix", "", "Added to the tags BLEU_cased and BLEU_uncased.", **many)
    text = "Leave out lower steps; -1: continue after the last step scored into event_dir."
    absl_flags.DEFINE_integer("min_steps", -1, text, **many)
    absl_flags.DEFINE_integer("wait_minutes", 0, "Wait up to this long for another translation.", **many)
    absl_flags.DEFINE_bool("report_zero", None, "Write BLEU 0 at step 0, dated by the oldest file.", **many)


def run(args: SimpleNamespace) -> None:
    """Prints the scores of `--translation`, or a table for `--translations_dir`."""
    common.require(args, "reference")
    if bool(args.translation) == bool(args.translations_dir):
        raise ValueError("give either --translation or --translations_dir")
    references = args.reference.split(",")
    if args.translations_dir:
        _score_directory(args, references)
        return
    from tensor2keras.metrics.translations import score_file

    scores = score_file(args.translation, references, args.bleu_variant, args.tokenize)
    for name, (score, signature) in scores.items():
        print(f"{name} = {score:6.2f}  {signature}")


def _score_directory(args: SimpleNamespace, references: Sequence[str]) -> None:
    """Prints a table, one line a translation, and the best of them."""
    from tensor2keras.metrics.translations import score_directory

    metric = "BLEU_uncased" if args.bleu_variant == "uncased" else "BLEU_cased"
    best = None
    for found in score_directory(
        args.translations_dir,
        references,
        args.bleu_variant,
        args.tokenize,
        event_dir=args.event_dir,
        tag_suffix=args.tag_suffix,
        min_steps=args.min_steps,
        wait_minutes=args.wait_minutes,
        report_zero=args.report_zero,
    ):
        file, scores = found
        if best is None:
            print("".join(f"{heading:>14}" for heading in ("step", *scores)) + "  file")
        row = f"{file.step:>14}" + "".join(f"{score:>14.2f}" for score, _ in scores.values())
        print(row, f" {file.path.name}", flush=True)
        if best is None or scores[metric][0] > best.scores[metric][0]:
            best = found
    score, signature = best.scores[metric]
    print(f"best: {metric} = {score:.2f} at step {best.file.step:,} ({best.file.path})")
    print(f"signature: {signature}", file=sys.stderr)


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
