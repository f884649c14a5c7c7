"""Evaluates checkpoints of a training run and prints the metrics.

Examples:
  t2t-eval --problem=translate_ende_numbers --data_dir=~/t2t_data --output_dir=~/t2t_train/numbers --eval_use_test_set
  t2t-eval --output_dir=~/t2t_train/cnndm --decode --decode_hparams="beam_size=4,num_samples=100"

With --decode the split is decoded as well, and the outputs are scored by problem: BLEU and chrF, ROUGE, word error
rate, ...
"""

import functools
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-eval"


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the command's flags."""
    common.define_common_flags(flags)
    common.define_trust_flag(flags)
    here = {"flag_values": flags, "module_name": "Evaluation"}
    absl_flags.DEFINE_string("checkpoint_path", "latest", "A checkpoint, or latest, best or all of output_dir.", **here)
    absl_flags.DEFINE_bool("eval_use_test_set", False, "Evaluate on the test split instead of validation.", **here)
    absl_flags.DEFINE_bool("decode", False, "Decode the split too, and score the outputs.", **here)
    absl_flags.DEFINE_bool(
        "confusion_matrix", False, "For classes: print the confusion matrix and write a picture of it.", **here
    )
    absl_flags.DEFINE_string("decode_hparams", "", "As t2t-decoder's; num_samples=N decodes N examples.", **here)
    text = " With --decode; default: the one for the language of the problem's targets."
    absl_flags.DEFINE_string("tokenize", None, common.TOKENIZE_HELP + text, **here)
    absl_flags.DEFINE_integer("eval_steps", 100, "Batches to take; 0 takes all.", **here)


def run(args: SimpleNamespace) -> int:
    """Evaluates each checkpoint and prints a table, one line a checkpoint."""
    common.require(args, "output_dir")
    from tensor2keras.decoding.decode_hparams import decode_hparams
    from tensor2keras.training import checkpoints, evaluation, loading

    loading.check_same_run(args.output_dir, args.model, args.hparams_set)
    common.import_recorded_usr_dirs(args)
    problem = loading.run_problem(args.output_dir, args.problem, **common.data_places(args))
    hp = decode_hparams(args.decode_hparams)
    report = functools.partial(print, file=sys.stderr)
    paths = [args.checkpoint_path]
    if args.checkpoint_path == "all":
        paths = [path for _, path in checkpoints.list_checkpoints(args.output_dir)] or ["latest"]
    split = "test" if args.eval_use_test_set else "validation"
    for i, path in enumerate(paths):
        path = loading.checkpoint_file(args.output_dir, path)
        model = loading.load_model(args.output_dir, path)
        values = {"step": checkpoints.step_of(path)}
        values |= evaluation.evaluate_model(model, problem, split, args.eval_steps)
        if args.decode:
            values |= evaluation.decoded_scores(model, problem, split, hp, args.tokenize, report)
        if i == 0:
            print("  ".join(f"{name:>12}" for name in values))
        print("  ".join(f"{value:>{max(len(name), 12)}.6g}" for name, value in values.items()), flush=True)
        if args.confusion_matrix:
            _show_confusion(args, model, problem, split, values["step"])
    return 0


def _show_confusion(args: SimpleNamespace, model: Any, problem: Any, split: str, step: int) -> None:
    """Prints a classifier's confusion matrix and writes it to `output_dir/eval/confusion_matrix-STEP.png`."""
    from tensor2keras.training import confusion, pictures

    counts = confusion.matrix_of_split(model, problem, split, args.eval_steps)
    if len(counts) <= 20:
        encoder = problem.get_feature_encoders()["targets"]
        print(confusion.table(counts, [encoder.decode(label) for label in range(len(counts))]))
    file = Path(args.output_dir) / "eval" / f"confusion_matrix-{step}.png"
    pictures.write_png(file, confusion.picture(counts))
    print(f"{PROGRAM}: wrote {file}", file=sys.stderr)


main = functools.partial(common.run, PROGRAM, __doc__, define_flags, run)

if __name__ == "__main__":
    sys.exit(main())
