"""Evaluates checkpoints of a training run and prints the metrics.

t2t-eval --problem=translate_ende_numbers --data_dir=~/t2t_data --output_dir=~/t2t_train/numbers --eval_use_test_set
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from tensor2keras.cli import common

PROGRAM = "t2t-eval"


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    return common.run(PROGRAM, __doc__, define_flags, run, argv)


def define_flags(flags: absl_flags.FlagValues) -> None:
    """Adds the flags."""
    common.define_common_flags(flags)
    here = {"flag_values": flags, "module_name": "Evaluation"}
    absl_flags.DEFINE_string("checkpoint_path", "latest", "A checkpoint, or latest, best or all of output_dir.", **here)
    absl_flags.DEFINE_bool("eval_use_test_set", False, "Evaluate on the test split instead of validation.", **here)
    absl_flags.DEFINE_integer("eval_steps", 100, "Batches to take; 0 takes all.", **here)


def run(args: SimpleNamespace) -> int:
    """Evaluates each checkpoint and prints a table, one line a checkpoint."""
    common.require(args, "output_dir")
    common.load_tensorflow()
    from tensor2keras import registry
    from tensor2keras.cli.decoder import recorded_flags
    from tensor2keras.training import checkpoints, loading
    from tensor2keras.training.trainer import evaluate_checkpoint

    trained = loading.read_run(args.output_dir)
    common.check_same_names(args, trained)
    recorded = recorded_flags(Path(args.output_dir))
    if not args.t2t_usr_dir:
        common.import_usr_dirs(recorded.get("t2t_usr_dir"))
    name = args.problem or loading.full_problem_name(trained["hparams"]["problem"])
    problem = registry.problem(name, data_dir=args.data_dir or recorded.get("data_dir"), tmp_dir=args.tmp_dir)
    paths = [args.checkpoint_path]
    if args.checkpoint_path == "all":
        paths = [path for _, path in checkpoints.list_checkpoints(args.output_dir)] or ["latest"]
    split = "test" if args.eval_use_test_set else "validation"
    for i, path in enumerate(paths):
        values = evaluate_checkpoint(args.output_dir, problem, path, split=split, eval_steps=args.eval_steps)
        if i == 0:
            print("  ".join(f"{name:>12}" for name in values))
        print("  ".join(f"{value:>{max(len(name), 12)}.6g}" for name, value in values.items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
